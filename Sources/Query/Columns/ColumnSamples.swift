internal import Bytes
internal import Columns
internal import LogQL
internal import Model
internal import Store

// Samples of a range aggregation from column blocks: rows that surely pass are never rebuilt.
extension RangeLane {
    /// Adds the samples of a column block; rows that only their own bytes can judge are rebuilt and judged.
    func scan(_ columns: UnitColumns, _ unit: any ScanUnit) throws(ScanError) {
        defer { statistics.storedBytes += columns.storedBytesRead }
        if try addCounted(columns, unit) { return }
        statistics.blocksRead += 1
        statistics.rows += columns.rowCount
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

    private func addUnsure(_ rows: [UInt32], _ columns: UnitColumns) throws(ScanError) {
        var start = 0
        while start < rows.count, rowFault == nil {
            let end = min(start + RangeLane.batchRows, rows.count)
            let loaded = try columns.load(at: rows[start..<end].map { Int($0) })
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
        if let unwrap = plan.unwrap { return try addUnwrapped(unwrap, &verdicts, columns, series, cells) }
        if plan.kind == .count, let counted = series.byNumber, verdicts.common == Verdict.yes {
            addAllCounts(counted.numbers, counted.series, cells)
            verdicts = RowVerdicts(Verdict.no, count: verdicts.count)
            return
        }
        let rows = verdicts.all(Verdict.yes)
        verdicts.map { $0 == Verdict.yes ? Verdict.no : $0 }
        if plan.kind == .count, let counted = series.byNumber {
            addCounts(rows, counted.numbers, counted.series, cells)
        } else {
            statistics.matchedRows += withTable { table in
                var cursor = CellCursor(cells)
                var added = 0
                for row in rows {
                    guard let cell = cursor.cell(Int(row)), let number = series.number(Int(row)) else { continue }
                    table.add(number, cell: cell, value: 1, time: cells.time(Int(row)), bytes: 0)
                    added += 1
                }
                return added
            }
        }
    }

    /// Runs `body` on the table, which is the lane's own while it runs.
    private func withTable<R>(_ body: (inout SeriesTable) -> R) -> R {
        var own = SeriesTable(plan.kind)
        swap(&own, &table)
        defer { swap(&own, &table) }
        return body(&own)
    }

    /// Counts rows by cell and stream: rows come by time, so that a cell is a run of rows.
    private func addCounts(_ rows: [UInt32], _ numbers: [UInt32], _ series: [Int32], _ cells: CellsOfRows) {
        var counts = [Int](repeating: 0, count: series.count)
        var next = 0
        while next < rows.count {
            let start = Int(rows[next])
            let end = cells.runEnd(from: start, count: numbers.count)
            while next < rows.count, Int(rows[next]) < end {
                counts[Int(numbers[Int(rows[next])])] &+= 1
                next += 1
            }
            add(&counts, series, cells.cell(start))
        }
    }

    /// The same for all rows.
    private func addAllCounts(_ numbers: [UInt32], _ series: [Int32], _ cells: CellsOfRows) {
        var counts = [Int](repeating: 0, count: series.count)
        var start = 0
        while start < numbers.count {
            let end = cells.runEnd(from: start, count: numbers.count)
            for row in start..<end { counts[Int(numbers[row])] &+= 1 }
            add(&counts, series, cells.cell(start))
            start = end
        }
    }

    /// Adds the rows of one cell by stream, and counts from zero again.
    private func add(_ counts: inout [Int], _ series: [Int32], _ cell: Int?) {
        for number in counts.indices where counts[number] > 0 {
            if series[number] >= 0, let cell {
                let sum = Cell(index: Int32(truncatingIfNeeded: cell), number: Int64(counts[number]))
                table.merge(Int(series[number]), sum)
                statistics.matchedRows += counts[number]
            }
            counts[number] = 0
        }
    }

    private func addUnwrapped(
        _ unwrap: UnwrapStage, _ verdicts: inout RowVerdicts, _ columns: UnitColumns, _ series: SeriesOfRows,
        _ cells: CellsOfRows
    ) throws(ScanError) {
        guard let position = program.position(unwrap.name), program.program.parser != nil,
            case .index = program.places[position]
        else { return }
        let sources = program.sources
        var shapesOf: [LabelSource: [Int]] = [:]
        var isAbsent = [Bool](repeating: false, count: sources.count)
        for shape in sources.indices {
            guard let source = sources[shape]?[position] else { continue }
            switch source {
            case .absent: isAbsent[shape] = !program.isIndexLabel(position)
            // An entry without a value, or with an empty one, is no sample.
            case .constant(let text): isAbsent[shape] = text.isEmpty
            case .column: shapesOf[source, default: []].append(shape)
            }
        }
        if isAbsent.contains(true) {
            let present = isAbsent.map { $0 ? Verdict.no : Verdict.yes }
            verdicts.intersect(RowVerdicts(program.rowShapes, in: present), where: Verdict.yes)
        }
        for (source, shapes) in shapesOf {
            guard case .column(let number, let isString) = source else { continue }
            let content = try columns.lineColumn(number)
            let filter = program.shapeFilter(shapes, of: number, columns)
            addValues(content, content.numbers(unwrap, isString: isString), filter, &verdicts, series, cells)
        }
    }

    private func addValues(
        _ content: ColumnContent, _ values: SampleValues, _ shapes: ShapeFilter?, _ verdicts: inout RowVerdicts,
        _ series: SeriesOfRows, _ cells: CellsOfRows
    ) {
        let rows = content.rows
        var left = verdicts
        let added = withTable { table -> Int in
            var cursor = CellCursor(cells)
            var added = 0
            for place in rows.indices {
                let row = Int(rows[place])
                guard left[row] == Verdict.yes, shapes?.contains(row) ?? true, let value = values.value(place) else {
                    continue
                }
                left[row] = Verdict.no
                guard let cell = cursor.cell(row), let number = series.number(row) else { continue }
                table.add(number, cell: cell, value: value, time: cells.time(row), bytes: 0)
                added &+= 1
            }
            return added
        }
        verdicts = left
        statistics.matchedRows += added
    }
}
