import Synchronization

/// Requests by route, method and status, with their durations.
public final class RequestMetrics: Sendable {
    /// One combination that was seen.
    public struct Series: Sendable {
        public let route: String
        public let method: String
        public let status: Int
        public let durations: Histogram
    }

    private struct Key: Hashable {
        let route: String
        let method: String
        let status: Int
    }

    /// Combinations kept apart; routes are fixed and methods few, so this is only reached by somebody who tries to.
    private static let seriesLimit = 2000

    private let series = Mutex<[Key: Histogram]>([:])
    /// Requests that are being answered.
    public let underWay = Counter()
    /// Open connections.
    public let connections = Counter()
    /// Connections ended because their peer was too slow.
    public let timeouts = Counter()

    init() {}

    /// Counts an answered request. `route` is the pattern, never the path as sent.
    public func record(route: String, method: String, status: Int, nanoseconds: Int) {
        let key = Key(route: route, method: method, status: status)
        let histogram = series.withLock { series -> Histogram? in
            if let known = series[key] { return known }
            guard series.count < RequestMetrics.seriesLimit else { return nil }
            let made = Histogram()
            series[key] = made
            return made
        }
        histogram?.observe(nanoseconds: nanoseconds)
    }

    /// Everything counted so far, by route, method and status.
    public var all: [Series] {
        series.withLock { series in
            series.map {
                Series(route: $0.key.route, method: $0.key.method, status: $0.key.status, durations: $0.value)
            }
        }.sorted { ($0.route, $0.method, $0.status) < ($1.route, $1.method, $1.status) }
    }
}
