internal import Bytes

/// Numbers, durations and sizes as they stand in label values, read by Go's rules.
enum ValueText {
    /// A decimal, hexadecimal (with exponent), infinite or NaN number; no spaces.
    static func number(_ text: borrowing ByteSpan) -> Double? {
        if let fast = shortDecimal(text) { return fast }
        guard text.count > 0, text.count <= 400 else { return nil }
        var hasExponent = false
        var isHexadecimal = false
        var hasLetters = false
        for index in 0..<text.count {
            switch text[index] {
            case 0x70, 0x50: hasExponent = true
            case 0x78, 0x58: isHexadecimal = true
            case 0x28, 0x20, 0x09, 0x0a, 0x5f: return nil
            case 0x69, 0x49: hasLetters = true
            default: break
            }
        }
        if isHexadecimal && !hasExponent { return nil }
        guard let value = Double(text.text) else { return nil }
        if value.isInfinite && !hasLetters { return nil }
        return value
    }

    /// Up to 15 digits with a point: exact without a general parser.
    private static func shortDecimal(_ text: borrowing ByteSpan) -> Double? {
        var at = 0
        let count = text.count
        var isNegative = false
        if count > 0, text[0] == 0x2d || text[0] == 0x2b {
            isNegative = text[0] == 0x2d
            at = 1
        }
        guard count > at, count - at <= 16 else { return nil }
        var mantissa: UInt64 = 0
        var digits = 0
        var scale = 1.0
        var hasPoint = false
        while at < count {
            let digit = text[at] &- 48
            if digit < 10 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                digits += 1
                if hasPoint { scale *= 10 }
            } else if text[at] == 0x2e, !hasPoint {
                hasPoint = true
            } else {
                return nil
            }
            at += 1
        }
        guard digits > 0, digits <= 15 else { return nil }
        let value = Double(mantissa) / scale
        return isNegative ? -value : value
    }

    /// `1h2m3.5s`, `-5ms`, `0`: nanoseconds. No days, weeks or years.
    static func duration(_ text: borrowing ByteSpan) -> Int64? {
        var at = 0
        let count = text.count
        var isNegative = false
        if count > 0, text[0] == 0x2d || text[0] == 0x2b {
            isNegative = text[0] == 0x2d
            at = 1
        }
        if count == at + 1, text[at] == 0x30 { return 0 }
        guard at < count else { return nil }
        var total: UInt64 = 0
        while at < count {
            guard let part = durationPart(text, &at) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            if overflow || sum > UInt64(Int64.max) { return nil }
            total = sum
        }
        return isNegative ? -Int64(total) : Int64(total)
    }

    private static func durationPart(_ text: borrowing ByteSpan, _ at: inout Int) -> UInt64? {
        let count = text.count
        var whole: UInt64 = 0
        var fraction: UInt64 = 0
        var scale = 1.0
        var digits = 0
        while at < count, text[at] &- 48 < 10 {
            let (next, over) = whole.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = next.addingReportingOverflow(UInt64(text[at] &- 48))
            if over || overflow { return nil }
            whole = sum
            digits += 1
            at += 1
        }
        if at < count, text[at] == 0x2e {
            at += 1
            while at < count, text[at] &- 48 < 10 {
                if fraction < 100_000_000_000_000_000 {
                    fraction = fraction &* 10 &+ UInt64(text[at] &- 48)
                    scale *= 10
                }
                digits += 1
                at += 1
            }
        }
        guard digits > 0, let unit = durationUnit(text, &at) else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        if overflow || product > UInt64(Int64.max) { return nil }
        return product &+ UInt64(Double(fraction) * (Double(unit) / scale))
    }

    private static func durationUnit(_ text: borrowing ByteSpan, _ at: inout Int) -> UInt64? {
        let start = at
        while at < text.count, text[at] != 0x2e, text[at] &- 48 >= 10 { at += 1 }
        let size = at - start
        func byte(_ index: Int) -> UInt8 { text[start + index] }
        switch size {
        case 1:
            switch byte(0) {
            case 0x73: return 1_000_000_000
            case 0x6d: return 60_000_000_000
            case 0x68: return 3_600_000_000_000
            default: return nil
            }
        case 2 where byte(1) == 0x73:
            switch byte(0) {
            case 0x6e: return 1
            case 0x75: return 1_000
            case 0x6d: return 1_000_000
            default: return nil
            }
        case 3 where byte(2) == 0x73:
            // Micro sign and Greek mu.
            return byte(0) == 0xc2 && byte(1) == 0xb5 || byte(0) == 0xce && byte(1) == 0xbc ? 1_000 : nil
        default: return nil
        }
    }

    /// `5`, `1,000 KB`, `1.5MiB`, `30k`: bytes; case does not matter, fractions of a byte are cut.
    static func size(_ text: borrowing ByteSpan) -> UInt64? {
        guard let value = sizeNumber(text) else { return nil }
        guard value >= 0, value < 18_446_744_073_709_551_615.0 else { return nil }
        return UInt64(value)
    }

    private static func sizeNumber(_ text: borrowing ByteSpan) -> Double? {
        var at = 0
        var digits: [UInt8] = []
        while at < text.count, text[at] &- 48 < 10 || text[at] == 0x2e || text[at] == 0x2c, at < 64 {
            if text[at] != 0x2c { digits.append(text[at]) }
            at += 1
        }
        guard let number = number(digits.span) else { return nil }
        var unit: [UInt8] = []
        while at < text.count, unit.count < 16 {
            let byte = text[at]
            unit.append((65...90).contains(byte) ? byte &+ 32 : byte)
            at += 1
        }
        while unit.first == 0x20 || unit.first == 0x09 { unit.removeFirst() }
        while unit.last == 0x20 || unit.last == 0x09 { unit.removeLast() }
        guard at == text.count, let factor = sizeFactor(unit.text) else { return nil }
        return number * factor
    }

    private static func sizeFactor(_ unit: String) -> Double? {
        switch unit {
        case "", "b": 1
        case "k", "kb": 1e3
        case "m", "mb": 1e6
        case "g", "gb": 1e9
        case "t", "tb": 1e12
        case "p", "pb": 1e15
        case "e", "eb": 1e18
        case "ki", "kib": 1024
        case "mi", "mib": 1_048_576
        case "gi", "gib": 1_073_741_824
        case "ti", "tib": 1_099_511_627_776
        case "pi", "pib": 1_125_899_906_842_624
        case "ei", "eib": 1_152_921_504_606_846_976
        default: nil
        }
    }
}
