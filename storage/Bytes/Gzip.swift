import CZlib

/// A gzip stream being written, piece by piece, at zlib's fastest level.
public final class GzipStream {
    // zlib keeps the address of its state: the memory must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool
    private static let pieceBytes = 64 << 10

    public init() {
        unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe deflateInit2_(
            stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        isReady = status == Z_OK
    }

    deinit {
        if isReady { _ = unsafe deflateEnd(stream) }
        unsafe stream.deallocate()
    }

    /// Compresses `input`, and ends the stream if it is the last.
    /// - Returns: what there is to send by now, possibly nothing; nil when zlib cannot go on.
    public func compress(_ input: borrowing ByteSpan, isLast: Bool) -> [UInt8]? {
        guard isReady else { return nil }
        var output: [UInt8] = []
        let isDone = unsafe input.withUnsafeBytes { source -> Bool in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(clamping: source.count)
            return drain(isLast: isLast, into: &output)
        }
        return isDone ? output : nil
    }

    private func drain(isLast: Bool, into output: inout [UInt8]) -> Bool {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: GzipStream.pieceBytes) { buffer in
            while true {
                unsafe stream.pointee.next_out = buffer.baseAddress
                unsafe stream.pointee.avail_out = UInt32(buffer.count)
                let status = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                let made = unsafe buffer.count - Int(stream.pointee.avail_out)
                unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[0..<made]))
                if status == Z_STREAM_END { return true }
                guard status == Z_OK || status == Z_BUF_ERROR else { return false }
                if !isLast, unsafe stream.pointee.avail_out > 0 { return unsafe stream.pointee.avail_in == 0 }
                if isLast, made == 0 { return false }
            }
        }
    }
}
