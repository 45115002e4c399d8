import Bytes
import Health
import Index
import Logging
import Model
import Observe
import Requests
import Server
import Store
import Synchronization

extension Wiring {
    /// The monitor of probes, history and alerts, with what was kept of it; its timers do not run yet.
    func health(_ store: Store, _ backend: Backend, _ logger: Logger) async throws(StartError) -> HealthMonitor {
        let files = try RuleFiles.read(settings.ruleFiles)
        let delivery = AlertDelivery(
            webhooks: settings.alertWebhooks, alertmanager: settings.alertmanager, base: settings.externalURL,
            trust: settings.alertTrust, logger: logger)
        let link = HealthLink()
        var surroundings = HealthMonitor.Surroundings()
        let walBudget = Double(max(1, settings.walBudgetBytes))
        let ingest = backend.metrics.ingest
        surroundings.ownCheck = { HealthLink.ownCheck(store.statistics) }
        surroundings.ownFault = { store.databaseFault() }
        surroundings.lineCount = { ingest.lines.value }
        if let requests = backend.requests {
            surroundings.requests = { start, end in
                // What the server answers itself is no application's doing.
                var sum = RequestSummary()
                for tenant in store.statistics.tenants {
                    for app in requests.apps(tenant) where app != "dendro" {
                        sum.merge(requests.summary(tenant, app: app, in: TimeRange(start: start, end: end)))
                    }
                }
                return RequestReading(sum, seconds: 60)
            }
        }
        surroundings.signals = {
            let rejected = ingest.rejectedByReason.reduce(0) { $0 &+ $1.count }
            return [
                "wal_percent": Double(store.statistics.walBytes) * 100 / walBudget,
                "rejected_lines_per_minute": link.rejectedPerMinute(rejected),
            ]
        }
        surroundings.save = { history, alerts in
            var changes: [StateChange] = []
            for (kind, records) in [(StateKind.probeHistory, history), (.alertState, alerts)] {
                changes += records.map { key, bytes in
                    bytes.map { .put(StateRecord(kind: kind, key: key, bytes: $0)) } ?? .delete(kind, key: key)
                }
            }
            link.save(changes, in: store, logger)
        }
        surroundings.settled = { await link.settled() }
        surroundings.record = { alert, event in backend.record(alert, event) }
        surroundings.notify = { alert in
            delivery.deliver(alert, now: SystemClock().nowNanoseconds()) { channel, isSent in
                link.monitor?.noteNotice(alert.id, channel: channel, isSent: isSent)
            }
        }
        surroundings.remind = { delivery.remind($0, now: SystemClock().nowNanoseconds()) }
        ask(store, backend, &surroundings)
        let monitor = HealthMonitor(
            probes: settings.probes.compactMap { try? ProbeConfiguration($0) }, thresholds: settings.thresholds,
            folder: settings.dataFolder, surroundings: surroundings)
        link.monitor = monitor
        monitor.restore(
            history: await kept(.probeHistory, store), alerts: await kept(.alertState, store))
        _ = monitor.put(files)
        return monitor
    }

    /// What the monitor asks of the store: answers of rules, lines, and whose turn it is.
    private func ask(_ store: Store, _ backend: Backend, _ surroundings: inout HealthMonitor.Surroundings) {
        let queries = AlertQueries(backend)
        let readings = AlertReadings(
            store: store, errors: backend.errors, requests: backend.requests, queries: queries,
            retentionDays: settings.retentionDays, startedAt: SystemClock().nowNanoseconds())
        let owner = UInt64.random(in: .min ... .max)
        surroundings.claim = { job, slot in
            // Without the state nobody can be asked: better once too often than never.
            (try? await store.claim(job, slot: slot, owner: owner)) ?? true
        }
        surroundings.query = { (tenant, text, time) async throws(RuleFailure) in
            try await queries.series(tenant, text, time)
        }
        surroundings.expand = { AlertQueries.expand($0, $1, $2, $3) }
        surroundings.lines = { AlertQueries.lines($0, $1) }
        surroundings.samples = { await queries.samples($0) }
        surroundings.readings = { await readings.read(now: $0) }
    }

    /// The monitor at work; closes the store where it cannot be made.
    func startHealth(
        _ store: Store, _ backend: inout Backend, _ logger: Logger
    ) async throws(StartError) -> HealthMonitor {
        do throws(StartError) {
            let monitor = try await health(store, backend, logger)
            backend.health = monitor
            monitor.start()
            return monitor
        } catch {
            await store.close()
            throw error
        }
    }

