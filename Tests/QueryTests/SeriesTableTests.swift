import Model
import Testing

@testable import Query

struct SeriesTableTests {
    /// What two tables hold of cells by turns is what one holds that was given all.
    @Test(arguments: [CellKind.count, .bytes, .sum, .min, .max, .moments, .first, .last])
    func cellsByTurnsMerge(kind: CellKind) {
        let key = LabelSet([("a", "b")]).encoded
        var twos = SeriesTable(kind)
        var threes = SeriesTable(kind)
        var whole = SeriesTable(kind)
        func add(_ cell: Int, to table: inout SeriesTable) {
            let value = Double(cell * 37 % 11)
            table.add(table.intern(key), cell: cell, value: value, time: Int64(cell), bytes: cell)
        }
        for cell in 0..<60 {
            if cell % 2 == 0 { add(cell, to: &twos) }
            if cell % 3 == 0 { add(cell, to: &threes) }
        }
        for cell in 0..<60 where cell % 2 == 0 { add(cell, to: &whole) }
        for cell in 0..<60 where cell % 3 == 0 { add(cell, to: &whole) }
        twos.merge(threes)
        let expected: [Int] = (0..<60).filter { $0 % 2 == 0 || $0 % 3 == 0 }
        #expect(twos.cells[0].map { Int($0.index) } == expected)
        #expect(twos.cells[0] == whole.cells[0])
        #expect(twos.heldBytes == whole.heldBytes)
        // All of it once more, in front of and behind what is there.
        var later = SeriesTable(kind)
        add(100, to: &later)
        later.merge(whole)
        whole.merge(later)
        #expect(whole.cells[0].count == twos.cells[0].count + 1)
        #expect(whole.cells[0].last?.index == 100)
    }
}
