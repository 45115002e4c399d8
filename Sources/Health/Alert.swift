/// Something that a rule complains of, from its first sign until some time after it is over.
public struct Alert: Sendable, Hashable {
    public enum State: String, Sendable, CaseIterable {
        case pending, firing, acknowledged, silenced, resolved
    }

    /// A notice sent, or tried.
    public struct Notice: Sendable, Hashable {
        public var channel: String
        public var at: Int64
        public var isSent: Bool
    }

    /// A change of state.
    public struct Event: Sendable, Hashable {
        public var at: Int64
        public var from: String
        public var to: String
        public var by: String
        public var comment: String
    }

    /// A log line that shows what the alert is about.
    public struct Sample: Sendable, Hashable {
        public var time: Int64
        public var message: String
        public var trace: String

        public init(time: Int64, message: String, trace: String) {
            self.time = time
            self.message = message
            self.trace = trace
        }
    }

    public static let samplesLimit = 5
    static let eventLimit = 50

    public let id: String
    /// Which condition it is of.
    public let key: String
    public let rule: String
    public let level: AlertRule.Level
    public let source: String
    /// nil where the condition is no single number's.
    public let threshold: Double?
    public let unit: String
    /// Whose lines it is about.
    public let tenant: String
    /// Namespace and name of the group whose rule it is of, with a slash between; empty for the server's own rules.
    public let group: String
    public internal(set) var message: String
    public internal(set) var value: Double
    /// What tells it from others of its rule; for rules of groups all labels but the rule's name.
    public internal(set) var labels: [String: String]
    public internal(set) var annotations: [String: String]
    /// Which log lines are behind it, as LogQL; empty if that is not known.
    public internal(set) var query: String
    /// How far back these lines reach.
    public let windowSeconds: Int64
    /// The newest such lines of when it began to fire.
    public internal(set) var samples: [Sample] = []
    /// Times in nanoseconds since 1970.
    public internal(set) var startedAt: Int64
    public internal(set) var lastSeen: Int64
    public internal(set) var resolvedAt: Int64?
    public internal(set) var firedAt: Int64?
    public internal(set) var acknowledgedBy: String?
    public internal(set) var silencedUntil: Int64?
    /// How often the condition was true.
    public internal(set) var count = 1
    public internal(set) var events: [Event] = []
    public internal(set) var notices: [Notice] = []
    public internal(set) var isFlapping = false
    var isPending = true
    var clearSince: Int64?

    init(_ finding: AlertFinding, id: String, now: Int64) {
        self.id = id
        key = finding.key
        rule = finding.rule
        level = finding.level
        source = finding.source
        threshold = finding.threshold
        unit = finding.unit
        tenant = finding.tenant
        group = finding.group
        value = finding.value
        message = finding.message
        labels = finding.labels
        annotations = finding.annotations
        query = finding.query
        windowSeconds = finding.windowSeconds
        samples = finding.samples
        (startedAt, lastSeen) = (now, now)
    }

    /// Whether somebody was told that it fires, and it is not over.
    var isActive: Bool { resolvedAt == nil && !isPending }

    public func state(now: Int64) -> State {
        if resolvedAt != nil { return .resolved }
        if isPending { return .pending }
        if let silencedUntil, silencedUntil > now { return .silenced }
        return acknowledgedBy != nil ? .acknowledged : .firing
    }

    mutating func note(_ from: String, _ to: String, now: Int64, by: String = "", comment: String = "") {
        events.append(Event(at: now, from: from, to: to, by: by, comment: comment))
        if events.count > Alert.eventLimit { events.removeFirst() }
        // Over four changes in fifteen minutes.
        if events.suffix(5).count == 5, let first = events.suffix(5).first, now - first.at < 900_000_000_000 {
            isFlapping = true
        }
    }
}

/// What a look at a condition gave.
struct AlertFinding: Sendable {
    enum Verdict {
        case bad
        /// Neither bad nor well enough to be over.
        case between
        case clear
    }

    var key: String
    var rule: String
    var level = AlertRule.Level.warning
    var source: String
    var threshold: Double?
    var unit = ""
    var tenant = Alert.standardTenant
    var group = ""
    var forSeconds: Int64 = 0
    var keepSeconds: Int64 = 0
    var verdict = Verdict.bad
    var value: Double
    var message: String
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]
    var query = ""
    var windowSeconds: Int64 = 600
    var samples: [Alert.Sample] = []
}

extension Alert {
    /// The tenant of servers without tenants.
    public static let standardTenant = "default"
}
