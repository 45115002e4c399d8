import Bytes
import Testing

@testable import Columns

/// Damaged blocks are refused, or where the damage does not matter, give the same rows.
struct DamageTests {
    /// All rows of a block of two regions, through every public way to read.
    private func read(_ head: [UInt8], _ streams: [UInt8], _ set: RowSet) throws -> String? {
        var reader = try ColumnBlockReader(head: head, streams: streams, limitBytes: set.arena.count)
        return set.difference(try reader.rows())
    }

    @Test(arguments: [Codec.none, .best])
    func everyFlippedByteIsFound(_ codec: Codec) throws {
        var generator = LogGenerator(21)
        let set = generator.rows(120)
        let block = try set.encoded(codec: codec)
        #expect(try read(block.head, block.streams, set) == nil)
        for index in block.head.indices {
            var damaged = block.head
            damaged[index] ^= UInt8(1 << (index % 8))
            #expect(throws: ColumnError.self, "head byte \(index)") { try read(damaged, block.streams, set) }
        }
        for index in block.streams.indices {
            var damaged = block.streams
            damaged[index] ^= UInt8(1 << (index % 8))
            #expect(throws: ColumnError.self, "streams byte \(index)") { try read(block.head, damaged, set) }
        }
    }

    @Test func cutsAreFound() throws {
        var generator = LogGenerator(22)
        let set = generator.rows(120)
        let block = try set.encoded()
        for size in stride(from: 0, to: block.head.count, by: 3) {
            #expect(throws: ColumnError.self) { try read(Array(block.head.prefix(size)), block.streams, set) }
        }
        for size in stride(from: 0, to: block.streams.count, by: 17) {
            #expect(throws: ColumnError.self) { try read(block.head, Array(block.streams.prefix(size)), set) }
        }
    }

    /// Checksums protect against accidents; a tree with right checksums and wrong contents must do no harm either.
    @Test(arguments: 1...4)
    func wrongTreesDoNotTrap(_ seed: Int) throws {
        var generator = LogGenerator(UInt64(seed) + 30)
        let set = generator.rows(150)
        let block = try set.encoded(codec: .none)
        let tree = try BlockHead(block.head).tree
        for _ in 0..<400 {
            var wrong = tree
            for _ in 0...generator.random.below(3) {
                let place = generator.random.below(wrong.count)
                switch generator.random.below(4) {
                case 0: wrong[place] = UInt8(truncatingIfNeeded: generator.random.below(256))
                case 1: wrong[place] = wrong[place] &+ 1
                case 2: wrong[place] = [0, 0x7f, 0x80, 0xff][generator.random.below(4)]
                default: wrong.remove(at: place)
                }
            }
            let head = try BlockHead.encode(tree: wrong, rows: 150, streamBytes: block.streams.count, .none)
            readAll(head, block.streams, limitBytes: set.arena.count, generator.random.next())
        }
    }

    private func readAll(_ head: [UInt8], _ streams: [UInt8], limitBytes: Int, _ seed: UInt64) {
        do {
            var reader = try ColumnBlockReader(head: head, streams: streams, limitBytes: limitBytes)
            _ = try? reader.rows(at: [0, 7, 80, 149])
            for needle in ["order", "1", "GET /api", "\"status\":5", "2025-11"] {
                _ = try? reader.rows(containing: [UInt8](needle.utf8))
                _ = try? reader.lineMarks(containing: [UInt8](needle.utf8), ignoringCase: true)
            }
            ask(&reader)
            _ = try reader.rows()
        } catch {
            // Refused: as it should be.
        }
    }

    /// Asks every column; what comes back must fit together, for callers go by it.
    private func ask(_ reader: inout ColumnBlockReader) {
        let shapes = reader.lineShapes()
        if let numbers = try? reader.lineShapeNumbers() {
            #expect(numbers.allSatisfy { $0 >= 0 && $0 < Int64(shapes.count) })
        }
        for column in Set(shapes.flatMap(\.columns)) {
            if let content = try? reader.lineColumn(column) { expectWhole(content, reader.rowCount) }
        }
        for name in reader.metadataNames {
            _ = try? reader.metadata(name, at: [0, 3, 149])
            if let content = try? reader.metadataColumn(name) { expectWhole(content, reader.rowCount) }
            _ = try? reader.rows(whereMetadata: name, equals: [0x78])
        }
    }

    private func expectWhole(_ content: ColumnContent, _ rowCount: Int) {
        #expect(content.rows.allSatisfy { $0 < UInt32(rowCount) })
        switch content.values {
        case .numbers(let numbers): #expect(numbers.count == content.rows.count)
        case .texts(let bytes, let ends, let indexes):
            #expect((indexes?.count ?? ends.count) == content.rows.count)
            #expect(indexes?.allSatisfy { Int($0) < ends.count } ?? true)
            #expect(Int(ends.last ?? 0) <= bytes.count && zip(ends, ends.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }

    @Test func declaredSizesAreLimited() throws {
        let set = RowSet((0..<500).map { "{\"a\":\"\(String(repeating: "x", count: 200))\($0)\"}" })
        let block = try set.encoded()
        // Without the working memory that the row count allows, a bomb would be limited by what the caller expects.
        var head = [UInt8](block.head)
        head.putLittleEndian(UInt32(1 << 24), at: 8)
        #expect(throws: ColumnError.self) { try read(head, block.streams, set) }
    }
}
