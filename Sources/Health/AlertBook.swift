/// All alerts and the rules they come of. A plain value: its owner locks it.
struct AlertBook: Sendable {
    /// What one evaluation led to.
    struct Outcome {
        var changed: Set<String> = []
        /// Alerts that somebody is to be told of.
        var notices: [Alert] = []
        /// Every change of state.
        var events: [(alert: Alert, event: Alert.Event)] = []
    }

    static let alertLimit = 1000
    private static let reopenNanoseconds: Int64 = 900_000_000_000
    private static let repeatNanoseconds: Int64 = 4 * 3600 * 1_000_000_000

    var rules: [AlertRule]
    private(set) var alerts: [String: Alert] = [:]
    /// Keys of conditions and ids of their last alerts.
    private var current: [String: String] = [:]
    private var serial: UInt64

    init(rules: [AlertRule], serial: UInt64) {
        self.rules = rules
        self.serial = serial
    }

    mutating func restore(_ kept: [Alert]) {
        for alert in kept.sorted(by: { $0.startedAt < $1.startedAt }).suffix(AlertBook.alertLimit) {
            alerts[alert.id] = alert
            current[alert.key] = alert.id
        }
    }

    /// Judges one rule for one source; a value that is not known changes nothing.
    mutating func judge(
        _ rule: AlertRule, source: String, value: Double?, message: String, labels: [String: String] = [:],
        query: String = "", samples: [Alert.Sample] = [], tenant: String = Alert.standardTenant, now: Int64,
        into outcome: inout Outcome
    ) {
        guard rule.isEnabled, let value else { return }
        var finding = AlertFinding(
            key: rule.name + "/" + source, rule: rule.name, source: source, value: value, message: message)
        finding.level = rule.level
        finding.threshold = rule.threshold
        finding.unit = rule.unit
        (finding.forSeconds, finding.keepSeconds) = (rule.forSeconds, rule.keepSeconds)
        finding.verdict = value > rule.threshold ? .bad : value < rule.clear ? .clear : .between
        finding.labels = labels
        finding.query = query.isEmpty ? rule.lines : query
        finding.samples = samples
        finding.tenant = tenant
        judge(finding, now: now, into: &outcome)
    }

    /// Judges what was found; a condition that was never bad and is not now leaves no trace.
    mutating func judge(_ finding: AlertFinding, now: Int64, into outcome: inout Outcome) {
        let isBad = finding.verdict == .bad
        guard let id = current[finding.key], var alert = alerts[id] else {
            if isBad { begin(finding, now, &outcome) }
            return
        }
        if let resolved = alert.resolvedAt {
            guard isBad else { return }
            guard now - resolved < AlertBook.reopenNanoseconds else { return begin(finding, now, &outcome) }
            alert.resolvedAt = nil
            alert.isPending = true
            alert.clearSince = nil
            alert.acknowledgedBy = nil
            alert.note("resolved", "pending", now: now)
            outcome.events.append((alert, alert.events[alert.events.count - 1]))
            alert.startedAt = now
        }
        alert.value = finding.value
        if isBad {
            alert.message = finding.message
            (alert.labels, alert.annotations) = (finding.labels, finding.annotations)
            alert.query = finding.query
            if !finding.samples.isEmpty { alert.samples = finding.samples }
            alert.lastSeen = now
            alert.count &+= 1
            alert.clearSince = nil
        } else if alert.isPending {
            return dropPending(alert, now, &outcome)
        } else if finding.verdict == .clear {
            let since = alert.clearSince ?? now
            alert.clearSince = since
            if now - since >= finding.keepSeconds &* 1_000_000_000 { settle(&alert, "firing", now, &outcome) }
        } else {
            alert.clearSince = nil
        }
        fire(finding.forSeconds, &alert, now, &outcome)
        alerts[id] = alert
        outcome.changed.insert(id)
    }

    /// A short excess that nobody was told of goes; one that comes back is seen in the events.
    private mutating func dropPending(_ alert: Alert, _ now: Int64, _ outcome: inout Outcome) {
        if alert.firedAt == nil {
            alerts[alert.id] = nil
            current[alert.key] = nil
        } else {
            var alert = alert
            settle(&alert, "pending", now, &outcome, tells: false)
            alerts[alert.id] = alert
        }
        outcome.changed.insert(alert.id)
    }

    /// Alerts that are not over, of conditions whose keys begin with `prefix`.
    func open(_ prefix: String) -> [Alert] {
        alerts.values.filter { $0.resolvedAt == nil && $0.key.hasPrefix(prefix) }.sorted { $0.id < $1.id }
    }

