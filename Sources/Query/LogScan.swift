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
    private var program: ProgramRun
    private(set) var statistics = QueryStatistics()
    private(set) var warnings: [String] = []
    private var looked = 0
    /// Bytes of entries of the unit at hand, and of these those accounted for.
    private var foundBytes = 0
    private var heldBytes = 0

    /// Bytes of entries that a unit may give before they are accounted for.
    private static let freeBytes = 1 << 20

    init(_ plan: LogPlan, _ snapshot: any StoreSnapshot, _ control: QueryControl, _ direction: Direction) {
        self.plan = plan
        self.snapshot = snapshot
        self.control = control
        self.direction = direction
        runner = EntryRunner(plan.pipeline)
        program = ProgramRun(plan.pipeline, unwrap: nil, grouping: [])
    }

    /// The first `limit` entries of the unit in the direction, none worse than `worstTime`.
    func scan(_ unit: any ScanUnit, limit: Int, worstTime: Int64?) throws(QueryError) -> [FoundEntry] {
        try control.check()
        // What is found passes to the collector, which accounts for all of it.
        defer {
            control.release(heldBytes)
            (foundBytes, heldBytes) = (0, 0)
        }
        let columns: UnitColumns?
        let opened: LoadedRows?
        do throws(ScanError) {
            columns = try unit.columns()
            opened = columns == nil ? try unit.load(.rows) : nil
        } catch {
            warnings.append(error.what)
            return []
        }
        if let columns { return try scan(columns, unit, limit, worstTime) }
        guard let loaded = opened else { return [] }
        statistics.account(unit, loaded)
        return try loaded.rows.read { (entries, arena) throws(QueryError) -> [FoundEntry] in
            candidates.find(loaded, entries, arena, range: plan.request.range, pilot: plan.pilot)
            sortCandidates(entries, isSorted: loaded.isSorted)
            return try pick(entries, arena, loaded, unit.arrival, limit, worstTime)
        }
    }

    // MARK: Columns

    /// The same for a column block: only rows that may pass are rebuilt, best first, until there are enough.
    private func scan(
        _ columns: UnitColumns, _ unit: any ScanUnit, _ limit: Int, _ worstTime: Int64?
    ) throws(QueryError) -> [FoundEntry] {
        var found: [FoundEntry] = []
        statistics.blocksRead += 1
        statistics.rows += columns.rowCount
        defer { statistics.storedBytes += columns.storedBytesRead }
        var batchCount = min(max(limit, 64), 4096)
        var left: ArraySlice<UInt32>?
        var batch: [Int] = []
        while found.count < limit {
            try control.check()
            let loaded: LoadedRows
            do throws(ScanError) {
                var rows = left == nil ? try candidates(columns, unit, worstTime) ?? [] : left ?? []
                if rows.isEmpty { break }
                batch = (direction == .backward ? rows.suffix(batchCount) : rows.prefix(batchCount)).map { Int($0) }
                direction == .backward ? rows.removeLast(batch.count) : rows.removeFirst(batch.count)
                left = rows
                loaded = try columns.load(at: batch)
            } catch {
                warnings.append(error.what)
                break
            }
            statistics.rawBytes += loaded.rawBytes
            found += try pick(batch, loaded, unit.arrival, limit - found.count)
            batchCount = min(batchCount * 2, 16_384)
        }
        return found
    }

    /// Rows that may pass and are not worse than `worstTime`, ascending.
    private func candidates(
        _ columns: UnitColumns, _ unit: any ScanUnit, _ worstTime: Int64?
    ) throws(ScanError) -> ArraySlice<UInt32>? {
        let verdicts = try program.verdicts(
            columns, plan.request.range, first: unit.firstTime, last: unit.lastTime, labels: { snapshot.labels($0) })
        guard let rows = verdicts?.possible(), !rows.isEmpty else { return nil }
        guard let worstTime else { return rows[...] }
        // Rows of a block are in order of time.
        let times = try columns.times()
        if direction == .backward {
            return rows[(rows.firstIndex { times[Int($0)] >= worstTime } ?? rows.endIndex)...]
        }
        return rows[..<(rows.firstIndex { times[Int($0)] > worstTime } ?? rows.endIndex)]
    }

    /// Entries of rebuilt rows that pass, `limit` at most; `numbers` are the rows' places in their block.
    private func pick(
        _ numbers: [Int], _ loaded: LoadedRows, _ arrival: UInt64, _ limit: Int
    ) throws(QueryError) -> [FoundEntry] {
        try loaded.rows.read { (entries, arena) throws(QueryError) -> [FoundEntry] in
            var found: [FoundEntry] = []
            for step in 0..<entries.count where found.count < limit {
                let index = direction == .backward ? entries.count - 1 - step : step
                if let entry = try entry(entries[index], arena, loaded, arrival, UInt32(clamping: numbers[index])) {
                    found.append(entry)
                }
            }
            statistics.matchedRows += found.count
            return found
        }
    }

    /// The entry, if the row passes the pipeline.
    private func entry(
        _ entry: RowEntry, _ arena: borrowing ByteSpan, _ loaded: LoadedRows, _ arrival: UInt64, _ row: UInt32
    ) throws(QueryError) -> FoundEntry? {
        looked &+= 1
        // A template can take long over a row.
        if looked & 15 == 0 { try control.check() }
        statistics.lineBytes += Int(entry.lineCount)
        statistics.metadataBytes += Int(entry.metadataCount)
        guard plan.pipeline.passesFirst(arena, entry) else { return nil }
        let stream = loaded.streams[Int(entry.stream)]
        guard stream != .none,
            runner.run(arena, entry, stream: stream.index, streamLabels: { snapshot.labels(stream) })
        else { return nil }
        let made = runner.found(entry, arena, arrival, row)
        foundBytes += made.heldBytes
        if foundBytes - heldBytes > LogLane.freeBytes {
            try control.hold(foundBytes - heldBytes)
            heldBytes = foundBytes
        }
        return made
    }

    // MARK: Rows

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
        for row in order {
            let entry = entries[Int(row)]
            if let worstTime {
                if direction == .backward ? entry.time < worstTime : entry.time > worstTime { break }
            }
            guard let passed = try self.entry(entry, arena, loaded, arrival, UInt32(bitPattern: row)) else { continue }
            found.append(passed)
            if found.count >= limit { break }
        }
        statistics.matchedRows += found.count
        return found
    }
}

extension EntryRunner {
    /// The entry that has just passed, as the stages left it.
    mutating func found(
        _ entry: RowEntry, _ arena: borrowing ByteSpan, _ arrival: UInt64, _ row: UInt32
    ) -> FoundEntry {
        labels.exposeFault()
        var bytes: [UInt8] = []
        if isRewritten {
            bytes = rewritten
        } else {
            bytes.append(span: arena.extracting(entry.line))
        }
        let lineCount = bytes.count
        labels.encode({ $0.category == .index }, into: &bytes)
        let indexCount = bytes.count - lineCount
        labels.encode({ $0.category == .metadata }, into: &bytes)
        let metadataCount = bytes.count - lineCount - indexCount
        labels.encode({ $0.category == .parsed }, into: &bytes)
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
