import Bytes
import Testing

@testable import Health

/// Rules of groups against answers that the test makes.
@Suite struct RuleTests {
    /// What the test and the monitor share.
    final class World: Sendable {
        let answer = Gate<[RuleSeries]>([])
        let failure = Gate<String?>(nil)
        let asked = Gate<[String]>([])
        let told = Gate<[String]>([])
        let saved = Gate<[String: [UInt8]]>([:])
        let slots = Gate<[String: Int64]>([:])
    }

    private let world = World()
    private let clock = StepClock()

    private func monitor() -> HealthMonitor {
        var surroundings = HealthMonitor.Surroundings()
        let world = world
        surroundings.query = { (_, text, _) async throws(RuleFailure) in
            world.asked.update { $0.append(text) }
            if let failure = world.failure.withLock({ $0 }) { throw RuleFailure(failure) }
            return world.answer.withLock { $0 }
        }
        surroundings.expand = { text, labels, value, _ in
            text == "app" ? labels["app"] ?? "" : text == "value" ? "\(value)" : text
        }
        surroundings.lines = { query, labels in
            query + labels.sorted { $0.key < $1.key }.map { " | \($0.key)=\($0.value)" }.joined()
        }
        surroundings.samples = { alert in [Alert.Sample(time: 1, message: "line of " + alert.query, trace: "t1")] }
        surroundings.notify = { alert in
            world.told.update {
                $0.append("\(alert.labels["app"] ?? "") \(alert.state(now: 0)) \(alert.samples.count)")
            }
        }
        surroundings.save = { _, alerts in
            world.saved.update { saved in for (key, bytes) in alerts { saved[key] = bytes } }
        }
        surroundings.claim = { job, slot in
            world.slots.update { slots in
                defer { slots[job] = max(slots[job] ?? .min, slot) }
                return slots[job].map { $0 < slot } ?? true
            }
        }
        return HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: surroundings, clock: clock)
    }

    private func step(_ monitor: HealthMonitor, seconds: Int64 = 60) async {
        clock.time.update { $0 += seconds * 1_000_000_000 }
        await monitor.evaluateRules(now: clock.nowNanoseconds())
    }

    private func group(forSeconds: Int64 = 0, keepSeconds: Int64 = 0) -> RuleGroup {
        var rule = LogRule(
            "Failing", expression: "x > 3", forSeconds: forSeconds, keepSeconds: keepSeconds,
            labels: ["severity": "critical", "team": "app"], annotations: ["summary": "value"])
        (rule.lines, rule.threshold) = ("{}", 3)
        return RuleGroup("g", namespace: "n", rules: [rule])
    }

    private func states(_ monitor: HealthMonitor) -> [String] {
        monitor.alerts().map { "\($0.labels["app"] ?? "") \($0.state(now: clock.nowNanoseconds()))" }.sorted()
    }

    @Test func eachSeriesIsAnAlertThatWaitsFiresAndEnds() async throws {
        let monitor = monitor()
        #expect(monitor.put([group(forSeconds: 60)]))
        world.answer.update {
            $0 = [
                RuleSeries(labels: ["app": "shop", "__name__": "x"], value: 7),
                RuleSeries(labels: ["app": "bank"], value: 4),
            ]
        }
        await step(monitor)
        #expect(states(monitor) == ["bank pending", "shop pending"])
        world.answer.update { $0 = [RuleSeries(labels: ["app": "shop"], value: 9)] }
        await step(monitor)
        // One that was never told of leaves no trace.
        #expect(states(monitor) == ["shop firing"])
        let alert = try #require(monitor.alerts().first)
        #expect(alert.labels == ["app": "shop", "severity": "critical", "team": "shop"])
        #expect(alert.message == "9.0" && alert.level == .critical && alert.threshold == 3)
        #expect(alert.query == "{} | app=shop" && alert.group == "n/g" && alert.value == 9)
        #expect(Alert(alert.encoded) == alert)
        world.answer.update { $0 = [] }
        await step(monitor)
        #expect(states(monitor) == ["shop resolved"])
        #expect(monitor.groups().first?.statuses.first?.failure == nil)
        let told = await world.told.reached(2)
        #expect(told == ["shop firing 1", "shop resolved 1"])
    }

    @Test func anAlertIsKeptFiringAsLongAsItsRuleSays() async {
        let monitor = monitor()
        #expect(monitor.put([group(keepSeconds: 90)]))
        world.answer.update { $0 = [RuleSeries(labels: [:], value: 7)] }
        await step(monitor)
        world.answer.update { $0 = [] }
        await step(monitor)
        await step(monitor)
        #expect(states(monitor) == [" firing"])
        await step(monitor)
        #expect(states(monitor) == [" resolved"])
    }

    @Test func failuresAreNamedAndChangeNothing() async {
        let monitor = monitor()
        var group = group()
        group.limit = 1
        #expect(monitor.put([group]))
        world.answer.update { $0 = [RuleSeries(labels: [:], value: 7)] }
        await step(monitor)
        world.failure.update { $0 = "no answer" }
        await step(monitor)
        #expect(states(monitor) == [" firing"])
        #expect(monitor.groups().first?.statuses.first?.failure == "no answer")
        world.failure.update { $0 = nil }
        world.answer.update { $0 = ["a", "b"].map { RuleSeries(labels: ["app": $0], value: 7) } }
        await step(monitor)
        #expect(monitor.groups().first?.statuses.first?.failure == "exceeded limit of 1 with 2 alerts")
        world.answer.update { $0 = ["a", "b"].map { RuleSeries(labels: ["__name__": $0], value: 7) } }
        #expect(monitor.put([self.group()]))
        await step(monitor)
        #expect(monitor.groups().first?.statuses.first?.failure?.contains("same labelset") == true)
    }

    @Test func ofSeveralServersOneLooks() async {
        let (first, second) = (monitor(), monitor())
        for monitor in [first, second] { #expect(monitor.put([group()])) }
        for _ in 0..<3 {
            clock.time.update { $0 += 60_000_000_000 }
            let now = clock.nowNanoseconds()
            async let one: Void = first.evaluateRules(now: now)
            async let other: Void = second.evaluateRules(now: now)
            _ = await (one, other)
            // And nobody looks twice in an interval.
            await first.evaluateRules(now: now + 1)
        }
        #expect(world.asked.withLock { $0.count } == 3)
    }

    @Test func groupsAreKeptReplacedAndRemoved() async {
        let monitor = monitor()
        var fixed = group()
        (fixed.namespace, fixed.isFixed) = ("rules.yaml", true)
        #expect(monitor.put([group(), fixed]))
        fixed.isFixed = false
        #expect(!monitor.put([fixed]))
        #expect(!monitor.removeGroups("rules.yaml", tenant: "default"))
        let kept = world.saved.withLock { $0.filter { $0.key.hasPrefix("group/") } }
        #expect(kept.count == 1)
        let again = self.monitor()
        again.restore(history: [], alerts: kept.map { ($0.key, $0.value) })
        #expect(again.groups().map(\.group) == [group()])
        world.answer.update { $0 = [RuleSeries(labels: [:], value: 7)] }
        await step(again)
        #expect(again.alerts().count == 1)
        #expect(again.removeGroups("n", tenant: "default"))
        #expect(again.alerts().map { $0.state(now: 0) } == [.resolved])
        #expect(!again.removeGroups("n", tenant: "default"))
        #expect(again.groups("another").isEmpty)
    }

    @Test func alertsWithoutTheirRuleEnd() async throws {
        let monitor = monitor()
        var fixed = group()
        fixed.isFixed = true
        #expect(monitor.put([fixed]))
        world.answer.update { $0 = [RuleSeries(labels: [:], value: 7)] }
        await step(monitor)
        _ = monitor.report("redis", HealthCheck(.unavailable, "gone"), ttlSeconds: 3600)
        let kept = world.saved.withLock { $0 }
        // The next start does not name the file any more.
        let again = self.monitor()
        again.restore(history: [], alerts: kept.map { ($0.key, $0.value) })
        #expect(again.alerts().filter { $0.resolvedAt == nil }.count == 2)
        again.endOrphans()
        #expect(again.alerts().filter { $0.resolvedAt == nil }.map(\.rule) == ["probe_down"])
        again.setRules(again.rules().filter { $0.name != "probe_down" })
        #expect(again.alerts().allSatisfy { $0.resolvedAt != nil })
    }

    @Test func readingsOfManySourcesComeAndGo() async {
        var surroundings = HealthMonitor.Surroundings()
        let readings = Gate(SignalReadings())
        surroundings.readings = { _ in readings.withLock { $0 } }
        let monitor = HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: surroundings, clock: clock)
        var reading = SignalReading("error_new", source: "e_1", value: 1, message: "new")
        reading.labels = ["error_id": "e_1"]
        readings.update { $0.all = [reading] }
        await monitor.evaluateReadings(now: clock.nowNanoseconds())
        // Nothing was looked at, so nothing is known.
        #expect(monitor.alerts().isEmpty)
        readings.update { $0.signals = ["error_new"] }
        for (expected, all) in [(1, [reading]), (0, [])] {
            readings.update { $0.all = all }
            clock.time.update { $0 += 15_000_000_000 }
            await monitor.evaluateReadings(now: clock.nowNanoseconds())
            #expect(monitor.alerts().filter { $0.resolvedAt == nil }.count == expected)
        }
        #expect(monitor.alerts().first?.labels == ["error_id": "e_1"])
        #expect(monitor.alerts().first?.rule == "error_group_new")
    }
}

extension Gate<[String]> {
    /// The list, once it has so many entries; at most ten seconds later.
    func reached(_ count: Int) async -> [String] {
        for _ in 0..<1000 where withLock({ $0.count }) < count { try? await Task.sleep(for: .milliseconds(10)) }
        return withLock { $0 }
    }
}
