internal import Bytes
internal import Model
internal import Store

/// Scans units for samples of a range aggregation; one lane runs at a time on one worker thread.
final class RangeLane: @unchecked Sendable {
    // Invariant: used by one piece of work at a time; the lane's task starts the next piece when the last has ended.
    let plan: RangePlan
    let snapshot: any StoreSnapshot
    private let control: QueryControl
    private var runner: EntryRunner
    var candidates = CandidateRows()
    var program: ProgramRun
    var table: SeriesTable
    var statistics = QueryStatistics()
    var warnings: [String] = []
    /// What ended a scan of rows inside of a call that cannot throw it.
    var rowFault: QueryError?
    private var reportedBytes = 0
    private var key: [UInt8] = []
    /// Nil where stages or the grouping need all labels of an entry.
    private var direct: DirectKeys?
    /// The series of the last key built directly: neighbours often share it.
    private var lastKey: [UInt8] = []
    private var lastSeries = -1
    /// For streams whose labels alone make the series: its number + 1; -1 if metadata or stages have a say.
    private var streamSeries: [Int32] = []
    /// For streams in column blocks: the number + 1 of the series that their labels make.
    private var indexSeries: [Int32] = []

    init(_ plan: RangePlan, _ snapshot: any StoreSnapshot, _ control: QueryControl) {
        self.plan = plan
        self.snapshot = snapshot
        self.control = control
        runner = EntryRunner(plan.log.pipeline)
        // Two lanes fill tables, which then become one.
        table = SeriesTable(plan.kind, budgetBytes: control.samplesBytes / 2)
        var grouped: [UInt32] = []
        if case .by(let names) = plan.grouping { grouped = names }
        program = ProgramRun(plan.log.pipeline, unwrap: plan.unwrap, grouping: grouped)
        if plan.unwrap == nil, plan.log.pipeline.stages.isEmpty, case .by(let names) = plan.grouping {
            let known = plan.log.pipeline.names
            direct = DirectKeys(names.map { [UInt8](known.bytes[known.range($0)]) })
        }
    }

    func scan(_ unit: any ScanUnit) throws(QueryError) {
        try control.check()
        do throws(ScanError) {
            if let counts = try counts(unit), addWhole(counts) {
                // All is known.
            } else if try addVolume(unit) {
                // No row needs to be looked at.
            } else if let columns = try unit.columns() {
                try scan(columns, unit)
            } else {
                let loaded = try open(unit)
                statistics.account(unit, loaded)
                add(loaded)
            }
        } catch {
            warnings.append(error.what)
        }
        if let rowFault { throw rowFault }
        try holdMemory()
    }

    /// Whether nothing but counts is asked for.
    private var wantsCounts: Bool { plan.kind == .count && plan.log.pipeline.isEmpty && plan.unwrap == nil }

    private func counts(_ unit: any ScanUnit) throws(ScanError) -> [StreamCount]? {
        wantsCounts ? try unit.counts() : nil
    }

    private func addVolume(_ unit: any ScanUnit) throws(ScanError) -> Bool {
        guard wantsCounts, let volume = try unit.volume() else { return false }
        statistics.storedBytes += volume.storedBytesRead
        return add(volume, first: unit.firstTime, last: unit.lastTime)
    }

    private func open(_ unit: any ScanUnit) throws(ScanError) -> LoadedRows {
        guard let counts = try counts(unit) else { return try unit.load(.rows) }
        let timesSuffice = counts.allSatisfy { $0.stream == .none || series(ofStream: $0.stream) != nil }
        return try unit.load(timesSuffice ? .times : .rows)
    }

    /// Adds the samples of rows; what ends the query is kept in `rowFault`.
    func add(_ loaded: LoadedRows, pilot: [UInt8]? = nil) {
        loaded.rows.read { entries, arena in
            candidates.find(
                loaded, entries, arena, range: plan.log.request.range, pilot: pilot ?? plan.log.pilot)
            do throws(QueryError) { try addRows(entries, arena, loaded) } catch { rowFault = error }
        }
    }

    /// The samples found, which the lane no longer holds.
    func handOver() -> SeriesTable {
        var handed = SeriesTable(plan.kind)
        swap(&handed, &table)
        handed.budgetBytes = control.samplesBytes
        return handed
    }

    private func holdMemory() throws(QueryError) {
        let grown = table.heldBytes - reportedBytes
        if grown > 0 {
            reportedBytes = table.heldBytes
            try control.hold(grown)
        }
    }

    // MARK: From counts

    /// Adds counts of streams that lie in one cell each; false, and nothing added, if some do not.
    private func addWhole(_ counts: [StreamCount]) -> Bool {
        var cells: [(series: Int, cell: Int, rows: Int)] = []
        let range = plan.log.request.range
        for count in counts where count.stream != .none && range.overlaps(first: count.firstTime, last: count.lastTime)
        {
            guard range.covers(first: count.firstTime, last: count.lastTime),
                let series = series(ofStream: count.stream)
            else { return false }
            let cell = plan.windows.cell(count.firstTime)
            guard cell == plan.windows.cell(count.lastTime), let cell else { return false }
            cells.append((series, cell, count.rows))
        }
        for item in cells {
            table.merge(item.series, Cell(index: Int32(truncatingIfNeeded: item.cell), number: Int64(item.rows)))
            statistics.matchedRows += item.rows
        }
        return true
    }

    /// The series of all entries of a stream; nil if it depends on the entry.
    func series(ofStream stream: StreamID) -> Int? {
        let index = Int(stream.index)
        while streamSeries.count <= index { streamSeries.append(0) }
        if streamSeries[index] == 0 { streamSeries[index] = fixedSeries(stream).map { Int32($0 + 1) } ?? -1 }
        return streamSeries[index] > 0 ? Int(streamSeries[index]) - 1 : nil
    }

