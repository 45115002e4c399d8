public import Bytes

/// Writing JSON as bytes.
public enum JSONText {
    /// Appends `text` as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD, so the output is always valid JSON.
    public static func append(_ text: borrowing ByteSpan, to out: inout [UInt8]) {
        out.append(0x22)
        let count = text.count
        var start = 0
        var at = 0
        while at < count {
            let byte = text[at]
            if byte >= 0x20 && byte != 0x22 && byte != 0x5c && byte < 0x80 {
                at += 1
                continue
            }
            if byte >= 0x80 {
                let size = sequenceCount(text, at)
                if size > 0 {
                    at += size
                    continue
                }
            }
            out.append(span: text.extracting(start..<at))
            appendEscaped(byte, to: &out)
            at += 1
            start = at
        }
        out.append(span: text.extracting(start..<count))
        out.append(0x22)
    }

    /// Appends `text` as a JSON string with quotes.
    public static func append(_ text: String, to out: inout [UInt8]) {
        append([UInt8](text.utf8).span, to: &out)
    }

    /// `text` as a JSON string with quotes.
    public static func quoted(_ text: String) -> String {
        var out: [UInt8] = []
        append(text, to: &out)
        return out.text
    }

    private static func appendEscaped(_ byte: UInt8, to out: inout [UInt8]) {
        switch byte {
        case 0x22: out.append(contentsOf: [0x5c, 0x22])
        case 0x5c: out.append(contentsOf: [0x5c, 0x5c])
        case 0x0a: out.append(contentsOf: [0x5c, 0x6e])
        case 0x0d: out.append(contentsOf: [0x5c, 0x72])
        case 0x09: out.append(contentsOf: [0x5c, 0x74])
        case 0x80...: out.append(contentsOf: [0xef, 0xbf, 0xbd])
        default:
            let digits = [UInt8]("0123456789abcdef".utf8)
            out.append(contentsOf: [0x5c, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
    }

    /// Bytes of the well-formed UTF-8 sequence (RFC 3629) that starts at `at`, or 0.
    @inlinable
    public static func sequenceCount(_ text: borrowing ByteSpan, _ at: Int) -> Int {
        let first = text[at]
        if first < 0x80 { return 1 }
        let count: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        switch first {
        case 0xc2...0xdf: count = 2
        case 0xe0: (count, low) = (3, 0xa0)
        case 0xed: (count, high) = (3, 0x9f)
        case 0xe1...0xef: count = 3
        case 0xf0: (count, low) = (4, 0x90)
        case 0xf1...0xf3: count = 4
        case 0xf4: (count, high) = (4, 0x8f)
        default: return 0
        }
        guard at + count <= text.count, text[at + 1] >= low, text[at + 1] <= high else { return 0 }
        for index in (at + 2)..<max(at + count, at + 2) where text[index] & 0xc0 != 0x80 { return 0 }
        return count
    }
}
