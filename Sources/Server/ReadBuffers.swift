import NIOCore

/// How much a connection reads at once: little while it is quiet, much while a body pours in. Buffers are made for each
/// read and kept by nobody, so an idle connection holds none.
struct ReadBuffers: RecvByteBufferAllocator {
    static let quietBytes = 2 << 10
    static let pouringBytes = 256 << 10

    private var sizeBytes = ReadBuffers.quietBytes

    /// Takes note of a read; true when the next buffer is larger.
    mutating func record(actualReadBytes: Int) -> Bool {
        let wasQuiet = sizeBytes == ReadBuffers.quietBytes
        if actualReadBytes >= sizeBytes {
            sizeBytes = ReadBuffers.pouringBytes
        } else if actualReadBytes < ReadBuffers.quietBytes {
            sizeBytes = ReadBuffers.quietBytes
        }
        return wasQuiet && sizeBytes == ReadBuffers.pouringBytes
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: sizeBytes) }

    /// Nil: buffers are not pooled.
    func nextBufferSize() -> Int? { nil }
}
