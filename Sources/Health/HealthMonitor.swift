public import Bytes
import Synchronization

/// Requests of one minute, as whoever counts them says.
public struct RequestReading: Sendable, Hashable {
    public var perSecond: Double?
    public var errorRate: Double?
    public var clientErrorRate: Double?
    public var average: Double?
    public var p50: Double?
    public var p95: Double?
    public var p99: Double?

    public init() {}
}

/// Looks after probes, samples, history and alerts. Everything is sampled by its own threads; whoever asks sees what
/// was sampled last, so that any number of askers see the same.
public final class HealthMonitor: Sendable {
    /// What the monitor is given and tells.
    public struct Surroundings: Sendable {
        /// Requests from `start` to `end`, in nanoseconds since 1970; nil where nobody counts them.
        public var requests: @Sendable (_ start: Int64, _ end: Int64) -> RequestReading? = { _, _ in nil }
        /// Further figures that rules may look at, by signal.
        public var signals: @Sendable () -> [String: Double] = { [:] }
        /// The server's own check, shown as `dendro`.
        public var ownCheck: @Sendable () -> HealthCheck = { HealthCheck(.healthy, "ok") }
        /// What is wrong with the server's own databases, or nil; blocks.
        public var ownFault: @Sendable () -> String? = { nil }
        /// Lines taken since the server's start; nil where nobody counts them.
        public var lineCount: @Sendable () -> Int? = { nil }
        /// To be kept: keys and bytes, of history and of alerts; nil removes.
        public var save: @Sendable (_ history: [(String, [UInt8]?)], _ alerts: [(String, [UInt8]?)]) -> Void = {
            _, _ in
        }
        /// Returns when all that was to be kept before the call is, or with the reason why some of it is not.
        public var settled: @Sendable () async -> String? = { nil }
        /// Somebody is to be told of an alert.
        public var notify: @Sendable (Alert) -> Void = { _ in }
        /// Alerts as they are, once a minute, for those who take silence for the end of an alert.
        public var remind: @Sendable ([Alert]) -> Void = { _ in }
        /// An alert changed.
        public var record: @Sendable (Alert, Alert.Event) -> Void = { _, _ in }
        /// Whether this server is the one to do a job in an interval, out of all that share a store; the first to ask.
        public var claim: @Sendable (_ job: String, _ slot: Int64) async -> Bool = { _, _ in true }
        /// What a LogQL query of numbers answers at `time`, about a tenant's lines.
        public var query:
            @Sendable (_ tenant: String, _ text: String, _ time: Int64) async throws(RuleFailure) -> [RuleSeries] = {
                (_, _, _) throws(RuleFailure) in []
            }
        /// A text of a rule with its templates filled in.
        public var expand:
            @Sendable (_ text: String, _ labels: [String: String], _ value: Double, _ time: Int64) -> String = {
                text, _, _, _ in text
            }
        /// The query of log lines, cut to those with the labels.
        public var lines: @Sendable (_ query: String, _ labels: [String: String]) -> String = { query, _ in query }
        /// Newest log lines that show what an alert is about.
        public var samples: @Sendable (Alert) async -> [Alert.Sample] = { _ in [] }
        /// Figures of many sources, of the signals that are due.
        public var readings: @Sendable (_ now: Int64) async -> SignalReadings = { _ in SignalReadings() }

        public init() {}
    }

    /// A look at a service that was.
    public struct Look: Sendable, Hashable {
        public let at: Int64
        public let status: HealthStatus
        public let latencyMilliseconds: Double?
    }

    struct State {
        var checks: [String: HealthCheck] = [:]
        var looks: [String: [Look]] = [:]
        var reported: [String: ReportedCheck] = [:]
        var history = MetricHistory()
        var book: AlertBook
        var sampler: SystemSampler
        var savedMinute: Int64 = 0
        /// Lines taken when the machine was last sampled, and when that was, by the monotonic clock.
        var counted: (lines: Int, at: Int64)?
        var reports = MetricReports()
    }

    public static let reportLimit = 256
    static let lookLimit = 360
    /// Shown even where nobody asked to look at them.
    static let standardNames = ["database", "redis", "duckdb"]