    /// The series that the index labels of a stream alone make.
    func seriesOfIndex(_ stream: StreamID, _ names: [UInt32]) -> Int {
        let index = Int(stream.index)
        while indexSeries.count <= index { indexSeries.append(0) }
        if indexSeries[index] == 0 {
            key.removeAll(keepingCapacity: true)
            for name in names { appendIndexPair(stream, name, to: &key) }
            indexSeries[index] = Int32(truncatingIfNeeded: table.intern(key) + 1)
        }
        return Int(indexSeries[index]) - 1
    }

    /// Appends name and value of an index label as a canonical pair, if the stream has it.
    func appendIndexPair(_ stream: StreamID, _ name: UInt32, to out: inout [UInt8]) {
        let labels = snapshot.labels(stream).encoded
        let names = plan.log.pipeline.names
        let range = names.range(name)
        guard let value = LabelSet.range(of: names.bytes.span.extracting(range), in: labels.span, 0..<labels.count)
        else { return }
        out.appendVarint(range.count)
        out.append(names.bytes, range)
        out.appendVarint(value.count)
        out.append(labels, value)
    }

    private func fixedSeries(_ stream: StreamID) -> Int? {
        guard plan.unwrap == nil, plan.log.pipeline.stages.isEmpty, case .by(let names) = plan.grouping else {
            return nil
        }
        let labels = snapshot.labels(stream)
        let known = runner.labels.names
        key.removeAll(keepingCapacity: true)
        for name in names {
            let range = known.range(name)
            guard
                let value = LabelSet.range(
                    of: known.bytes.span.extracting(range), in: labels.encoded.span, 0..<labels.encoded.count)
            else { return nil }
            key.appendVarint(range.count)
            key.append(known.bytes, range)
            key.appendVarint(value.count)
            key.append(labels.encoded, value)
        }
        return table.intern(key)
    }

    // MARK: From rows

    private func addRows(
        _ entries: borrowing Span<RowEntry>, _ arena: borrowing ByteSpan, _ loaded: LoadedRows
    ) throws(QueryError) {
        let pipeline = plan.log.pipeline
        var looked = 0
        for row in candidates.rows {
            looked += 1
            if looked & 15 == 0 {
                // A template can make much of a row, in time and in bytes.
                try control.check()
                try holdMemory()
            }
            let entry = entries[Int(row)]
            guard let cell = plan.windows.cell(entry.time) else { continue }
            statistics.lineBytes += Int(entry.lineCount)
            statistics.metadataBytes += Int(entry.metadataCount)
            guard pipeline.passesFirst(arena, entry) else { continue }
            let stream = loaded.streams[Int(entry.stream)]
            if let series = series(ofStream: stream) {
                table.add(series, cell: cell, value: 1, time: entry.time, bytes: Int(entry.lineCount))
                statistics.matchedRows += 1
                continue
            }
            if direct != nil {
                addDirectly(entry, arena, stream, cell)
            } else {
                try addEntry(entry, arena, stream, cell)
            }
        }
    }

    private func addDirectly(_ entry: RowEntry, _ arena: borrowing ByteSpan, _ stream: StreamID, _ cell: Int) {
        direct?.build(
            stream: stream.index, labels: { snapshot.labels(stream) }, arena, entry.metadata, into: &key)
        if lastSeries < 0 || key != lastKey {
            lastSeries = table.intern(key)
            swap(&key, &lastKey)
        }
        table.add(lastSeries, cell: cell, value: 1, time: entry.time, bytes: Int(entry.lineCount))
        statistics.matchedRows += 1
    }

    private func addEntry(
        _ entry: RowEntry, _ arena: borrowing ByteSpan, _ stream: StreamID, _ cell: Int
    ) throws(QueryError) {
        guard runner.run(arena, entry, stream: stream.index, streamLabels: { snapshot.labels(stream) }) else { return }
        var value = 1.0
        if let unwrap = plan.unwrap {
            guard let number = unwrap.value(&runner.labels) else { return }
            value = number
        }
        let fault = runner.labels.fault
        runner.labels.exposeFault()
        if fault != .none, !(plan.toleratesErrors && fault.isOfParser) { throw pipelineError() }
        statistics.matchedRows += 1
        let series = buildSeries()
        let bytes = runner.isRewritten ? runner.rewritten.count : Int(entry.lineCount)
        table.add(series, cell: cell, value: value, time: entry.time, bytes: bytes)
    }

    private func buildSeries() -> Int {
        key.removeAll(keepingCapacity: true)
        switch plan.grouping {
        case .by(let names):
            for name in names {
                guard let slot = runner.labels.find(name) else { continue }
                runner.labels.appendPair(runner.labels.slots[slot], to: &key)
            }
        case .all:
            let unwrapped = plan.unwrap?.name
            runner.labels.encode({ $0.name != unwrapped }, into: &key)
        case .without(let names):
            let unwrapped = plan.unwrap?.name
            runner.labels.encode({ $0.name != unwrapped && !names.contains($0.name) }, into: &key)
        }
        return table.intern(key)
    }

    private func pipelineError() -> QueryError {
        let what = "\(runner.labels.fault.text)"
        key.removeAll(keepingCapacity: true)
        // The labels of one entry can be megabytes.
        runner.labels.encode({ $0.count <= 1024 }, into: &key)
        let labels = LabelSet(canonical: key).description.prefix(4096)
        return QueryError(
            .pipeline,
            """
            pipeline error: '\(what)' for series: '\(labels)'.
            Use a label filter to intentionally skip this error. (e.g | __error__!="\(what)").
            To skip all potential errors you can match empty errors.(e.g __error__="")
            The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )
            """)
    }
}
