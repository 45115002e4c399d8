import Bytes

/// A token as its owner holds it: `dendro_<id>_<secret>`, so that it is recognised wherever it leaks.
public struct TokenText: Hashable, Sendable {
    public let id: String
    /// 64 hex digits: 256 random bits.
    public let secret: String

    private static let prefix = "dendro_"

    /// A new one, of the system's randomness.
    public static func random() -> TokenText {
        var random = SystemRandomNumberGenerator()
        let words = (0..<5).map { _ in hexadecimal(random.next()) }
        return TokenText(id: String(words[4].prefix(12)), secret: words[..<4].joined())
    }

    private init(id: String, secret: String) {
        self.id = id
        self.secret = secret
    }

    /// Takes what a client sent apart; nil when it has not the form of a token.
    public init?(_ text: String) {
        guard text.utf8.count == 84, text.hasPrefix(TokenText.prefix) else { return nil }
        let parts = text.dropFirst(TokenText.prefix.count).split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 12, parts[1].utf8.count == 64 else { return nil }
        self.init(id: String(parts[0]), secret: String(parts[1]))
    }

    /// What is shown once.
    public var text: String { TokenText.prefix + id + "_" + secret }

    /// What is kept.
    public var digest: [UInt8] { SHA256.digest([UInt8](secret.utf8)) }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// How clients send a token: `Bearer <token>`, or `Basic` with the token as password and any user.
public enum Credential {
    /// The token in an Authorization header; nil when there is none in it.
    public static func token(authorization: String) -> String? {
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let value = String(parts[1].drop { $0 == " " })
        switch parts[0].lowercased() {
        case "bearer": return value
        case "basic":
            guard let bytes = decoded([UInt8](value.utf8)), let colon = bytes.firstIndex(of: 0x3a) else { return nil }
            return String(decoding: bytes[(colon + 1)...], as: UTF8.self)
        default: return nil
        }
    }

    /// Base64, with or without its padding; nil when it is none.
    static func decoded(_ text: [UInt8]) -> [UInt8]? {
        guard text.count <= 4096 else { return nil }
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            if byte == 0x3d { break }
            let value: UInt8
            switch byte {
            case 65...90: value = byte - 65
            case 97...122: value = byte - 71
            case 48...57: value = byte + 4
            case 0x2b, 0x2d: value = 62
            case 0x2f, 0x5f: value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return out
    }
}
