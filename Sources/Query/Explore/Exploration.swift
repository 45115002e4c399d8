internal import LogQL
internal import Model
internal import Store

/// State of one of the walks over units that run beside each other; one of its visits runs at a time.
protocol UnitLane: AnyObject, Sendable {
    func visit(_ unit: any ScanUnit) throws(QueryError)
}

/// One question about what is stored (statistics, volumes, fields, patterns), on one snapshot and within the limits of
/// a query.
struct Exploration: Sendable {
    let executor: QueryExecutor
    let snapshot: any StoreSnapshot
    let control: QueryControl

    init(_ executor: QueryExecutor, _ tenant: TenantID, source: any RecentData) {
        self.executor = executor
        let limits = executor.limits
        control = QueryControl(
            seconds: limits.querySeconds.value, memoryBytes: limits.queryMemoryBytes.value, shared: executor.memory)
        snapshot = source.snapshot(tenant)
    }

    /// Reads a selector; `{}` only where it is welcome.
    static func selector(_ text: String, allowsAll: Bool) throws(QueryError) -> Selector {
        do throws(ParseError) {
            let isAll = allowsAll && text.utf8.filter { $0 != 0x20 }.elementsEqual("{}".utf8)
            return try Language(regexes: RegexEngine()).parseMatchers(text, allowEmptyMatchers: isAll)
        } catch {
            throw QueryError(.parse, error.description)
        }
    }

    /// `range` without what retention has taken.
    func clamped(_ range: TimeRange) -> TimeRange {
        TimeRange(start: max(range.start, snapshot.oldestTime), end: range.end)
    }

    /// Runs blocking work on a worker thread; cancelling the task ends it within a unit's time.
    func onWorker<R: Sendable>(_ work: @escaping @Sendable () throws(QueryError) -> R) async throws(QueryError) -> R {
        let control = control
        let outcome = await withTaskCancellationHandler {
            await executor.scheduler.run(.query) { () -> Result<R, QueryError> in
                do throws(QueryError) { return .success(try work()) } catch { return .failure(error) }
            }
        } onCancel: {
            control.cancel()
        }
        return try outcome.get()
    }

    /// The units to look at; none for an empty range.
    func plan(_ request: ScanRequest) async throws(QueryError) -> ScanPlan {
        if request.range.isEmpty { return ScanPlan() }
        let snapshot = snapshot
        return try await onWorker { () throws(QueryError) in
            do throws(ScanError) {
                return try snapshot.plan(request)
            } catch {
                throw QueryError(.failed, error.what)
            }
        }
    }

    /// How many lanes `visit` makes use of.
    func laneCount(_ unitCount: Int) -> Int { max(1, min(executor.options.parallelUnits, unitCount)) }

    /// Shows every unit to one of the lanes.
    func visit<Lane: UnitLane>(_ units: [any ScanUnit], _ lanes: [Lane]) async throws(QueryError) {
        let failures = await withTaskGroup(of: QueryError?.self, returning: [QueryError].self) { group in
            for (number, lane) in lanes.enumerated() {
                // Every lanes.count-th unit: what a lane sees does not depend on its speed.
                let own = stride(from: number, to: units.count, by: lanes.count).map { units[$0] }
                group.addTask { await visitAll(own, lane) }
            }
            var found: [QueryError] = []
            for await failure in group {
                if let failure { found.append(failure) }
            }
            return found
        }
        if let failure = failures.first(where: { $0.kind != .cancelled }) ?? failures.first { throw failure }
    }

    private func visitAll<Lane: UnitLane>(_ units: [any ScanUnit], _ lane: Lane) async -> QueryError? {
        do throws(QueryError) {
            for unit in units {
                try await onWorker { () throws(QueryError) in
                    try control.check()
                    try lane.visit(unit)
                }
            }
            return nil
        } catch {
            control.cancel()
            return error
        }
    }
}
