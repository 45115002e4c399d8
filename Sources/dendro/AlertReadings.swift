import Errors
import Health
import Model
import Requests
import Server
import Store
import Synchronization

/// Figures by error group and by app that the server's own rules look at.
struct AlertReadings: Sendable {
    /// A group is new for so long, and groups are looked at that were seen in the last hour.
    private static let newNanoseconds = 15 * Nanoseconds.perMinute
    /// Groups with alerts of one signal at once.
    private static let groupLimit = 100
    /// Fewer errors in an hour are no burst.
    private static let burstCount = 20
    private static let silenceSeconds: Int64 = 600
    /// Tenants that are looked at beside the standard one.
    private static let tenantLimit = 100

    let store: Store
    let errors: ErrorLog?
    let requests: RequestLog?
    let queries: AlertQueries
    let retentionDays: Int
    let startedAt: Int64
    private let silenceSlot = Slot()

    init(
        store: Store, errors: ErrorLog?, requests: RequestLog?, queries: AlertQueries, retentionDays: Int,
        startedAt: Int64
    ) {
        self.store = store
        self.errors = errors
        self.requests = requests
        self.queries = queries
        self.retentionDays = retentionDays
        self.startedAt = startedAt
    }

    func read(now: Int64) async -> SignalReadings {
        var readings = SignalReadings()
        readings.signals = ["retention_behind"]
        if let behind = AlertReadings.retention(store.statistics.oldestDay, days: retentionDays, now: now) {
            readings.all.append(behind)
        }
        if let errors, !store.isRebuildingObservations {
            var filter = ErrorFilter()
            filter.range = TimeRange(start: now - Nanoseconds.perHour, end: now + Nanoseconds.perMinute)
            readings.signals.formUnion(["error_new", "error_regressed", "error_burst"])
            for tenant in tenants {
                readings.all += AlertReadings.of(tenant, AlertReadings.errors(errors.list(tenant, filter), now: now))
            }
        }
        if let requests, !store.isRebuildingObservations {
            let minute = now / Nanoseconds.perMinute * Nanoseconds.perMinute
            let range = TimeRange(start: minute - Nanoseconds.perMinute, end: minute)
            readings.signals.formUnion(AlertReadings.requestFields.map(\.rawValue))
            // The standard tenant's are judged with all that is sampled.
            for tenant in tenants.dropFirst() {
                let sum = requests.summary(tenant, in: range)
                readings.all += AlertReadings.of(tenant, AlertReadings.requests(RequestReading(sum, seconds: 60)))
            }
        }
        if silenceSlot.begins(now / (AlertReadings.silenceSeconds * Nanoseconds.perSecond)),
            now - startedAt > Nanoseconds.perHour
        {
            var silent: [SignalReading] = []
            for tenant in tenants {
                // Where it cannot be said of one, nothing is said: its alerts would end.
                guard let days = await days(now, tenant) else { return readings }
                silent += AlertReadings.of(tenant, AlertReadings.silent(days))
            }
            readings.signals.insert("app_silent")
            readings.all += silent
        }
        return readings
    }

    private var tenants: [TenantID] {
        let known = store.statistics.tenants.filter { $0 != .standard }
        return [.standard] + known.prefix(AlertReadings.tenantLimit)
    }

    /// The readings as those of a tenant, told apart from equal ones of others.
    static func of(_ tenant: TenantID, _ readings: [SignalReading]) -> [SignalReading] {
        guard tenant != .standard else { return readings }
        return readings.map { reading in
            var reading = reading
            reading.tenant = tenant.name
            reading.source = tenant.name + "/" + reading.source
            reading.labels["tenant"] = tenant.name
            return reading
        }
    }

    // MARK: - Requests

    private static let requestFields: [MetricField] = [
        .apiQPS, .apiErrorRate, .apiClientErrorRate, .apiLatencyAverage, .apiLatencyP50, .apiLatencyP95, .apiLatencyP99,
    ]

    /// Figures of a tenant's requests in the last minute, by the signal that rules name.
    static func requests(_ figures: RequestReading) -> [SignalReading] {
        let values = [
            figures.perSecond, figures.errorRate, figures.clientErrorRate, figures.average, figures.p50, figures.p95,
            figures.p99,
        ]
        return zip(requestFields, values).compactMap { field, value in
            value.map { SignalReading(field.rawValue, source: "api", value: $0, message: "") }
        }
    }

    // MARK: - Error groups

