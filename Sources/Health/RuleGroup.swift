/// A rule on what a LogQL query answers: one alert for each series that it answers with.
public struct LogRule: Sendable, Hashable {
    public var name: String
    /// As it was written.
    public var expression: String
    /// In the language's own form; the same as `expression` where that cannot be read.
    public var shown: String
    /// The value that the expression compares with, if it is of that form.
    public var threshold: Double?
    /// The log lines that the expression counts, as LogQL.
    public var lines: String
    /// How far back it counts them.
    public var windowSeconds: Int64 = 0
    public var forSeconds: Int64
    /// How long an alert goes on after its series is gone.
    public var keepSeconds: Int64
    /// Texts may hold templates.
    public var labels: [String: String]
    public var annotations: [String: String]

    public init(
        _ name: String, expression: String, forSeconds: Int64 = 0, keepSeconds: Int64 = 0,
        labels: [String: String] = [:], annotations: [String: String] = [:]
    ) {
        self.name = name
        self.expression = expression
        shown = expression
        lines = ""
        self.forSeconds = forSeconds
        self.keepSeconds = keepSeconds
        self.labels = labels
        self.annotations = annotations
    }
}

/// Rules that are looked at together, one after the other.
public struct RuleGroup: Sendable, Hashable {
    public static let countLimit = 1000
    public static let rulesLimit = 1000
    public static let standardIntervalSeconds: Int64 = 60

    public var tenant: String
    public var namespace: String
    public var name: String
    public var intervalSeconds: Int64
    /// Series beyond which a rule has failed; 0 for any number.
    public var limit: Int
    public var rules: [LogRule]
    /// Of a file: it cannot be changed over HTTP, and is not kept.
    public var isFixed = false

    public init(
        _ name: String, namespace: String, tenant: String = Alert.standardTenant,
        intervalSeconds: Int64 = RuleGroup.standardIntervalSeconds, limit: Int = 0, rules: [LogRule]
    ) {
        self.name = name
        self.namespace = namespace
        self.tenant = tenant
        self.intervalSeconds = intervalSeconds
        self.limit = limit
        self.rules = rules
    }

    /// Which group it is, whatever its rules are.
    var key: String { [tenant, namespace, name].joined(separator: "\u{1f}") }

    /// What keys of alerts of a rule begin with.
    func key(of index: Int) -> String { "log\u{1f}\(key)\u{1f}\(index)\u{1e}" }

    // MARK: - Kept

    var encoded: [UInt8] {
        var texts = ["1", tenant, namespace, name, "\(intervalSeconds)", "\(limit)", "\(rules.count)"]
        for rule in rules {
            texts += [
                rule.name, rule.expression, rule.shown, rule.threshold.map { "\($0)" } ?? "", rule.lines,
                "\(rule.forSeconds)", "\(rule.keepSeconds)", "\(rule.labels.count)", "\(rule.annotations.count)",
                "\(rule.windowSeconds)",
            ]
            for pairs in [rule.labels, rule.annotations] {
                for pair in pairs.sorted(by: { $0.key < $1.key }) { texts += [pair.key, pair.value] }
            }
        }
        return TextRecord.encode(texts)
    }

    init?(_ bytes: [UInt8]) {
        guard let texts = TextRecord.decode(bytes), texts.count >= 7, texts[0] == "1", let interval = Int64(texts[4]),
            let limit = Int(texts[5]), let count = Int(texts[6]), (0...RuleGroup.rulesLimit).contains(count),
            interval > 0
        else { return nil }
        var at = 7
        var rules: [LogRule] = []
        for _ in 0..<count {
            guard texts.count - at >= 10 else { return nil }
            let head = texts[at..<(at + 10)].map { $0 }
            at += 10
            guard let wait = Int64(head[5]), let keep = Int64(head[6]), let labels = Int(head[7]),
                let annotations = Int(head[8]), (0...1000).contains(labels), (0...1000).contains(annotations),
                texts.count - at >= (labels + annotations) * 2
            else { return nil }
            var pairs = (0..<(labels + annotations)).map { (texts[at + $0 * 2], texts[at + $0 * 2 + 1]) }
            at += pairs.count * 2
            var rule = LogRule(head[0], expression: head[1], forSeconds: wait, keepSeconds: keep)
            (rule.shown, rule.threshold, rule.lines) = (head[2], Double(head[3]), head[4])
            rule.windowSeconds = Int64(head[9]) ?? 0
            rule.annotations = Dictionary(pairs[labels...].map { $0 }, uniquingKeysWith: { $1 })
            pairs.removeLast(annotations)
            rule.labels = Dictionary(pairs, uniquingKeysWith: { $1 })
            rules.append(rule)
        }
        guard at == texts.count else { return nil }
        self.init(
            texts[3], namespace: texts[2], tenant: texts[1], intervalSeconds: interval, limit: limit, rules: rules)
    }
}

/// How the last look at a rule went.
public struct RuleStatus: Sendable, Hashable {
    /// Nanoseconds since 1970; nil if it was never looked at.
    public var evaluatedAt: Int64?
    public var seconds = 0.0
    /// Why it has no answer; nil if it had one.
    public var failure: String?

    public init() {}
}

/// A series of a rule's answer.
public struct RuleSeries: Sendable, Hashable {
    public var labels: [String: String]
    public var value: Double

    public init(labels: [String: String], value: Double) {
        self.labels = labels
        self.value = value
    }
}

/// Why a rule has no answer.
public struct RuleFailure: Error, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
