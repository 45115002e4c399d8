/// What is looked for when lines are scrubbed.
public enum ScrubRule: Int, Hashable, Sendable, CaseIterable {
    /// Values under names that tell a secret: `password`, `api_key`, `set-cookie` …
    case keys
    /// Passwords in addresses: `https://user:password@host`.
    case urls
    /// JSON web tokens wherever they stand.
    case tokens
    /// Card numbers: digits of a card's length and issuer whose check digit is right.
    case cards
    /// Access key ids of AWS.
    case aws
    /// Private keys in PEM.
    case pem

    /// Its name in settings and metrics.
    public var name: String {
        switch self {
        case .keys: "keys"
        case .urls: "urls"
        case .tokens: "tokens"
        case .cards: "cards"
        case .aws: "aws"
        case .pem: "pem"
        }
    }

    public init?(name: String) {
        guard let rule = ScrubRule.allCases.first(where: { $0.name == name }) else { return nil }
        self = rule
    }
}

/// How lines are scrubbed.
public struct ScrubOptions: Hashable, Sendable {
    /// Rules in force; none turns scrubbing off.
    public var rules = Set(ScrubRule.allCases)
    /// Apps whose lines are stored as they are.
    public var exemptApps: [String] = []

    public init() {}
}

/// How many secrets each rule has found, by `ScrubRule.rawValue`.
public struct ScrubCounts: Hashable, Sendable {
    private var counts = [Int](repeating: 0, count: ScrubRule.allCases.count)

    public init() {}

    public var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    public subscript(rule: ScrubRule) -> Int { counts[rule.rawValue] }

    mutating func add(_ rule: ScrubRule) { counts[rule.rawValue] &+= 1 }
}
