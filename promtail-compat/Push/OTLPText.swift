// Texts that stand for numbers and bytes in OTLP's JSON.
extension OTLPJSON {
    /// An integer of 64 bits in decimal digits, signed or not, as its bits.
    static func integer(_ text: [UInt8]) -> UInt64? {
        let isNegative = text.first == 0x2d
        let digits = text.dropFirst(isNegative ? 1 : 0)
        guard !digits.isEmpty, digits.count <= 20 else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            guard byte &- 0x30 < 10 else { return nil }
            let (scaled, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = scaled.addingReportingOverflow(UInt64(byte &- 0x30))
            guard !over, !overflow else { return nil }
            value = sum
        }
        guard isNegative else { return value }
        return value <= 1 << 63 ? 0 &- value : nil
    }

    private static let severityPrefix = [UInt8]("SEVERITY_NUMBER_".utf8)
    private static let severityNames = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].map { [UInt8]($0.utf8) }

    /// The number of `SEVERITY_NUMBER_INFO`, `…_INFO2` and so on; nil for other names.
    static func severity(named text: [UInt8]) -> UInt64? {
        guard text.starts(with: severityPrefix) else { return nil }
        let name = text.dropFirst(severityPrefix.count)
        if name.elementsEqual("UNSPECIFIED".utf8) { return 0 }
        for (index, base) in severityNames.enumerated() where name.starts(with: base) {
            let first = UInt64(index * 4 + 1)
            let suffix = name.dropFirst(base.count)
            guard let digit = suffix.first else { return first }
            return suffix.count == 1 && digit >= 0x32 && digit <= 0x34 ? first + UInt64(digit - 0x31) : nil
        }
        return nil
    }

    /// Decodes base64 (either alphabet, padding optional) in place, returning the number of bytes; nil when it is none.
    static func decodeBase64(_ text: inout [UInt8]) -> Int? {
        var made = 0
        var word: UInt32 = 0
        var bits = 0
        var end = text.count
        while end > 0, text[end - 1] == 0x3d, text.count - end < 2 { end -= 1 }
        guard end % 4 != 1 else { return nil }
        for index in 0..<end {
            let digit: UInt8
            switch text[index] {
            case let byte where byte &- 0x41 < 26: digit = byte &- 0x41
            case let byte where byte &- 0x61 < 26: digit = byte &- 0x47
            case let byte where byte &- 0x30 < 10: digit = byte &+ 4
            case 0x2b, 0x2d: digit = 62
            case 0x2f, 0x5f: digit = 63
            default: return nil
            }
            word = word << 6 | UInt32(digit)
            bits += 6
            if bits >= 8 {
                bits -= 8
                text[made] = UInt8(truncatingIfNeeded: word >> UInt32(bits))
                made += 1
            }
        }
        return made
    }

    /// Decodes hexadecimal digits in place, returning the number of bytes; nil when they are none.
    static func decodeHex(_ text: inout [UInt8]) -> Int? {
        guard text.count % 2 == 0 else { return nil }
        for index in 0..<(text.count / 2) {
            guard let high = nibble(text[2 * index]), let low = nibble(text[2 * index + 1]) else { return nil }
            text[index] = high << 4 | low
        }
        return text.count / 2
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte &- 0x30
        case 0x41...0x46: byte &- 0x37
        case 0x61...0x66: byte &- 0x57
        default: nil
        }
    }
}
