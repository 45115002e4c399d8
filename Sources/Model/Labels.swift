public import Bytes

// Labels and metadata share one encoding, in memory and on disk: for each pair, sorted by name bytes and without
// repeats, varint name length, name, varint value length, value. Equal sets have equal bytes.

/// Walks over encoded pairs.
public struct PairCursor: Sendable {
    public var offset: Int
    public let end: Int

    /// Walks over `span[range]` of the span that each `next` is given.
    @inlinable
    public init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next pair as ranges of `span`, or nil at the end or where the bytes are not pairs.
    @inlinable
    public mutating func next(in span: borrowing ByteSpan) -> (name: Range<Int>, value: Range<Int>)? {
        guard let name = prefixed(in: span), let value = prefixed(in: span) else { return nil }
        return (name, value)
    }

    @inlinable
    mutating func prefixed(in span: borrowing ByteSpan) -> Range<Int>? {
        var size = 0
        var shift = 0
        while true {
            guard offset < end, offset < span.count, shift <= 28 else { return nil }
            let byte = span[offset]
            offset += 1
            size |= Int(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        guard size <= end - offset, end <= span.count else { return nil }
        defer { offset += size }
        return offset..<(offset + size)
    }
}

/// An immutable set of label pairs in its canonical encoding.
public struct LabelSet: Hashable, Sendable, CustomStringConvertible {
    /// The canonical encoding.
    public let encoded: [UInt8]

    /// Takes bytes that are already canonical.
    public init(canonical encoded: [UInt8]) {
        self.encoded = encoded
    }

    /// Encodes `pairs`: sorted by name, the last of equal names wins, empty values are absent.
    public init(_ pairs: [(name: String, value: String)]) {
        var latest: [String: String] = [:]
        for pair in pairs { latest[pair.name] = pair.value }
        let sorted = latest.filter { !$0.value.isEmpty }
            .map { ([UInt8]($0.key.utf8), [UInt8]($0.value.utf8)) }
            .sorted { $0.0.span.compare($1.0.span) < 0 }
        var bytes: [UInt8] = []
        for (name, value) in sorted {
            bytes.appendPrefixed(name)
            bytes.appendPrefixed(value)
        }
        encoded = bytes
    }

    public static func == (a: LabelSet, b: LabelSet) -> Bool { a.encoded == b.encoded }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(Hash.keyed64(encoded))
    }

    /// The stream's identity: part of the on-disk format.
    public var hash: Hash128 { Hash.hash128(encoded) }

    /// All pairs as text, sorted by name.
    public var pairs: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        var cursor = PairCursor(0..<encoded.count)
        let span = encoded.span
        while let pair = cursor.next(in: span) {
            result.append((span.extracting(pair.name).text, span.extracting(pair.value).text))
        }
        return result
    }

    /// The value of `name`, or nil.
    public func value(of name: String) -> String? {
        let wanted = [UInt8](name.utf8)
        guard let range = LabelSet.range(of: wanted.span, in: encoded.span, 0..<encoded.count) else { return nil }
        return encoded.span.extracting(range).text
    }

    /// Where in `span[range]`, encoded pairs, the value of `name` lies; nil when absent.
    @inlinable
    public static func range(of name: borrowing ByteSpan, in span: borrowing ByteSpan, _ range: Range<Int>) -> Range<
        Int
    >? {
        var cursor = PairCursor(range)
        while let pair = cursor.next(in: span) {
            if pair.name.count == name.count, span.extracting(pair.name).equals(name) { return pair.value }
        }
        return nil
    }

    /// The trace id among encoded pairs, under the first of its names that is there; empty if none is.
    public static func traceID(in metadata: borrowing ByteSpan) -> String {
        for name in traceNames {
            if let range = range(of: name.span, in: metadata, 0..<metadata.count) {
                return metadata.extracting(range).text
            }
        }
        return ""
    }

    private static let traceNames = FieldName.indexed.map { [UInt8]($0.utf8) }

    /// Selector notation: `{app="shop", level="error"}`.
    public var description: String {
        "{" + pairs.map { "\($0.name)=\(LabelSet.quoted($0.value))" }.joined(separator: ", ") + "}"
    }

    /// `text` in double quotes with Go's escapes for quotes, backslashes and control characters.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
