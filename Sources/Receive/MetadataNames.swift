public import Bytes

/// Names of metadata and labels.
public enum MetadataNames {
    /// Appends `name` as a metadata name: every character outside `[A-Za-z0-9]` becomes `_`, runs of `_` become one, a
    /// leading digit gets the prefix `key_`; names of the form `__x__` keep their double underscores.
    /// - Returns: false when nothing but underscores is left; `out` is then as it was.
    public static func appendNormalised(_ name: borrowing ByteSpan, to out: inout [UInt8]) -> Bool {
        let start = out.count
        let count = name.count
        let reserved =
            count > 4 && name[0] == 0x5f && name[1] == 0x5f && name[count - 1] == 0x5f && name[count - 2] == 0x5f
        let range = reserved ? 2..<(count - 2) : 0..<count
        if reserved {
            out.append(0x5f)
            out.append(0x5f)
        }
        if let first = range.first, name[first] &- 0x30 < 10, !reserved {
            for byte in "key_".utf8 { out.append(byte) }
        }
        var inRun = false
        var meaningful = false
        for index in range {
            let byte = name[index]
            if isLetter(byte) || byte &- 0x30 < 10 {
                out.append(byte)
                inRun = false
                meaningful = true
            } else if !inRun {
                out.append(0x5f)
                inRun = true
            }
        }
        if reserved {
            out.append(0x5f)
            out.append(0x5f)
        }
        if !meaningful { out.removeSubrange(start...) }
        return meaningful
    }

    /// Whether `name` is a metadata name as it is. (Names of the form `__x__` are left to `appendNormalised`.)
    static func isNormal(_ name: borrowing ByteSpan) -> Bool {
        guard name.count > 0, name[0] &- 0x30 >= 10 else { return false }
        var inRun = false
        var meaningful = false
        for index in 0..<name.count {
            let byte = name[index]
            if isLetter(byte) || byte &- 0x30 < 10 {
                inRun = false
                meaningful = true
            } else {
                guard byte == 0x5f, !inRun else { return false }
                inRun = true
            }
        }
        return meaningful
    }

    /// Offset of the first byte that a label name (`[a-zA-Z_][a-zA-Z0-9_]*`) may not have there; nil when `name` is
    /// one.
    /// An empty name is wrong at 0.
    public static func firstInvalidByte(label name: borrowing ByteSpan) -> Int? {
        guard name.count > 0 else { return 0 }
        for index in 0..<name.count {
            let byte = name[index]
            if isLetter(byte) || byte == 0x5f || (index > 0 && byte &- 0x30 < 10) { continue }
            return index
        }
        return nil
    }

    /// The end at or before `limit` of a prefix of `text` that does not cut a UTF-8 character.
    public static func prefixEnd(_ text: borrowing ByteSpan, limit: Int) -> Int {
        guard text.count > limit else { return text.count }
        var end = max(limit, 0)
        let lowest = max(end - 3, 0)
        while end > lowest, text[end] & 0xc0 == 0x80 { end -= 1 }
        return text[end] & 0xc0 == 0x80 ? max(limit, 0) : end
    }

    @inline(__always)
    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
}
