internal import Bytes
internal import LogQL
internal import Store

// What line filters say of the rows of a block: found by searching its columns, made sure where that takes little, and
// kept for the next who asks.
extension ProgramRun {
    /// Rows in doubt are rebuilt and looked at here up to this many; more are left to the pipeline, which may not need
    /// them all.
    private static let mostDoubts = 512

    /// The verdict on each row; nil when no row can pass.
    func verdict(of test: LineTest, _ columns: some RowColumns) throws(ScanError) -> RowVerdicts? {
        if let known = columns.knownRows(passing: test.text) {
            return Self.verdicts(on: known.lazy.map { UInt32($0) }, isNegated: test.isNegated, columns.rowCount)
        }
        let found = try verdict(of: test.terms, columns)
        if let sure = try sureRows(found, test, columns) {
            columns.keep(rows: sure.map { UInt16(truncatingIfNeeded: $0) }, passing: test.text)
            return Self.verdicts(on: sure, isNegated: test.isNegated, columns.rowCount)
        }
        guard test.isNegated else { return found }
        var others = found ?? RowVerdicts(Verdict.no, count: columns.rowCount)
        others.complement()
        return others
    }

    private static func verdicts(
        on rows: some Collection<UInt32>, isNegated: Bool, _ count: Int
    ) -> RowVerdicts? {
        if rows.isEmpty, !isNegated { return nil }
        var verdicts = RowVerdicts(Verdict.of(isNegated), count: count)
        for row in rows where Int(row) < count { verdicts[Int(row)] = Verdict.of(!isNegated) }
        return verdicts
    }

    /// The rows for which one of the terms holds, where they are few and known for sure after a look at few of them.
    private func sureRows(
        _ found: RowVerdicts?, _ test: LineTest, _ columns: some RowColumns
    ) throws(ScanError) -> [UInt32]? {
        guard let found else { return [] }
        guard columns.rowCount <= 1 << 16, found.possibleCount <= UnitColumns.mostKeptRows else { return nil }
        let doubts = found.all(Verdict.maybe)
        if doubts.isEmpty { return found.all(Verdict.yes) }
        guard doubts.count <= Self.mostDoubts else { return nil }
        let passing = try columns.rows(doubts) { test.holds(for: $0) }
        return (found.all(Verdict.yes) + passing).sorted()
    }

    /// What the columns say of each row; nil when no term can hold for any.
    private func verdict(of terms: [LineTest.Term], _ columns: some RowColumns) throws(ScanError) -> RowVerdicts? {
        var any: RowVerdicts?
        for term in terms {
            switch term {
            case .needle(let needle):
                if needle.isEmpty {
                    any = RowVerdicts(Verdict.yes, count: columns.rowCount)
                } else {
                    try unite(&any, needle, found: Verdict.yes, columns)
                }
            case .folded(let folded, _):
                try unite(&any, folded.text, ignoringCase: true, found: Verdict.yes, columns)
                for sign in folded.wideTwins { try unite(&any, sign, found: Verdict.maybe, columns) }
            case .regex, .pattern, .address:
                let pilots = term.pilots
                if pilots.isEmpty {
                    unite(&any, RowVerdicts(Verdict.maybe, count: columns.rowCount))
                }
                for pilot in pilots where try columns.mayContain(pilot) {
                    try unite(&any, pilot, found: Verdict.maybe, columns)
                }
            }
        }
        return any
    }

    private func unite(
        _ any: inout RowVerdicts?, _ needle: [UInt8], ignoringCase: Bool = false, found: UInt8,
        _ columns: some RowColumns
    ) throws(ScanError) {
        guard let marks = try columns.lineMarks(containing: needle, ignoringCase: ignoringCase) else { return }
        unite(&any, RowVerdicts(marks: marks, found: found, count: columns.rowCount))
    }

    private func unite(_ any: inout RowVerdicts?, _ found: RowVerdicts) {
        guard var both = any else {
            any = found
            return
        }
        any = nil
        both.unite(found)
        any = both
    }
}
