import Bytes
import Synchronization

/// Figures that applications tell of themselves, of the last hour.
struct MetricReports: Sendable {
    static let appLimit = 64

    /// What an app told stays for so long after it was to hold, in nanoseconds.
    private static let keptNanoseconds = 3600 * Int64(1_000_000_000)

    private struct Told {
        /// Where it is kept over restarts, below `appLimit`.
        let slot: Int
        var point: MetricPoint
        /// Nanoseconds since 1970.
        var expires: Int64
        var points: [MetricPoint]
    }

    private var apps: [String: Told] = [:]
    /// Slots that differ from what is kept.
    private var changed: Set<Int> = []

    /// Notes what an app says of itself; false if too many others do.
    /// - Parameter now: in nanoseconds since 1970, as `expires`.
    mutating func take(_ point: MetricPoint, of app: String, expires: Int64, now: Int64) -> Bool {
        forget(now)
        let used = Set(apps.values.map(\.slot))
        guard let slot = apps[app]?.slot ?? (0..<MetricReports.appLimit).first(where: { !used.contains($0) }) else {
            return false
        }
        changed.insert(slot)
        var points = (apps[app]?.points ?? []).filter {
            $0.seconds > point.seconds - 3600 && $0.seconds < point.seconds
        }
        points.append(point)
        if points.count > MetricHistory.recentLimit { points.removeFirst() }
        apps[app] = Told(slot: slot, point: point, expires: expires, points: points)
        return true
    }

    /// Lets go of apps that have said nothing for an hour.
    private mutating func forget(_ now: Int64) {
        for (app, told) in apps where told.expires &+ MetricReports.keptNanoseconds < now {
            changed.insert(told.slot)
            apps[app] = nil
        }
    }

    // MARK: - Over restarts

    private static let version: UInt8 = 1

    /// What changed since the last call, by slot: version, nanoseconds until which it holds (8 bytes), length of the
    /// name (2), name, points; nothing for a slot that is free again.
    mutating func takeChanges() -> [(slot: Int, bytes: [UInt8])] {
        defer { changed = [] }
        return changed.sorted().map { slot in
            guard let (app, told) = apps.first(where: { $0.value.slot == slot }) else { return (slot, []) }
            let name = Array(app.utf8.prefix(Int(UInt16.max)))
            var out = [MetricReports.version]
            out.appendLittleEndian(told.expires)
            out.appendLittleEndian(UInt16(name.count))
            out += name
            for point in told.points { point.append(to: &out) }
            return (slot, out)
        }
    }

    /// Takes back what a slot kept; bytes that are none of this are passed over.
    mutating func restore(_ slot: Int, _ bytes: [UInt8], now: Int64) {
        var reader = ByteReader(bytes)
        guard (0..<MetricReports.appLimit).contains(slot), (try? reader.byte()) == MetricReports.version,
            let expires = try? reader.int64(), expires &+ MetricReports.keptNanoseconds >= now,
            let length = try? reader.littleEndian(UInt16.self), let name = try? reader.range(Int(length))
        else { return }
        let count = (bytes.count - reader.offset) / MetricPoint.encodedBytes
        let points = (0..<min(count, MetricHistory.recentLimit)).map { index in
            let start = reader.offset + index * MetricPoint.encodedBytes
            return MetricPoint(bytes[start..<(start + MetricPoint.encodedBytes)])
        }
        guard let last = points.last else { return }
        apps[String(decoding: bytes[name], as: UTF8.self)] = Told(
            slot: slot, point: last, expires: expires, points: points)
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
        return state.withLock { $0.reports.take(point, of: app, expires: now &+ ttl, now: now) }
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
