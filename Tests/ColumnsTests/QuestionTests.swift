import Bytes
import Model
import Testing

@testable import Columns

/// Answers of single columns are what the decoded rows say.
struct QuestionTests {
    /// Lines that parsers trip over, among plain ones.
    static func hostile(_ seed: UInt64, _ count: Int) -> RowSet {
        var random = SeededGenerator(seed)
        var set = RowSet()
        for index in 0..<count {
            let number = random.below(40) - 20
            let line: [UInt8]
            switch random.below(14) {
            case 0: line = [UInt8]("{\"a\":\(number),\"a\":\(number + 1),\"b\":\"\"}".utf8)
            case 1: line = [UInt8]("{\"a\":\"\(number)\",\"b\":{\"a\":[1,\(number),null]}}".utf8)
            case 2: line = [UInt8]("{ \"a\" :\t\(number).\(random.below(9)) , \"b\":\"x\\\"\\u00e9\\n\"}".utf8)
            case 3: line = [UInt8]("{\"n\":1e\(random.below(9)),\"m\":-0,\"z\":00\(random.below(3))}".utf8)
            case 4:
                line = [UInt8]("{\"big\":\(Int64.max - Int64(random.below(9))),\"ok\":\(random.below(2) == 0)}".utf8)
            case 5: line = [UInt8]("{\"a\":null,\"b\":\"\(number)".utf8)
            case 6: line = [0xff, 0xfe, UInt8(random.below(256)), 0, 0x0a, 0xc3, UInt8(random.below(256))]
            case 7: line = []
            case 8: line = [UInt8]("{}".utf8)
            case 9: line = [UInt8]("  {\"a\":1}  ".utf8)
            case 10: line = [UInt8]("{\"d\":\(random.below(9999)).\(10 + random.below(90))0,\"a\":\(number)}".utf8)
            case 11: line = [UInt8]("{\"u\":\"\u{e9}\u{1F600} \(number)\",\"b\":\"\(random.below(3))\"}".utf8)
            case 12: line = [UInt8]("{\"f\":0.\(1_000_000 + random.below(999)),\"g\":9007199254740993}".utf8)
            default: line = [UInt8]("{\"a\":\(number),\"b\":\"value \(random.below(5)) of \(number)\"}".utf8)
            }
            let metadata: [UInt8]
            switch random.below(6) {
            case 0: metadata = []
            case 1: metadata = [0x81, 0x00, 0x61, 0x81, 0x00, 0x62]
            case 2: metadata = LabelSet([("n", "\(number)")]).encoded
            case 3: metadata = LabelSet([("n", "\(number)"), ("trace_id", "t\(random.below(30))")]).encoded
            default: metadata = LabelSet([("level", "info"), ("x", "\(random.below(4)).5")]).encoded
            }
            set.append(
                line, time: Int64(index) * 1000, stream: UInt32(random.below(7)), metadata: metadata)
        }
        return set
    }

    static func sets(_ seed: Int) -> [RowSet] {
        var generator = LogGenerator(UInt64(seed) + 500)
        return [generator.rows(900), hostile(UInt64(seed) + 510, 700), hostile(UInt64(seed) + 520, 40)]
    }

