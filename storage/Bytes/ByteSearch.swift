public import Glibc

/// Substring search over bytes: 16 bytes a step, comparing the needle's first and last byte, then the rest.
/// (The generic SIMD mask forms compile to slow code on baseline x86-64; reading the mask as two words does not.)
public enum ByteSearch {
    /// Offset of the first occurrence of `needle` in `span` at or after `from`, or nil. An empty needle is found at
    /// `from`.
    @inlinable
    public static func find(_ needle: borrowing ByteSpan, in span: borrowing ByteSpan, from: Int = 0) -> Int? {
        precondition(from >= 0, "BUG: search from \(from)")
        return unsafe span.withUnsafeBufferPointer { hay in
            unsafe needle.withUnsafeBufferPointer { pin in
                unsafe find(pin, in: hay, from: from)
            }
        }
    }

    /// Whether `span` contains `needle`.
    @inlinable
    public static func contains(_ needle: borrowing ByteSpan, in span: borrowing ByteSpan) -> Bool {
        find(needle, in: span) != nil
    }

    /// Offset of the first occurrence of `needle`, ASCII letters in either case, at or after `from`, or nil.
    /// - Parameter needle: in lower case.
    public static func find(
        folded needle: borrowing ByteSpan, in span: borrowing ByteSpan, from: Int = 0
    ) -> Int? {
        precondition(from >= 0, "BUG: search from \(from)")
        return unsafe span.withUnsafeBufferPointer { hay in
            unsafe needle.withUnsafeBufferPointer { pin in
                unsafe findFolded(pin, in: hay, from: from)
            }
        }
    }

    /// Whether the bytes are `needle`, which is in lower case, but for the case of ASCII letters.
    public static func equals(folded needle: borrowing ByteSpan, _ span: borrowing ByteSpan) -> Bool {
        needle.count == span.count && (needle.count == 0 || find(folded: needle, in: span) == 0)
    }

    /// What to set in a byte so that it equals `lower` in either case.
    private static func caseBit(_ lower: UInt8) -> UInt8 { lower >= 0x61 && lower <= 0x7a ? 0x20 : 0 }

    private static func findFolded(
        _ needle: UnsafeBufferPointer<UInt8>, in hay: UnsafeBufferPointer<UInt8>, from: Int
    ) -> Int? {
        let size = needle.count
        guard size > 0 else { return from <= hay.count ? from : nil }
        guard from <= hay.count - size, let base = hay.baseAddress else { return nil }
        let lastStart = hay.count - size
        let first = unsafe SIMD16<UInt8>(repeating: needle[0])
        let last = unsafe SIMD16<UInt8>(repeating: needle[size - 1])
        let firstCase = unsafe SIMD16<UInt8>(repeating: caseBit(needle[0]))
        let lastCase = unsafe SIMD16<UInt8>(repeating: caseBit(needle[size - 1]))
        let raw = UnsafeRawPointer(base)
        var at = from
        while at + 16 <= lastStart + 1 {
            let a = unsafe raw.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self)
            let b = unsafe raw.loadUnaligned(fromByteOffset: at + size - 1, as: SIMD16<UInt8>.self)
            let mask = ((a | firstCase) .== first) .& ((b | lastCase) .== last)
            let words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
            if words[0] | words[1] != 0 {
                for lane in 0..<16 where mask[lane] {
                    if unsafe isFolded(needle, base + at + lane) { return at + lane }
                }
            }
            at += 16
        }
        while at <= lastStart {
            if unsafe isFolded(needle, base + at) { return at }
            at += 1
        }
        return nil
    }

    private static func isFolded(_ needle: UnsafeBufferPointer<UInt8>, _ text: UnsafePointer<UInt8>) -> Bool {
        for index in 0..<needle.count {
            let lower = unsafe needle[index]
            if unsafe text[index] | caseBit(lower) != lower { return false }
        }
        return true
    }

    /// Offset of the first `byte` at or after `from`, or nil.
    @inlinable
    public static func find(byte: UInt8, in span: borrowing ByteSpan, from: Int = 0) -> Int? {
        precondition(from >= 0, "BUG: search from \(from)")
        let count = span.count
        guard from < count else { return nil }
        return unsafe span.withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            guard let hit = unsafe memchr(base + from, Int32(byte), count - from) else { return nil }
            return unsafe UnsafeRawPointer(hit) - base
        }
    }

    @usableFromInline
    static func find(_ needle: UnsafeBufferPointer<UInt8>, in hay: UnsafeBufferPointer<UInt8>, from: Int) -> Int? {
        let size = needle.count
        guard size > 0 else { return from <= hay.count ? from : nil }
        guard from <= hay.count - size, let base = hay.baseAddress, let pin = needle.baseAddress else { return nil }
        if size == 1 {
            guard let hit = unsafe memchr(base + from, Int32(pin[0]), hay.count - from) else { return nil }
            return unsafe UnsafeRawPointer(hit) - UnsafeRawPointer(base)
        }
        let lastStart = hay.count - size
        let first = unsafe SIMD16<UInt8>(repeating: pin[0])
        let last = unsafe SIMD16<UInt8>(repeating: pin[size - 1])
        let raw = UnsafeRawPointer(base)
        var at = from
        while at + 16 <= lastStart + 1 {
            let a = unsafe raw.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self)
            let b = unsafe raw.loadUnaligned(fromByteOffset: at + size - 1, as: SIMD16<UInt8>.self)
            let mask = (a .== first) .& (b .== last)
            let words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
            if words[0] | words[1] != 0 {
                for half in 0..<2 {
                    var word = words[half]
                    while word != 0 {
                        let lane = word.trailingZeroBitCount >> 3
                        let start = at + half * 8 + lane
                        if unsafe memcmp(base + start, pin, size) == 0 { return start }
                        word &= ~(UInt64(0xff) << UInt64(lane * 8))
                    }
                }
            }
            at += 16
        }
        while at <= lastStart {
            if unsafe base[at] == pin[0] && memcmp(base + at, pin, size) == 0 { return at }
            at += 1
        }
        return nil
    }
}
