internal import Bytes
internal import Model

/// A forgiving scanner of JSON text: it follows the document only as far as it must (after buger/jsonparser, whose
/// answers to broken documents clients know). Offsets into the span; no allocation.
enum JSONScan {
    enum Kind: UInt8 {
        case string
        case number
        case object
        case array
        case boolean
        case null
    }

    struct Value: BitwiseCopyable {
        var kind: Kind
        /// Strings without their quotes.
        var start: Int
        var end: Int
        /// Behind the value, quotes included.
        var next: Int

        var range: Range<Int> { start..<end }
    }

    enum Fault: UInt8 {
        case none
        case malformed
        case openString
        case openObject
        case openArray
        case unknownValue
        case tooDeep
        case namesTooLong

        var text: StaticString {
            switch self {
            case .none: ""
            case .malformed: "Malformed JSON error"
            case .openString: "Value looks like string, but can't find closing '\"' symbol"
            case .openObject: "Value looks like object, but can't find closing '}' symbol"
            case .openArray: "Value is array, but can't find closing ']' symbol"
            case .unknownValue: "Unknown value type"
            case .tooDeep: "Value is nested too deeply"
            case .namesTooLong: "Names of nested values are too long together"
            }
        }
    }

    /// The first byte at or after `at` that is no white space, or `end`.
    @inline(__always)
    static func skipSpace(_ text: borrowing ByteSpan, _ start: Int, _ end: Int) -> Int {
        var at = start
        while at < end, text[at] == 0x20 || text[at] == 0x0a || text[at] == 0x0d || text[at] == 0x09 { at += 1 }
        return at
    }

    /// Behind the closing quote of the string whose content starts at `start`; nil if it does not end.
    @inline(__always)
    static func stringEnd(_ text: borrowing ByteSpan, _ start: Int, _ end: Int) -> Int? {
        var at = start
        while at < end {
            let byte = text[at]
            if byte == 0x22 { return at + 1 }
            at += byte == 0x5c ? 2 : 1
        }
        return nil
    }

    private static func blockEnd(
        _ text: borrowing ByteSpan, _ start: Int, _ end: Int, _ open: UInt8, _ close: UInt8
    ) -> Int? {
        var level = 0
        var at = start
        while at < end {
            let byte = text[at]
            if byte == 0x22 {
                guard let next = stringEnd(text, at + 1, end) else { return nil }
                at = next
                continue
            }
            if byte == open { level += 1 }
            if byte == close {
                level -= 1
                if level == 0 { return at + 1 }
            }
            at += 1
        }
        return nil
    }

    /// The value at `start` (white space before it allowed).
    static func value(_ text: borrowing ByteSpan, _ start: Int, _ end: Int, _ fault: inout Fault) -> Value? {
        let at = skipSpace(text, start, end)
        guard at < end else { return fail(.malformed, &fault) }
        switch text[at] {
        case 0x22:
            guard let next = stringEnd(text, at + 1, end) else { return fail(.openString, &fault) }
            return Value(kind: .string, start: at + 1, end: next - 1, next: next)
        case 0x7b:
            guard let next = blockEnd(text, at, end, 0x7b, 0x7d) else { return fail(.openObject, &fault) }
            return Value(kind: .object, start: at, end: next, next: next)
        case 0x5b:
            guard let next = blockEnd(text, at, end, 0x5b, 0x5d) else { return fail(.openArray, &fault) }
            return Value(kind: .array, start: at, end: next, next: next)
        default:
            var next = at
            while next < end {
                let byte = text[next]
                if byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 || byte == 0x2c || byte == 0x7d
                    || byte == 0x5d
                {
                    break
                }
                next += 1
            }
            let kind: Kind
            switch text[at] {
            case 0x74 where equals(text, at, next, "true"), 0x66 where equals(text, at, next, "false"): kind = .boolean
            case 0x6e where equals(text, at, next, "null"): kind = .null
            case 0x30...0x39, 0x2d: kind = .number
            default: return fail(.unknownValue, &fault)
            }
            return Value(kind: kind, start: at, end: next, next: next)
        }
    }

    private static func equals(_ text: borrowing ByteSpan, _ start: Int, _ end: Int, _ word: StaticString) -> Bool {
        guard end - start == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { buffer in
            for index in 0..<buffer.count where unsafe buffer[index] != text[start + index] { return false }
            return true
        }
    }

    private static func fail(_ what: Fault, _ fault: inout Fault) -> Value? {
        fault = what
        return nil
    }

    /// Walks the members of the object that starts at or after `at`: each `next` gives key and value.
    struct Members {
        private var at: Int
        private let end: Int
        private(set) var fault = Fault.none
        /// The key whose value could not be read.
        private(set) var faultyKey: Range<Int>?
        private var isDone = false