    /// Ends alerts whose rule is gone.
    mutating func end(_ prefix: String, comment: String, now: Int64, into outcome: inout Outcome) {
        for var alert in open(prefix) {
            if alert.isPending {
                dropPending(alert, now, &outcome)
                continue
            }
            settle(&alert, alert.state(now: now).rawValue, now, &outcome, comment: comment)
            alerts[alert.id] = alert
            outcome.changed.insert(alert.id)
        }
    }

    private mutating func begin(_ finding: AlertFinding, _ now: Int64, _ outcome: inout Outcome) {
        guard makeRoom() else { return }
        serial &+= 1
        let id = "al_" + String(serial, radix: 32)
        var alert = Alert(finding, id: id, now: now)
        alert.note("ok", "pending", now: now)
        outcome.events.append((alert, alert.events[0]))
        fire(finding.forSeconds, &alert, now, &outcome)
        alerts[id] = alert
        current[alert.key] = id
        outcome.changed.insert(id)
    }

    /// Makes a pending alert fire once it is old enough; repeats what nobody has acknowledged.
    private func fire(_ forSeconds: Int64, _ alert: inout Alert, _ now: Int64, _ outcome: inout Outcome) {
        guard alert.resolvedAt == nil else { return }
        if alert.isPending {
            guard now - alert.startedAt >= forSeconds &* 1_000_000_000 else { return }
            alert.isPending = false
            alert.firedAt = now
            alert.note("pending", "firing", now: now)
            outcome.events.append((alert, alert.events[alert.events.count - 1]))
            if alert.state(now: now) != .silenced { outcome.notices.append(alert) }
        } else if let fired = alert.firedAt, now - fired >= AlertBook.repeatNanoseconds,
            alert.state(now: now) == .firing, !alert.isFlapping
        {
            alert.firedAt = now
            outcome.notices.append(alert)
        }
    }

    private func settle(
        _ alert: inout Alert, _ from: String, _ now: Int64, _ outcome: inout Outcome, tells: Bool = true,
        by: String = "", comment: String = ""
    ) {
        let isSilent = alert.state(now: now) == .silenced
        alert.resolvedAt = now
        alert.note(from, "resolved", now: now, by: by, comment: comment)
        outcome.events.append((alert, alert.events[alert.events.count - 1]))
        if tells, !isSilent { outcome.notices.append(alert) }
    }

    /// The oldest resolved alert goes where there are too many.
    private mutating func makeRoom() -> Bool {
        guard alerts.count >= AlertBook.alertLimit else { return true }
        guard let oldest = alerts.values.filter({ $0.resolvedAt != nil }).min(by: { $0.lastSeen < $1.lastSeen }) else {
            return false
        }
        alerts[oldest.id] = nil
        if current[oldest.key] == oldest.id { current[oldest.key] = nil }
        return true
    }

    // MARK: - Asked by people

    /// Changes an alert as `action` says; nil if there is none of this id.
    mutating func change(
        _ id: String, _ action: AlertAction, by: String, comment: String, now: Int64, into outcome: inout Outcome
    ) -> Alert? {
        guard var alert = alerts[id] else { return nil }
        let from = alert.state(now: now).rawValue
        switch action {
        case .acknowledge: alert.acknowledgedBy = by
        case .silence(let until): alert.silencedUntil = until
        case .resolve:
            if alert.resolvedAt == nil { settle(&alert, from, now, &outcome, by: by, comment: comment) }
            alerts[id] = alert
            outcome.changed.insert(id)
            return alert
        }
        alert.note(from, alert.state(now: now).rawValue, now: now, by: by, comment: comment)
        outcome.events.append((alert, alert.events[alert.events.count - 1]))
        alerts[id] = alert
        outcome.changed.insert(id)
        return alert
    }

    mutating func note(_ samples: [Alert.Sample], of id: String) {
        alerts[id]?.samples = samples
    }

    mutating func noteNotice(_ id: String, _ notice: Alert.Notice) {
        guard var alert = alerts[id] else { return }
        alert.notices.append(notice)
        if alert.notices.count > 20 { alert.notices.removeFirst() }
        alerts[id] = alert
    }
}

/// What people do to an alert.
public enum AlertAction: Sendable, Hashable {
    case acknowledge
    /// Until then, in nanoseconds since 1970.
    case silence(until: Int64)
    case resolve
}
