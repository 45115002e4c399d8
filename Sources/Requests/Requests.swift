// Requests: figures of requests, derived from log lines as they come. Any line that says how long something took is a
// request record, whatever wrote it. Counts, errors and latencies are kept by app and minute, by route and hour, and
// slow requests one by one; all of it within bounds, and kept over restarts by the store's observation.
// It knows lines and the state store; no HTTP, no queries.

/// What a line says of a request. Ranges point into the line, or into the reader's `nested` text.
struct RequestFields: Sendable, Equatable {
    /// How long it took, in microseconds.
    var microseconds: Int64
    /// The HTTP status, or 0.
    var status = 0
    var method: Range<Int>?
    var path: Range<Int>?
    var client: Range<Int>?
    var trace: Range<Int>?
    /// Whether the ranges point into the text that was nested in a JSON string of the line.
    var isNested = false
}

/// A request that was slow, as it is kept and shown.
public struct SlowRequest: Hashable, Sendable {
    /// Nanoseconds since 1970.
    public var time: Int64
    public var microseconds: Int64
    /// 0 if the line does not say.
    public var status: Int
    public var app: String
    public var method: String
    public var path: String
    public var client: String
    public var trace: String

    /// Milliseconds with a fraction.
    public var milliseconds: Double { Double(microseconds) / 1000 }
    /// Method and path with identifiers replaced.
    public var route: String { RouteText.template(of: path) }
}

/// Figures of requests over a time.
public struct RequestSummary: Hashable, Sendable {
    public internal(set) var count = 0
    /// Answered 5xx.
    public internal(set) var serverErrors = 0
    /// Answered 4xx.
    public internal(set) var clientErrors = 0
    public internal(set) var totalMicroseconds: UInt64 = 0
    public internal(set) var maximumMicroseconds: Int64 = 0
    var sketch = LatencySketch()

    public init() {}

    /// Milliseconds; nil without requests.
    public var average: Double? { count > 0 ? Double(totalMicroseconds) / Double(count) / 1000 : nil }
    /// The value below which a share `rank` (0…1) of durations lies, in milliseconds, to 1.6 %; nil without requests.
    public func quantile(_ rank: Double) -> Double? {
        sketch.quantile(rank).map { min($0, Double(maximumMicroseconds)) / 1000 }
    }
    /// Percent of requests answered 5xx; nil without requests.
    public var errorRate: Double? { count > 0 ? Double(serverErrors) * 100 / Double(count) : nil }
    /// Percent of requests answered 4xx; nil without requests.
    public var clientErrorRate: Double? { count > 0 ? Double(clientErrors) * 100 / Double(count) : nil }

    mutating func add(_ microseconds: Int64, status: Int) {
        count &+= 1
        if status >= 500, status < 600 { serverErrors &+= 1 }
        if status >= 400, status < 500 { clientErrors &+= 1 }
        totalMicroseconds = totalMicroseconds.addingReportingOverflow(UInt64(max(microseconds, 0))).partialValue
        maximumMicroseconds = max(maximumMicroseconds, microseconds)
    }

    /// Adds the figures of `other`.
    public mutating func merge(_ other: RequestSummary) {
        count &+= other.count
        serverErrors &+= other.serverErrors
        clientErrors &+= other.clientErrors
        totalMicroseconds = totalMicroseconds.addingReportingOverflow(other.totalMicroseconds).partialValue
        maximumMicroseconds = max(maximumMicroseconds, other.maximumMicroseconds)
        sketch.merge(other.sketch)
    }
}

/// Figures of a route.
public struct RouteSummary: Hashable, Sendable {
    /// `GET /orders/{id}`
    public let route: String
    public let figures: RequestSummary
    /// How many of them were slow.
    public let slowCount: Int
}
