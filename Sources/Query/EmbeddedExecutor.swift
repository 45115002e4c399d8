internal import Bytes
internal import LogQL
internal import Model
internal import Store
internal import Synchronization

/// A fragment compiled for this process.
enum CompiledLeaf: Sendable {
    case log(LogPlan)
    case range(RangePlan)

    init(_ fragment: PlanFragment, _ planner: Planner) throws(QueryError) {
        switch fragment.expression {
        case .log(let query):
            let range = TimeRange(start: fragment.parameters.start, end: fragment.parameters.end)
            self = .log(try planner.plan(query, range: range))
        case .metric(let query):
            var leaves: [(RangeAggregation, Grouping?)] = []
            _ = try NumberedQuery(query, &leaves)
            guard leaves.indices.contains(fragment.leaf) else {
                throw QueryError(.failed, "a query fragment asks for part \(fragment.leaf) of \(leaves.count)")
            }
            let leaf = leaves[fragment.leaf]
            self = .range(try RangePlan(leaf.0, outer: leaf.1, steps: fragment.parameters.steps, planner: planner))
        }
    }
}

/// Runs fragments on the worker threads of this process.
struct EmbeddedExecutor: FragmentExecutor {
    let scheduler: any WorkScheduler
    let options: QueryOptions
    let source: any RecentData
    let control: QueryControl

    func run(_ fragment: PlanFragment) async throws(QueryError) -> PartialResult {
        let compiled = try compile(fragment)
        let snapshot = source.snapshot(fragment.parameters.tenant)
        switch compiled {
        case .log(let plan): return try await run(plan, snapshot, fragment)
        case .range(let plan): return try await run(plan, snapshot, fragment)
        }
    }

    private func compile(_ fragment: PlanFragment) throws(QueryError) -> CompiledLeaf {
        if let compiled = fragment.compiled { return compiled }
        return try CompiledLeaf(fragment, Planner(options: options))
    }

    private func run(
        _ plan: LogPlan, _ snapshot: any StoreSnapshot, _ fragment: PlanFragment
    ) async throws(QueryError) -> PartialResult {
        var plan = plan
        let began = Machine.monotonicNanoseconds()
        let scan = try await prepare(&plan.request, snapshot, fragment.scope)
        let planned = Machine.monotonicNanoseconds()
        let parameters = fragment.parameters
        let collector = LogCollector(
            scan.units, parameters.direction, limit: parameters.limit,
            intervalNanoseconds: parameters.intervalNanoseconds, control)
        let lanes = (0..<laneCount(scan.units.count)).map { _ in
            LogLane(plan, snapshot, control, parameters.direction)
        }
        try await runLanes(lanes) { (lane) async throws(QueryError) -> Bool in
            guard let first = collector.next() else { return false }
            return try await scheduler.running { () throws(QueryError) in
                let before = lane.statistics.rawBytes
                defer { control.scanned(lane.statistics.rawBytes - before) }
                let end = Machine.monotonicNanoseconds() + EmbeddedExecutor.turnNanoseconds
                var work = first
                while true {
                    let found = try lane.scan(work.unit, limit: work.limit, worstTime: work.worstTime)
                    try collector.finish(work, found)
                    if Machine.monotonicNanoseconds() >= end { return true }
                    guard let more = collector.next() else { return false }
                    work = more
                }
            }
        }
        var statistics = QueryStatistics()
        statistics.account(scan)
        statistics.planNanoseconds = planned - began
        statistics.scanNanoseconds = Machine.monotonicNanoseconds() - planned
        var warnings = scan.warnings
        for lane in lanes {
            statistics.add(lane.statistics)
            warnings += lane.warnings
        }
        return PartialResult(.entries(collector.entries), statistics, warnings)
    }

