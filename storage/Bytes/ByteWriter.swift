// Writing little-endian integers and varints (LEB128) to the end of a byte array.
extension Array where Element == UInt8 {
    /// Appends the `count` low bytes of `value`, lowest first.
    @inlinable
    public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        let little = value.littleEndian
        unsafe Swift.withUnsafeBytes(of: little) { unsafe append(contentsOf: $0) }
    }

    /// Appends `value` as LEB128, 1 to 10 bytes.
    @inlinable
    public mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Appends a count or length, which must not be negative, as LEB128.
    @inlinable
    public mutating func appendVarint(_ count: Int) {
        appendVarint(UInt64(count))
    }

    /// Appends a signed value, zigzag then LEB128: small magnitudes stay short.
    @inlinable
    public mutating func appendZigzag(_ value: Int64) {
        appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Appends the length as varint, then the bytes.
    @inlinable
    public mutating func appendPrefixed(_ bytes: [UInt8]) {
        appendVarint(bytes.count)
        append(contentsOf: bytes)
    }

    /// Appends the UTF-8 length as varint, then the text.
    @inlinable
    public mutating func appendPrefixed(_ text: String) {
        var copy = text
        copy.withUTF8 { unsafe appendPrefixedBuffer($0) }
    }

    @usableFromInline
    mutating func appendPrefixedBuffer(_ buffer: UnsafeBufferPointer<UInt8>) {
        appendVarint(buffer.count)
        unsafe append(contentsOf: buffer)
    }

    /// Overwrites a little-endian integer written before at `offset`.
    @inlinable
    public mutating func putLittleEndian<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        precondition(offset >= 0 && offset + T.bitWidth / 8 <= count, "BUG: put at \(offset) of \(count)")
        let little = value.littleEndian
        unsafe Swift.withUnsafeBytes(of: little) { source in
            for index in 0..<source.count { unsafe self[offset + index] = source[index] }
        }
    }
}
