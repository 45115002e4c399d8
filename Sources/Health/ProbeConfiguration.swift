/// A service to look at, and how often.
public struct ProbeConfiguration: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        case postgres, redis, http, tcp, file, sqlite

        /// Whether it is a file's, not a service's.
        var isLocal: Bool { self == .file || self == .sqlite }
    }

    /// Why a probe's text cannot be used.
    public struct Failure: Error, Hashable, CustomStringConvertible {
        public let description: String
    }

    public static let countLimit = 32
    /// The path of a SQLite probe that stands for the server's own databases.
    public static let ownPath = "own"

    public let name: String
    public let kind: Kind
    /// Host and port of a service; empty and 0 for a file.
    public let host: String
    public let port: Int
    /// `/path?query` of an HTTP service, a file's path, a database's name after a slash.
    public private(set) var path: String
    public let user: String
    public let password: String
    public private(set) var intervalSeconds = 10
    public private(set) var timeoutMilliseconds = 2000
    /// Answers slower than this are degraded.
    public private(set) var thresholdMilliseconds: Double
    /// A file older than this is degraded; nil for any age.
    public private(set) var maximumAgeSeconds: Int?

    /// Where it looks, without secrets.
    public var target: String { kind.isLocal ? path : "\(host):\(port)" }

    /// The probe as it was written, without its password.
    public static func shown(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@"), let slashes = text.firstRange(of: "://"),
            slashes.upperBound <= at, let colon = text[slashes.upperBound..<at].firstIndex(of: ":")
        else { return text }
        return text[...colon] + "hidden" + text[at...]
    }

    /// Reads `name=kind://user:password@host:port/path?interval_s=10&timeout_ms=2000&threshold_ms=100`.
    public init(_ text: String) throws(Failure) {
        guard let equals = text.firstIndex(of: "="), let colon = text.range(of: "://", after: equals) else {
            throw Failure(description: "'\(text)' is not a probe such as database=postgres://db1:5432")
        }
        name = String(text[..<equals])
        let isName = name.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5f
        }
        guard !name.isEmpty, name.utf8.count <= 64, isName else {
            throw Failure(description: "'\(name)' is no name of a probe: letters, digits and _ are")
        }
        let word = String(text[text.index(after: equals)..<colon.lower])
        guard let kind = Kind(rawValue: word == "postgresql" ? "postgres" : word) else {
            let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(description: "probe \(name): '\(word)' is not one of \(known)")
        }
        self.kind = kind
        var rest = text[colon.upper...]
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        var credentials: Substring = ""
        if kind.isLocal {
            (host, port) = ("", 0)
        } else {
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            var authority = rest[..<slash]
            rest = rest[slash...]
            if let at = authority.lastIndex(of: "@") {
                credentials = authority[..<at]
                authority = authority[authority.index(after: at)...]
            }
            (host, port) = try ProbeConfiguration.address(authority, kind, name)
        }
        let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        user = parts.first ?? ""
        password = parts.count > 1 ? parts[1] : ""
        thresholdMilliseconds = kind == .redis ? 50 : kind == .http ? 500 : kind == .sqlite ? 10_000 : 100
        // A check of a whole file is not done every ten seconds.
        if kind == .sqlite { (intervalSeconds, timeoutMilliseconds) = (300, 20_000) }
        var kept: [Substring] = []
        path = String(rest)
        if kind.isLocal, path.isEmpty { throw Failure(description: "probe \(name): \(word):// needs a path") }
        for pair in query.split(separator: "&") where try !set(pair) { kept.append(pair) }
        if kind == .http, !kept.isEmpty {
            path = (rest.isEmpty ? "/" : String(rest)) + "?" + kept.joined(separator: "&")
        } else if let first = kept.first {
            throw Failure(description: "probe \(name): unknown option '\(first)'")
        }
    }

    /// Takes an option; false if it is none.
    private mutating func set(_ pair: Substring) throws(Failure) -> Bool {
        let parts = pair.split(separator: "=", maxSplits: 1)
        let ranges = [
            "interval_s": 1...3600, "timeout_ms": 10...60_000, "threshold_ms": 1...60_000, "max_age_s": 1...315_360_000,
        ]
        guard let range = ranges[String(parts[0])] else { return false }
        guard parts.count == 2, let number = Int(parts[1]), range.contains(number) else {
            throw Failure(
                description: "probe \(name): \(parts[0]) is from \(range.lowerBound) to \(range.upperBound)")
        }
        switch parts[0] {
        case "interval_s": intervalSeconds = number
        case "timeout_ms": timeoutMilliseconds = number
        case "threshold_ms": thresholdMilliseconds = Double(number)
        default: maximumAgeSeconds = number
        }
        return true
    }

    private static func address(
        _ text: Substring, _ kind: Kind, _ name: String
    ) throws(Failure) -> (host: String, port: Int) {
        let standard: Int? =
            switch kind {
            case .postgres: 5432
            case .redis: 6379
            case .http: 80
            case .tcp, .file, .sqlite: nil
            }
        var host = text
        var port = standard
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            host = text[..<colon]
            port = Int(text[text.index(after: colon)...])
        }
        guard let port, (1...65535).contains(port), !host.isEmpty else {
            throw Failure(description: "probe \(name): '\(text)' is not a host with a port")
        }
        return (String(host.filter { $0 != "[" && $0 != "]" }), port)
    }
}

extension String {
    /// Where `needle` begins and ends at or after `start`.
    fileprivate func range(of needle: String, after start: Index) -> (lower: Index, upper: Index)? {
        var at = start
        while at < endIndex {
            if self[at...].hasPrefix(needle) { return (at, index(at, offsetBy: needle.count)) }
            at = index(after: at)
        }
        return nil
    }
}
