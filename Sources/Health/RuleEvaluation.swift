import Bytes
import Synchronization

/// Rules of groups: looked at each in its interval, one group after the other, so that they never take more than one
/// query's turn.
extension HealthMonitor {
    struct Rules: Sendable {
        struct Run {
            var group: RuleGroup
            var statuses: [RuleStatus]
            /// The interval since 1970 in which it was last looked at.
            var slot: Int64 = -1
        }

        var runs: [String: Run] = [:]
        var readingSlot: Int64 = -1
        var task: Task<Void, Never>?
    }

    /// A group with how its rules went.
    public struct ShownGroup: Sendable {
        public let group: RuleGroup
        public let statuses: [RuleStatus]
    }

    /// Groups of a tenant, by namespace and name.
    public func groups(_ tenant: String = Alert.standardTenant) -> [ShownGroup] {
        let runs = ruleState.withLock { $0.runs.values.filter { $0.group.tenant == tenant } }
        return runs.map { ShownGroup(group: $0.group, statuses: $0.statuses) }
            .sorted { ($0.group.namespace, $0.group.name) < ($1.group.namespace, $1.group.name) }
    }

    /// Adds groups, in place of those of the same names.
    /// - Returns: whether there was room, and none of them is of a file.
    public func put(_ groups: [RuleGroup]) -> Bool {
        var ended: [String] = []
        let isTaken = ruleState.withLock { state in
            let new = groups.filter { state.runs[$0.key] == nil }
            let isFixed = groups.contains { !$0.isFixed && state.runs[$0.key]?.group.isFixed == true }
            guard !isFixed, state.runs.count + new.count <= RuleGroup.countLimit else { return false }
            for group in groups {
                let old = state.runs[group.key]
                for (index, rule) in (old?.group.rules ?? []).enumerated()
                where index >= group.rules.count || group.rules[index].name != rule.name {
                    ended.append(group.key(of: index))
                }
                state.runs[group.key] = Rules.Run(
                    group: group, statuses: group.rules.map { _ in RuleStatus() }, slot: -1)
            }
            return true
        }
        guard isTaken else { return false }
        end(ended, "the rule was replaced")
        surroundings.save([], groups.filter { !$0.isFixed }.map { ("group/" + $0.key, $0.encoded) })
        return true
    }

    /// Removes the groups of a namespace, or one of them.
    /// - Returns: whether the namespace had any that are not of a file.
    public func removeGroups(_ namespace: String, name: String? = nil, tenant: String) -> Bool {
        var removed: [RuleGroup] = []
        let isKnown = ruleState.withLock { state in
            let all = state.runs.values.map(\.group).filter {
                $0.tenant == tenant && $0.namespace == namespace && !$0.isFixed
            }
            removed = all.filter { name == nil || $0.name == name }
            for group in removed { state.runs[group.key] = nil }
            return !all.isEmpty
        }
        end(removed.flatMap { group in group.rules.indices.map { group.key(of: $0) } }, "the rule was removed")
        surroundings.save([], removed.map { ("group/" + $0.key, nil) })
        return isKnown
    }

    /// Makes `groups` all that a namespace of the standard tenant has.
    /// - Returns: as `put` does.
    public func replaceGroups(of namespace: String, by groups: [RuleGroup]) -> Bool {
        let names = Set(groups.map(\.name))
        let old = self.groups().map(\.group).filter { $0.namespace == namespace && !names.contains($0.name) }
        guard !old.contains(where: \.isFixed), put(groups) else { return false }
        for group in old { _ = removeGroups(namespace, name: group.name, tenant: group.tenant) }
        return true
    }

    func end(_ prefixes: [String], _ comment: String) {
        let now = clock.nowNanoseconds()
        var outcome = AlertBook.Outcome()
        state.withLock { state in
            for prefix in prefixes { state.book.end(prefix, comment: comment, now: now, into: &outcome) }
        }
        tell(outcome)
    }

    // MARK: - Looking

