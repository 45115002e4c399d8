import Bytes
import Model
import Testing

@testable import Columns

/// The work of a search does not grow with what lines and needles are, multiplied; what it leaves open is looked up.
struct SearchBoundsTests {
    /// What a plain look at the lines says.
    private func marks(_ set: RowSet, _ needle: [UInt8], ignoringCase: Bool = false) -> [UInt8]? {
        let marks = set.rows.indices.map { row -> UInt8 in
            let line = set.line(row)
            return MatchPlace.inside.holds(for: needle.span, in: line.span, foldsCase: ignoringCase) ? 1 : 0
        }
        return marks.contains(1) ? marks : nil
    }

    @Test func straddlesEndEarly() {
        let needle = [UInt8](repeating: 0x61, count: 200)
        let holes = [ByteSet](repeating: ByteSet(of: needle.span), count: 40)
        for place in [MatchPlace.inside, .front, .back, .whole] {
            let straddles = Straddles(
                needle, place, pieces: [[UInt8]](repeating: [], count: 41), holes: holes, withinHoles: true,
                foldsCase: false)
            #expect(straddles.isOverflown)
            #expect(straddles.looks < Straddles.maximumSteps * 40)
        }
    }

    /// Rows of numbers, at any of which a needle can begin; and searches that are stopped at once, later and never.
    @Test(arguments: [0, 3_000, 40_000, 1 << 40])
    func whatColumnsLeaveOpenIsLookedUp(effort: Int) throws {
        var random = SeededGenerator(77)
        var lines: [String] = []
        for index in 0..<300 {
            switch index % 3 {
            case 0:
                let values = (0..<200).map { _ in String(random.below(2)) }.joined(separator: ",")
                lines.append("{\"a\":[\(values)],\"b\":\"x\(random.below(9))\"}")
            case 1: lines.append("k=\"\(random.below(3))\"\"\(random.below(5))\" took \(random.below(99)) of 9")
            default:
                let text = String(repeating: "a", count: random.below(6))
                lines.append("{\"b\":\"\(text)\",\"c\":\"A\(text)\",\"n\":\(random.below(1000))}")
            }
        }
        let set = RowSet(lines)
        var reader = try set.reader()
        reader.effortLimit = effort
        for _ in 0..<40 {
            let line = set.line(random.below(lines.count))
            let start = random.below(line.count)
            let needle = Array(line[start..<min(line.count, start + 1 + random.below(150))])
            #expect(try reader.lineMarks(containing: needle) == marks(set, needle), "needle \(needle.text)")
            let folded = needle.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
            let expected = marks(set, folded, ignoringCase: true)
            #expect(try reader.lineMarks(containing: folded, ignoringCase: true) == expected)
        }
    }

    @Test func longNeedlesAreLookedForByTheirFront() throws {
        let long = String(repeating: "abcdefghij", count: 40)
        let set = RowSet(
            (0..<120).map { index -> String in
                let text = long + ["same", "Other", ""][index % 3]
                return index % 2 == 0 ? "{\"m\":\"\(text)\",\"n\":\(index)}" : "text \(index) \(text)"
            })
        var reader = try set.reader()
        for needle in [long, long + "same", long + "other", long + "none", "\"m\":\"\(long)same\",\"n\":1"] {
            let bytes = [UInt8](needle.utf8)
            #expect(try reader.lineMarks(containing: bytes) == marks(set, bytes), "needle \(needle)")
            #expect(reader.needle.text.count == SearchNeedle.maximumBytes)
            let expected = marks(set, bytes, ignoringCase: true)
            #expect(try reader.lineMarks(containing: bytes, ignoringCase: true) == expected)
        }
    }

    @Test(arguments: [0, 1 << 40]) func longMetadataIsFound(effort: Int) throws {
        let long = String(repeating: "0123456789", count: 40)
        let values = (0..<90).map { index -> String in index % 3 == 0 ? "short \(index)" : "\(long) \(index % 5)" }
        var set = RowSet()
        for (index, value) in values.enumerated() {
            set.append("line", time: Int64(index), metadata: LabelSet([("n", value)]).encoded)
        }
        var reader = try set.reader()
        reader.effortLimit = effort
        for value in ["short 9", "short", long, "\(long) 2", "\(long) 7"] {
            let expected = values.indices.filter { values[$0] == value }
            #expect(try reader.rows(whereMetadata: [UInt8]("n".utf8), equals: [UInt8](value.utf8)) == expected)
        }
    }

    /// What one piece of work may decode of a block does not depend on how many needles it looks for.
    @Test func manyNeedlesDoNotUseUpABlock() throws {
        let front = String(repeating: "x", count: SearchNeedle.maximumBytes)
        let set = RowSet((0..<200).map { "{\"m\":\"\(front)\($0)\",\"d\":\($0).5}" })
        var reader = try set.reader()
        for round in 0..<200 {
            let needle = [UInt8]("\(front)\(round)\"".utf8)
            #expect(try reader.lineMarks(containing: needle) == marks(set, needle))
        }
        let node = try #require(reader.tree.nodes.firstIndex { $0.encoding == .decimal })
        _ = try reader.places(of: node, at: nil)
        let left = reader.source.budgetBytes
        _ = try reader.places(of: node, at: nil)
        #expect(reader.source.budgetBytes == left)
    }

    /// Whatever needles have used so far, lines that columns leave open can be put together.
    @Test func usedUpBlocksAreLookedUp() throws {
        let set = RowSet((0..<200).map { "{\"a\":[-1\($0 % 10),-2\($0 % 7),-3\($0 % 5)]}" })
        var reader = try set.reader()
        #expect(try reader.lineMarks(containing: [0x2d, 0x31]) != nil)
        reader.source.limit(to: 0)
        let needle = [UInt8]("3,-2".utf8)
        #expect(try reader.lineMarks(containing: needle) == marks(set, needle))
        #expect(reader.source.budgetBytes == 0)
    }

    @Test func timesUseUpABlockOnce() throws {
        var set = RowSet()
        for row in 0..<400 {
            let time = Int64(1_700_000_000_000_000_000) + Int64(row) * 1_000_000_007
            let text = RFC3339.format(time / 1_000_000 * 1_000_000)
            set.append("{\"t\":\"\(text)\",\"n\":\(row)}", time: time)
        }
        var reader = try set.reader()
        try #require(reader.tree.nodes.contains { $0.encoding == .rowTime })
        var budgets: Set<Int> = []
        for number in 100..<200 {
            let needle = [UInt8](String(number).utf8)
            #expect(try reader.lineMarks(containing: needle) == marks(set, needle))
            budgets.insert(reader.source.budgetBytes)
        }
        #expect(budgets.count == 1)
    }

    @Test func zerosAreFoundWhereTheyStand() throws {
        let zeros = String(repeating: "0", count: 70)
        let set = RowSet((0..<300).map { "{\"h\":\"\(zeros)\(String(4_096 + $0 * 13, radix: 16))\"}" })
        var reader = try set.reader()
        for needle in ["000", "0001", "00001f", "1a", "\(zeros)10", "0\(zeros)", "01fff"] {
            let bytes = [UInt8](needle.utf8)
            #expect(try reader.lineMarks(containing: bytes) == marks(set, bytes), "needle \(needle)")
        }
    }

    @Test func answersAreKeptInBoundedMemory() {
        var answers = KnownAnswers()
        let questions = (0..<40).map { MatchQuestion(node: $0, place: .inside, text: []) }
        for question in questions { answers.keep(Marks(repeating: 1, count: 1 << 20), question) }
        let known = questions.filter { answers[$0] != nil }
        #expect(known.count == 15)
    }
}
