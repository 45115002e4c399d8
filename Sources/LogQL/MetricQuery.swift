/// A query that computes numbers.
public indirect enum MetricQuery: Hashable, Sendable {
    /// `rate({…}[5m])`.
    case rangeAggregation(RangeAggregation)
    /// `sum by (a)(…)`.
    case vectorAggregation(VectorAggregation)
    /// `a + b`. Two literals never stand here: they are folded while parsing.
    case binary(BinaryOperation)
    /// A scalar.
    case literal(Double)
    /// `vector(N)`.
    case vector(Double)
    /// `label_replace(v, "dst", "replacement", "src", "regex")`.
    case labelReplace(LabelReplace)
    /// `variants(…) of ({…}[5m])`.
    case variants(Variants)

    /// The stream selectors below, in the order written.
    public var selectors: [Selector] {
        switch self {
        case .rangeAggregation(let aggregation): [aggregation.range.query.selector]
        case .vectorAggregation(let aggregation): aggregation.operand.selectors
        case .binary(let operation): operation.left.selectors + operation.right.selectors
        case .literal, .vector: []
        case .labelReplace(let replace): replace.operand.selectors
        case .variants(let variants): [variants.range.query.selector]
        }
    }
}

/// The lines of a window: a log query, an optional number to take from each line, the window's length and shift.
public struct LogRange: Hashable, Sendable {
    public var query: LogQuery
    public var unwrap: Unwrap?
    /// Zero or more.
    public var rangeNanoseconds: Int64
    /// Positive looks back, negative ahead; zero if not written.
    public var offsetNanoseconds: Int64

    public init(query: LogQuery, unwrap: Unwrap? = nil, rangeNanoseconds: Int64, offsetNanoseconds: Int64 = 0) {
        self.query = query
        self.unwrap = unwrap
        self.rangeNanoseconds = rangeNanoseconds
        self.offsetNanoseconds = offsetNanoseconds
    }
}

/// `| unwrap duration(label) | filter …`.
public struct Unwrap: Hashable, Sendable {
    /// How the label's text becomes a number; the raw value is the function as written, empty for none.
    public enum Conversion: String, Hashable, Sendable, CaseIterable {
        case number = ""
        /// Sizes such as `5KB`, to bytes.
        case bytes
        /// Durations such as `1m30s`, to seconds.
        case duration
        /// The same as `duration`.
        case durationSeconds = "duration_seconds"
    }

    public var label: String
    public var conversion: Conversion
    /// Label filters written after the unwrap; all must hold.
    public var filters: [LabelFilter]

    public init(_ label: String, conversion: Conversion = .number, filters: [LabelFilter] = []) {
        self.label = label
        self.conversion = conversion
        self.filters = filters
    }
}

/// `by (a, b)` or `without (a, b)`; no grouping at all is a nil `Grouping?`.
public struct Grouping: Hashable, Sendable {
    public var isWithout: Bool
    public var labels: [String]

    public init(isWithout: Bool = false, _ labels: [String]) {
        self.isWithout = isWithout
        self.labels = labels
    }
}

/// A function over a window of lines.
public struct RangeAggregation: Hashable, Sendable {
    public var function: RangeFunction
    /// The quantile of `quantile_over_time`; nil otherwise.
    public var parameter: Double?
    public var range: LogRange
    public var grouping: Grouping?

    public init(_ function: RangeFunction, parameter: Double? = nil, _ range: LogRange, grouping: Grouping? = nil) {
        self.function = function
        self.parameter = parameter
        self.range = range
        self.grouping = grouping
    }
}

/// Functions over a window; the raw value is the name as written.
public enum RangeFunction: String, Hashable, Sendable, CaseIterable {
    case countOverTime = "count_over_time"
    case rate
    case rateCounter = "rate_counter"
    case bytesOverTime = "bytes_over_time"
    case bytesRate = "bytes_rate"
    case sumOverTime = "sum_over_time"
    case avgOverTime = "avg_over_time"
    case minOverTime = "min_over_time"
    case maxOverTime = "max_over_time"
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case quantileOverTime = "quantile_over_time"
    case firstOverTime = "first_over_time"
    case lastOverTime = "last_over_time"
    case absentOverTime = "absent_over_time"
    /// How many different values the unwrapped label has: of dendro's own dialect.
    case countDistinctOverTime = "count_distinct_over_time"
}

/// An aggregation over the series of a point in time.
public struct VectorAggregation: Hashable, Sendable {
    public var function: VectorFunction
    /// The k of topk, bottomk and approx_topk (1 or more); nil otherwise.
    public var parameter: Int?
    public var operand: MetricQuery
    public var grouping: Grouping?

    public init(
        _ function: VectorFunction, parameter: Int? = nil, _ operand: MetricQuery, grouping: Grouping? = nil
    ) {
        self.function = function
        self.parameter = parameter
        self.operand = operand
        self.grouping = grouping
    }
}

/// Aggregations over series; the raw value is the name as written.
public enum VectorFunction: String, Hashable, Sendable, CaseIterable {
    case sum, avg, min, max, count, stddev, stdvar, topk, bottomk, sort
    case sortDescending = "sort_desc"
    case approximateTopk = "approx_topk"

    /// True if the function takes a k.
    public var takesParameter: Bool { self == .topk || self == .bottomk || self == .approximateTopk }
}

/// `label_replace(operand, "destination", "replacement", "source", "regex")`.
public struct LabelReplace: Hashable, Sendable {
    public var operand: MetricQuery
    public var destination: Text
    public var replacement: Text
    public var source: Text
    /// Anchored at both ends by its users.
    public var regex: Text

    public init(_ operand: MetricQuery, destination: Text, replacement: Text, source: Text, regex: Text) {
        self.operand = operand
        self.destination = destination
        self.replacement = replacement
        self.source = source
        self.regex = regex
    }
}

/// `variants(a, b) of (range)`.
public struct Variants: Hashable, Sendable {
    public var metrics: [MetricQuery]
    public var range: LogRange

    public init(_ metrics: [MetricQuery], of range: LogRange) {
        self.metrics = metrics
        self.range = range
    }
}