    /// Begins to store the server's own lines, unless the settings say not to.
    func storeOwnLines(_ backend: inout Backend) -> Task<Void, Never>? {
        guard settings.storesOwnLines else { return nil }
        let lines = OwnLines()
        backend.ownLines = lines
        lines.followLog()
        return Task { [backend] in await lines.run(backend) }
    }

    private func kept(_ kind: StateKind, _ store: Store) async -> [(key: String, bytes: [UInt8])] {
        let listing = try? await store.listState(kind)
        return listing?.records.map { ($0.key, $0.bytes) } ?? []
    }
}

extension RequestReading {
    /// Figures of so many seconds.
    init(_ summary: RequestSummary, seconds: Double) {
        self.init()
        perSecond = Double(summary.count) / seconds
        errorRate = summary.errorRate
        clientErrorRate = summary.clientErrorRate
        average = summary.average
        p50 = summary.quantile(0.5)
        p95 = summary.quantile(0.95)
        p99 = summary.quantile(0.99)
    }
}

/// What the monitor's closures share: the monitor once it is made, and changes on their way into the store, in order.
final class HealthLink: Sendable {
    private struct State {
        weak var monitor: HealthMonitor?
        var counts: [(at: Int64, count: Int)] = []
        var waiting: [StateChange] = []
        var isSaving = false
        /// Why what was saved last is not kept.
        var failure: String?
        /// Who waits until what is waiting now is kept.
        var watchers: [CheckedContinuation<String?, Never>] = []
    }

    private static let waitingLimit = 100_000

    private let state = Mutex(State())

    var monitor: HealthMonitor? {
        get { state.withLock { $0.monitor } }
        set { state.withLock { $0.monitor = newValue } }
    }

    /// How much `total` grew within the last minute.
    func rejectedPerMinute(_ total: Int) -> Double {
        let now = Machine.monotonicNanoseconds()
        return state.withLock { state in
            state.counts.removeAll { now - $0.at > Nanoseconds.perMinute }
            let first = state.counts.first?.count ?? total
            if state.counts.last.map({ now - $0.at > Nanoseconds.perSecond }) ?? true {
                state.counts.append((now, total))
            }
            return Double(total &- first)
        }
    }

    func save(_ changes: [StateChange], in store: Store, _ logger: Logger) {
        let begins = state.withLock { state in
            guard state.waiting.count < HealthLink.waitingLimit else {
                state.failure = "too much is waiting to be stored"
                return false
            }
            state.waiting += changes
            defer { state.isSaving = true }
            return !state.isSaving
        }
        guard begins else { return }
        Task {
            while true {
                let (batch, watchers) = state.withLock { state in
                    defer { (state.waiting, state.watchers) = ([], []) }
                    if state.waiting.isEmpty { state.isSaving = false }
                    return (state.waiting, state.watchers)
                }
                var failure = state.withLock { $0.failure }
                if !batch.isEmpty {
                    failure = await HealthLink.store(batch, in: store, logger)
                    state.withLock { $0.failure = failure }
                }
                for watcher in watchers { watcher.resume(returning: failure) }
                if batch.isEmpty { return }
            }
        }
    }

    private static func store(_ batch: [StateChange], in store: Store, _ logger: Logger) async -> String? {
        do throws(StateError) {
            try await store.saveState(batch)
            return nil
        } catch {
            logger.warning("health and alerts were not kept: \(error.description)")
            return error.description
        }
    }

    /// Returns when what was to be saved before the call is, or with the reason why the last of it is not.
    func settled() async -> String? {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isSaving { state.watchers.append(continuation) }
                return !state.isSaving
            }
            if isIdle { continuation.resume(returning: state.withLock { $0.failure }) }
        }
    }

    /// The server's own check.
    static func ownCheck(_ statistics: StoreStatistics) -> HealthCheck {
        let isDamaged = statistics.missingParts > 0 || statistics.quarantinedFiles > 0
        var check = HealthCheck(
            statistics.refusal != nil ? .unhealthy : isDamaged ? .degraded : .healthy,
            statistics.refusal ?? (isDamaged ? "part files are missing or damaged" : "ok"))
        check.details = [
            ("wal_bytes", .number(Double(statistics.walBytes))),
            ("oldest_day", statistics.oldestDay.map { .text($0.description) } ?? .null),
            ("accepted_lines", .number(Double(statistics.acceptedRows))),
            ("missing_parts", .number(Double(statistics.missingParts))),
            ("quarantined_files", .number(Double(statistics.quarantinedFiles))),
        ]
        return check
    }
}
