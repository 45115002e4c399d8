import Bytes
import Synchronization

// What routes ask of the monitor.

extension HealthMonitor {
    /// All checks by name: the well-known ones first, whether anybody looks at them or not.
    public func checks() -> [(name: String, check: HealthCheck)] {
        let now = clock.nowNanoseconds()
        return state.withLock { state in
            let known = Set(state.checks.keys).union(state.reported.keys)
            let fixed = HealthMonitor.standardNames + ["system", "dendro"]
            let names = fixed + known.subtracting(fixed).sorted()
            return names.map { name in
                (name, state.current(name, now: now) ?? HealthCheck(.unknown, "nobody looks at it"))
            }
        }
    }

    /// One check and the looks of the last hour; nil for a name that is not known.
    public func check(_ name: String) -> (check: HealthCheck, history: [Look])? {
        guard let check = checks().first(where: { $0.name == name })?.check else { return nil }
        return (check, state.withLock { $0.looks[name] ?? [] })
    }

    /// An application's word on something that it looks after.
    /// - Returns: whether there was room for another name.
    public func report(_ name: String, _ check: HealthCheck, ttlSeconds: Int) -> Bool {
        let now = clock.nowNanoseconds()
        let taken = state.withLock { state -> ReportedCheck? in
            guard state.reported[name] != nil || state.reported.count < HealthMonitor.reportLimit else { return nil }
            state.set(name, check, now: now)
            guard let kept = state.checks[name] else { return nil }
            let ttl = Int64(clamping: ttlSeconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
            let reported = ReportedCheck(check: kept, expires: now &+ ttl, ttlSeconds: ttlSeconds)
            state.reported[name] = reported
            return reported
        }
        guard let taken else { return false }
        surroundings.save([(HealthMonitor.reportedPrefix + name, taken.encoded)], [])
        evaluate(now: now)
        return true
    }

    /// Values as sampled last, and of the last hour.
    public func metrics() -> (current: MetricPoint, average: MetricPoint, maximum: MetricPoint) {
        let now = clock.nowNanoseconds() / 1_000_000_000
        return state.withLock { state in
            let hour = state.history.lastHour(before: now)
            return (state.history.recent.last ?? MetricPoint(seconds: now), hour.average, hour.maximum)
        }
    }

    /// Averages by steps, in seconds; nil where nothing is known.
    public func series(from start: Int64, count: Int, step: Int64) -> [MetricPoint?] {
        guard count > 0, step > 0 else { return [] }
        return state.withLock { $0.history.series(from: start, count: count, step: step) }
    }

    /// When the machine was last sampled, in nanoseconds since 1970.
    public var sampledAt: Int64 {
        (state.withLock { $0.history.recent.last?.seconds } ?? startedAt / 1_000_000_000) &* 1_000_000_000
    }

    /// Whether an application reports on it, so that no probe does.
    public func isReported(_ name: String) -> Bool { state.withLock { $0.reported[name] != nil } }

    /// Returns when every change so far is stored, or with the reason why one is not.
    public func settled() async -> String? { await surroundings.settled() }

    // MARK: - Alerts

    /// All alerts, newest first.
    public func alerts() -> [Alert] {
        state.withLock { Array($0.book.alerts.values) }.sorted { ($0.startedAt, $0.id) > ($1.startedAt, $1.id) }
    }

    public func alert(_ id: String) -> Alert? { state.withLock { $0.book.alerts[id] } }

    public func rules() -> [AlertRule] { state.withLock { $0.book.rules } }

    public func setRules(_ rules: [AlertRule]) {
        let kept = Set(rules.filter(\.isEnabled).map(\.name))
        let gone = state.withLock { state in
            defer { state.book.rules = rules }
            return state.book.rules.map(\.name).filter { !kept.contains($0) }
        }
        end(gone.map { $0 + "/" }, "the rule was removed")
        surroundings.save([], [("rules", TextRecord.encode(rules.flatMap(\.texts)))])
    }

    /// Does to an alert what somebody asked for; nil if there is none of this id.
    public func change(_ id: String, _ action: AlertAction, by: String, comment: String) -> Alert? {
        let now = clock.nowNanoseconds()
        var outcome = AlertBook.Outcome()
        let alert = state.withLock {
            $0.book.change(id, action, by: by, comment: comment, now: now, into: &outcome)
        }
        tell(outcome)
        return alert
    }

    /// Notes that somebody was told of an alert, or could not be.
    public func noteNotice(_ id: String, channel: String, isSent: Bool) {
        let now = clock.nowNanoseconds()
        state.withLock { $0.book.noteNotice(id, Alert.Notice(channel: channel, at: now, isSent: isSent)) }
        var outcome = AlertBook.Outcome()
        outcome.changed.insert(id)
        tell(outcome)
    }

    /// An alert as a rule would raise it, for trying out who is told.
    public func testAlert() -> Alert {
        let now = clock.nowNanoseconds()
        var finding = AlertFinding(
            key: "test", rule: "test", source: "test", value: 1, message: "a test of notices")
        finding.threshold = 0
        var alert = Alert(finding, id: "al_test", now: now)
        alert.isPending = false
        return alert
    }

    /// Tells whoever is told of alerts of this one.
    public func notifyNow(_ alert: Alert) { surroundings.notify(alert) }

    /// Takes back what applications reported; what is long over leaves the state.
    private func restoreReported(_ history: [(key: String, bytes: [UInt8])]) {
        let records = history.filter { $0.key.hasPrefix(HealthMonitor.reportedPrefix) }
        let gone = state.withLock { state in
            records.filter { record in
                guard let reported = ReportedCheck(record.bytes), reported.isKept(startedAt),
                    state.reported.count < HealthMonitor.reportLimit
                else { return true }
                let name = String(record.key.dropFirst(HealthMonitor.reportedPrefix.count))
                state.reported[name] = reported
                state.checks[name] = reported.check
                return false
            }
        }
        if !gone.isEmpty { surroundings.save(gone.map { ($0.key, nil) }, []) }
    }

    /// Takes back what was kept, before `start`.
    public func restore(history: [(key: String, bytes: [UInt8])], alerts: [(key: String, bytes: [UInt8])]) {
        restoreReported(history)
        // By their number, not by the clock, which may be wrong after a start.
        let stale = history.map(\.key).filter { $0.hasPrefix("hour/") }
            .sorted { (Int64($0.dropFirst(5)) ?? 0) < (Int64($1.dropFirst(5)) ?? 0) }
            .dropLast(HealthMonitor.hourLimit)
        if !stale.isEmpty { surroundings.save(stale.map { ($0, nil) }, []) }
        state.withLock { state in
            let recent = history.first { $0.key == "recent" }?.bytes ?? []
            state.history.restore(
                recent: recent, hours: history.filter { $0.key.hasPrefix("hour/") }.map(\.bytes))
            for record in history where record.key.hasPrefix("looks/") {
                state.looks[String(record.key.dropFirst(6))] = HealthMonitor.looks(record.bytes)
            }
            for record in history where record.key.hasPrefix("report/") {
                guard let slot = Int(record.key.dropFirst(7)) else { continue }
                state.reports.restore(slot, record.bytes, now: startedAt)
            }
            state.book.restore(
                alerts.filter { $0.key.hasPrefix("alert/") }.compactMap { Alert($0.bytes) })
            ruleState.withLock { rules in
                for group in alerts.filter({ $0.key.hasPrefix("group/") }).compactMap({ RuleGroup($0.bytes) }) {
                    rules.runs[group.key] = Rules.Run(
                        group: group, statuses: group.rules.map { _ in RuleStatus() })
                }
            }
            if let texts = alerts.first(where: { $0.key == "rules" }).flatMap({ TextRecord.decode($0.bytes) }) {
                let rules = stride(from: 0, to: texts.count, by: AlertRule.textCount).compactMap { at in
                    AlertRule(texts[at..<min(texts.count, at + AlertRule.textCount)])
                }
                if !rules.isEmpty { state.book.rules = rules }
            }
        }
    }
}
