import Access
import LogQL
import Model
import Query

/// Numbers of lines by labels and buckets of time, exact over any range: whole buckets in one query, what lies before
/// the first and behind the last whole one in queries of their own.
struct LineCounts {
    /// Buckets of one answer.
    static let bucketsLimit = 11_000

    struct Count: Sendable {
        let labels: LabelSet
        /// Where the bucket begins: a multiple of its width, in nanoseconds since 1970.
        let time: Int64
        let lines: Int
    }

    let backend: Backend
    let executor: QueryExecutor
    let identity: Identity
    private(set) var scannedBytes = 0
    private(set) var warnings: [String] = []

    init(_ backend: Backend, _ executor: QueryExecutor, _ identity: Identity) {
        (self.backend, self.executor, self.identity) = (backend, executor, identity)
    }

    /// Lines of a log query in the range.
    mutating func total(_ query: String, in range: TimeRange) async throws -> Int {
        try await counts(try log(query), by: [], over: range).reduce(0) { $0 + $1.lines }
    }

    /// Lines by labels in the range, at `range.start`.
    mutating func counts(_ query: String, by labels: [String], in range: TimeRange) async throws -> [Count] {
        try await counts(try log(query), by: labels, over: range)
    }

    /// Lines by labels and buckets of `width` nanoseconds.
    mutating func counts(
        _ query: String, by labels: [String], in range: TimeRange, width: Int64
    ) async throws -> [Count] {
        let log = try log(query)
        let range = TimeRange(start: max(range.start, 0), end: range.end)
        guard !range.isEmpty, width > 0 else { return [] }
        let first = LineCounts.rounded(range.start, up: true, width)
        let last = LineCounts.rounded(range.end, up: false, width)
        guard first < last else {
            // Less than a whole bucket on either side of a boundary, or within one.
            let middle = min(max(first, range.start), range.end)
            return try await partial(log, labels, range.start, middle, width)
                + partial(log, labels, middle, range.end, width)
        }
        if (last - first) / width > Int64(LineCounts.bucketsLimit) {
            throw ParameterError("that makes more than \(LineCounts.bucketsLimit) steps; ask for longer ones")
        }
        return try await partial(log, labels, range.start, first, width)
            + whole(log, labels, first, last, width) + partial(log, labels, last, range.end, width)
    }

    /// The multiple of `width` at or next to `time`.
    static func rounded(_ time: Int64, up: Bool, _ width: Int64) -> Int64 {
        let rest = time % width
        let low = time - (rest < 0 ? rest + width : rest)
        return up && low < time ? low.addingReportingOverflow(width).partialValue : low
    }

    private func log(_ text: String) throws -> LogQuery {
        guard case .log(var query) = try executor.parse(text, dialect: .dendro) else {
            throw ParameterError("q is a metric query; this route counts lines")
        }
        if !query.resultSteps.isEmpty { throw ParameterError("q sorts or thins out lines; this route counts all") }
        // Lines that a parser cannot read are lines too.
        if query.stages.contains(where: LineCounts.mayFail) {
            query.stages.append(.drop([.name("__error__"), .name("__error_details__")]))
        }
        return query
    }

    private static func mayFail(_ stage: Stage) -> Bool {
        switch stage {
        case .lineFilter, .drop, .keep, .decolorize: false
        // Comparing texts cannot fail.
        case .labelFilter(.text): false
        default: true
        }
    }

    private mutating func partial(
        _ log: LogQuery, _ labels: [String], _ start: Int64, _ end: Int64, _ width: Int64
    ) async throws -> [Count] {
        guard start < end else { return [] }
        let bucket = LineCounts.rounded(start, up: false, width)
        return try await counts(log, by: labels, over: TimeRange(start: start, end: end)).map {
            Count(labels: $0.labels, time: bucket, lines: $0.lines)
        }
    }

    /// A window of an instant query is open at its start and closed at its end, so it ends at the range's last instant.
    private mutating func counts(
        _ log: LogQuery, by labels: [String], over range: TimeRange
    ) async throws -> [Count] {
        let start = max(range.start, 0)
        guard start < range.end else { return [] }
        let expression = LineCounts.sum(log, labels, range.end - start, offset: 0)
        return try await run(expression, QueryParameters(instant: range.end - 1)) { _ in start }
    }

    /// Windows end an instant before the boundaries at which they are evaluated, by an offset.
    private mutating func whole(
        _ log: LogQuery, _ labels: [String], _ first: Int64, _ last: Int64, _ width: Int64
    ) async throws -> [Count] {
        let expression = LineCounts.sum(log, labels, width, offset: 1)
        let parameters = QueryParameters(range: first + width, last, stepNanoseconds: width)
        return try await run(expression, parameters) { $0 - width }
    }

    private static func sum(_ log: LogQuery, _ labels: [String], _ length: Int64, offset: Int64) -> Expression {
        let range = LogRange(query: log, rangeNanoseconds: length, offsetNanoseconds: offset)
        return .metric(
            .vectorAggregation(
                VectorAggregation(
                    .sum, .rangeAggregation(RangeAggregation(.countOverTime, range)),
                    grouping: labels.isEmpty ? nil : Grouping(labels))))
    }

    private mutating func run(
        _ expression: Expression, _ parameters: QueryParameters, bucket: (Int64) -> Int64
    ) async throws -> [Count] {
        let answer = try await executor.counted(expression, parameters, identity, backend)
        scannedBytes += answer.statistics.rawBytes
        warnings += answer.warnings.filter { !warnings.contains($0) }
        let series: [Series]
        switch answer.result {
        case .matrix(let all), .vector(let all): series = all
        case .scalar, .streams: series = []
        }
        return series.flatMap { one in
            one.samples.compactMap { sample in
                let lines = Int(exactly: sample.value.rounded()) ?? 0
                return lines > 0 ? Count(labels: one.labels, time: bucket(sample.time), lines: lines) : nil
            }
        }
    }
}