        init(_ text: borrowing ByteSpan, _ range: Range<Int>) {
            end = range.upperBound
            at = JSONScan.skipSpace(text, range.lowerBound, end)
            guard at < end, text[at] == 0x7b else {
                fault = .malformed
                isDone = true
                return
            }
            at = JSONScan.skipSpace(text, at + 1, end)
            if at >= end { fault = .malformed }
            isDone = at >= end || text[at] == 0x7d
        }

        mutating func next(_ text: borrowing ByteSpan) -> (key: Range<Int>, value: Value)? {
            if isDone { return nil }
            if at < end, text[at] == 0x7d {
                isDone = true
                return nil
            }
            guard at < end, text[at] == 0x22, let keyEnd = JSONScan.stringEnd(text, at + 1, end) else {
                return stop(.malformed)
            }
            let key = (at + 1)..<(keyEnd - 1)
            let colon = JSONScan.skipSpace(text, keyEnd, end)
            guard colon < end, text[colon] == 0x3a else { return stop(.malformed) }
            guard let value = JSONScan.value(text, colon + 1, end, &fault) else {
                faultyKey = key
                isDone = true
                return nil
            }
            // What follows is judged at the next call: a value before a fault counts.
            at = value.next
            pending = true
            return (key, value)
        }

        private var pending = false

        /// Steps over the comma behind the last value; call before each further `next`.
        mutating func advance(_ text: borrowing ByteSpan) {
            guard pending, !isDone else { return }
            pending = false
            at = JSONScan.skipSpace(text, at, end)
            guard at < end else {
                _ = stop(.malformed)
                return
            }
            switch text[at] {
            case 0x7d: isDone = true
            case 0x2c:
                at = JSONScan.skipSpace(text, at + 1, end)
                if at >= end { _ = stop(.malformed) }
            default: _ = stop(.malformed)
            }
        }

        private mutating func stop(_ what: Fault) -> (key: Range<Int>, value: Value)? {
            fault = what
            isDone = true
            return nil
        }
    }

    // MARK: Text

    /// Appends the unescaped content of a string; bytes that are not UTF-8 become `replacement`.
    static func unescape(
        _ text: borrowing ByteSpan, _ range: Range<Int>, replacement: UInt8 = 0x20, into out: inout [UInt8]
    ) {
        var at = range.lowerBound
        var start = at
        let end = range.upperBound
        while at < end {
            let byte = text[at]
            if byte < 0x80, byte != 0x5c {
                at += 1
                continue
            }
            if byte >= 0x80 {
                let size = JSONText.sequenceCount(text, at)
                let isReplacementCharacter = size == 3 && byte == 0xef && text[at + 1] == 0xbf && text[at + 2] == 0xbd
                if size > 0, at + size <= end, !isReplacementCharacter {
                    at += size
                    continue
                }
                out.append(span: text.extracting(start..<at))
                out.append(replacement)
                at += isReplacementCharacter ? 3 : 1
                start = at
                continue
            }
            out.append(span: text.extracting(start..<at))
            at = appendEscape(text, at, end, into: &out)
            start = at
        }
        out.append(span: text.extracting(start..<end))
    }

    /// Appends what the escape at `at` means; the index behind it. Unknown escapes stay as they are.
    private static func appendEscape(
        _ text: borrowing ByteSpan, _ at: Int, _ end: Int, into out: inout [UInt8]
    ) -> Int {
        guard at + 1 < end else {
            out.append(0x5c)
            return end
        }
        switch text[at + 1] {
        case 0x6e: out.append(0x0a)
        case 0x74: out.append(0x09)
        case 0x72: out.append(0x0d)
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0c)
        case 0x22, 0x5c, 0x2f: out.append(text[at + 1])
        case 0x75:
            guard let first = hexadecimal(text, at + 2, end) else {
                out.append(0x5c)
                return at + 1
            }
            var next = at + 6
            var scalar = first
            if (0xd800..<0xdc00).contains(first), next + 1 < end, text[next] == 0x5c, text[next + 1] == 0x75,
                let second = hexadecimal(text, next + 2, end), (0xdc00..<0xe000).contains(second)
            {
                scalar = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)
                next += 6
            }
            append(scalar: scalar, to: &out)
            return next
        default:
            out.append(0x5c)
            return at + 1
        }
        return at + 2
    }

    private static func hexadecimal(_ text: borrowing ByteSpan, _ at: Int, _ end: Int) -> UInt32? {
        guard at + 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in at..<(at + 4) {
            let byte = text[index]
            let digit: UInt8
            if byte &- 48 < 10 {
                digit = byte &- 48
            } else if (byte | 0x20) &- 97 < 6 {
                digit = (byte | 0x20) &- 87
            } else {
                return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Appends a scalar as UTF-8; lone surrogates become U+FFFD.
    static func append(scalar value: UInt32, to out: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(value) else {
            out.append(contentsOf: [0xef, 0xbf, 0xbd])
            return
        }
        out.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    }
}

extension JSONScan {
    /// Bytes of the UTF-8 sequence at `at`, or 0.
    static func sequence(_ text: borrowing ByteSpan, _ at: Int) -> Int { JSONText.sequenceCount(text, at) }
}
