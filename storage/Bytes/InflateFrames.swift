import CLZ4

#if Zstd
import CZstd
#endif

// Frames of zstd and lz4, bounded while they are unpacked.
extension Inflate {
    private static let pieceBytes = 64 << 10

    /// One step: what was read, what was written, and whether more input is wanted for the frame. Nil when damaged.
    private typealias Step = (
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer
    ) -> (read: Int, written: Int, isFrameOpen: Bool)?

    static func unpackZstd(
        _ input: borrowing ByteSpan, limitBytes: Int, into sink: inout Sink
    ) throws(InflateError) {
        #if Zstd
        guard let stream = unsafe ZSTD_createDCtx() else { throw InflateError.damaged("zstd could not start") }
        defer { unsafe ZSTD_freeDCtx(stream) }
        // A frame may ask for a window of gigabytes; senders of logs need no more than 8 MiB.
        _ = unsafe ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 23)
        try unpack(input, limitBytes: limitBytes, into: &sink) { source, target in
            var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
            let status = unsafe ZSTD_decompressStream(stream, &to, &from)
            return unsafe ZSTD_isError(status) == 0 ? (from.pos, to.pos, status != 0) : nil
        }
        #else
        throw InflateError.damaged("zstd is not built in")
        #endif
    }

    static func unpackLZ4(
        _ input: borrowing ByteSpan, limitBytes: Int, into sink: inout Sink
    ) throws(InflateError) {
        var context: OpaquePointer?
        guard unsafe LZ4F_isError(LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))) == 0,
            let stream = unsafe context
        else { throw InflateError.damaged("lz4 could not start") }
        defer { _ = unsafe LZ4F_freeDecompressionContext(stream) }
        try unpack(input, limitBytes: limitBytes, into: &sink) { source, target in
            var read = source.count
            var written = target.count
            let status = unsafe LZ4F_decompress(stream, target.baseAddress, &written, source.baseAddress, &read, nil)
            return LZ4F_isError(status) == 0 ? (read, written, status != 0) : nil
        }
    }

    private static func unpack(
        _ input: borrowing ByteSpan, limitBytes: Int, into sink: inout Sink, _ step: Step
    ) throws(InflateError) {
        let failure = unsafe input.withUnsafeBytes { source in
            unsafe pump(source, into: &sink, limitBytes: limitBytes, step)
        }
        if let failure { throw failure }
    }

    private static func pump(
        _ source: UnsafeRawBufferPointer, into sink: inout Sink, limitBytes: Int, _ step: Step
    ) -> InflateError? {
        unsafe withUnsafeTemporaryAllocation(byteCount: pieceBytes, alignment: 16) { buffer -> InflateError? in
            var at = 0
            while true {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: source[at...])
                guard let (read, written, isFrameOpen) = unsafe step(rest, buffer) else {
                    return .damaged("compressed body is damaged")
                }
                at += read
                sink.count += written
                if sink.count > limitBytes { return .tooLarge(limitBytes: limitBytes) }
                if sink.keeps { unsafe sink.bytes.append(contentsOf: buffer[0..<written]) }
                if at == source.count, !isFrameOpen { return nil }
                if read == 0, written == 0 { return .damaged("compressed body ends early") }
            }
        }
    }
}