    func startRules() {
        endOrphans()
        let task = Task { [weak self] in
            while !Task.isCancelled {
                guard let self else { return }
                await self.evaluateReadings(now: self.clock.nowNanoseconds())
                await self.evaluateRules(now: self.clock.nowNanoseconds())
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
        }
        ruleState.withLock { $0.task = task }
    }

    /// Ends alerts of groups that are no longer there: those of a file that is not named any more.
    func endOrphans() {
        let known = ruleState.withLock { state in
            state.runs.values.flatMap { run in run.group.rules.indices.map { run.group.key(of: $0) } }
        }
        let open = state.withLock { $0.book.open("log\u{1f}") }
        end(
            open.map(\.key).filter { key in !known.contains { key.hasPrefix($0) } }, "the rule is gone")
    }

    func stopRules() {
        ruleState.withLock { state in
            state.task?.cancel()
            state.task = nil
        }
    }

    /// Looks at every group whose interval has begun anew, if nobody else has.
    func evaluateRules(now: Int64) async {
        let due = ruleState.withLock { state -> [RuleGroup] in
            var due: [RuleGroup] = []
            for (key, run) in state.runs {
                let slot = now / (run.group.intervalSeconds &* 1_000_000_000)
                guard slot != run.slot else { continue }
                state.runs[key]?.slot = slot
                due.append(run.group)
            }
            return due.sorted { $0.key < $1.key }
        }
        for group in due {
            if Task.isCancelled { return }
            let slot = now / (group.intervalSeconds &* 1_000_000_000)
            guard await surroundings.claim("rules/" + group.key, slot) else { continue }
            for index in group.rules.indices { await evaluate(group, index) }
        }
    }

    private func evaluate(_ group: RuleGroup, _ index: Int) async {
        let rule = group.rules[index]
        let now = clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        var status = RuleStatus()
        status.evaluatedAt = now
        var outcome = AlertBook.Outcome()
        do throws(RuleFailure) {
            let series = try await surroundings.query(group.tenant, rule.expression, now)
            if group.limit > 0, series.count > group.limit {
                throw RuleFailure("exceeded limit of \(group.limit) with \(series.count) alerts")
            }
            let findings = try findings(rule, of: group, index, series, now)
            state.withLock { $0.judge(findings, rule, group.key(of: index), now, &outcome) }
        } catch {
            status.failure = error.description
        }
        status.seconds = Double(Machine.monotonicNanoseconds() &- began) / 1e9
        ruleState.withLock { state in
            // It may have been replaced meanwhile.
            guard state.runs[group.key]?.group == group else { return outcome = AlertBook.Outcome() }
            state.runs[group.key]?.statuses[index] = status
        }
        tell(outcome)
    }

    private func findings(
        _ rule: LogRule, of group: RuleGroup, _ index: Int, _ series: [RuleSeries], _ now: Int64
    ) throws(RuleFailure) -> [AlertFinding] {
        var found: [String: AlertFinding] = [:]
        for one in series {
            var plain = one.labels
            plain["__name__"] = nil
            func expanded(_ texts: [String: String]) -> [String: String] {
                texts.mapValues { surroundings.expand($0, plain, one.value, now) }
            }
            var labels = plain.merging(expanded(rule.labels)) { $1 }.filter { !$0.value.isEmpty }
            labels["alertname"] = nil
            let annotations = expanded(rule.annotations)
            let text = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\u{1f}")
            let key = group.key(of: index) + text
            var finding = AlertFinding(
                key: key, rule: rule.name, source: labels["app"] ?? "logs", value: one.value,
                message: ["summary", "message", "description"].compactMap { annotations[$0] }.first
                    ?? "\(rule.name): \(rule.shown) is \(one.value)")
            finding.level = labels["severity"] == "critical" ? .critical : .warning
            finding.threshold = rule.threshold
            finding.tenant = group.tenant
            finding.group = group.namespace + "/" + group.name
            (finding.forSeconds, finding.keepSeconds) = (rule.forSeconds, rule.keepSeconds)
            (finding.labels, finding.annotations) = (labels, annotations)
            finding.windowSeconds = max(600, rule.windowSeconds)
            finding.query = surroundings.lines(rule.lines, plain)
            guard found.updateValue(finding, forKey: key) == nil else {
                throw RuleFailure("vector contains metrics with the same labelset after applying alert labels")
            }
        }
        return found.values.sorted { $0.key < $1.key }
    }
}

extension HealthMonitor.State {
    /// Judges a rule's series, and those that it answered with before and does not now.
    mutating func judge(
        _ findings: [AlertFinding], _ rule: LogRule, _ prefix: String, _ now: Int64,
        _ outcome: inout AlertBook.Outcome
    ) {
        let seen = Set(findings.map(\.key))
        for finding in findings { book.judge(finding, now: now, into: &outcome) }
        for alert in book.open(prefix) where !seen.contains(alert.key) {
            var gone = AlertFinding(
                key: alert.key, rule: alert.rule, source: alert.source, value: alert.value, message: alert.message)
            gone.verdict = .clear
            (gone.forSeconds, gone.keepSeconds) = (rule.forSeconds, rule.keepSeconds)
            book.judge(gone, now: now, into: &outcome)
        }
    }
}
