import Bytes
import Synchronization

/// A figure of one source out of many: of an error group, of an app.
public struct SignalReading: Sendable {
    public var signal: String
    public var source: String
    public var value: Double
    /// Empty: what the rule says of the value.
    public var message: String
    public var labels: [String: String] = [:]
    /// Log lines that show it, as LogQL.
    public var query = ""
    public var samples: [Alert.Sample] = []
    /// Whose lines it is about.
    public var tenant = Alert.standardTenant

    public init(_ signal: String, source: String, value: Double, message: String) {
        self.signal = signal
        self.source = source
        self.value = value
        self.message = message
    }
}

/// Readings of some signals; a source that has none is well.
public struct SignalReadings: Sendable {
    /// Those that were looked at; of others nothing is known.
    public var signals: Set<String> = []
    public var all: [SignalReading] = []

    public init() {}
}

// Judging: the server's own rules, by what was sampled, reported and read.

extension HealthMonitor {
    /// How often signals of many sources are read.
    static let readingSeconds: Int64 = 15
    /// Judged by readings, not by samples.
    static let listSignals: Set<String> = [
        "error_new", "error_regressed", "error_burst", "app_silent", "retention_behind",
    ]

    /// Judges all rules by what is known now.
    func evaluate(now: Int64) {
        let signals = surroundings.signals()
        var outcome = AlertBook.Outcome()
        state.withLock { state in
            let point = state.history.recent.last
            for rule in state.book.rules where !HealthMonitor.listSignals.contains(rule.signal) {
                if rule.signal == "probe" || rule.signal == "probe_missing" {
                    state.judgeProbes(rule, now: now, &outcome)
                    continue
                }
                var value = signals[rule.signal]
                if let field = MetricField(rawValue: rule.signal) {
                    switch field {
                    case .databaseLatency: value = state.current("database", now: now)?.latencyMilliseconds
                    case .redisLatency: value = state.current("redis", now: now)?.latencyMilliseconds
                    default: value = point?[field]
                    }
                }
                state.book.judge(
                    rule, source: rule.source, value: value, message: rule.message(value ?? 0), now: now,
                    into: &outcome)
            }
        }
        tell(outcome)
    }

    /// Reads signals of many sources and judges them, once in `readingSeconds`.
    func evaluateReadings(now: Int64) async {
        let slot = now / (HealthMonitor.readingSeconds &* 1_000_000_000)
        let isDue = ruleState.withLock { state in
            defer { state.readingSlot = slot }
            return state.readingSlot != slot
        }
        guard isDue, await surroundings.claim("readings", slot) else { return }
        let readings = await surroundings.readings(now)
        var outcome = AlertBook.Outcome()
        state.withLock { state in
            for rule in state.book.rules where readings.signals.contains(rule.signal) {
                let isSampled = !HealthMonitor.listSignals.contains(rule.signal)
                state.book.judge(
                    rule, readings.all.filter { $0.signal == rule.signal }, isSampled: isSampled, now: now, &outcome)
            }
        }
        tell(outcome)
    }

    // MARK: - Telling

    struct Outbox: Sendable {
        static let limit = 10_000

        var waiting: [Alert] = []
        var isDraining = false
    }

    func tell(_ outcome: AlertBook.Outcome) {
        keep(outcome.changed)
        for (alert, event) in outcome.events { surroundings.record(alert, event) }
        guard !outcome.notices.isEmpty else { return }
        let begins = outbox.withLock { outbox in
            outbox.waiting += outcome.notices.prefix(max(0, Outbox.limit - outbox.waiting.count))
            defer { outbox.isDraining = true }
            return !outbox.isDraining
        }
        if begins { Task { await drain() } }
    }

    private func keep(_ changed: Set<String>) {
        guard !changed.isEmpty else { return }
        let kept = state.withLock { state in
            changed.sorted().map { id in ("alert/" + id, state.book.alerts[id]?.encoded) }
        }
        surroundings.save([], kept)
    }

    /// Tells of alerts in the order in which they came up, each with log lines that show what it is about.
    private func drain() async {
        while true {
            let next = outbox.withLock { outbox -> Alert? in
                if outbox.waiting.isEmpty { outbox.isDraining = false }
                return outbox.waiting.isEmpty ? nil : outbox.waiting.removeFirst()
            }
            guard var alert = next else { return }
            if alert.samples.isEmpty {
                // Those of when it began to fire, for the notice that it is over.
                alert.samples = state.withLock { $0.book.alerts[alert.id]?.samples } ?? []
            }
            if alert.resolvedAt == nil, alert.samples.isEmpty {
                alert.samples = Array(await surroundings.samples(alert).prefix(Alert.samplesLimit))
                state.withLock { $0.book.note(alert.samples, of: alert.id) }
                keep([alert.id])
            }
            surroundings.notify(alert)
        }
    }

    /// Tells those who want to hear of alerts again and again.
    func remind(now: Int64) {
        let quarter: Int64 = 900_000_000_000
        let alerts = alerts().filter { alert in
            guard alert.firedAt != nil, alert.state(now: now) != .silenced else { return false }
            return alert.isActive || alert.resolvedAt.map { now - $0 < quarter } == true
        }
        if !alerts.isEmpty { surroundings.remind(alerts) }
    }
}

extension HealthMonitor.State {
    /// Services that are down; those whose application no longer reports on them are missing.
    mutating func judgeProbes(_ rule: AlertRule, now: Int64, _ outcome: inout AlertBook.Outcome) {
        for name in Set(checks.keys).union(reported.keys).subtracting(["system", "dendro"]).sorted() {
            guard let check = current(name, now: now) else { continue }
            let isMissing = reported[name].map { $0.expires <= now } ?? false
            let isDown = check.status == .unhealthy || check.status == .unavailable
            let isBad = rule.signal == "probe" ? isDown && !isMissing : isMissing
            book.judge(
                rule, source: name, value: isBad ? 1 : 0,
                message: "\(name) is \(check.status.rawValue): \(check.message)", labels: ["probe": name], now: now,
                into: &outcome)
        }
    }
}

extension AlertBook {
    /// Judges a rule for every source that has a reading, and for those that had one.
    /// - Parameter isSampled: readings are of other tenants than the standard one, which is judged by samples.
    mutating func judge(
        _ rule: AlertRule, _ readings: [SignalReading], isSampled: Bool = false, now: Int64, _ outcome: inout Outcome
    ) {
        for reading in readings {
            judge(
                rule, source: reading.source, value: reading.value,
                message: reading.message.isEmpty ? rule.message(reading.value) : reading.message,
                labels: reading.labels, query: reading.query, samples: reading.samples, tenant: reading.tenant,
                now: now, into: &outcome)
        }
        let seen = Set(readings.map(\.source))
        for alert in open(rule.name + "/") where !seen.contains(alert.source) {
            if isSampled, alert.tenant == Alert.standardTenant { continue }
            judge(rule, source: alert.source, value: 0, message: alert.message, now: now, into: &outcome)
        }
    }
}

extension AlertRule {
    /// `CPU 91 % above 80 % for 3 min`
    func message(_ value: Double) -> String {
        func text(_ number: Double) -> String {
            let rounded = (number * 10).rounded() / 10
            let whole = Int64(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
            return unit.isEmpty ? whole : whole + " " + unit
        }
        let wait = forSeconds >= 60 ? " for \(forSeconds / 60) min" : forSeconds > 0 ? " for \(forSeconds) s" : ""
        return "\(title) \(text(value)) above \(text(threshold))\(wait)"
    }
}
