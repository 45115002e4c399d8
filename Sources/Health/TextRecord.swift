/// Texts one after the other, each behind its length: how alerts and rules are kept.
enum TextRecord {
    private static let countLimit = 100_000

    static func encode(_ texts: [String]) -> [UInt8] {
        var out: [UInt8] = []
        for text in texts {
            var length = UInt32(clamping: text.utf8.count)
            for _ in 0..<4 {
                out.append(UInt8(truncatingIfNeeded: length))
                length >>= 8
            }
            out += text.utf8
        }
        return out
    }

    /// The texts, or nil if the bytes do not end where a text does.
    static func decode(_ bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        var at = 0
        while at < bytes.count {
            guard bytes.count - at >= 4, texts.count < countLimit else { return nil }
            let length = (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << ($1 * 8) }
            at += 4
            guard length <= bytes.count - at else { return nil }
            texts.append(String(decoding: bytes[at..<(at + length)], as: UTF8.self))
            at += length
        }
        return texts
    }
}