    static func errors(_ groups: [ErrorGroup], now: Int64) -> [SignalReading] {
        let groups = groups.sorted { ($0.firstSeen, $0.id) < ($1.firstSeen, $1.id) }
        let new = groups.filter { $0.status == .unresolved && now - $0.firstSeen < newNanoseconds }
            .map { reading("error_new", $0, 1, "new error in \($0.app)") }
        let regressed = groups.filter { $0.status == .regressed }
            .map { reading("error_regressed", $0, 1, "resolved error is back in \($0.app)") }
        let bursts = groups.compactMap { group -> SignalReading? in
            guard group.status != .ignored, group.count >= burstCount,
                let (count, usual) = burst(group.hours, firstSeen: group.firstSeen, now: now)
            else { return nil }
            return reading(
                "error_burst", group, Double(count) / max(1, usual),
                "\(count) errors this hour instead of some \(Int(usual)) in \(group.app)")
        }
        return [new, regressed, bursts].flatMap { $0.prefix(groupLimit) }
    }

    /// Errors of this hour, and the median of this hour of the days before; nil for groups without a past.
    /// - Parameter hours: errors by hours since 1970.
    static func burst(_ hours: [Int64: Int], firstSeen: Int64, now: Int64) -> (count: Int, usual: Double)? {
        let hour = now / Nanoseconds.perHour
        let days = min(7, (now - firstSeen) / Nanoseconds.perDay)
        guard days >= 1, let count = hours[hour], count >= burstCount else { return nil }
        let past = (1...days).map { hours[hour - $0 * 24] ?? 0 }.sorted()
        let middle = past.count / 2
        let usual = past.count % 2 == 1 ? Double(past[middle]) : Double(past[middle - 1] + past[middle]) / 2
        return (count, usual)
    }

    private static func reading(_ signal: String, _ group: ErrorGroup, _ value: Double, _ text: String) -> SignalReading
    {
        let title = group.message.prefix(200)
        var reading = SignalReading(
            signal, source: group.id, value: value, message: "\(text): \(group.type): \(title)")
        reading.labels = ["error_id": group.id, "app": group.app, "error_type": group.type]
        reading.query = "{app=\(LabelSet.quoted(group.app))} | detected_level=~\"error|critical|fatal\""
        reading.samples = group.samples.suffix(Alert.samplesLimit).reversed().map { sample in
            Alert.Sample(time: sample.event.time, message: sample.event.title, trace: sample.event.trace)
        }
        return reading
    }

    // MARK: - Apps

    /// Lines by app in each of the last four days, today's first; nil if that cannot be said.
    private func days(_ now: Int64, _ tenant: TenantID) async -> [[String: Double]]? {
        var days: [[String: Double]] = []
        for back in 0..<4 {
            let offset = back == 0 ? "" : " offset \(back * 24)h"
            let text = "sum by (app) (count_over_time({app=~\".+\"}[24h]\(offset)))"
            guard let series = try? await queries.series(tenant.name, text, now) else { return nil }
            days.append(
                Dictionary(series.map { ($0.labels["app"] ?? "", $0.value) }, uniquingKeysWith: { $0 + $1 }))
        }
        return days
    }

    /// Apps that logged on each of the days before, and not on the last.
    static func silent(_ days: [[String: Double]]) -> [SignalReading] {
        guard let last = days.first, days.count > 1 else { return [] }
        let daily = days.dropFirst().map { Set($0.keys) }.reduce(Set(days[1].keys)) { $0.intersection($1) }
        return daily.subtracting(last.keys).subtracting(["dendro", ""]).sorted().map { app in
            var reading = SignalReading(
                "app_silent", source: app, value: 1, message: "\(app) has logged daily, and nothing for a day")
            reading.labels = ["app": app]
            reading.query = "{app=\(LabelSet.quoted(app))}"
            return reading
        }
    }

    // MARK: - Retention

    /// Days that should be gone by now.
    static func retention(_ oldest: Day?, days: Int, now: Int64) -> SignalReading? {
        guard let oldest else { return nil }
        // The day of the limit goes as a whole, once it is over.
        let behind = (now - oldest.start) / Nanoseconds.perDay - Int64(days) - 1
        guard behind > 0 else { return nil }
        return SignalReading(
            "retention_behind", source: "dendro", value: Double(behind),
            message: "the oldest day, \(oldest), should have gone \(behind) days ago")
    }
}

/// Whether an interval has begun that nothing was done in.
private final class Slot: Sendable {
    private let last = Mutex<Int64>(-1)

    func begins(_ slot: Int64) -> Bool {
        last.withLock { last in
            defer { last = slot }
            return last != slot
        }
    }
}
