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
        _ rule: AlertRule, source: String, value: Double?, message: String, now: Int64, into outcome: inout Outcome
    ) {
        guard rule.isEnabled, let value else { return }
        let isBad = value > rule.threshold
        guard let id = current[rule.name + "/" + source], var alert = alerts[id] else {
            if isBad { begin(rule, source, value, message, now, &outcome) }
            return
        }
        if let resolved = alert.resolvedAt {
            guard isBad else { return }
            guard now - resolved < AlertBook.reopenNanoseconds else {
                return begin(rule, source, value, message, now, &outcome)
            }
            alert.resolvedAt = nil
            alert.isPending = true
            alert.clearSince = nil
            alert.acknowledgedBy = nil
            alert.note("resolved", "pending", now: now)
            outcome.events.append((alert, alert.events[alert.events.count - 1]))
            alert.startedAt = now
        }
        alert.value = value
        if isBad {
            alert.message = message
            alert.lastSeen = now
            alert.count &+= 1
            alert.clearSince = nil
        } else if alert.isPending {
            // A short excess that nobody was told of; one that comes back is seen in the events.
            if alert.firedAt == nil {
                alerts[id] = nil
                current[alert.key] = nil
            } else {
                settle(&alert, "pending", now, &outcome, tells: false)
                alerts[id] = alert
            }
            outcome.changed.insert(id)
            return
        } else if value < rule.clear {
            let since = alert.clearSince ?? now
            alert.clearSince = since
            if now - since >= rule.keepSeconds &* 1_000_000_000 { settle(&alert, "firing", now, &outcome) }
        } else {
            alert.clearSince = nil
        }
        fire(rule, &alert, now, &outcome)
        alerts[id] = alert
        outcome.changed.insert(id)
    }

    private mutating func begin(
        _ rule: AlertRule, _ source: String, _ value: Double, _ message: String, _ now: Int64,
        _ outcome: inout Outcome
    ) {
        guard makeRoom() else { return }
        serial &+= 1
        let id = "al_" + String(serial, radix: 32)
        var alert = Alert(rule, id: id, source: source, value: value, message: message, now: now)
        alert.note("ok", "pending", now: now)
        outcome.events.append((alert, alert.events[0]))
        fire(rule, &alert, now, &outcome)
        alerts[id] = alert
        current[alert.key] = id
        outcome.changed.insert(id)
    }

    /// Makes a pending alert fire once it is old enough; repeats what nobody has acknowledged.
    private func fire(_ rule: AlertRule, _ alert: inout Alert, _ now: Int64, _ outcome: inout Outcome) {
        guard alert.resolvedAt == nil else { return }
        if alert.isPending {
            guard now - alert.startedAt >= rule.forSeconds &* 1_000_000_000 else { return }
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
