public import LogQL
public import Model

/// Which end of the time line the entries of a log query come from, and in which order.
public enum Direction: String, Hashable, Sendable, CaseIterable {
    case forward
    case backward
}

/// What is asked beside the query's text. Times in nanoseconds since 1970-01-01 UTC.
public struct QueryParameters: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Metric queries at `time`.
        case instant
        /// Log queries over [start, end); metric queries at each step from start to end.
        case range
    }

    public var tenant: TenantID
    public var kind: Kind
    public var start: Int64
    public var end: Int64
    public var stepNanoseconds: Int64
    /// Entries of a log query.
    public var limit: Int
    public var direction: Direction
    /// Log queries: least distance between two entries; 0 for all.
    public var intervalNanoseconds: Int64
    public var dialect: Dialect
    /// Whether streams keep index labels only and entries carry their other labels (categorize-labels).
    public var categorizesLabels: Bool
    /// Whether a metric query over the series limit answers the first series with a warning, not an error.
    public var allowsPartialSeries = false
    /// Who asks, for the list of running queries.
    public var client = ""

    /// A range query.
    public init(
        range start: Int64, _ end: Int64, stepNanoseconds: Int64 = Nanoseconds.perSecond, limit: Int = 100,
        direction: Direction = .backward, intervalNanoseconds: Int64 = 0, tenant: TenantID = .standard,
        categorizesLabels: Bool = false, dialect: Dialect = .loki
    ) {
        self.tenant = tenant
        kind = .range
        self.start = start
        self.end = end
        self.stepNanoseconds = stepNanoseconds
        self.limit = limit
        self.direction = direction
        self.intervalNanoseconds = intervalNanoseconds
        self.dialect = dialect
        self.categorizesLabels = categorizesLabels
    }

    /// An instant query at `time`.
    public init(
        instant time: Int64, tenant: TenantID = .standard, categorizesLabels: Bool = false, dialect: Dialect = .loki
    ) {
        self.init(range: time, time, tenant: tenant, categorizesLabels: categorizesLabels, dialect: dialect)
        kind = .instant
    }

    /// The moment of an instant query.
    public var time: Int64 { end }

    /// The steps at which a metric query is evaluated.
    var steps: Steps { Steps(self) }
}

/// The moments at which a metric query is evaluated: multiples of the step for ranges, the one moment for instants.
struct Steps: Hashable, Sendable {
    let first: Int64
    let width: Int64
    let count: Int

    /// From floor(start / step) * step to ceil(end / step) * step, both included (contract: logql 19).
    init(_ parameters: QueryParameters) {
        guard parameters.kind == .range else {
            (first, width, count) = (parameters.end, Nanoseconds.perSecond, 1)
            return
        }
        width = max(parameters.stepNanoseconds, 1)
        let low = Steps.floor(parameters.start, width)
        let quotient = Steps.floor(parameters.end, width)
        let (last, overflow) = quotient == parameters.end ? (quotient, false) : quotient.addingReportingOverflow(width)
        first = low
        let (span, spanOverflow) = (overflow ? quotient : last).subtractingReportingOverflow(low)
        count = spanOverflow || span < 0 ? 0 : Int(span / width) &+ 1
    }

    init(first: Int64, width: Int64, count: Int) {
        self.first = first
        self.width = width
        self.count = count
    }

    func time(_ index: Int) -> Int64 { first &+ Int64(index) &* width }

    private static func floor(_ value: Int64, _ width: Int64) -> Int64 {
        let rest = value % width
        let low =
            rest < 0 ? value.subtractingReportingOverflow(width &+ rest) : value.subtractingReportingOverflow(rest)
        return low.overflow ? value : low.partialValue
    }
}

/// What the query side takes from the configuration.
public struct QueryOptions: Hashable, Sendable {
    /// Names that selectors match against the entry's metadata, not against stream labels.
    public var highCardinality: [String] = FieldName.highCardinality
    /// Labels that newer entries carry as metadata: selectors match either.
    public var demoted: [String] = []
    /// Metadata names that the trace maplet knows.
    public var indexed: [String] = FieldName.indexed
    /// Units of one query that are scanned at once.
    public var parallelUnits = 2

    public init() {}
}
