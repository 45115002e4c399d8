import CLZ4
import CZlib

#if Zstd
import CZstd
#endif

/// Compressed bytes that do not decompress, or a codec that this build lacks.
public enum CodecError: Error, Hashable, Sendable, CustomStringConvertible {
    case damaged(Codec)
    case unavailable(Codec)
    case failed(Codec)

    public var description: String {
        switch self {
        case .damaged(let codec): "\(codec) data is damaged or not of the stated size"
        case .unavailable(let codec): "this build of dendro has no \(codec)"
        case .failed(let codec): "\(codec) could not compress"
        }
    }
}

/// How a run of bytes is compressed; the raw value is its number on disk.
public enum Codec: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case none = 0
    case lz4 = 1
    case zlib = 2
    case zstd = 3

    public var description: String {
        switch self {
        case .none: "none"
        case .lz4: "lz4"
        case .zlib: "zlib"
        case .zstd: "zstd"
        }
    }

    /// The codec named `name` in a configuration.
    public init?(name: String) {
        guard let match = Codec.allCases.first(where: { $0.description == name }) else { return nil }
        self = match
    }

    /// Whether this build can read and write it.
    public var isAvailable: Bool {
        #if Zstd
        return true
        #else
        return self != .zstd
        #endif
    }

    /// The best codec for data at rest that this build has.
    public static var best: Codec { Codec.zstd.isAvailable ? .zstd : .zlib }

    /// `span` compressed. Levels: zstd 3, zlib 6, lz4 fast.
    public func compress(_ span: borrowing ByteSpan) throws(CodecError) -> [UInt8] {
        let capacity = try bound(span.count)
        var size = 0
        let out = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
            size = unsafe span.withUnsafeBytes { unsafe compress($0, into: UnsafeMutableRawBufferPointer(target)) }
            count = max(size, 0)
        }
        guard size >= 0 else { throw CodecError.failed(self) }
        return out
    }

    /// Exactly `rawSize` bytes from `span`; never writes more, whatever the input claims.
    public func decompress(_ span: borrowing ByteSpan, rawSize: Int) throws(CodecError) -> [UInt8] {
        var size = -1
        let out = unsafe [UInt8](unsafeUninitializedCapacity: rawSize) { target, count in
            size = unsafe span.withUnsafeBytes { unsafe decompress($0, into: UnsafeMutableRawBufferPointer(target)) }
            count = size == rawSize ? size : 0
        }
        guard isAvailable else { throw CodecError.unavailable(self) }
        guard size == rawSize else { throw CodecError.damaged(self) }
        return out
    }

    /// Decompresses exactly `rawSize` bytes to the end of `target`, which must have room.
    public func decompress(_ span: borrowing ByteSpan, rawSize: Int, into target: AppendOnly<UInt8>) throws(CodecError)
    {
        guard isAvailable else { throw CodecError.unavailable(self) }
        guard rawSize >= 0, rawSize <= target.freeCount else { throw CodecError.damaged(self) }
        let size = unsafe span.withUnsafeBytes { source in
            unsafe target.fill(rawSize) { unsafe decompress(source, into: UnsafeMutableRawBufferPointer($0)) }
        }
        guard size == rawSize else { throw CodecError.damaged(self) }
    }

    private func bound(_ count: Int) throws(CodecError) -> Int {
        switch self {
        case .none: return count
        case .lz4:
            guard count <= Int(LZ4_MAX_INPUT_SIZE) else { throw CodecError.failed(self) }
            return Int(LZ4_compressBound(Int32(count)))
        case .zlib: return Int(compressBound(UInt(count)))
        case .zstd:
            #if Zstd
            return ZSTD_compressBound(count)
            #else
            throw CodecError.unavailable(self)
            #endif
        }
    }

    /// Bytes written, or a negative number.
    private func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        guard source.count > 0, let from = source.baseAddress, let to = target.baseAddress else {
            return self == .none ? 0 : unsafe compressEmpty(into: target)
        }
        switch self {
        case .none:
            unsafe to.copyMemory(from: from, byteCount: source.count)
            return source.count
        case .lz4:
            let size = unsafe LZ4_compress_default(
                from.assumingMemoryBound(to: CChar.self), to.assumingMemoryBound(to: CChar.self), Int32(source.count),
                Int32(clamping: target.count))
            return size > 0 ? Int(size) : -1
        case .zlib:
            var size = UInt(target.count)
            let status = unsafe compress2(
                to.assumingMemoryBound(to: UInt8.self), &size, from.assumingMemoryBound(to: UInt8.self),
                UInt(source.count), 6)
            return status == Z_OK ? Int(size) : -1
        case .zstd:
            #if Zstd
            let size = unsafe ZstdContexts.compression.with {
                unsafe ZSTD_compressCCtx($0, to, target.count, from, source.count, 3)
            }
            guard let size, ZSTD_isError(size) == 0 else { return -1 }
            return size
            #else
            return -1
            #endif
        }
    }

    /// No bytes need no codec: an empty run is stored as an empty run.
    private func compressEmpty(into target: UnsafeMutableRawBufferPointer) -> Int { 0 }

    /// Bytes written, or a negative number.
    private func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
        guard source.count > 0, let from = source.baseAddress, target.count > 0, let to = target.baseAddress else {
            return source.count == 0 && target.count == 0 ? 0 : -1
        }
        switch self {
        case .none:
            guard source.count == target.count else { return -1 }
            unsafe to.copyMemory(from: from, byteCount: source.count)
            return source.count
        case .lz4:
            guard source.count <= Int(Int32.max), target.count <= Int(Int32.max) else { return -1 }
            return Int(
                unsafe LZ4_decompress_safe(
                    from.assumingMemoryBound(to: CChar.self), to.assumingMemoryBound(to: CChar.self),
                    Int32(source.count), Int32(target.count)))
        case .zlib:
            var size = UInt(target.count)
            let status = unsafe uncompress(
                to.assumingMemoryBound(to: UInt8.self), &size, from.assumingMemoryBound(to: UInt8.self),
                UInt(source.count))
            return status == Z_OK ? Int(size) : -1
        case .zstd:
            #if Zstd
            let size = unsafe ZstdContexts.decompression.with {
                unsafe ZSTD_decompressDCtx($0, to, target.count, from, source.count)
            }
            guard let size, ZSTD_isError(size) == 0 else { return -1 }
            return size
            #else
            return -1
            #endif
        }
    }
}

extension AppendOnly where Element == UInt8 {
    /// Lets `body` write exactly `count` bytes at the end; what it returns other than `count` leaves the bytes
    /// unwritten.
    func fill(_ count: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int) -> Int {
        let size = unsafe body(UnsafeMutableBufferPointer(start: base + writtenCount, count: count))
        if size == count { advance(count) }
        return size
    }
}
