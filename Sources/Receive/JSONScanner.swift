public import Bytes

/// Text that is not JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// In bytes from the start of the scanned span.
    public let offset: Int
    /// One clear sentence without the place.
    public let what: String
    /// Whether the input is a beginning of valid JSON: it only stops too soon.
    public let endsEarly: Bool

    public init(_ what: String, at offset: Int, endsEarly: Bool = false) {
        self.what = what
        self.offset = offset
        self.endsEarly = endsEarly
    }

    public var description: String { "\(what) at byte \(offset)" }
}

/// A cursor over JSON text by RFC 8259, strictly: no comments, no trailing commas, no leading zeros, no raw control
/// characters in strings. Strings may hold any bytes above 0x1f: invalid UTF-8 is kept as it is.
///
/// The text itself is handed to every call, so that the scanner can be stored and copied freely.
public struct JSONScanner: Sendable {
    /// Next byte to look at.
    public var offset: Int
    /// Where the text ends.
    public let end: Int
    /// Levels of nesting allowed; at most `deepest`.
    public let maxDepth: Int

    /// Levels that the scanner can follow at all.
    public static let deepest = 127

    /// Scans `span[range]` of the span that every call is given.
    public init(_ range: Range<Int>, maxDepth: Int) {
        offset = range.lowerBound
        end = range.upperBound
        self.maxDepth = min(max(maxDepth, 1), JSONScanner.deepest)
    }

    /// Passes over white space.
    @inline(__always)
    public mutating func skipSpace(in span: borrowing ByteSpan) {
        while offset < end {
            let byte = span[offset]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            offset &+= 1
        }
    }

    /// The next byte that is not white space, not consumed; 0 at the end.
    @inline(__always)
    public mutating func peek(in span: borrowing ByteSpan) -> UInt8 {
        if offset < end {
            let byte = span[offset]
            if byte > 0x20 { return byte }
        }
        skipSpace(in: span)
        return offset < end ? span[offset] : 0
    }

    /// Consumes `byte`, after white space.
    @inline(__always)
    public mutating func expect(_ byte: UInt8, in span: borrowing ByteSpan) throws(JSONError) {
        guard peek(in: span) == byte, offset < end else { throw expected("'\(Unicode.Scalar(byte))'", in: span) }
        offset &+= 1
    }

    /// Consumes `byte` if it comes next, after white space.
    @inline(__always)
    public mutating func take(_ byte: UInt8, in span: borrowing ByteSpan) -> Bool {
        guard peek(in: span) == byte, offset < end else { return false }
        offset &+= 1
        return true
    }

    /// After an item of an array or object: consumes a comma (true) or `close` (false).
    @inline(__always)
    public mutating func more(until close: UInt8, in span: borrowing ByteSpan) throws(JSONError) -> Bool {
        if take(0x2c, in: span) { return true }
        if take(close, in: span) { return false }
        throw expected("',' or '\(Unicode.Scalar(close))'", in: span)
    }

    /// Consumes the word `null` if it comes next.
    public mutating func takeNull(in span: borrowing ByteSpan) -> Bool {
        guard peek(in: span) == 0x6e, end - offset >= 4, span[offset + 1] == 0x75, span[offset + 2] == 0x6c,
            span[offset + 3] == 0x6c
        else { return false }
        offset += 4
        return true
    }

    /// Requires that only white space is left.
    public mutating func finish(in span: borrowing ByteSpan) throws(JSONError) {
        skipSpace(in: span)
        guard offset >= end else { throw JSONError("unexpected text after the JSON document", at: offset) }
    }

    /// The error that `what` was expected here.
    public func expected(_ what: String, in span: borrowing ByteSpan) -> JSONError {
        offset < end
            ? JSONError("expected \(what)", at: offset) : JSONError("JSON ends early", at: offset, endsEarly: true)
    }

    /// Passes over one value of any kind, checking its grammar. `depth` levels are open around it.
    public mutating func skipValue(in span: borrowing ByteSpan, depth: Int) throws(JSONError) {
        let limit = maxDepth - depth
        var level = 0
        var kinds: UInt128 = 0  // one bit a level, the innermost lowest: 1 is an object
        while true {
            let byte = peek(in: span)
            if byte == 0x7b || byte == 0x5b {
                guard level < limit else { throw JSONError("JSON is nested more than \(maxDepth) deep", at: offset) }
                offset += 1
                if take(byte &+ 2, in: span) {
                    // an empty one is a whole value
                } else {
                    level += 1
                    kinds = kinds << 1 | (byte == 0x7b ? 1 : 0)
                    if byte == 0x7b { try skipKey(in: span) }
                    continue
                }
            } else {
                try skipScalar(byte, in: span)
            }
            while true {
                if level == 0 { return }
                let inObject = kinds & 1 == 1
                if try more(until: inObject ? 0x7d : 0x5d, in: span) {
                    if inObject { try skipKey(in: span) }
                    break
                }
                level -= 1
                kinds >>= 1
            }
        }
    }

    @inline(__always)
    private mutating func skipKey(in span: borrowing ByteSpan) throws(JSONError) {
        try skipString(in: span)
        try expect(0x3a, in: span)
    }

    /// Passes over a string, number or word that begins with `byte`.
    private mutating func skipScalar(_ byte: UInt8, in span: borrowing ByteSpan) throws(JSONError) {
        switch byte {
        case 0x22: try skipString(in: span)
        case 0x2d, 0x30...0x39: try skipNumber(in: span)
        case 0x74: try skipWord([0x74, 0x72, 0x75, 0x65], in: span)
        case 0x66: try skipWord([0x66, 0x61, 0x6c, 0x73, 0x65], in: span)
        case 0x6e: try skipWord([0x6e, 0x75, 0x6c, 0x6c], in: span)
        default: throw expected("a value", in: span)
        }
    }

    private mutating func skipWord<let count: Int>(
        _ word: InlineArray<count, UInt8>, in span: borrowing ByteSpan
    ) throws(JSONError) {
        for index in 0..<count {
            guard offset < end, span[offset] == word[index] else { throw expected("a value", in: span) }
            offset += 1
        }
    }

    private mutating func skipDigits(in span: borrowing ByteSpan) throws(JSONError) {
        let start = offset
        while offset < end, span[offset] &- 0x30 < 10 { offset += 1 }
        guard offset > start else { throw expected("a digit", in: span) }
    }

    private mutating func skipNumber(in span: borrowing ByteSpan) throws(JSONError) {
        if span[offset] == 0x2d { offset += 1 }
        if offset < end, span[offset] == 0x30 {
            offset += 1
        } else {
            try skipDigits(in: span)
        }
        if offset < end, span[offset] == 0x2e {
            offset += 1
            try skipDigits(in: span)
        }
        if offset < end, span[offset] | 0x20 == 0x65 {
            offset += 1
            if offset < end, span[offset] == 0x2b || span[offset] == 0x2d { offset += 1 }
            try skipDigits(in: span)
        }
    }
}
