public import Bytes

/// Bytes that are not a protobuf message.
public struct ProtobufError: Error, Hashable, Sendable, CustomStringConvertible {
    /// In bytes from the start of the span.
    public let offset: Int
    public let what: String

    public init(_ what: String, at offset: Int) {
        self.what = what
        self.offset = offset
    }

    public var description: String { "proto: \(what) at byte \(offset)" }
}

/// Walks over the fields of one protobuf message: `span[offset..<end]` of the span that each `next` is given.
public struct ProtobufReader: Sendable {
    /// One field, its number and content.
    public struct Field: BitwiseCopyable, Sendable {
        public let number: UInt64
        public let content: Content
    }

    /// What a field holds, by its wire type.
    public enum Content: BitwiseCopyable, Sendable {
        case varint(UInt64)
        /// 4 or 8 little-endian bytes.
        case fixed(UInt64)
        /// A string, bytes or message.
        case bytes(start: Int, count: Int)
    }

    public private(set) var offset: Int
    public let end: Int

    public init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field, or nil at the end.
    @inlinable
    public mutating func next(in span: borrowing ByteSpan) throws(ProtobufError) -> Field? {
        guard offset < end else { return nil }
        return try field(in: span)
    }

    @usableFromInline
    mutating func field(in span: borrowing ByteSpan) throws(ProtobufError) -> Field {
        let start = offset
        let tag = try varint(in: span)
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw ProtobufError("illegal field number", at: start) }
        switch tag & 7 {
        case 0:
            return Field(number: number, content: .varint(try varint(in: span)))
        case 1:
            return Field(number: number, content: .fixed(try fixed(8, in: span)))
        case 2:
            let count = try varint(in: span)
            guard count <= UInt64(end - offset) else { throw ProtobufError("unexpected end of input", at: offset) }
            let from = offset
            offset += Int(count)
            return Field(number: number, content: .bytes(start: from, count: Int(count)))
        case 5:
            return Field(number: number, content: .fixed(try fixed(4, in: span)))
        default:
            throw ProtobufError("illegal wire type \(tag & 7)", at: start)
        }
    }

    @inline(__always)
    private mutating func varint(in span: borrowing ByteSpan) throws(ProtobufError) -> UInt64 {
        if offset < end {
            let byte = span[offset]
            if byte < 0x80 {
                offset &+= 1
                return UInt64(byte)
            }
        }
        return try longVarint(in: span)
    }

    private mutating func longVarint(in span: borrowing ByteSpan) throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < end else { throw ProtobufError("unexpected end of input", at: offset) }
            let byte = span[offset]
            offset += 1
            guard shift < 63 || byte <= 1 else { throw ProtobufError("integer overflow", at: offset) }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func fixed(_ width: Int, in span: borrowing ByteSpan) throws(ProtobufError) -> UInt64 {
        guard end - offset >= width else { throw ProtobufError("unexpected end of input", at: offset) }
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(span[offset + index]) << UInt64(8 * index) }
        offset += width
        return value
    }
}

/// Writing protobuf fields.
public enum ProtobufWriter {
    /// Appends a varint field.
    public static func append(_ number: Int, varint value: UInt64, to out: inout [UInt8]) {
        out.appendVarint(UInt64(number) << 3)
        out.appendVarint(value)
    }

    /// Appends a field of bytes, text or a message.
    public static func append(_ number: Int, bytes: [UInt8], to out: inout [UInt8]) {
        out.appendVarint(UInt64(number) << 3 | 2)
        out.appendPrefixed(bytes)
    }
}
