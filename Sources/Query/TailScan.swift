internal import Bytes
public import LogQL
public import Model
public import Store

/// Looks at rows as they arrive for those that a log query wants. Used by one reader, one call at a time.
public final class TailScan: @unchecked Sendable {
    // Invariant: no two calls at once; the reader's loop waits for each.

    /// What one call found.
    public struct Found: Sendable {
        /// By label set, each with its entries in order of time.
        public var streams: [LogStream]
        public var entryCount: Int
        /// The first row not looked at; the end of the range when all were.
        public var nextRow: Int
    }

    private let plan: LogPlan
    private let categorizes: Bool
    private var runner: EntryRunner
    /// By stream number: 0 not looked at yet, 1 wanted, 2 not.
    private var verdicts: [UInt8] = []

    /// Rows looked at by one call, and bytes of what it finds: what keeps one call short.
    private static let rowsLimit = 20_000
    private static let bytesLimit = 512 << 10
    /// A template can take long over a row.
    private static let timeLimitNanoseconds: Int64 = 20_000_000

    init(_ query: LogQuery, planner: Planner, categorizes: Bool) throws(QueryError) {
        plan = try planner.plan(query, range: TimeRange(start: .min, end: .max))
        self.categorizes = categorizes
        runner = EntryRunner(plan.pipeline)
    }

    /// Whether the query wants entries of a stream with these labels.
    public func wants(_ labels: LabelSet) -> Bool {
        let span = labels.encoded.span
        let all = 0..<labels.encoded.count
        for test in plan.request.tests {
            let value = LabelSet.range(of: test.name.span, in: span, all) ?? 0..<0
            guard test.test.matches(span.extracting(value)) else { return false }
        }
        return true
    }

    /// Looks at rows from `row` on, until there are `limit` entries or it has been long enough. Worker threads only.
    public func scan(_ arrived: ArrivedRows, from row: Int, limit: Int) -> Found {
        let streams = arrived.streams
        let hidden = Set(arrived.hiddenRows())
        var found: [FoundEntry] = []
        var bytes = 0
        let first = max(row, arrived.range.lowerBound)
        var at = first
        let end = min(arrived.range.upperBound, at + TailScan.rowsLimit)
        let latest = Machine.monotonicNanoseconds() + TailScan.timeLimitNanoseconds
        arrived.rows.read { entries, arena in
            while at < end, found.count < limit, bytes < TailScan.bytesLimit {
                if at & 15 == 0, at > first, Machine.monotonicNanoseconds() > latest { break }
                let entry = entries[at]
                let number = at
                at += 1
                guard Int(entry.stream) < streams.count, !hidden.contains(number) else { continue }
                let stream = streams[Int(entry.stream)]
                guard isWanted(stream, arrived), plan.pipeline.passesFirst(arena, entry),
                    runner.run(arena, entry, stream: stream.index, streamLabels: { arrived.labels(stream) })
                else { continue }
                let passed = runner.found(entry, arena, arrived.arrival, UInt32(clamping: number))
                bytes += passed.heldBytes
                found.append(passed)
            }
        }
        found.sort { $0.isBefore($1) }
        return Found(
            streams: StreamGrouping.streams(found, categorizes: categorizes), entryCount: found.count, nextRow: at)
    }

    private func isWanted(_ stream: StreamID, _ arrived: ArrivedRows) -> Bool {
        let index = Int(stream.index)
        if index >= verdicts.count {
            verdicts.append(contentsOf: repeatElement(0, count: index + 1 - verdicts.count))
        }
        if verdicts[index] == 0 { verdicts[index] = wants(arrived.labels(stream)) ? 1 : 2 }
        return verdicts[index] == 1
    }
}

extension QueryExecutor {
    /// A scan of arriving rows for `query`.
    /// - Parameter categorizes: whether streams keep index labels only, and entries their other labels.
    public func tail(_ query: LogQuery, categorizes: Bool) throws(QueryError) -> TailScan {
        if !query.resultSteps.isEmpty { throw QueryError.unsupported("a step over the lines found") }
        return try TailScan(query, planner: Planner(options: options), categorizes: categorizes)
    }
}
