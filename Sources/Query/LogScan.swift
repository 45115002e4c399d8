internal import Bytes
internal import Model
internal import Store

/// Scans units for entries of a log query; one lane of it runs at a time on one worker thread.
final class LogLane: @unchecked Sendable {
    // Invariant: used by one piece of work at a time; the lane's task starts the next piece when the last has ended.
    private let plan: LogPlan
    private let snapshot: any StoreSnapshot
    private let control: QueryControl
    private let direction: Direction
    private var runner: EntryRunner
    private var candidates = CandidateRows()
    private var order: [Int32] = []
    private(set) var statistics = QueryStatistics()
    private(set) var warnings: [String] = []

    init(_ plan: LogPlan, _ snapshot: any StoreSnapshot, _ control: QueryControl, _ direction: Direction) {
        self.plan = plan
        self.snapshot = snapshot
        self.control = control
        self.direction = direction
        runner = EntryRunner(plan.pipeline)
    }

    /// The first `limit` entries of the unit in the direction, none worse than `worstTime`.
    func scan(_ unit: any ScanUnit, limit: Int, worstTime: Int64?) throws(QueryError) -> [FoundEntry] {
        try control.check()
        let loaded: LoadedRows
        do throws(ScanError) {
            loaded = try unit.load(.rows)
        } catch {
            warnings.append(error.what)
            return []
        }
        statistics.account(unit, loaded)
        return try loaded.rows.read { (entries, arena) throws(QueryError) -> [FoundEntry] in
            candidates.find(loaded, entries, arena, range: plan.request.range, pilot: plan.pilot)
            sortCandidates(entries, isSorted: loaded.isSorted)
            return try pick(entries, arena, loaded, unit.arrival, limit, worstTime)
        }
    }

    private func sortCandidates(_ entries: borrowing Span<RowEntry>, isSorted: Bool) {
        order = candidates.rows
        if !isSorted {
            // Time and row in one key: a closure over the span cannot escape into the sort.
            var keyed: [(time: Int64, row: Int32)] = []
            keyed.reserveCapacity(order.count)
            for row in order { keyed.append((entries[Int(row)].time, row)) }
            keyed.sort { ($0.time, $0.row) < ($1.time, $1.row) }
            order = keyed.map(\.row)
        }
        if direction == .backward { order.reverse() }
    }

    private func pick(
        _ entries: borrowing Span<RowEntry>, _ arena: borrowing ByteSpan, _ loaded: LoadedRows, _ arrival: UInt64,
        _ limit: Int, _ worstTime: Int64?
    ) throws(QueryError) -> [FoundEntry] {
        var found: [FoundEntry] = []
        var looked = 0
        for row in order {
            let entry = entries[Int(row)]
            if let worstTime {
                if direction == .backward ? entry.time < worstTime : entry.time > worstTime { break }
            }
            looked += 1
            if looked & 1023 == 0 { try control.check() }
            statistics.lineBytes += Int(entry.lineCount)
            statistics.metadataBytes += Int(entry.metadataCount)
            guard plan.pipeline.passesFirst(arena, entry) else { continue }
            let stream = loaded.streams[Int(entry.stream)]
            guard runner.run(arena, entry, stream: stream.index, streamLabels: { snapshot.labels(stream) }) else {
                continue
            }
            found.append(make(entry, arena, arrival, UInt32(bitPattern: row)))
            if found.count >= limit { break }
        }
        statistics.matchedRows += found.count
        return found
    }

    private func make(
        _ entry: RowEntry, _ arena: borrowing ByteSpan, _ arrival: UInt64, _ row: UInt32
    ) -> FoundEntry {
        runner.labels.exposeFault()
        var bytes: [UInt8] = []
        if runner.isRewritten {
            bytes = runner.rewritten
        } else {
            bytes.append(span: arena.extracting(entry.line))
        }
        let lineCount = bytes.count
        runner.labels.encode({ $0.category == .index }, into: &bytes)
        let indexCount = bytes.count - lineCount
        runner.labels.encode({ $0.category == .metadata }, into: &bytes)
        let metadataCount = bytes.count - lineCount - indexCount
        runner.labels.encode({ $0.category == .parsed }, into: &bytes)
        return FoundEntry(
            time: entry.time, arrival: arrival, row: row, bytes: bytes, lineCount: lineCount, indexCount: indexCount,
            metadataCount: metadataCount)
    }
}

extension QueryStatistics {
    /// Counts a unit that was opened.
    mutating func account(_ unit: any ScanUnit, _ loaded: LoadedRows) {
        rows += loaded.rows.count
        rawBytes += loaded.rawBytes
        storedBytes += loaded.storedBytes
        if unit.storedBytes == 0 {
            headBytes += loaded.rawBytes
            headRows += loaded.rows.count
        } else {
            blocksRead += 1
        }
    }

    /// Counts a plan.
    mutating func account(_ plan: ScanPlan) {
        partsConsidered += plan.partsConsidered
        blocksConsidered += plan.blocksConsidered
        blocksPruned += plan.blocksPruned
        storedBytes += plan.planningBytes
    }
}
