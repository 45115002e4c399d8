internal import Bytes
internal import LogQL
internal import Model
internal import Store

/// Leads one query: checks it against the limits, gives its fragments to the peers, merges and computes.
struct Coordinator {
    private let executor: QueryExecutor
    private let parameters: QueryParameters
    private let control: QueryControl
    private let peers: any PeerDirectory

    init(executor: QueryExecutor, parameters: QueryParameters, source: any RecentData, query: RunningQuery) {
        self.executor = executor
        self.parameters = parameters
        let limits = executor.limits
        control = QueryControl(
            seconds: limits.querySeconds.value, memoryBytes: limits.queryMemoryBytes.value, shared: executor.memory,
            query: query)
        query.attach { [control] in control.end() }
        peers = LonePeer(
            executor: EmbeddedExecutor(
                scheduler: executor.scheduler, options: executor.options, source: source, control: control))
    }

    func answer(_ expression: Expression) async throws(QueryError) -> QueryAnswer {
        try checkRange()
        return try await cancellable { () async throws(QueryError) in
            switch expression {
            case .log(let query): try await lines(query)
            case .metric(let query): try await numbers(query)
            }
        }
    }

    /// Entries of a log query behind a position; as many as the parameters' limit says.
    func page(_ query: LogQuery, after position: EntryPosition?) async throws(QueryError) -> EntryPage {
        try checkRange()
        var asked = parameters
        let skipped = position?.count ?? 0
        guard skipped <= EntryPage.skippedLimit else {
            throw QueryError(
                .limit, "more than \(EntryPage.skippedLimit) entries of one moment cannot be paged through")
        }
        if let position {
            if asked.direction == .forward {
                asked.start = max(asked.start, position.time)
            } else {
                asked.end = min(asked.end, position.time.addingReportingOverflow(1).partialValue)
            }
            asked.limit = asked.limit.addingReportingOverflow(skipped).partialValue
        }
        let whole = asked
        let partial = try await cancellable { () async throws(QueryError) in try await entries(query, whole) }
        guard case .entries(let found) = partial.content else {
            throw QueryError(.failed, "a peer answered numbers where lines were asked for")
        }
        return EntryPage(found, after: position, limit: parameters.limit, partial.statistics, partial.warnings)
    }

    private func entries(_ query: LogQuery, _ asked: QueryParameters) async throws(QueryError) -> PartialResult {
        var fragment = PlanFragment(.log(query), asked, leaf: 0)
        let plain = fragment
        let options = executor.options
        fragment.compiled = try await executor.scheduler.running { () throws(QueryError) in
            try CompiledLeaf(plain, Planner(options: options))
        }
        return try await run(fragment)
    }

