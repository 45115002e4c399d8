/// String literals between double quotes, with Go's escapes.
enum QuotedText {
    /// The bytes meant by the text between the quotes; nil if an escape is unknown or incomplete.
    static func unescape(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            index &+= 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard index < text.endIndex else { return nil }
            let escape = text[index]
            index &+= 1
            if let plain = simple(escape) {
                bytes.append(plain)
                continue
            }
            guard let next = numeric(escape, text, index, into: &bytes) else { return nil }
            index = next
        }
        return bytes
    }

    private static func simple(_ escape: UInt8) -> UInt8? {
        switch escape {
        case UInt8(ascii: "a"): 0x07
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        case UInt8(ascii: "\\"), UInt8(ascii: "\""): escape
        default: nil
        }
    }

    /// Reads `\xHH`, `\ooo`, `\uHHHH` and `\UHHHHHHHH`; answers the index behind it.
    private static func numeric(
        _ escape: UInt8, _ text: ArraySlice<UInt8>, _ index: Int, into bytes: inout [UInt8]
    ) -> Int? {
        let (start, count, radix): (Int, Int, UInt32)
        switch escape {
        case UInt8(ascii: "x"): (start, count, radix) = (index, 2, 16)
        case UInt8(ascii: "u"): (start, count, radix) = (index, 4, 16)
        case UInt8(ascii: "U"): (start, count, radix) = (index, 8, 16)
        case UInt8(ascii: "0")...UInt8(ascii: "7"): (start, count, radix) = (index &- 1, 3, 8)
        default: return nil
        }
        let end = start &+ count
        guard end <= text.endIndex else { return nil }
        var value: UInt32 = 0
        for byte in text[start..<end] {
            guard let digit = digit(byte), digit < radix else { return nil }
            value = value &* radix &+ digit
        }
        if count <= 3 {
            guard let byte = UInt8(exactly: value) else { return nil }
            bytes.append(byte)
        } else {
            guard let scalar = Unicode.Scalar(value) else { return nil }
            bytes.append(contentsOf: Array(String(Character(scalar)).utf8))
        }
        return end
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- 0x30)
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte &- 0x61 &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte &- 0x41 &+ 10)
        default: nil
        }
    }

    /// The literal, quotes included, that means these bytes; valid UTF-8 stays readable.
    static func quote(_ bytes: [UInt8]) -> String {
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        quoted.reserveCapacity(bytes.count &+ 2)
        // Readable as a whole: only the control bytes and quotes need an escape. Otherwise every high byte gets one.
        let isValid = String(validating: bytes, as: UTF8.self) != nil
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x07...0x0D:
                let letters: [UInt8] = Array("abtnvfr".utf8)
                quoted.append(contentsOf: [UInt8(ascii: "\\"), letters[Int(byte &- 7)]])
            case 0x20...0x7E: quoted.append(byte)
            case 0x80... where isValid: quoted.append(byte)
            default:
                let digits: [UInt8] = Array("0123456789abcdef".utf8)
                quoted.append(contentsOf: [
                    UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)],
                ])
            }
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }
}
