internal import Bytes
internal import Columns
internal import LogQL
internal import Model
internal import Store

// Samples of a range aggregation from column blocks: rows that surely pass are never rebuilt.
extension RangeLane {
    /// Adds the samples of a column block; rows that only their own bytes can judge are rebuilt and judged.
    func scan(_ columns: UnitColumns, _ unit: any ScanUnit) throws(ScanError) {
        statistics.blocksRead += 1
        statistics.rows += columns.rowCount
        defer { statistics.storedBytes += columns.storedBytesRead }
        let found = try program.verdicts(
            columns, plan.log.request.range, first: unit.firstTime, last: unit.lastTime,
            labels: { snapshot.labels($0) })
        guard var verdicts = found else { return }
        if program.program.isComplete, plan.kind != .bytes {
            try addSure(&verdicts, columns, first: unit.firstTime, last: unit.lastTime)
        }
        try addUnsure(verdicts.possible(), columns)
    }

    /// Rows that are rebuilt at once.
    private static let batchRows = 16_384

    private func addUnsure(_ rows: [Int], _ columns: UnitColumns) throws(ScanError) {
        var start = 0
        while start < rows.count, rowFault == nil {
            let end = min(start + RangeLane.batchRows, rows.count)
            let loaded = try columns.load(at: Array(rows[start..<end]))
            statistics.rawBytes += loaded.rawBytes
            add(loaded, pilot: [])
            start = end
        }
    }

    // MARK: Sure rows

    /// Adds the samples of all rows that surely pass, and takes them out of `verdicts`; what stays has to be rebuilt.
    private func addSure(
        _ verdicts: inout RowVerdicts, _ columns: UnitColumns, first: Int64, last: Int64
    ) throws(ScanError) {
        guard let series = try SeriesOfRows(self, columns, verdicts) else { return }
        let cells = try CellsOfRows(plan, columns, first: first, last: last)
        guard let unwrap = plan.unwrap else {
            if plan.kind == .count, let counted = series.byOrdinal {
                return addCounts(&verdicts, counted.ordinals, counted.series, cells)
            }
            for row in 0..<verdicts.count where verdicts[row] == Verdict.yes {
                add(row, 1, series, cells)
                verdicts[row] = Verdict.no
            }
            return
        }
        try addUnwrapped(unwrap, &verdicts, columns, series, cells)
    }

    /// Counts the rows that surely pass, by cell and stream: rows come by time, so that a cell is a run of rows.
    private func addCounts(
        _ verdicts: inout RowVerdicts, _ ordinals: [UInt32], _ series: [Int32], _ cells: CellsOfRows
    ) {
        var counts = [Int](repeating: 0, count: series.count)
        var start = 0
        while start < verdicts.count {
            let end = cells.runEnd(from: start, count: verdicts.count)
            guard let cell = cells.cell(start) else {
                for row in start..<end where verdicts[row] == Verdict.yes { verdicts[row] = Verdict.no }
                start = end
                continue
            }
            for row in start..<end where verdicts[row] == Verdict.yes {
                counts[Int(ordinals[row])] &+= 1
                verdicts[row] = Verdict.no
            }
            for ordinal in counts.indices where counts[ordinal] > 0 {
                if series[ordinal] >= 0 {
                    let sum = Cell(index: Int32(truncatingIfNeeded: cell), number: Int64(counts[ordinal]))
                    table.merge(Int(series[ordinal]), sum)
                    statistics.matchedRows += counts[ordinal]
                }
                counts[ordinal] = 0
            }
            start = end
        }
    }

    @inline(__always)
    private func add(_ row: Int, _ value: Double, _ series: SeriesOfRows, _ cells: CellsOfRows) {
        guard let cell = cells.cell(row), let number = series.number(row) else { return }
        table.add(number, cell: cell, value: value, time: cells.time(row), bytes: 0)
        statistics.matchedRows += 1
    }

    private func addUnwrapped(
        _ unwrap: UnwrapStage, _ verdicts: inout RowVerdicts, _ columns: UnitColumns, _ series: SeriesOfRows,
        _ cells: CellsOfRows
    ) throws(ScanError) {
        guard let position = program.position(unwrap.name), program.program.parser != nil,
            case .index = program.places[position]
        else { return }
        let shapes = program.rowShapes
        let sources = program.sources
        var shapesOf: [LabelSource: [Bool]] = [:]
        var isAbsent = [Bool](repeating: false, count: sources.count)
        for shape in sources.indices {
            guard let source = sources[shape]?[position] else { continue }
            switch source {
            case .absent: isAbsent[shape] = !program.isIndexLabel(position)
            // An entry without a value, or with an empty one, is no sample.
            case .constant(let text): isAbsent[shape] = text.isEmpty
            case .column: shapesOf[source, default: [Bool](repeating: false, count: sources.count)][shape] = true
            }
        }
        for row in 0..<verdicts.count where verdicts[row] == Verdict.yes && isAbsent[Int(shapes[row])] {
            verdicts[row] = Verdict.no
        }
        for (source, isOfSource) in shapesOf {
            guard case .column(let number, let isString) = source else { continue }
            let content = try columns.lineColumn(number)
            let values = content.numbers(unwrap, isString: isString)
            for place in content.rows.indices {
                let row = Int(content.rows[place])
                guard verdicts[row] == Verdict.yes, isOfSource[Int(shapes[row])], let value = values(place) else {
                    continue
                }
                add(row, value, series, cells)
                verdicts[row] = Verdict.no
            }
        }
    }
}

