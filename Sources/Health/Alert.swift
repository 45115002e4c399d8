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

    static let eventLimit = 50

    public let id: String
    public let rule: String
    public let level: AlertRule.Level
    public let source: String
    public let threshold: Double
    public let unit: String
    public internal(set) var message: String
    public internal(set) var value: Double
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

    /// Which condition it is of.
    var key: String { rule + "/" + source }

    init(_ rule: AlertRule, id: String, source: String, value: Double, message: String, now: Int64) {
        self.id = id
        self.rule = rule.name
        level = rule.level
        self.source = source
        threshold = rule.threshold
        unit = rule.unit
        self.value = value
        self.message = message
        (startedAt, lastSeen) = (now, now)
    }

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

    // MARK: - Kept

    var encoded: [UInt8] {
        func text(_ time: Int64?) -> String { time.map { "\($0)" } ?? "" }
        var texts = [
            id, rule, level.rawValue, source, "\(threshold)", unit, message, "\(value)", "\(startedAt)", "\(lastSeen)",
            text(resolvedAt), text(firedAt), acknowledgedBy ?? "", text(silencedUntil), "\(count)",
            isFlapping ? "1" : "0", isPending ? "1" : "0", text(clearSince), "\(events.count)",
        ]
        for event in events { texts += ["\(event.at)", event.from, event.to, event.by, event.comment] }
        for notice in notices { texts += [notice.channel, "\(notice.at)", notice.isSent ? "1" : "0"] }
        return TextRecord.encode(texts)
    }

    init?(_ bytes: [UInt8]) {
        guard let texts = TextRecord.decode(bytes), texts.count >= 19, let level = AlertRule.Level(rawValue: texts[2]),
            let threshold = Double(texts[4]), let value = Double(texts[7]), let started = Int64(texts[8]),
            let seen = Int64(texts[9]), let count = Int(texts[14]), let eventCount = Int(texts[18]),
            (0...Alert.eventLimit).contains(eventCount), texts.count >= 19 + eventCount * 5
        else { return nil }
        (id, rule, self.level, source) = (texts[0], texts[1], level, texts[3])
        (self.threshold, unit, message, self.value) = (threshold, texts[5], texts[6], value)
        (startedAt, lastSeen, self.count) = (started, seen, count)
        (resolvedAt, firedAt, silencedUntil) = (Int64(texts[10]), Int64(texts[11]), Int64(texts[13]))
        acknowledgedBy = texts[12].isEmpty ? nil : texts[12]
        (isFlapping, isPending, clearSince) = (texts[15] == "1", texts[16] == "1", Int64(texts[17]))
        for index in 0..<eventCount {
            let event = texts[(19 + index * 5)..<(24 + index * 5)].map { $0 }
            events.append(
                Event(at: Int64(event[0]) ?? 0, from: event[1], to: event[2], by: event[3], comment: event[4]))
        }
        var at = 19 + eventCount * 5
        while at + 3 <= texts.count {
            notices.append(Notice(channel: texts[at], at: Int64(texts[at + 1]) ?? 0, isSent: texts[at + 2] == "1"))
            at += 3
        }
    }
}
