import Bytes
import Synchronization

/// Figures that applications tell of themselves, of the last hour.
struct MetricReports: Sendable {
    static let appLimit = 64

    private struct Told {
        var point: MetricPoint
        /// Nanoseconds since 1970.
        var expires: Int64
        var points: [MetricPoint]
    }

    private var apps: [String: Told] = [:]

    /// Notes what an app says of itself; false if too many others do.
    mutating func take(_ point: MetricPoint, of app: String, expires: Int64) -> Bool {
        guard apps[app] != nil || apps.count < MetricReports.appLimit else { return false }
        var points = (apps[app]?.points ?? []).filter {
            $0.seconds > point.seconds - 3600 && $0.seconds < point.seconds
        }
        points.append(point)
        if points.count > MetricHistory.recentLimit { points.removeFirst() }
        apps[app] = Told(point: point, expires: expires, points: points)
        return true
    }

    /// What an app said last, if that still holds, and all that it said in the last hour.
    func told(_ app: String, now: Int64) -> (current: MetricPoint?, points: [MetricPoint]) {
        guard let told = apps[app] else { return (nil, []) }
        return (told.expires > now ? told.point : nil, told.points)
    }

    /// Puts together what all apps say at the moment: rates are added, latencies averaged by them.
    func fill(_ point: inout MetricPoint, now: Int64) {
        let current = apps.values.filter { $0.expires > now }.map(\.point)
        for field in [MetricField.apiQPS, .activeRequests] {
            let known = current.compactMap { $0[field] }
            if !known.isEmpty { point[field] = known.reduce(0, +) }
        }
        for field in [
            MetricField.apiErrorRate, .apiClientErrorRate, .apiLatencyAverage, .apiLatencyP50, .apiLatencyP95,
            .apiLatencyP99,
        ] {
            let known = current.compactMap { one in one[field].map { (value: $0, weight: one[.apiQPS] ?? 1) } }
            let weight = known.reduce(0) { $0 + $1.weight }
            if weight > 0 { point[field] = known.reduce(0) { $0 + $1.value * $1.weight } / weight }
        }
    }
}

extension HealthMonitor {
    /// Takes an app's word on its own figures.
    /// - Returns: whether there was room for another app.
    public func report(_ point: MetricPoint, of app: String, ttlSeconds: Int) -> Bool {
        let now = clock.nowNanoseconds()
        let ttl = Int64(clamping: ttlSeconds).multipliedReportingOverflow(by: 1_000_000_000).partialValue
        return state.withLock { $0.reports.take(point, of: app, expires: now &+ ttl) }
    }

    /// What an app says of itself: last, if that still holds; and the averages and the largest values of an hour.
    public func reported(
        _ app: String
    ) -> (current: MetricPoint?, average: MetricPoint, maximum: MetricPoint, points: [MetricPoint]) {
        let now = clock.nowNanoseconds()
        let told = state.withLock { $0.reports.told(app, now: now) }
        let seconds = now / 1_000_000_000
        let points = told.points.filter { $0.seconds > seconds - 3600 }
        var most = MetricPoint(seconds: seconds)
        for field in MetricField.allCases { most[field] = points.compactMap { $0[field] }.max() }
        return (told.current, .mean(points[...], seconds: seconds), most, points)
    }
}