    private func run(
        _ plan: RangePlan, _ snapshot: any StoreSnapshot, _ fragment: PlanFragment
    ) async throws(QueryError) -> PartialResult {
        var request = plan.log.request
        let began = Machine.monotonicNanoseconds()
        let scan = try await prepare(&request, snapshot, fragment.scope)
        let planned = Machine.monotonicNanoseconds()
        let oldest = request.range.start
        let plan = plan.clamped(from: oldest)
        let next = Atomic<Int>(0)
        let lanes = (0..<laneCount(scan.units.count)).map { _ in RangeLane(plan, snapshot, control) }
        try await runLanes(lanes) { (lane) async throws(QueryError) -> Bool in
            try await scheduler.running { () throws(QueryError) in
                let before = lane.statistics.rawBytes
                defer { control.scanned(lane.statistics.rawBytes - before) }
                // Units that cost next to nothing go together: a turn on a worker costs more than they do.
                let end = Machine.monotonicNanoseconds() + EmbeddedExecutor.turnNanoseconds
                repeat {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < scan.units.count else { return false }
                    try lane.scan(scan.units[index])
                } while Machine.monotonicNanoseconds() < end
                return true
            }
        }
        var statistics = QueryStatistics()
        statistics.account(scan)
        statistics.planNanoseconds = planned - began
        statistics.scanNanoseconds = Machine.monotonicNanoseconds() - planned
        var warnings = scan.warnings
        for lane in lanes {
            statistics.add(lane.statistics)
            warnings += lane.warnings
        }
        let table = try await scheduler.running { [control] () throws(QueryError) in
            guard var table = lanes.first?.handOver() else { return SeriesTable(plan.kind) }
            for lane in lanes.dropFirst() {
                try control.check()
                table.merge(lane.handOver())
            }
            // Sorted here, where nobody else holds it.
            if plan.ordersSamples { try table.sortSamples(WorkMeter(control)) }
            return table
        }
        if let reservation = table.reservation { warnings.append(reservation) }
        return PartialResult(.series(table), statistics, warnings)
    }

    /// After this long a lane lets others have the worker.
    private static let turnNanoseconds: Int64 = 1_500_000

    private func laneCount(_ unitCount: Int) -> Int { max(1, min(options.parallelUnits, unitCount)) }

    /// Clamps the range to what retention allows, and asks for the units.
    private func prepare(
        _ request: inout ScanRequest, _ snapshot: any StoreSnapshot, _ scope: PartScope
    ) async throws(QueryError) -> ScanPlan {
        request.range.start = max(request.range.start, snapshot.oldestTime)
        if request.range.isEmpty { return ScanPlan() }
        let asked = request
        let answer = await scheduler.run(.query) { () -> Result<ScanPlan, ScanError> in
            do throws(ScanError) { return .success(try snapshot.plan(asked)) } catch { return .failure(error) }
        }
        switch answer {
        case .failure(let error): throw QueryError(.failed, error.what)
        case .success(var plan):
            if case .share(let index, let count) = scope, count > 1 {
                plan.units = plan.units.enumerated().filter { $0.offset % count == index }.map(\.element)
            }
            return plan
        }
    }

    /// Lets each lane take steps until there are none or one fails; then the others stop as well.
    private func runLanes<Lane: Sendable>(
        _ lanes: [Lane], _ step: @escaping @Sendable (Lane) async throws(QueryError) -> Bool
    ) async throws(QueryError) {
        let control = control
        @Sendable func drive(_ lane: Lane) async -> QueryError? {
            do throws(QueryError) {
                while try await step(lane) {}
                return nil
            } catch {
                control.cancel()
                return error
            }
        }
        var failures: [QueryError] = []
        if lanes.count == 1 {
            if let failure = await drive(lanes[0]) { failures.append(failure) }
        } else {
            failures = await withTaskGroup(of: QueryError?.self, returning: [QueryError].self) { group in
                for lane in lanes { group.addTask { await drive(lane) } }
                var found: [QueryError] = []
                for await failure in group {
                    if let failure { found.append(failure) }
                }
                return found
            }
        }
        if let failure = failures.first(where: { $0.kind != .cancelled }) ?? failures.first { throw failure }
    }
}

extension RangePlan {
    /// The plan for a scan that begins no earlier than `start`.
    func clamped(from start: Int64) -> RangePlan {
        var copy = self
        copy.log.request.range.start = max(copy.log.request.range.start, start)
        return copy
    }
}
