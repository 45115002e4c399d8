internal import Bytes
internal import Columns
internal import LogQL
internal import Model
internal import Store

/// The cell of each row of a block.
struct CellsOfRows {
    private let windows: Windows
    private let single: Int?
    private let times: [Int64]

    /// Rows of the block, where their times were read.
    var rowCount: Int { times.count }

    /// Times are read only where rows can differ.
    init(_ plan: RangePlan, _ columns: UnitColumns, first: Int64, last: Int64) throws(ScanError) {
        windows = plan.windows
        let range = plan.log.request.range
        let needsTimes = plan.kind.keepsSamples || plan.kind == .first || plan.kind == .last
        let cell = windows.cell(first)
        let isSingle = range.covers(first: first, last: last) && cell == windows.cell(last) && !needsTimes
        single = isSingle ? cell : nil
        times = single == nil ? try columns.times() : []
    }

    @inline(__always)
    func cell(_ row: Int) -> Int? { single ?? windows.cell(times[row]) }

    /// Whether all rows lie in one cell.
    var isSingle: Bool { single != nil }

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

/// The cell of rows that are asked for in ascending order: looked up once a run.
struct CellCursor {
    private let cells: CellsOfRows
    private var end = 0
    private var current: Int?

    init(_ cells: CellsOfRows) {
        self.cells = cells
    }

    @inline(__always)
    mutating func cell(_ row: Int) -> Int? {
        if row >= end {
            current = cells.cell(row)
            end = cells.runEnd(from: row, count: cells.isSingle ? .max : cells.rowCount)
        }
        return current
    }
}

/// The numbers that the values of a column are.
enum SampleValues {
    case none
    case numbers([Double])
    /// Nil where a value is no number, or empty, or null.
    case distinct([Double?], indexes: [UInt32]?)

    @inline(__always)
    func value(_ place: Int) -> Double? {
        switch self {
        case .none: nil
        case .numbers(let numbers): numbers[place]
        case .distinct(let distinct, let indexes): distinct[indexes.map { Int($0[place]) } ?? place]
        }
    }
}

extension ColumnContent {
    /// What `unwrap` makes of each value.
    func numbers(_ unwrap: UnwrapStage, isString: Bool) -> SampleValues {
        switch values {
        case .numbers(let numbers):
            guard case .number = unwrap.conversion else { return .none }
            return .numbers(numbers)
        case .texts(let bytes, let ends, let indexes):
            var start = 0
            let distinct = ends.map { end -> Double? in
                defer { start = Int(end) }
                guard let text = JSONValue.label([UInt8](bytes[start..<Int(end)]), isString: isString), !text.isEmpty
                else { return nil }
                return unwrap.read(text.span)
            }
            return .distinct(distinct, indexes: indexes)
        }
    }
}

/// The series of each row of a block.
struct SeriesOfRows {
    private enum Form {
        case one(Int)
        case byNumber(numbers: [UInt32], series: [Int32])
        /// -1 for rows that were not asked for.
        case byRow([Int32])
    }

    private let form: Form

    /// Where the series depends on the stream alone: the number of each row's stream in the block, and the series of
    /// each number, -1 for none.
    var byNumber: (numbers: [UInt32], series: [Int32])? {
        if case .byNumber(let numbers, let series) = form { (numbers, series) } else { nil }
    }

    @inline(__always)
    func number(_ row: Int) -> Int? {
        switch form {
        case .one(let series): return series
        case .byNumber(let numbers, let series):
            let number = series[Int(numbers[row])]
            return number < 0 ? nil : Int(number)
        case .byRow(let series): return series[row] < 0 ? nil : Int(series[row])
        }
    }

    /// Nil where the series depends on more than columns tell.
    init?(_ lane: RangeLane, _ columns: some RowColumns, _ verdicts: RowVerdicts) throws(ScanError) {
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
        let numbers = try columns.streamNumbers()
        if metadataNames.isEmpty {
            let series = columns.blockStreams.map { stream in
                stream == .none ? -1 : Int32(truncatingIfNeeded: lane.seriesOfIndex(stream, names))
            }
            form = .byNumber(numbers: numbers, series: series)
            return
        }
        form = .byRow(try SeriesOfRows.byRow(lane, columns, verdicts, names, metadataNames, numbers))
    }

    /// Series of the rows that surely pass, one key each.
    private static func byRow(
        _ lane: RangeLane, _ columns: some RowColumns, _ verdicts: RowVerdicts, _ names: [UInt32],
        _ metadataNames: [UInt32: [UInt8]], _ numbers: [UInt32]
    ) throws(ScanError) -> [Int32] {
        let rows = verdicts.all(Verdict.yes).map { Int($0) }
        var series = [Int32](repeating: -1, count: verdicts.count)
        var found: [UInt32: (bytes: [UInt8], ranges: [Range<Int>?])] = [:]
        for (name, text) in metadataNames { found[name] = try columns.metadata(text, at: rows) }
        var key: [UInt8] = []
        for (place, row) in rows.enumerated() {
            let stream = columns.blockStreams[Int(numbers[row])]
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