extension ColumnContent {
    /// For the place of a value its number; nil where it is none, or empty, or null.
    func numbers(_ unwrap: UnwrapStage, isString: Bool) -> (Int) -> Double? {
        switch values {
        case .numbers(let numbers):
            guard case .number = unwrap.conversion else { return { _ in nil } }
            return { numbers[$0] }
        case .texts(let bytes, let ends, let indexes):
            var start = 0
            let distinct = ends.map { end -> Double? in
                defer { start = Int(end) }
                guard let text = JSONValue.label([UInt8](bytes[start..<Int(end)]), isString: isString), !text.isEmpty
                else { return nil }
                return unwrap.read(text.span)
            }
            if let indexes { return { distinct[Int(indexes[$0])] } }
            return { distinct[$0] }
        }
    }
}

/// The cell of each row of a block.
struct CellsOfRows {
    private let windows: Windows
    private let single: Int?
    private let times: [Int64]

    /// Times are read only where rows can differ.
    init(_ plan: RangePlan, _ columns: UnitColumns, first: Int64, last: Int64) throws(ScanError) {
        windows = plan.windows
        let range = plan.log.request.range
        let needsTimes = plan.kind == .samples || plan.kind == .first || plan.kind == .last
        let cell = windows.cell(first)
        let isSingle = range.covers(first: first, last: last) && cell == windows.cell(last) && !needsTimes
        single = isSingle ? cell : nil
        times = single == nil ? try columns.times() : []
    }

    @inline(__always)
    func cell(_ row: Int) -> Int? { single ?? windows.cell(times[row]) }

    /// Behind the last row that lies in the cell of row `start`; rows are in order of time.
    func runEnd(from start: Int, count: Int) -> Int {
        if single != nil { return count }
        // Rows between windows are no run: other windows may follow.
        guard let wanted = windows.cell(times[start]) else { return start + 1 }
        var low = start + 1
        var high = count
        // Doubling steps, then halving: most runs are short beside the block.
        var step = 1
        while low + step < high, windows.cell(times[low + step]) == wanted {
            low += step
            step *= 2
        }
        high = min(low + step, count)
        while low < high {
            let middle = (low + high) / 2
            if windows.cell(times[middle]) == wanted { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @inline(__always)
    func time(_ row: Int) -> Int64 { times.isEmpty ? 0 : times[row] }
}

/// The series of each row of a block.
struct SeriesOfRows {
    private enum Form {
        case one(Int)
        case byOrdinal(ordinals: [UInt32], series: [Int32])
        /// -1 for rows that were not asked for.
        case byRow([Int32])
    }

    private let form: Form

    /// Where the series depends on the stream alone: the ordinal of each row's stream, and the series of each ordinal,
    /// -1 for none.
    var byOrdinal: (ordinals: [UInt32], series: [Int32])? {
        if case .byOrdinal(let ordinals, let series) = form { (ordinals, series) } else { nil }
    }

    @inline(__always)
    func number(_ row: Int) -> Int? {
        switch form {
        case .one(let series): return series
        case .byOrdinal(let ordinals, let series):
            let number = series[Int(ordinals[row])]
            return number < 0 ? nil : Int(number)
        case .byRow(let series): return series[row] < 0 ? nil : Int(series[row])
        }
    }

    /// Nil where the series depends on more than columns tell.
    init?(_ lane: RangeLane, _ columns: UnitColumns, _ verdicts: RowVerdicts) throws(ScanError) {
        guard case .by(let names) = lane.plan.grouping else { return nil }
        if names.isEmpty {
            form = .one(lane.table.intern([UInt8]().span))
            return
        }
        var metadataNames: [UInt32: [UInt8]] = [:]
        for name in names {
            guard let position = lane.program.position(name), !lane.program.isParsed(position) else { return nil }
            switch lane.program.places[position] {
            case .unclear: return nil
            case .metadata: metadataNames[name] = lane.program.text(position)
            case .index: break
            }
        }
        let ordinals = try columns.streamOrdinals()
        if metadataNames.isEmpty {
            let series = columns.streams.map { stream in
                stream == .none ? -1 : Int32(truncatingIfNeeded: lane.seriesOfIndex(stream, names))
            }
            guard ordinals.allSatisfy({ Int($0) < series.count }) else { return nil }
            form = .byOrdinal(ordinals: ordinals, series: series)
            return
        }
        form = .byRow(try SeriesOfRows.byRow(lane, columns, verdicts, names, metadataNames, ordinals))
    }

    /// Series of the rows that surely pass, one key each.
    private static func byRow(
        _ lane: RangeLane, _ columns: UnitColumns, _ verdicts: RowVerdicts, _ names: [UInt32],
        _ metadataNames: [UInt32: [UInt8]], _ ordinals: [UInt32]
    ) throws(ScanError) -> [Int32] {
        let rows = verdicts.all(Verdict.yes)
        var series = [Int32](repeating: -1, count: verdicts.count)
        var found: [UInt32: (bytes: [UInt8], ranges: [Range<Int>?])] = [:]
        for (name, text) in metadataNames { found[name] = try columns.metadata(text, at: rows) }
        var key: [UInt8] = []
        for (place, row) in rows.enumerated() {
            let stream = Int(ordinals[row]) < columns.streams.count ? columns.streams[Int(ordinals[row])] : .none
            guard stream != .none else { continue }
            key.removeAll(keepingCapacity: true)
            for name in names {
                if let values = found[name] {
                    guard let value = values.ranges[place] else { continue }
                    key.appendPrefixed(metadataNames[name] ?? [])
                    key.appendVarint(value.count)
                    key.append(values.bytes, value)
                } else {
                    lane.appendIndexPair(stream, name, to: &key)
                }
            }
            series[row] = Int32(truncatingIfNeeded: lane.table.intern(key.span))
        }
        return series
    }
}
