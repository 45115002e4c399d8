import Bytes

/// Spellings of values that a number can stand for: parsing accepts only what formatting gives back byte for byte.
enum TypedValue {
    /// `-?[1-9][0-9]*|0`, at most 18 digits.
    @inline(__always)
    static func integer(_ text: borrowing ByteSpan) -> Int64? {
        let count = text.count
        guard count > 0 else { return nil }
        let isNegative = text[0] == 0x2d
        let start = isNegative ? 1 : 0
        let digits = count - start
        guard digits > 0, digits <= 18 else { return nil }
        if text[start] == 0x30 && (digits > 1 || isNegative) { return nil }
        var value: Int64 = 0
        for index in start..<count {
            let digit = text[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return isNegative ? -value : value
    }

    /// Digits only, zeros in front allowed, at most 18.
    @inline(__always)
    static func digits(_ text: borrowing ByteSpan) -> Int64? {
        guard text.count > 0, text.count <= 18 else { return nil }
        var value: Int64 = 0
        for index in 0..<text.count {
            let digit = text[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }

    /// A decimal fraction as digits without the point, and how many stood behind it; whole numbers have 0.
    @inline(__always)
    static func decimal(_ text: borrowing ByteSpan) -> (mantissa: Int64, places: Int64)? {
        let count = text.count
        guard count > 0, count <= 19 else { return nil }
        let start = text[0] == 0x2d ? 1 : 0
        var point = -1
        var value: Int64 = 0
        for index in start..<count {
            let byte = text[index]
            if byte == 0x2e {
                guard point < 0 else { return nil }
                point = index
                continue
            }
            let digit = byte &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        guard point >= 0 else { return integer(text).map { ($0, 0) } }
        let whole = point - start
        let places = count - point - 1
        guard whole > 0, places > 0, whole + places <= 17, text[start] != 0x30 || whole == 1 else { return nil }
        if start == 1 && value == 0 { return nil }
        return (start == 1 ? -value : value, Int64(places))
    }

    /// Dotted IPv4 without zeros in front.
    static func address(_ text: borrowing ByteSpan) -> Int64? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var value: Int64 = 0
        var at = 0
        for part in 0..<4 {
            let start = at
            var number: Int64 = 0
            while at < text.count, text[at] &- 0x30 < 10, at - start < 4 {
                number = number * 10 + Int64(text[at] &- 0x30)
                at += 1
            }
            let digits = at - start
            guard digits > 0, digits <= 3, number <= 255, digits == 1 || text[start] != 0x30 else { return nil }
            value = value << 8 | number
            if part < 3 {
                guard at < text.count, text[at] == 0x2e else { return nil }
                at += 1
            }
        }
        return at == text.count ? value : nil
    }

    /// Value of a lower-case hexadecimal digit; 16 and more for other bytes.
    @inline(__always)
    static func nibble(_ byte: UInt8) -> UInt8 {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = byte &- 0x61
        return letter < 6 ? letter + 10 : 255
    }

    static let hexDigits: [UInt8] = Array("0123456789abcdef".utf8)

    /// Per byte its two digits, the first in the lowest byte.
    static let hexPairs: [UInt64] = (0..<256).map { UInt64(hexDigits[$0 & 15]) << 8 | UInt64(hexDigits[$0 >> 4]) }
}
