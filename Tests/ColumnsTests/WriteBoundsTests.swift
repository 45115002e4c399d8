import Bytes
import Testing

@testable import Columns

/// What a writer tries and makes is bounded, whatever stands in lines.
struct WriteBoundsTests {
    /// Columns of 64 values, one a row.
    private struct Texts {
        var arena: [UInt8] = []
        var columns: [ValueColumn] = []

        mutating func add(_ text: (Int) -> String) {
            var column = ValueColumn(name: [], kind: .string, key: UInt64(columns.count))
            for row in 0..<64 {
                let bytes = [UInt8](text(row).utf8)
                column.append(Slice(arena.count, bytes.count), row: row)
                arena += bytes
            }
            columns.append(column)
        }

        func text(_ slice: Slice) -> String { Array(arena[slice.range]).text }
    }

    @Test func farColumnsAreReferredToAmongMany() {
        var texts = Texts()
        texts.add { "took \($0) of s37-\($0), s39-\($0) and s40-\($0)" }
        for source in 1...40 { texts.add { "s\(source)-\($0)" } }
        var search = ReferenceSearch()
        let found = search.references(of: 0, in: texts.columns, texts.arena.span)
        #expect(found.columns.sorted() == [37, 39, 40])
        let parts = found.range(5).map { texts.text(found.all[$0].part) }
        #expect(parts == ["s37-5", "s39-5", "s40-5"])
    }

    @Test func fewColumnsAreSearchedForReferences() {
        var texts = Texts()
        texts.add { "value-\($0)" }
        for column in 1...3 { texts.add { "text \(column) with value-\($0)" } }
        var search = ReferenceSearch(columns: 2)
        let found = (1...3).map { search.references(of: $0, in: texts.columns, texts.arena.span).columns }
        #expect(found == [[0], [0], []])
    }

    @Test func longValuesAreFoundWhole() {
        let front = String(repeating: "x", count: 300)
        var texts = Texts()
        texts.add { "a \(front)-\($0 + 100) then \(front)-\($0 + 200) b" }
        texts.add { "\(front)-\($0 + 200)" }
        var search = ReferenceSearch()
        let found = search.references(of: 0, in: texts.columns, texts.arena.span)
        #expect(found.all.count == 64)
        #expect(found.all.indices.allSatisfy { texts.text(found.all[$0].part) == "\(front)-\($0 + 200)" })
    }

    @Test func templatesLeaveRoomForOthers() {
        let words = ["alpha", "beta", "gamma", "delta", "kappa", "sigma", "theta", "omega", "iota", "zeta"]
        var texts = Texts()
        for part in 0..<4 { texts.add { "\(words[$0 % 10]) \($0 * 7) of \($0 * 31 + part)" } }
        let input = ColumnInput(values: texts.columns.flatMap(\.values), rows: nil, key: 5)
        let context = RowContext(times: [], streams: [], traces: [])
        var wide = ColumnWriter(codec: .none, plan: ColumnPlan(), nodesLeft: 1_000)
        let isMade = wide.templates(input, in: texts.arena.span, context: context)
        #expect(isMade && wide.nodesLeft <= 1_000 - 31)
        var narrow = ColumnWriter(codec: .none, plan: ColumnPlan(), nodesLeft: 80)
        let isMadeInLittle = narrow.templates(input, in: texts.arena.span, context: context)
        #expect(!isMadeInLittle)
    }

    @Test func longKeysMakeNoColumns() throws {
        let key = String(repeating: "k", count: ColumnLimits.pathBytes)
        let set = RowSet((0..<60).map { "{\"a\":{\"\(key.dropLast($0 < 30 ? 8 : 0))\":[\($0),1]}}" })
        var reader = try set.reader()
        let shapes = try reader.lineShapeNumbers()
        #expect(shapes.prefix(30).allSatisfy { $0 == 1 } && shapes.suffix(30).allSatisfy { $0 == 0 })
        #expect(set.difference(try reader.rows()) == nil)
    }

    @Test func numbersBeginAnewForEachColumn() {
        var numbers = DeterminantNumbers(largest: 9)
        for determinants in [[7, 3, 7, 9], [9, 7, 7, 0]] {
            numbers.begin()
            var found: [UInt32] = []
            for determinant in determinants { found.append(numbers.number(of: determinant)) }
            #expect(found == (determinants[0] == 7 ? [0, 1, 0, 2] : [0, 1, 1, 2]))
        }
    }
}