    public let thresholds: HealthThresholds
    public let startedAt: Int64
    let surroundings: Surroundings
    let clock: any WallClock
    let state: Mutex<State>
    let ruleState = Mutex(Rules())
    let outbox = Mutex(Outbox())
    private let probes: [Probe]
    private let wake = Gate((isStopped: false, generation: 0))
    private let threads = Mutex<[OSThread]>([])

    /// - Parameter folder: whose disk is looked at.
    public init(
        probes: [ProbeConfiguration], thresholds: HealthThresholds, folder: String, surroundings: Surroundings,
        clock: any WallClock = SystemClock()
    ) {
        self.probes = probes.map { Probe(configuration: $0, ownFault: surroundings.ownFault) }
        self.thresholds = thresholds
        self.surroundings = surroundings
        self.clock = clock
        let now = clock.nowNanoseconds()
        startedAt = now
        state = Mutex(
            State(
                book: AlertBook(
                    rules: AlertRule.standard(thresholds), serial: UInt64(clamping: max(0, now / 1_000_000))),
                sampler: SystemSampler(folder: folder)))
    }

    /// Starts the timers.
    public func start() {
        sampleSystem(now: clock.nowNanoseconds())
        var started: [OSThread] = []
        for probe in probes {
            started.append(
                OSThread(name: "dendro-probe") { [self] in
                    loop(everySeconds: probe.configuration.intervalSeconds) { [self] in look(probe) }
                })
        }
        started.append(
            OSThread(name: "dendro-health") { [self] in
                loop(everySeconds: Int(MetricHistory.sampleSeconds)) { [self] in tick() }
            })
        threads.withLock { $0 = started }
        startRules()
    }

    /// Ends the timers; blocks until they have.
    public func stop() {
        stopRules()
        wake.update { $0.isStopped = true }
        for thread in threads.withLock({ Array($0) }) { thread.join() }
        threads.withLock { $0 = [] }
        save(now: clock.nowNanoseconds())
    }

    /// Makes every probe look at once, without waiting for it.
    public func refresh() {
        wake.update { $0.generation &+= 1 }
    }

    private func loop(everySeconds seconds: Int, _ body: @escaping @Sendable () -> Void) {
        var generation = 0
        while true {
            body()
            let seen = generation
            let outcome = wake.wait(timeoutNanoseconds: Int64(seconds) &* 1_000_000_000) { state -> (Bool, Int)? in
                state.isStopped || state.generation != seen ? (state.isStopped, state.generation) : nil
            }
            if let outcome {
                if outcome.0 { return }
                generation = outcome.1
            }
        }
    }

    private func look(_ probe: Probe) {
        let check = probe.look()
        let now = clock.nowNanoseconds()
        state.withLock { $0.set(probe.configuration.name, check, now: now) }
        evaluate(now: now)
    }

    /// Samples, keeps and judges; ten seconds after each other.
    private func tick() {
        let now = clock.nowNanoseconds()
        sampleSystem(now: now)
        evaluate(now: now)
        let isDue = state.withLock { state in
            let minute = now / 60_000_000_000
            defer { state.savedMinute = minute }
            return minute != state.savedMinute
        }
        guard isDue else { return }
        save(now: now)
        remind(now: now)
    }

    private func sampleSystem(now: Int64) {
        let minute = now / 60_000_000_000 &* 60_000_000_000
        let requests = surroundings.requests(minute &- 60_000_000_000, minute)
        let own = surroundings.ownCheck()
        let lines = surroundings.lineCount()
        state.withLock { state in
            let sample = state.sampler.sample()
            state.set("system", sample.check(thresholds), now: now)
            state.set("dendro", own, now: now)
            var point = MetricPoint(seconds: now / 1_000_000_000)
            point[.cpuPercent] = sample.cpuPercent
            point[.memoryPercent] = sample.memoryPercent
            point[.diskPercent] = sample.diskPercent
            point[.apiQPS] = requests?.perSecond
            point[.apiErrorRate] = requests?.errorRate
            point[.apiClientErrorRate] = requests?.clientErrorRate
            point[.apiLatencyAverage] = requests?.average
            point[.apiLatencyP50] = requests?.p50
            point[.apiLatencyP95] = requests?.p95
            point[.apiLatencyP99] = requests?.p99
            point[.databaseLatency] = state.current("database", now: now)?.latencyMilliseconds
            point[.redisLatency] = state.current("redis", now: now)?.latencyMilliseconds
            if requests?.perSecond ?? 0 == 0 { state.reports.fill(&point, now: now) }
            point[.logsPerMinute] = state.linesPerMinute(lines)
            state.history.add(point)
        }
    }

