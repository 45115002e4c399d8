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

    /// All of `input` inflated; at most `limitBytes` bytes.
    public static func inflate(
        _ input: borrowing ByteSpan, format: Format, limitBytes: Int
    ) throws(InflateError) -> [UInt8] {
        guard input.count > 0 else { throw InflateError.damaged("compressed body is empty") }
        switch format {
        case .gzip:
            return try run(input, windowBits: 15 + 16, members: true, limitBytes: limitBytes)
        case .deflate:
            let looksWrapped =
                input.count >= 2 && input[0] & 0x0f == 8 && (Int(input[0]) << 8 | Int(input[1])) % 31 == 0
            if looksWrapped {
                do throws(InflateError) {
                    return try run(input, windowBits: 15, members: false, limitBytes: limitBytes)
                } catch {
                    if case .tooLarge = error { throw error }
                }
            }
            return try run(input, windowBits: -15, members: false, limitBytes: limitBytes)
        case .zstd: return try unpackZstd(input, limitBytes: limitBytes)
        case .lz4: return try unpackLZ4(input, limitBytes: limitBytes)
        }
    }

    private static func run(
        _ input: borrowing ByteSpan, windowBits: Int32, members: Bool, limitBytes: Int
    ) throws(InflateError) -> [UInt8] {
        var stream = unsafe z_stream()
        guard unsafe inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw InflateError.damaged("zlib could not start")
        }
        defer { _ = unsafe inflateEnd(&stream) }
        var output: [UInt8] = []
        output.reserveCapacity(min(limitBytes, max(4096, input.count &* 4)))
        let failure: InflateError? = unsafe input.withUnsafeBytes { source -> InflateError? in
            unsafe stream.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.avail_in = UInt32(clamping: source.count)
            return unsafe pump(&stream, into: &output, members: members, limitBytes: limitBytes)
        }
        if let failure { throw failure }
        return output
    }

    private static func pump(
        _ stream: inout z_stream, into output: inout [UInt8], members: Bool, limitBytes: Int
    ) -> InflateError? {
        let piece = 64 << 10
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: piece) { buffer -> InflateError? in
            while true {
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = UInt32(piece)
                let status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                let made = unsafe piece - Int(stream.avail_out)
                if output.count + made > limitBytes { return .tooLarge(limitBytes: limitBytes) }
                unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[0..<made]))
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
