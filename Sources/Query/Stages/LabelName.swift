internal import Bytes
internal import Model

/// Makes label names of the keys that parsers find (contract: logql 8): every character outside `[A-Za-z0-9_]` becomes
/// an underscore, a leading digit gets one in front, white space around is dropped.
enum LabelName {
    /// Whether `key` is a label name as it stands.
    @inline(__always)
    static func isClean(_ key: borrowing ByteSpan) -> Bool {
        guard key.count > 0, key[0] &- 48 >= 10 else { return false }
        for index in 0..<key.count where !isNameByte(key[index]) { return false }
        return true
    }

    /// Appends the name made of `key`; nothing for an empty one. `isFirst` is false behind a prefix, where a digit may
    /// lead.
    static func append(_ key: borrowing ByteSpan, isFirst: Bool, to out: inout [UInt8]) {
        var start = 0
        var end = key.count
        while start < end, isSpace(key[start]) { start += 1 }
        while end > start, isSpace(key[end - 1]) { end -= 1 }
        guard start < end else { return }
        if isFirst, key[start] &- 48 < 10 { out.append(0x5f) }
        while start < end {
            let byte = key[start]
            if isNameByte(byte) {
                out.append(byte)
                start += 1
            } else {
                out.append(0x5f)
                start += byte < 0x80 ? 1 : max(JSONText.sequenceCount(key, start), 1)
            }
        }
    }

    @inline(__always)
    static func isNameByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == 0x5f
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
}
