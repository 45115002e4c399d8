internal import Columns
internal import LogQL
internal import Model
internal import Store

// Counts of a range aggregation from what blocks keep of their values: no row is looked at.
extension RangeLane {
    /// Adds the counts of a column block whose rows lie in one window; false, and nothing added, where its rows have
    /// to tell.
    func addCounted(_ columns: UnitColumns, _ unit: any ScanUnit) throws(ScanError) -> Bool {
        let range = plan.log.request.range
        let first = unit.firstTime
        let last = unit.lastTime
        guard plan.kind == .count, plan.unwrap == nil, program.program.isComplete, program.program.lineTests.isEmpty,
            case .by = plan.grouping, range.covers(first: first, last: last), let cell = plan.windows.cell(first),
            cell == plan.windows.cell(last), let counts = try columns.rowCounts(),
            let asked = try program.countedColumns(columns), asked.count <= 1,
            asked.allSatisfy({ counts.has($0) }),
            let alike = try AlikeColumns(columns, by: asked.first)
        else { return false }
        let found = try program.verdicts(alike, range, first: first, last: last, labels: { snapshot.labels($0) })
        guard let verdicts = found else { return true }
        let rows = verdicts.all(Verdict.yes)
        guard rows.count == verdicts.possible().count else { return false }
        if rows.isEmpty { return true }
        guard let series = try SeriesOfRows(self, alike, verdicts) else { return false }
        var sums = [Int](repeating: 0, count: table.count)
        let weights = alike.weights
        for row in rows {
            guard let number = series.number(Int(row)) else { continue }
            sums[number] &+= Int(weights[Int(row)])
        }
        for number in sums.indices where sums[number] > 0 {
            table.merge(number, Cell(index: Int32(truncatingIfNeeded: cell), number: Int64(sums[number])))
            statistics.matchedRows += sums[number]
        }
        return true
    }
}

extension ProgramRun {
    /// The columns of a block whose values the program looks at; nil where it looks at more than columns.
    mutating func countedColumns(_ columns: UnitColumns) throws(ScanError) -> Set<CountedColumn>? {
        var asked: Set<CountedColumn> = []
        guard let metadataNames = try columns.metadataNames() else { return nil }
        for position in names.indices where metadataNames.contains(text(position)) {
            asked.insert(.metadata(text(position)))
        }
        for test in program.rowTests where metadataNames.contains(test.name) { asked.insert(.metadata(test.name)) }
        guard program.parser != nil, !names.isEmpty else { return asked }
        for number in try shapeSources(columns).columns { asked.insert(.line(number)) }
        return asked
    }
}
