import Bytes
import Model
import Testing

@testable import Columns

/// A reader that has served, let go of some of what it kept, and was renewed answers as a new one does.
@Suite struct KeptReaderTests {
    private struct Answers: Equatable {
        var rows: [Int?]
        var found: [[Int]]
        var numbers: [UInt16]
        var texts: [[UInt8]]
    }

    private func ask(_ reader: inout ColumnBlockReader, _ set: RowSet, _ chosen: [Int]) throws -> Answers {
        let some = try reader.rows(at: chosen)
        let same = some.read { entries, arena -> [Int?] in
            chosen.indices.map { place in
                let isSame = arena.extracting(entries[place].line).equals(set.line(chosen[place]).span)
                return isSame ? entries[place].lineCount : nil
            }.map { $0.map { Int($0) } }
        }
        let needles = ["order", "1", "a", "\":\"", "7f"].map { [UInt8]($0.utf8) }
        let found = try needles.map { try reader.rows(containing: $0) }
        let numbers = try reader.lineShapeNumbers()
        var texts: [[UInt8]] = []
        for column in Set(reader.lineShapes().flatMap(\.columns)).sorted() {
            if case .texts(let bytes, _, _) = try reader.lineColumn(column, asTexts: true).values {
                texts.append(bytes)
            }
        }
        return Answers(rows: same, found: found, numbers: numbers, texts: texts)
    }

    @Test(arguments: 1...4) func answersStay(seed: Int) throws {
        for set in QuestionTests.sets(seed) where !set.rows.isEmpty {
            let chosen = Array(stride(from: set.rows.count / 3, to: set.rows.count, by: 7))
            var fresh = try set.reader()
            let expected = try ask(&fresh, set, chosen)
            #expect(!expected.rows.contains(nil))
            var kept = try set.reader()
            let whole = try ask(&kept, set, chosen)
            let held = kept.keptBytes
            #expect(whole == expected && held > 0)
            for limit in [held, held / 2, held / 8, 0] {
                kept.shed(to: limit)
                kept.renew()
                #expect(kept.keptBytes <= held)
                let again = try ask(&kept, set, chosen)
                #expect(again == expected)
            }
        }
    }

    /// What a reader may decode is counted for each piece of work: a kept one does not run out of it.
    @Test func budgetsBeginAnew() throws {
        let set = QuestionTests.sets(1)[0]
        var reader = try set.reader()
        for _ in 0..<200 {
            let rows = try reader.rows()
            #expect(rows.count == set.rows.count)
            reader.shed(to: 0)
            reader.renew()
        }
    }
}
