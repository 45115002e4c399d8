import CZlib

/// A compressed body that cannot be inflated.
public enum InflateError: Error, Hashable, Sendable {
    /// The output would exceed `limitBytes`; measured while inflating, so a bomb costs no more than the limit.
    case tooLarge(limitBytes: Int)
    /// Not this format, a wrong checksum, or the input ends before the stream does.
    case damaged(String)
}

/// Bounded inflation of the formats that HTTP bodies come in.
public enum Inflate {
    public enum Format: Sendable, Hashable {
        /// RFC 1952, several members allowed.
        case gzip
        /// HTTP's "deflate": RFC 1950 with a zlib header, or raw RFC 1951 as many clients send; sniffed.
        case deflate
        /// RFC 8878, several frames allowed; only with the trait `Zstd`.
        case zstd
        /// The frame format of lz4.
        case lz4
    }

    /// Outputs up to this size are kept as they grow. Larger ones are measured before memory is taken for them: growing
    /// would take up to three times the size, and a bomb has none to show for it.
    static let growingBytes = 8 << 20

    /// Where the output goes: it is kept, or only counted.
    struct Sink {
        var bytes: [UInt8] = []
        var count = 0
        let keeps: Bool
    }

    /// All of `input` inflated; at most `limitBytes` bytes.
    public static func inflate(
        _ input: borrowing ByteSpan, format: Format, limitBytes: Int
    ) throws(InflateError) -> [UInt8] {
        guard input.count > 0 else { throw InflateError.damaged("compressed body is empty") }
        var sink = Sink(keeps: true)
        sink.bytes.reserveCapacity(min(limitBytes, growingBytes, max(4096, input.count &* 4)))
        do throws(InflateError) {
            try inflate(input, format, limitBytes: min(limitBytes, growingBytes), into: &sink)
            return sink.bytes
        } catch {
            guard case .tooLarge = error, limitBytes > growingBytes else { throw error }
        }
        sink = Sink(keeps: false)
        try inflate(input, format, limitBytes: limitBytes, into: &sink)
        let size = sink.count
        sink = Sink(keeps: true)
        sink.bytes.reserveCapacity(size)
        try inflate(input, format, limitBytes: size, into: &sink)
        return sink.bytes
    }

    private static func inflate(
        _ input: borrowing ByteSpan, _ format: Format, limitBytes: Int, into sink: inout Sink
    ) throws(InflateError) {
        switch format {
        case .gzip:
            try run(input, windowBits: 15 + 16, members: true, limitBytes: limitBytes, into: &sink)
        case .deflate:
            let looksWrapped =
                input.count >= 2 && input[0] & 0x0f == 8 && (Int(input[0]) << 8 | Int(input[1])) % 31 == 0
            if looksWrapped {
                do throws(InflateError) {
                    return try run(input, windowBits: 15, members: false, limitBytes: limitBytes, into: &sink)
                } catch {
                    if case .tooLarge = error { throw error }
                    sink = Sink(keeps: sink.keeps)
                }
            }
            try run(input, windowBits: -15, members: false, limitBytes: limitBytes, into: &sink)
        case .zstd: try unpackZstd(input, limitBytes: limitBytes, into: &sink)
        case .lz4: try unpackLZ4(input, limitBytes: limitBytes, into: &sink)
        }
    }

    private static func run(
        _ input: borrowing ByteSpan, windowBits: Int32, members: Bool, limitBytes: Int, into sink: inout Sink
    ) throws(InflateError) {
        var stream = unsafe z_stream()
        guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InflateError.damaged("zlib could not start")
        }
        defer { _ = unsafe inflateEnd(&stream) }
        let failure: InflateError? = unsafe input.withUnsafeBytes { source -> InflateError? in
            unsafe stream.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.avail_in = UInt32(clamping: source.count)
            return unsafe pump(&stream, into: &sink, members: members, limitBytes: limitBytes)
        }
        if let failure { throw failure }
    }

    private static func pump(
        _ stream: inout z_stream, into sink: inout Sink, members: Bool, limitBytes: Int
    ) -> InflateError? {
        let piece = 64 << 10
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: piece) { buffer -> InflateError? in
            while true {
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = UInt32(piece)
                let status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                let made = unsafe piece - Int(stream.avail_out)
                sink.count += made
                if sink.count > limitBytes { return .tooLarge(limitBytes: limitBytes) }
                if sink.keeps {
                    unsafe sink.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[0..<made]))
                }
                switch status {
                case Z_STREAM_END:
                    guard members, unsafe stream.avail_in > 0 else {
                        return unsafe stream.avail_in == 0 ? nil : .damaged("bytes after the compressed body")
                    }
                    guard unsafe inflateReset(&stream) == Z_OK else { return .damaged("zlib could not restart") }
                case Z_OK where made > 0:
                    continue
                case Z_OK, Z_BUF_ERROR:
                    if unsafe stream.avail_in == 0 { return .damaged("compressed body ends early") }
                default:
                    return .damaged("compressed body is damaged")
                }
            }
        }
    }
}
