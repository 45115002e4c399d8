/// What happens beyond a limit.
public enum LimitAction: String, Hashable, Sendable, CaseIterable {
    /// The request, entry or query is refused with a 4xx that names the limit.
    case reject
    /// The value is cut or lowered to the limit, and marked where data changes.
    case adjust
}

/// A number and what happens beyond it.
public struct Limit: Hashable, Sendable {
    public var value: Int
    public var action: LimitAction

    public init(_ value: Int, _ action: LimitAction = .reject) {
        self.value = value
        self.action = action
    }
}

/// All limits on what comes from outside, each with the reason for its default. Sizes in bytes, times in seconds.
public struct Limits: Hashable, Sendable {
    /// A request body as received; agents send 1 MiB, 16 leaves room for bulk loads.
    public var bodyBytes = Limit(16 << 20)
    /// The same after inflation, measured while inflating: a bomb costs at most this.
    public var inflatedBytes = Limit(32 << 20)
    /// Streams in one request.
    public var requestStreams = Limit(100_000)
    /// Entries in one request.
    public var requestEntries = Limit(1_000_000)
    /// Nesting of JSON; the scanners recurse at most this deep.
    public var nestingDepth = Limit(64)
    /// One line; longer ones are cut at a character boundary and marked, never lost silently.
    public var lineBytes = Limit(1 << 20, .adjust)
    /// Labels of a stream, service_name not counted.
    public var labelsPerStream = Limit(64)
    public var labelNameBytes = Limit(1024)
    public var labelValueBytes = Limit(2048)
    /// Structured metadata of one entry.
    public var metadataPairs = Limit(256)
    public var metadataBytes = Limit(64 << 10)
    /// How far in the future an entry may lie: clocks drift, but a wrong year must not open a day of its own.
    public var futureSeconds = Limit(600)
    /// Age of the oldest acceptable entry; nil means `retention.days`.
    public var maxAgeSeconds: Int?
    /// Entries one log query may ask for.
    public var queryEntries = Limit(5000)
    /// Series one metric query may return.
    public var querySeries = Limit(5000)
    /// Points per series: (end - start) / step.
    public var queryPoints = Limit(11_000)
    /// Longest time range of a query in seconds; 0 means any.
    public var queryRangeSeconds = Limit(0)
    /// Length of a query text, as in the reference.
    public var queryTextBytes = Limit(131_071)
    /// Memory that one query, and all together, may hold.
    public var queryMemoryBytes = Limit(128 << 20)
    public var allQueriesMemoryBytes = Limit(256 << 20)
    /// Wall time of one query.
    public var querySeconds = Limit(60)

    public init() {}
}