    /// Runs `work` so that it ends soon after the calling task is cancelled.
    private func cancellable<R: Sendable>(
        _ work: () async throws(QueryError) -> R
    ) async throws(QueryError) -> R {
        let control = control
        let outcome = await withTaskCancellationHandler {
            do throws(QueryError) {
                return Result<R, QueryError>.success(try await work())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            control.cancel()
        }
        return try outcome.get()
    }

    private func checkRange() throws(QueryError) {
        let limit = executor.limits.queryRangeSeconds.value
        guard limit > 0, parameters.kind == .range else { return }
        let (length, overflow) = parameters.end.subtractingReportingOverflow(parameters.start)
        if overflow || length / Nanoseconds.perSecond > Int64(limit) {
            throw QueryError(
                .limit,
                "the query time range exceeds the limit (query length: \(length / Nanoseconds.perSecond)s, limit: "
                    + "\(limit)s)")
        }
    }

    // MARK: Lines

    private func lines(_ query: LogQuery) async throws(QueryError) -> QueryAnswer {
        guard parameters.kind == .range else {
            throw QueryError(
                .invalid,
                "log queries are not supported as an instant query type, please change your query to a range query type"
            )
        }
        if !query.resultSteps.isEmpty { throw QueryError.unsupported("a step over the lines found") }
        var asked = parameters
        let most = executor.limits.queryEntries
        if asked.limit > most.value {
            guard most.action == .adjust else {
                throw QueryError(
                    .limit,
                    "max entries limit per query exceeded, limit > max_entries_limit_per_query (\(asked.limit) > "
                        + "\(most.value))")
            }
            asked.limit = most.value
        }
        guard asked.limit > 0 else { throw QueryError(.invalid, "limit must be a positive value") }
        let partial = try await entries(query, asked)
        guard case .entries(let entries) = partial.content else {
            throw QueryError(.failed, "a peer answered numbers where lines were asked for")
        }
        let categorizes = parameters.categorizesLabels
        let streams = try await executor.scheduler.running { () throws(QueryError) in
            StreamGrouping.streams(entries, categorizes: categorizes)
        }
        var statistics = partial.statistics
        statistics.entriesReturned = entries.count
        return QueryAnswer(result: .streams(streams), statistics: statistics, warnings: partial.warnings)
    }

    /// Runs a fragment on all peers and merges what they find; with one peer nothing is divided or merged.
    private func run(_ fragment: PlanFragment) async throws(QueryError) -> PartialResult {
        let all = peers.peers()
        if all.count == 1 { return try await all[0].run(fragment) }
        var merged: PartialResult?
        for (index, peer) in all.enumerated() {
            let share = PlanFragment(
                fragment.expression, fragment.parameters, leaf: fragment.leaf,
                scope: .share(index: index, count: all.count))
            let partial = try await peer.run(share)
            if merged == nil {
                merged = partial
            } else {
                merged?.merge(partial, fragment.parameters.direction, limit: fragment.parameters.limit)
            }
        }
        guard let merged else { throw QueryError(.failed, "no peer answers queries") }
        return merged
    }

    // MARK: Numbers

    private func numbers(_ query: MetricQuery) async throws(QueryError) -> QueryAnswer {
        let steps = parameters.steps
        try checkSteps()
        var leaves: [(RangeAggregation, Grouping?)] = []
        let numbered = try NumberedQuery(query, &leaves)
        let planner = Planner(options: executor.options)
        var filled: [(plan: RangePlan, table: SeriesTable)] = []
        var statistics = QueryStatistics()
        var warnings: [String] = []
        for (number, leaf) in leaves.enumerated() {
            let plan = try await executor.scheduler.running { () throws(QueryError) in
                try RangePlan(leaf.0, outer: leaf.1, steps: steps, planner: planner)
            }
            var fragment = PlanFragment(.metric(query), parameters, leaf: number)
            fragment.compiled = .range(plan)
            let partial = try await run(fragment)
            guard case .series(let table) = partial.content else {
                throw QueryError(.failed, "a peer answered lines where numbers were asked for")
            }
            filled.append((plan, table))
            statistics.add(partial.statistics)
            warnings += partial.warnings.filter { !warnings.contains($0) }
        }
        let limit = executor.limits.querySeries
        let scanned = Machine.monotonicNanoseconds()
        let allowsPartial = parameters.allowsPartialSeries || limit.action == .adjust
        let evaluation = try await executor.scheduler.running { [control, filled] () throws(QueryError) in
            try EvaluationRun(
                numbered, filled, steps, control, seriesLimit: limit.value, allowsPartial: allowsPartial)
        }
        // The evaluation holds what it needs of them.
        filled = []
        // In pieces of a few milliseconds, so that queries take turns.
        while !(try await executor.scheduler.running { () throws(QueryError) in try evaluation.advance() }) {}
        if evaluation.isCut {
            warnings.append(
                "maximum number of series (\(limit.value)) reached for a single query; returning partial results")
        }
        let kind = parameters.kind
        let result = try await executor.scheduler.running { () throws(QueryError) in
            try evaluation.result(kind, sorts: numbered.sorts)
        }
        statistics.entriesReturned = evaluation.seriesCount
        statistics.evaluationNanoseconds = Machine.monotonicNanoseconds() - scanned
        return QueryAnswer(result: result, statistics: statistics, warnings: warnings)
    }

    private func checkSteps() throws(QueryError) {
        guard parameters.kind == .range else { return }
        guard parameters.stepNanoseconds > 0 else {
            throw QueryError(
                .invalid,
                "zero or negative query resolution step widths are not accepted. Try a positive integer")
        }
        let (length, overflow) = parameters.end.subtractingReportingOverflow(parameters.start)
        if overflow || length / parameters.stepNanoseconds > Int64(executor.limits.queryPoints.value) {
            throw QueryError(
                .limit,
                "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step "
                    + "parameter")
        }
    }
}
