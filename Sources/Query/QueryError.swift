/// Why a query has no answer.
public struct QueryError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, as the caller of the server must see it.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The text is no valid query (400).
        case parse
        /// A parameter does not fit the query (400).
        case invalid
        /// The answer would exceed a limit (400).
        case limit
        /// An entry of a metric query failed in a stage (400).
        case pipeline
        /// Series do not match one to one where they must (400).
        case matching
        /// The language has it, this server does not (400).
        case unsupported
        /// The time allowed is over (504).
        case timeout
        /// The caller went away (499).
        case cancelled
        /// Too much is asked at once; try again (503).
        case overloaded
        /// A fault of the server (500).
        case failed
    }

    public let kind: Kind
    /// For people: what was wrong and what to do.
    public let message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }

    /// A stage or function that is not built.
    public static func unsupported(_ what: String) -> QueryError {
        QueryError(.unsupported, "\(what) is not supported by this server")
    }

    static let timedOut = QueryError(
        .timeout,
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over "
            + "regex match) to reduce the amount of data processed")
    static let ended = QueryError(.cancelled, "the query was ended by an operator")
    static let cancelled = QueryError(.cancelled, "the request was cancelled by the client")

    static func tooManySeries(_ limit: Int) -> QueryError {
        QueryError(
            .limit,
            "maximum number of series (\(limit)) reached for a single query; consider reducing query cardinality by "
                + "adding more specific stream selectors, reducing the time range, or aggregating results with "
                + "functions like sum(), count() or topk()")
    }
}
