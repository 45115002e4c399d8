import Bytes
import Receive

/// Labels in selector notation, `{a="b", c="d"}`, as the protobuf and legacy forms carry them: strings quoted as in Go,
/// in double or single quotes or backquotes; a comma may follow the last label.
struct LabelText {
    /// What is wrong, and where: columns count from 1.
    struct Fault: Error {
        let column: Int
        let what: String

        var message: String { "couldn't parse labels: 1:\(column): parse error: \(what)" }
    }

    private var at: Int
    private let start: Int
    private let end: Int
    private var value: [UInt8] = []

    init(_ range: Range<Int>) {
        at = range.lowerBound
        start = at
        end = range.upperBound
    }

    /// Hands the labels of `text[range]` to `builder`, between `beginStream` and `endStream`; a fault refuses the
    /// stream.
    static func read(_ text: borrowing ByteSpan, _ range: Range<Int>, into builder: inout BatchBuilder) {
        var parser = LabelText(range)
        do throws(Fault) {
            try parser.read(text, into: &builder)
        } catch {
            builder.refuseStream(.invalidLabels, detail: error.message)
        }
    }

    private mutating func read(_ text: borrowing ByteSpan, into builder: inout BatchBuilder) throws(Fault) {
        guard peek(text) == 0x7b else { throw unexpected(text, "in label set, expected \"{\"") }
        at += 1
        while true {
            if peek(text) == 0x7d { break }
            let nameStart = at
            while at < end, isNameByte(text[at], first: at == nameStart) { at += 1 }
            let name = nameStart..<at
            guard !name.isEmpty else { throw unexpected(text, "in label set, expected identifier or \"}\"") }
            guard peek(text) == 0x3d else {
                if at < end, text[at] >= 0x20, !isDelimiter(text[at]) {
                    throw fault("unexpected character inside braces: '\(character(text))'")
                }
                throw unexpected(text, "in label set, expected \"=\"")
            }
            at += 1
            if at < end, text[at] == 0x7e { throw fault("unexpected \"=~\" in label set, expected \"=\"") }
            try readString(text)
            let content = value
            builder.addLabel(name: text.extracting(name), value: content.span)
            if peek(text) == 0x2c {
                at += 1
            } else if peek(text) != 0x7d {
                throw unexpected(text, "in label set, expected \",\" or \"}\"")
            }
        }
        at += 1
        _ = peek(text)
        guard at >= end else { throw fault("unexpected text after the labels") }
    }

    /// The next byte that is no white space; 0 at the end.
    private mutating func peek(_ text: borrowing ByteSpan) -> UInt8 {
        while at < end, text[at] == 0x20 || text[at] == 0x09 || text[at] == 0x0a || text[at] == 0x0d { at += 1 }
        return at < end ? text[at] : 0
    }

    private func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || (!first && byte &- 0x30 < 10)
    }

    private func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, 0x27, 0x60, 0x2c, 0x7b, 0x7d, 0x3d, 0x21: true
        default: (byte | 0x20) &- 0x61 < 26 || byte == 0x5f
        }
    }

    private func character(_ text: borrowing ByteSpan) -> String {
        var stop = at + 1
        while stop < end, text[stop] & 0xc0 == 0x80, stop - at < 4 { stop += 1 }
        return text.extracting(at..<stop).text
    }

    private func fault(_ what: String) -> Fault { Fault(column: at - start + 1, what: what) }

    /// The fault that what stands here is not what was expected.
    private func unexpected(_ text: borrowing ByteSpan, _ where_: String) -> Fault {
        guard at < end else { return fault("unexpected end of input inside braces") }
        var stop = at
        while stop < end, stop - at < 64, isNameByte(text[stop], first: stop == at) { stop += 1 }
        if stop > at { return fault("unexpected identifier \"\(text.extracting(at..<stop).text)\" \(where_)") }
        guard isDelimiter(text[at]) else { return fault("unexpected character inside braces: '\(character(text))'") }
        return fault("unexpected \"\(character(text))\" \(where_)")
    }

    // MARK: - Strings

    /// Reads a quoted string into `value`.
    private mutating func readString(_ text: borrowing ByteSpan) throws(Fault) {
        let quote = peek(text)
        guard quote == 0x22 || quote == 0x27 || quote == 0x60 else {
            throw unexpected(text, "in label set, expected string")
        }
        value.removeAll(keepingCapacity: true)
        let open = at
        at += 1
        while at < end {
            let byte = text[at]
            if byte == quote {
                at += 1
                return
            }
            if byte == 0x5c, quote != 0x60 {
                try readEscape(text)
            } else if byte == 0x0a, quote != 0x60 {
                break
            } else {
                value.append(byte)
                at += 1
            }
        }
        at = open
        throw fault("unterminated quoted string")
    }

    /// Reads one of Go's escapes; the backslash is next.
    private mutating func readEscape(_ text: borrowing ByteSpan) throws(Fault) {
        guard at + 1 < end else { throw fault("unterminated quoted string") }
        switch text[at + 1] {
        case 0x61: value.append(0x07)
        case 0x62: value.append(0x08)
        case 0x66: value.append(0x0c)
        case 0x6e: value.append(0x0a)
        case 0x72: value.append(0x0d)
        case 0x74: value.append(0x09)
        case 0x76: value.append(0x0b)
        case 0x5c: value.append(0x5c)
        case 0x22: value.append(0x22)
        case 0x27: value.append(0x27)
        case 0x78: return value.append(UInt8(truncatingIfNeeded: try digits(text, from: at + 2, count: 2, base: 16)))
        case 0x30...0x37:
            let number = try digits(text, from: at + 1, count: 3, base: 8)
            guard number < 256 else { throw fault("unknown escape sequence") }
            return value.append(UInt8(truncatingIfNeeded: number))
        case 0x75: return try appendScalar(digits(text, from: at + 2, count: 4, base: 16))
        case 0x55: return try appendScalar(digits(text, from: at + 2, count: 8, base: 16))
        default: throw fault("unknown escape sequence")
        }
        at += 2
    }

    private mutating func digits(
        _ text: borrowing ByteSpan, from: Int, count: Int, base: UInt32
    ) throws(Fault) -> UInt32 {
        var number: UInt32 = 0
        for index in from..<(from + count) {
            guard index < end else { throw fault("unterminated quoted string") }
            let byte = text[index]
            let digit: UInt32
            switch byte {
            case 0x30...0x39: digit = UInt32(byte &- 0x30)
            case 0x41...0x46, 0x61...0x66: digit = UInt32((byte | 0x20) &- 0x57)
            default: throw fault("bad digit in an escape sequence")
            }
            guard digit < base else { throw fault("bad digit in an escape sequence") }
            number = number &* base &+ digit
        }
        at = from + count
        return number
    }

    private mutating func appendScalar(_ number: UInt32) throws(Fault) {
        guard let scalar = Unicode.Scalar(number) else { throw fault("escape sequence is no Unicode character") }
        value.append(contentsOf: String(Character(scalar)).utf8)
    }
}
