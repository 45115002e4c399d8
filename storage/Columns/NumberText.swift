import Bytes

/// Writes numbers as text, eight digits at once.
enum NumberText {
    private static let eightDigits: UInt64 = 100_000_000

    /// The eight digits of `value`, which is below 10^8, as ASCII, the first in the lowest byte: two groups of four
    /// digits are split into pairs and those into digits, each by multiplying with a reciprocal that is exact there.
    @inline(__always)
    private static func eight(_ value: UInt64) -> UInt64 {
        let fours = value / 10_000 | (value % 10_000) << 32
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
        let pairs = hundreds | (fours &- hundreds &* 100) << 16
        let tens = (pairs &* 103) >> 10 & 0x000f_000f_000f_000f
        return (tens | (pairs &- tens &* 10) << 8) | 0x3030_3030_3030_3030
    }

    /// Appends `value` in decimal, at most 20 bytes.
    @inline(__always)
    static func append(_ value: Int64, to out: AppendOnly<UInt8>) {
        if value < 0 { out.append(0x2d) }
        let rest = value.magnitude
        guard rest >= eightDigits else { return short(rest, to: out) }
        let high = rest / eightDigits
        if high < eightDigits {
            short(high, to: out)
        } else {
            short(high / eightDigits, to: out)
            out.append(word: eight(high % eightDigits), count: 8)
        }
        out.append(word: eight(rest % eightDigits), count: 8)
    }

    /// Appends a number below 10^8 without zeros in front.
    @inline(__always)
    private static func short(_ value: UInt64, to out: AppendOnly<UInt8>) {
        let word = eight(value)
        let zeros = min((word & 0x0f0f_0f0f_0f0f_0f0f).trailingZeroBitCount / 8, 7)
        out.append(word: word >> UInt64(8 * zeros), count: 8 - zeros)
    }

    /// Appends the last `width` digits of `value`, 1 to 18, with zeros in front.
    @inline(__always)
    static func append(_ value: Int64, width: Int, to out: AppendOnly<UInt8>) {
        var rest = value.magnitude
        var digits = width
        // Leading digits first: at most ten stand before the last eight.
        if digits > 16 {
            out.append(
                word: eight(rest / eightDigits / eightDigits % eightDigits) >> UInt64(8 * (24 - digits)),
                count: digits - 16)
            digits = 16
        }
        if digits > 8 {
            out.append(word: eight(rest / eightDigits % eightDigits) >> UInt64(8 * (16 - digits)), count: digits - 8)
            digits = 8
        }
        rest %= eightDigits
        out.append(word: eight(rest) >> UInt64(8 * (8 - digits)), count: digits)
    }

    /// Appends a decimal fraction: `mantissa` with the point before its last `places` digits.
    @inline(__always)
    static func append(_ mantissa: Int64, places: Int64, to out: AppendOnly<UInt8>) throws(ColumnError) {
        guard places >= 0, places <= 18 else { throw ColumnError("decimal with \(places) places") }
        guard places > 0 else { return append(mantissa, to: out) }
        var scale: UInt64 = 1
        for _ in 0..<places { scale *= 10 }
        if mantissa < 0 { out.append(0x2d) }
        let (whole, rest) = mantissa.magnitude.quotientAndRemainder(dividingBy: scale)
        append(Int64(truncatingIfNeeded: whole), to: out)
        out.append(0x2e)
        append(Int64(truncatingIfNeeded: rest), width: Int(places), to: out)
    }

    /// Appends the lowest 32 bits of `value` as a dotted address.
    static func append(address value: Int64, to out: AppendOnly<UInt8>) {
        for shift in stride(from: 24, through: 0, by: -8) {
            short(UInt64(value >> Int64(shift) & 255), to: out)
            if shift > 0 { out.append(0x2e) }
        }
    }

    /// Appends `count` bytes of `bytes` as lower-case hexadecimal digits.
    /// - Parameter pairs: `TypedValue.hexPairs`.
    @inline(__always)
    static func append(
        hex bytes: borrowing ByteSpan, from start: Int, count: Int, pairs: borrowing Span<UInt64>,
        to out: AppendOnly<UInt8>
    ) {
        var at = start
        let end = start + count
        while at < end {
            let size = min(end - at, 4)
            var word: UInt64 = 0
            for index in 0..<size { word |= pairs[Int(bytes[at + index])] << UInt64(16 * index) }
            out.append(word: word, count: 2 * size)
            at += size
        }
    }

    /// Appends 16 bytes as a UUID, 36 characters.
    @inline(__always)
    static func append(
        uuid bytes: borrowing ByteSpan, from start: Int, pairs: borrowing Span<UInt64>, to out: AppendOnly<UInt8>
    ) {
        append(hex: bytes, from: start, count: 4, pairs: pairs, to: out)
        for part in 2..<5 {
            out.append(0x2d)
            append(hex: bytes, from: start + 2 * part, count: 2, pairs: pairs, to: out)
        }
        out.append(0x2d)
        append(hex: bytes, from: start + 10, count: 6, pairs: pairs, to: out)
    }
}
