import Bytes
import Model
import Testing

@testable import Columns

/// Counts of alike rows are what the rows say.
struct RowCountTests {
    private struct Kind: Hashable {
        let stream: UInt32
        let shape: UInt16
        let text: [UInt8]?
    }

    private func counts(_ set: RowSet) throws -> (counts: RowCounts, reader: ColumnBlockReader) {
        let block = try set.encoded()
        let made = try ColumnBlock.decodeCounting(block, codec: .best, limitBytes: set.arena.count + 1024)
        #expect(set.difference(made.rows) == nil)
        return (try RowCounts(made.counts), try set.reader())
    }

    private func texts(_ column: CountedColumn, _ reader: inout ColumnBlockReader) throws -> [Int: [UInt8]] {
        let content: ColumnContent?
        switch column {
        case .line(let number): content = try reader.lineColumn(number, asTexts: true)
        case .metadata(let name): content = try reader.metadataColumn(name, asTexts: true)
        }
        guard let content, case .texts(let bytes, let ends, let indexes) = content.values else { return [:] }
        var found: [Int: [UInt8]] = [:]
        for place in content.rows.indices {
            let index = indexes.map { Int($0[place]) } ?? place
            found[Int(content.rows[place])] =
                Array(bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])])
        }
        return found
    }

    @Test(arguments: 1...6)
    func countsAreThoseOfTheRows(_ seed: Int) throws {
        var counted = 0
        for set in QuestionTests.sets(seed) {
            var (counts, reader) = try counts(set)
            let shapes = try reader.lineShapeNumbers()
            var groups: [Kind: UInt32] = [:]
            for row in set.rows.indices {
                groups[Kind(stream: set.rows[row].stream, shape: shapes[row], text: nil), default: 0] += 1
            }
            #expect(counts.groups.count == groups.count)
            for group in counts.groups {
                #expect(groups[Kind(stream: group.stream, shape: group.shape, text: nil)] == group.rows)
            }
            for column in counts.names {
                let texts = try texts(column, &reader)
                var expected: [Kind: UInt32] = [:]
                for row in set.rows.indices {
                    let kind = Kind(stream: set.rows[row].stream, shape: shapes[row], text: texts[row])
                    expected[kind, default: 0] += 1
                }
                var found: [Kind: UInt32] = [:]
                let values = try #require(try counts.values(of: column))
                for run in values.runs {
                    let group = counts.groups[Int(run.group)]
                    let text = run.value < 0 ? nil : values.texts[Int(run.value)]
                    found[Kind(stream: group.stream, shape: group.shape, text: text), default: 0] += run.rows
                }
                #expect(found == expected, "\(column)")
                counted += 1
            }
            #expect(try reader.confirms(counts))
            #expect(try counts.values(of: .line(3_999)) == nil)
        }
        #expect(counted > 8)
    }

    @Test func otherRowsAreNotConfirmed() throws {
        let lines = (0..<200).map { "{\"status\":\($0 % 3 == 0 ? 500 : 200),\"id\":\($0)}" }
        let (counts, _) = try counts(RowSet(lines))
        #expect(counts.names == [.line(1)])
        var other = try RowSet(lines.reversed() + ["{\"status\":200,\"id\":9}"]).reader()
        #expect(try !other.confirms(counts))
        var same = try RowSet(lines.reversed()).reader()
        #expect(try same.confirms(counts))
        var changed = try RowSet(lines.map { $0.replacing("500", with: "501") }).reader()
        #expect(try !changed.confirms(counts))
    }

    @Test func damageIsFound() throws {
        var generator = LogGenerator(77)
        let block = try generator.rows(300).encoded()
        let encoded = try ColumnBlock.decodeCounting(block, codec: .none, limitBytes: 1 << 20).counts
        #expect(try RowCounts(encoded).names.count > 2)
        for index in encoded.indices {
            var damaged = encoded
            damaged[index] ^= 4
            #expect(throws: ColumnError.self) { try RowCounts(damaged) }
        }
        #expect(throws: ColumnError.self) { try RowCounts([]) }
    }

    @Test func garbageUnderARightChecksumIsBounded() throws {
        var random = SeededGenerator(91)
        var generator = LogGenerator(78)
        let block = try generator.rows(300).encoded()
        let encoded = try ColumnBlock.decodeCounting(block, codec: .none, limitBytes: 1 << 20).counts
        for _ in 0..<4_000 {
            var bytes = Array(encoded.dropLast(4))
            for _ in 0...random.below(3) {
                bytes[2 + random.below(bytes.count - 2)] = UInt8(truncatingIfNeeded: random.below(256))
            }
            bytes.appendLittleEndian(Checksum.crc32c(bytes))
            guard let counts = try? RowCounts(bytes) else { continue }
            for name in counts.names {
                guard let values = try? counts.values(of: name) else { continue }
                let sum = values.runs.reduce(0) { $0 + Int($1.rows) }
                #expect(sum == counts.groups.reduce(0) { $0 + Int($1.rows) })
                #expect(values.runs.allSatisfy { Int($0.value) < values.texts.count })
            }
        }
    }

    @Test func tooManyKindsAreNotCounted() throws {
        var set = RowSet()
        for index in 0..<5_000 { set.append("{\"a\":1}", time: Int64(index), stream: UInt32(index)) }
        #expect(try counts(set).counts.groups.isEmpty)
        #expect(try counts(RowSet()).counts.groups.isEmpty)
    }

    @Test func manyValuesAreNotCounted() throws {
        let lines = (0..<400).map { "{\"few\":\"v\($0 % 31)\",\"many\":\"v\($0 % 32)\",\"n\":\($0 % 40)}" }
        let (counts, reader) = try counts(RowSet(lines))
        let few = reader.tree.lineColumns.firstIndex { $0.name == [UInt8]("few".utf8) }
        #expect(counts.names == few.map { [.line($0)] })
    }
}
