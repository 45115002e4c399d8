public import Model
import Synchronization

/// Which slow requests are wanted.
public struct SlowRequestFilter: Sendable {
    public enum Order: String, Sendable, CaseIterable {
        case duration, time
    }

    public var range: TimeRange
    public var app: String?
    public var method: String?
    /// A path as it was, or a route with `{id}`.
    public var path: String?
    public var status: Int?
    public var trace: String?
    /// Slower than this, in microseconds; nil: as the server keeps them.
    public var thresholdMicroseconds: Int64?
    public var order = Order.duration
    public var isAscending = false
    public var offset = 0
    public var limit = 50

    public init(range: TimeRange) {
        self.range = range
    }

    func matches(_ request: SlowRequest) -> Bool {
        range.contains(request.time)
            && (thresholdMicroseconds.map { request.microseconds > $0 } ?? true)
            && (method.map { $0 == request.method } ?? true)
            && (status.map { $0 == request.status } ?? true)
            && (trace.map { $0 == request.trace } ?? true)
            && (path.map { $0 == request.path || $0 == request.route } ?? true)
    }
}

/// A page of slow requests.
public struct SlowRequestPage: Sendable {
    public var requests: [SlowRequest] = []
    /// How many match, of those that are kept.
    public var total = 0
    /// There are more: some hours had more slow requests than are kept, or the threshold is below the server's.
    public var isEstimate = false
}

extension RequestLog {
    /// Apps that have had requests, sorted.
    public func apps(_ tenant: TenantID) -> [String] {
        contents.withLock { contents in Set(contents.slots(tenant, nil).map(\.key.app)).sorted() }
    }

    /// Figures of an app, or of all, over whole minutes: those that begin in the range. Quantiles of hours that are
    /// not recent and only partly in the range are those of the hour.
    public func summary(_ tenant: TenantID, app: String? = nil, in range: TimeRange) -> RequestSummary {
        contents.withLock { contents in
            var sum = RequestSummary()
            for slot in contents.slots(tenant, app) {
                guard let minutes = RequestLog.minutes(of: slot.hour, in: range) else { continue }
                sum.merge(slot.read(.figures).figures(minutes))
            }
            return sum
        }
    }

    /// Figures without quantiles in steps from `range.start` on. At most 20,000 steps.
    public func series(
        _ tenant: TenantID, app: String? = nil, in range: TimeRange, stepSeconds: Int
    ) -> [RequestSummary] {
        let step = Int64(max(stepSeconds, 60)).multipliedReportingOverflow(by: Nanoseconds.perSecond).partialValue
        let (length, overflow) = range.end.subtractingReportingOverflow(range.start)
        guard !overflow, length > 0, step > 0 else { return [] }
        let count = Int(min(length / step + (length % step > 0 ? 1 : 0), 20_000))
        var steps = [RequestSummary](repeating: RequestSummary(), count: count)
        contents.withLock { contents in
            for slot in contents.slots(tenant, app) {
                guard let minutes = RequestLog.minutes(of: slot.hour, in: range) else { continue }
                let cells = slot.read(.figures).cells
                for minute in minutes where cells[minute].count > 0 {
                    let time = (slot.hour * 60 + Int64(minute)) * Nanoseconds.perMinute
                    let index = Int((time - range.start) / step)
                    guard steps.indices.contains(index) else { continue }
                    var cell = cells[minute]
                    cell.sketch = LatencySketch()
                    steps[index].merge(cell)
                }
            }
        }
        return steps
    }

    /// Routes of an app, or of all, over the hours that the range touches, most slow requests first.
    public func routes(_ tenant: TenantID, app: String? = nil, in range: TimeRange, limit: Int = 100) -> [RouteSummary]
    {
        var sums: [String: (figures: RequestSummary, slow: Int)] = [:]
        contents.withLock { contents in
            for slot in contents.slots(tenant, app) where RequestLog.minutes(of: slot.hour, in: range) != nil {
                for route in slot.read(.all).routes {
                    sums[route.name, default: (RequestSummary(), 0)].figures.merge(route.figures)
                    sums[route.name]?.slow += route.slow
                }
            }
        }
        let all = sums.map { RouteSummary(route: $0.key, figures: $0.value.figures, slowCount: $0.value.slow) }
        return Array(
            all.sorted { ($0.slowCount, $0.figures.count, $1.route) > ($1.slowCount, $1.figures.count, $0.route) }
                .prefix(limit))
    }

    /// Slow requests that pass the filter.
    public func slow(_ tenant: TenantID, _ filter: SlowRequestFilter) -> SlowRequestPage {
        var page = SlowRequestPage()
        page.isEstimate = filter.thresholdMicroseconds.map { $0 < slowMicroseconds } ?? false
        var found: [SlowRequest] = []
        contents.withLock { contents in
            for slot in contents.slots(tenant, filter.app)
            where RequestLog.minutes(of: slot.hour, in: filter.range) != nil {
                let hour = slot.read(.all)
                if hour.slowCount > hour.slow.count { page.isEstimate = true }
                for request in hour.slow where filter.matches(request) { found.append(request) }
            }
        }
        page.total = found.count
        switch filter.order {
        case .duration: found.sort { ($0.microseconds, $0.time, $0.path) > ($1.microseconds, $1.time, $1.path) }
        case .time: found.sort { ($0.time, $0.microseconds, $0.path) > ($1.time, $1.microseconds, $1.path) }
        }
        if filter.isAscending { found.reverse() }
        page.requests = Array(found.dropFirst(max(filter.offset, 0)).prefix(max(filter.limit, 0)))
        return page
    }

    /// Minutes of an hour that begin in the range, or nil.
    private static func minutes(of hour: Int64, in range: TimeRange) -> Range<Int>? {
        let (start, overflow) = hour.multipliedReportingOverflow(by: Nanoseconds.perHour)
        guard !overflow, start < range.end, range.start < start &+ Nanoseconds.perHour else { return nil }
        // Minutes of the range's start count when they begin at or behind it.
        let first = range.start <= start ? 0 : (range.start - start + Nanoseconds.perMinute - 1) / Nanoseconds.perMinute
        let end =
            range.end - start >= Nanoseconds.perHour
            ? 60 : (range.end - start + Nanoseconds.perMinute - 1) / Nanoseconds.perMinute
        guard first < end else { return nil }
        return Int(first)..<Int(end)
    }
}

extension RequestHour {
    /// The sum of some minutes.
    func figures(_ minutes: Range<Int>) -> RequestSummary {
        if minutes == 0..<RequestHour.minutes { return total }
        var sum = RequestSummary()
        for minute in minutes where cells[minute].count > 0 { sum.merge(cells[minute]) }
        if !isFresh, sum.count > 0 { sum.sketch = sketch }
        return sum
    }
}
