import CPlatform

/// CRC32C (Castagnoli), the checksum of every region that dendro writes.
public enum Checksum {
    /// Checksum of `span`, continuing from `seed` (0 to begin; a chain of calls equals one call over all).
    public static func crc32c(_ span: borrowing ByteSpan, seed: UInt32 = 0) -> UInt32 {
        unsafe span.withUnsafeBytes { unsafe dendro_crc32c(seed, $0.baseAddress, $0.count) }
    }

    /// Checksum of `bytes[range]`.
    public static func crc32c(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt32 = 0) -> UInt32 {
        crc32c(bytes.span.extracting(range), seed: seed)
    }

    /// Checksum of all of `bytes`.
    public static func crc32c(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        crc32c(bytes.span, seed: seed)
    }
}