    private func save(now: Int64) {
        let kept = state.withLock { state -> [(String, [UInt8]?)] in
            let seconds = now / 1_000_000_000
            let encoded = state.history.encoded(hourOf: seconds)
            var kept: [(String, [UInt8]?)] = [
                ("recent", encoded.recent), (HealthMonitor.hourKey(seconds / 3600), encoded.hour),
            ]
            // The last minute of an hour is made in the next one.
            if seconds % 3600 < 180 {
                kept.append(
                    (HealthMonitor.hourKey(seconds / 3600 - 1), state.history.encoded(hourOf: seconds - 3600).hour))
                kept.append((HealthMonitor.hourKey(seconds / 3600 - Int64(HealthMonitor.hourLimit)), nil))
            }
            for (slot, bytes) in state.reports.takeChanges() { kept.append(("report/\(slot)", bytes)) }
            for (name, looks) in state.looks { kept.append(("looks/" + name, HealthMonitor.encode(looks))) }
            return kept
        }
        surroundings.save(kept, [])
    }

    /// Hours whose minutes are kept.
    static let hourLimit = MetricHistory.minuteLimit / 60 + 1

    static let reportedPrefix = "reported/"

    static func hourKey(_ hour: Int64) -> String { "hour/\(hour)" }

    private static func encode(_ looks: [Look]) -> [UInt8] {
        TextRecord.encode(
            looks.flatMap { look in
                ["\(look.at)", look.status.rawValue, look.latencyMilliseconds.map { "\($0)" } ?? ""]
            })
    }

    static func looks(_ bytes: [UInt8]) -> [Look] {
        guard let texts = TextRecord.decode(bytes) else { return [] }
        return stride(from: 0, to: texts.count / 3 * 3, by: 3).compactMap { at in
            guard let time = Int64(texts[at]), let status = HealthStatus(rawValue: texts[at + 1]) else { return nil }
            return Look(at: time, status: status, latencyMilliseconds: Double(texts[at + 2]))
        }
    }
}

extension HealthMonitor.State {
    /// Notes what a look gave.
    mutating func set(_ name: String, _ found: HealthCheck, now: Int64) {
        var check = found
        check.checkedAt = now
        if let before = checks[name], before.status == check.status {
            check.since = before.since
        } else {
            check.since = now
        }
        checks[name] = check
        var list = looks[name] ?? []
        list.append(.init(at: now, status: check.status, latencyMilliseconds: check.latencyMilliseconds))
        let oldest = now - 3_600_000_000_000
        list.removeAll { $0.at < oldest }
        if list.count > HealthMonitor.lookLimit { list.removeFirst(list.count - HealthMonitor.lookLimit) }
        looks[name] = list
    }

    /// How fast lines have come since this was last asked.
    mutating func linesPerMinute(_ lines: Int?) -> Double? {
        guard let lines else { return nil }
        let now = Machine.monotonicNanoseconds()
        defer { counted = (lines, now) }
        guard let counted, now > counted.at else { return nil }
        return Double(lines &- counted.lines) * 60e9 / Double(now - counted.at)
    }

    /// What is known of a service now; a report that was not repeated in time is none.
    func current(_ name: String, now: Int64) -> HealthCheck? {
        guard let reported = reported[name] else { return checks[name] }
        guard reported.expires <= now else { return reported.check }
        var check = HealthCheck(.unavailable, "no report for more than \(reported.ttlSeconds) s")
        check.checkedAt = reported.check.checkedAt
        check.since = reported.expires
        return check
    }
}