    private func texts(_ content: ColumnContent) throws -> [[UInt8]] {
        guard case .texts(let bytes, let ends, let indexes) = content.values else {
            throw ColumnError("numbers, though texts were asked for")
        }
        var all: [[UInt8]] = []
        for place in content.rows.indices {
            let index = indexes.map { Int($0[place]) } ?? place
            all.append(Array(bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])]))
        }
        return all
    }

    @Test(arguments: 1...6)
    func linesAreTheirShapesAndColumns(_ seed: Int) throws {
        for set in Self.sets(seed) {
            var reader = try set.reader()
            let shapes = reader.lineShapes()
            let numbers = try reader.lineShapeNumbers()
            #expect(numbers.count == set.rows.count)
            var values: [Int: [(row: UInt32, text: [UInt8])]] = [:]
            for column in Set(shapes.flatMap(\.columns)) {
                let content = try reader.lineColumn(column, asTexts: true)
                values[column] = Array(zip(content.rows, try texts(content)))
            }
            var next: [Int: Int] = [:]
            for row in set.rows.indices {
                let shape = shapes[Int(numbers[row])]
                #expect(shape.pieces.count == shape.columns.count + 1 && shape.isString.count == shape.columns.count)
                var line = shape.pieces[0]
                for (hole, column) in shape.columns.enumerated() {
                    let place = next[column, default: 0]
                    next[column] = place + 1
                    let value = try #require(values[column])[place]
                    #expect(Int(value.row) == row)
                    line += value.text + shape.pieces[hole + 1]
                }
                #expect(line == set.line(row), "row \(row)")
            }
            for (column, all) in values { #expect(next[column, default: 0] == all.count) }
        }
    }

    @Test(arguments: 1...6)
    func numbersAreWhatTheirTextsSay(_ seed: Int) throws {
        var numeric = 0
        for set in Self.sets(seed) {
            var reader = try set.reader()
            for column in Set(reader.lineShapes().flatMap(\.columns)) {
                let content = try reader.lineColumn(column)
                guard case .numbers(let numbers) = content.values else { continue }
                var other = try set.reader()
                let asTexts = try other.lineColumn(column, asTexts: true)
                #expect(asTexts.rows == content.rows)
                numeric += numbers.count
                for (number, text) in zip(numbers, try texts(asTexts)) {
                    #expect(number.bitPattern == Double(text.span.text)?.bitPattern, "text \(text.span.text)")
                }
            }
        }
        #expect(numeric > 100)
    }

    /// Value of a metadata name in a row, if its metadata is in canonical form or not.
    private func value(_ set: RowSet, _ row: Int, _ name: [UInt8]) -> [UInt8]? {
        let metadata = set.metadata(row)
        return LabelSet.range(of: name.span, in: metadata.span, 0..<metadata.count).map { Array(metadata[$0]) }
    }

    @Test(arguments: 1...6)
    func metadataIsThatOfTheRows(_ seed: Int) throws {
        for set in Self.sets(seed) {
            var reader = try set.reader()
            let isOdd = { (row: Int) in set.metadata(row).first == 0x81 }
            #expect(reader.hasWholeMetadata == set.rows.indices.contains(where: isOdd))
            let known = Set(reader.metadataNames)
            for name in ["trace_id", "level", "n", "x", "absent"].map({ [UInt8]($0.utf8) }) {
                let wanted = set.rows.indices.filter { !isOdd($0) && value(set, $0, name) != nil }
                #expect(known.contains(name) == !wanted.isEmpty)
                let content = try reader.metadataColumn(name, asTexts: true)
                #expect((content?.rows ?? []).map(Int.init) == wanted)
                if let content { #expect(try texts(content) == wanted.compactMap { value(set, $0, name) }) }
                try checkFew(set, name, seed)
            }
        }
    }

    /// Single rows' metadata, asked of a reader that knows nothing yet and of one that does.
    private func checkFew(_ set: RowSet, _ name: [UInt8], _ seed: Int) throws {
        var random = SeededGenerator(UInt64(seed) + 90)
        var reader = try set.reader()
        for size in [0, 1, 3, 20, 400] {
            let rows = Set((0..<size).map { _ in random.below(set.rows.count) }).sorted()
            let found = try reader.metadata(name, at: rows)
            let texts = found.ranges.map { range in range.map { Array(found.bytes[$0]) } }
            #expect(texts == rows.map { set.metadata($0).first == 0x81 ? nil : value(set, $0, name) })
        }
    }

    @Test(arguments: 1...6)
    func fewRowsAreTheSameRows(_ seed: Int) throws {
        for set in Self.sets(seed) {
            var random = SeededGenerator(UInt64(seed) + 70)
            var used = try set.reader()
            for size in [0, 1, 1, 2, 5, 17, 40, 300] {
                let rows = Set((0..<size).map { _ in random.below(set.rows.count) }).sorted()
                var fresh = try set.reader()
                #expect(set.difference(try fresh.rows(at: rows), at: rows) == nil)
                #expect(set.difference(try used.rows(at: rows), at: rows) == nil)
            }
            #expect(set.difference(try used.rows()) == nil)
        }
    }

    @Test(arguments: 1...6)
    func marksAreThoseOfAScan(_ seed: Int) throws {
        for set in Self.sets(seed) {
            var random = SeededGenerator(UInt64(seed) + 80)
            var reader = try set.reader()
            for _ in 0..<60 {
                let line = set.line(random.below(set.rows.count))
                guard !line.isEmpty else { continue }
                let start = random.below(line.count)
                let part = line[start..<min(line.count, start + 1 + random.below(20))]
                let needle = part.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
                let plain = Array(part)
                let exact = set.rows.indices.map { row -> UInt8 in
                    ByteSearch.contains(plain.span, in: set.line(row).span) ? 1 : 0
                }
                let folded = set.rows.indices.map { row -> UInt8 in
                    ByteSearch.find(folded: needle.span, in: set.line(row).span) != nil ? 1 : 0
                }
                #expect(try reader.lineMarks(containing: plain) == exact, "needle \(plain.span.text)")
                #expect(try reader.lineMarks(containing: needle, ignoringCase: true) == folded)
            }
            #expect(try reader.lineMarks(containing: [0x01, 0x02, 0x7f]) == nil)
        }
    }
}
