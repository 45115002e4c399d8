/// In which release a group was resolved: events of older releases, or of none, do not bring it back.
public struct Resolution: Hashable, Sendable {
    /// Bytes of a release that are taken.
    public static let releaseLimit = 200

    public let release: String
    /// Whether it is resolved in whatever comes after `release`.
    public let isAfter: Bool

    public init(_ release: String, isAfter: Bool = false) {
        self.release = release
        self.isAfter = isAfter
    }

    /// Whether an event of `other` shows that the group was not resolved. Versions are compared; of other names the
    /// release itself counts, and one that the group has not been seen with before: it came later.
    func isContradicted(by other: String, isKnown: Bool) -> Bool {
        if other.isEmpty { return false }
        if other == release { return !isAfter }
        switch ReleaseVersion.order(other, release) {
        case .less: return false
        case .equal: return !isAfter
        case .greater: return true
        case nil: return !isKnown
        }
    }
}

/// A release as a version: an optional package and `@`, an optional `v`, numbers with dots, an optional pre-release
/// after `-`; what follows `+` does not count. Ordered as Semantic Versioning 2.0.0, section 11, says.
struct ReleaseVersion {
    enum Order { case less, equal, greater }

    private static let numbersLimit = 8

    private let package: Substring
    private let numbers: [UInt64]
    private let preRelease: [Substring]

    init?(_ text: String) {
        var rest = text[...]
        if let at = rest.lastIndex(of: "@") {
            package = rest[..<at]
            rest = rest[rest.index(after: at)...]
        } else {
            package = ""
        }
        if let plus = rest.firstIndex(of: "+") { rest = rest[..<plus] }
        if rest.first == "v" || rest.first == "V" { rest = rest.dropFirst() }
        let parts = rest.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let texts = (parts.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
        guard !texts.isEmpty, texts.count <= ReleaseVersion.numbersLimit else { return nil }
        var numbers: [UInt64] = []
        for text in texts {
            guard let number = ReleaseVersion.number(text) else { return nil }
            numbers.append(number)
        }
        self.numbers = numbers
        preRelease = parts.count > 1 ? parts[1].split(separator: ".", omittingEmptySubsequences: false) : []
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(text) : nil
    }

    /// How `a` stands to `b`; nil where they are not versions of one package.
    static func order(_ a: String, _ b: String) -> Order? {
        guard let a = ReleaseVersion(a), let b = ReleaseVersion(b), a.package == b.package else { return nil }
        for index in 0..<max(a.numbers.count, b.numbers.count) {
            let one = index < a.numbers.count ? a.numbers[index] : 0
            let other = index < b.numbers.count ? b.numbers[index] : 0
            if one != other { return one < other ? .less : .greater }
        }
        if a.preRelease.isEmpty || b.preRelease.isEmpty {
            if a.preRelease.isEmpty, b.preRelease.isEmpty { return .equal }
            return a.preRelease.isEmpty ? .greater : .less
        }
        for (one, other) in zip(a.preRelease, b.preRelease) where one != other {
            switch (number(one), number(other)) {
            case (let one?, let other?) where one != other: return one < other ? .less : .greater
            case (_?, _?): continue
            case (_?, nil): return .less
            case (nil, _?): return .greater
            case (nil, nil): return one.utf8.lexicographicallyPrecedes(other.utf8) ? .less : .greater
            }
        }
        if a.preRelease.count == b.preRelease.count { return .equal }
        return a.preRelease.count < b.preRelease.count ? .less : .greater
    }
}
