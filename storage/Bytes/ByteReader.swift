/// Input ended early or a number was out of its range; `offset` is where, in bytes from the start of what was read.
public struct ReadError: Error, Hashable, Sendable, CustomStringConvertible {
    public let offset: Int
    public let what: String

    @inlinable
    public init(_ what: String, at offset: Int) {
        self.what = what
        self.offset = offset
    }

    public var description: String { "\(what) at byte \(offset)" }
}

/// A bounds-checked cursor over bytes that came from outside (disk, network): every step can fail, none can trap.
public struct ByteReader: Sendable {
    /// All bytes; the cursor moves inside `offset..<end`.
    public let bytes: [UInt8]
    @usableFromInline var cursor: Int
    public let end: Int

    /// Where the next byte is read.
    @inlinable public var offset: Int { cursor }

    /// Reads all of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    /// Reads `bytes[range]`; the range is cut to what exists.
    public init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        end = min(max(range.upperBound, 0), bytes.count)
        cursor = min(max(range.lowerBound, 0), end)
    }

    /// Bytes left.
    @inlinable public var remaining: Int { end - offset }
    @inlinable public var isAtEnd: Bool { offset >= end }

    /// One byte.
    @inlinable
    @inline(__always)
    public mutating func byte() throws(ReadError) -> UInt8 {
        guard offset < end else { throw ReadError("bytes end early", at: offset) }
        defer { cursor += 1 }
        return bytes[offset]
    }

    /// A little-endian integer of its full width.
    @inlinable
    public mutating func littleEndian<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) throws(ReadError) -> T {
        let width = T.bitWidth / 8
        guard remaining >= width else { throw ReadError("bytes end early", at: offset) }
        var value: T = 0
        for index in 0..<width {
            value |= T(truncatingIfNeeded: bytes[offset + index]) << T(truncatingIfNeeded: 8 * index)
        }
        cursor += width
        return value
    }

    /// A signed 64-bit little-endian integer.
    @inlinable
    public mutating func int64() throws(ReadError) -> Int64 {
        Int64(bitPattern: try littleEndian(UInt64.self))
    }

    /// A LEB128 number of at most 64 bits.
    @inlinable
    @inline(__always)
    public mutating func varint() throws(ReadError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            if shift == 63 && next > 1 { throw ReadError("number over 64 bits", at: offset) }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
            if shift > 63 { throw ReadError("number over 64 bits", at: offset) }
        }
    }

    /// A zigzag LEB128 number.
    @inlinable
    @inline(__always)
    public mutating func zigzag() throws(ReadError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A count or length no larger than `limit`.
    @inlinable
    @inline(__always)
    public mutating func count(limit: Int) throws(ReadError) -> Int {
        let at = offset
        let raw = try varint()
        guard raw <= UInt64(max(limit, 0)) else { throw ReadError("count \(raw) over \(limit)", at: at) }
        return Int(raw)
    }

    /// The next `count` bytes, as a range of `bytes`.
    @inlinable
    @inline(__always)
    public mutating func range(_ count: Int) throws(ReadError) -> Range<Int> {
        guard count >= 0, count <= remaining else { throw ReadError("bytes end early", at: offset) }
        defer { cursor += count }
        return offset..<(offset + count)
    }

    /// A length-prefixed run of bytes, as a range of `bytes`.
    @inlinable
    @inline(__always)
    public mutating func prefixedRange() throws(ReadError) -> Range<Int> {
        let size = try count(limit: remaining)
        return try range(size)
    }

    /// A copy of a length-prefixed run of bytes.
    @inlinable
    public mutating func prefixed() throws(ReadError) -> [UInt8] {
        Array(bytes[try prefixedRange()])
    }

    /// A length-prefixed text.
    @inlinable
    public mutating func prefixedText() throws(ReadError) -> String {
        String(decoding: bytes[try prefixedRange()], as: UTF8.self)
    }
}
