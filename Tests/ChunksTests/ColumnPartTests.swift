import Bytes
import Columns
import Files
import Model
import Testing

@testable import Chunks

/// Parts of column blocks, and of both kinds.
@Suite("Parts of columns")
struct ColumnPartTests {
    static func columns(_ blockRows: Int = PartLimits.writtenBlockRows, codec: Codec = .best) -> PartConfiguration {
        PartConfiguration(codec: codec, kind: .columns, blockRows: blockRows)
    }

    @Test(
        "Generated rows, all codecs and block sizes",
        arguments: [Codec.none, .lz4, .zlib, .zstd].filter(\.isAvailable), [64, 700, 65_536])
    func generated(codec: Codec, blockRows: Int) throws {
        let rows = Sample.generated(1_500, seed: UInt64(blockRows))
        let part = try Sample.part(rows, ColumnPartTests.columns(blockRows, codec: codec))
        #expect(try Sample.rows(part) == rows.map(\.withoutSequence))
        #expect(part.verify(deep: true).isEmpty)
        let directory = try part.directory()
        #expect(directory.blocks.allSatisfy { $0.kind == .columns })
        #expect(directory.blocks.count == (1_500 + blockRows - 1) / blockRows)
        var next = 0
        for (index, block) in directory.blocks.enumerated() {
            let own = rows[next..<(next + block.rows)]
            next += block.rows
            let times = try part.readBlock(index, need: .times)
            #expect(times.storedBytes < block.storedBytes)
            #expect((0..<times.rows.count).map { times.rows.entries[$0].time } == own.map(\.time))
            #expect(block.lowestSequence == own.map(\.sequence).min())
            #expect(block.highestSequence == own.map(\.sequence).max())
        }
    }

    @Test("Column and row blocks carry their rows through a merge, byte for byte")
    func mixed() throws {
        let inputs = try ColumnPartTests.inputs()
        let image = try PartMerger.merge(
            inputs, configuration: ColumnPartTests.columns(), id: Sample.id(99), storeID: Sample.storeID)
        let merged = try Sample.open(try Sample.bytes(image))
        #expect(merged.verify(deep: true).isEmpty)
        #expect(Set(try merged.directory().blocks.map(\.kind)) == [.rows, .columns])
        #expect(ColumnPartTests.counted([merged]) == ColumnPartTests.counted(inputs))
        try ColumnPartTests.expectTraces(merged)
    }

    @Test("Packing makes full column blocks of row blocks and of under-filled ones")
    func packed() throws {
        let inputs = try ColumnPartTests.inputs()
        let packer = BlockPacker()
        let image = try PartMerger.merge(
            inputs, configuration: ColumnPartTests.columns(800), id: Sample.id(99), storeID: Sample.storeID,
            packer: packer)
        let merged = try Sample.open(try Sample.bytes(image))
        #expect(merged.verify(deep: true).isEmpty)
        #expect(packer.refusals.isEmpty && packer.packedRows == 1_600)
        let blocks = try merged.directory().blocks
        #expect(blocks.allSatisfy { $0.kind == .columns && $0.rows <= 800 && $0.rows >= 300 })
        #expect(blocks.count < 6)
        #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $0.firstTime <= $1.firstTime })
        #expect(ColumnPartTests.counted([merged]) == ColumnPartTests.counted(inputs))
        #expect(merged.summary.generation == 3 && merged.summary.coverage == Coverage(writer: 7, after: 0, through: 40))
        try ColumnPartTests.expectTraces(merged)
    }

    @Test("Packing leaves blocks alone that are full, and one that is alone")
    func leftAlone() throws {
        let rows = Sample.generated(1_300)
        let part = try Sample.part(rows, ColumnPartTests.columns(600))
        let packer = BlockPacker()
        let image = try PartMerger.merge(
            [part], configuration: ColumnPartTests.columns(600), id: Sample.id(99), storeID: Sample.storeID,
            packer: packer)
        #expect(packer.packedRows == 0)
        #expect(try Sample.rows(try Sample.open(try Sample.bytes(image))) == rows.map(\.withoutSequence))
    }

    @Test("Equal times stay in the order of arrival when row blocks become columns")
    func order() throws {
        let rows = (0..<300).map { index in
            SampleRow(Int64(index / 100), Sample.labels(1), [UInt8](text: "line \(index)"), sequence: UInt64(index + 1))
        }
        let part = try Sample.part(rows, PartConfiguration(blockRawBytes: 200))
        #expect(part.summary.blocks > 10)
        let image = try PartMerger.merge(
            [part], configuration: ColumnPartTests.columns(), id: Sample.id(99), storeID: Sample.storeID,
            packer: BlockPacker())
        let merged = try Sample.open(try Sample.bytes(image))
        #expect(try Sample.rows(merged) == rows.map(\.withoutSequence))
        let block = try #require(try merged.directory().blocks.first)
        #expect(block.lowestSequence == 1 && block.highestSequence == 300)
    }

    @Test("Blocks that overlap in every way become one in the order of time, then of arrival", arguments: 0..<12)
    func overlapping(seed: Int) throws {
        var dice = Dice(state: UInt64(seed))
        var inputs: [Part] = []
        var all: [SampleRow] = []
        var sequence: UInt64 = 0
        for part in 0..<Int.random(in: 1...5, using: &dice) {
            // Some lie apart, some begin together, some are of one time.
            let start = Int64.random(in: 0...(seed % 3 == 0 ? 0 : 400), using: &dice)
            let width = [1, 50, 1_000].randomElement(using: &dice) ?? 1
            let times = (0..<200).map { _ in start + Int64.random(in: 0..<Int64(width), using: &dice) }.sorted()
            let rows = times.enumerated().map { index, time in
                sequence += 1
                return SampleRow(
                    time, Sample.labels(index % 3), [UInt8](text: "part \(part) line \(index)"), sequence: sequence)
            }
            all += rows
            inputs.append(
                try Sample.open(
                    try Sample.bytes(
                        try Sample.image(
                            rows, PartConfiguration(blockRawBytes: Int.random(in: 100...4_000, using: &dice)),
                            id: UInt64(part + 10),
                            coverage: Coverage(writer: 7, after: sequence - 200, through: sequence)))))
        }
        let image = try PartMerger.merge(
            inputs, configuration: ColumnPartTests.columns(), id: Sample.id(99), storeID: Sample.storeID,
            packer: BlockPacker())
        let merged = try Sample.rows(try Sample.open(try Sample.bytes(image)))
        #expect(merged.map(\.time) == all.map(\.time).sorted())
        #expect(Set(merged) == Set(all.map(\.withoutSequence)))
        // Each part's rows came in one order, and lie in it.
        for part in inputs.indices {
            let prefix = "part \(part) "
            func own(_ rows: [SampleRow]) -> [[UInt8]] {
                rows.map(\.line).filter { String(decoding: $0, as: UTF8.self).hasPrefix(prefix) }
            }
            #expect(own(merged) == own(all))
        }
    }

    @Test("A part of columns knows the rows it holds, and no others")
    func holds() throws {
        let rows = Sample.generated(600, streams: 6)
        let part = try Sample.part(rows, ColumnPartTests.columns(200))
        var cache = BlockCache()
        func holds(_ row: SampleRow) throws -> Bool {
            try part.holds(
                stream: row.labels.hash, time: row.time, line: row.line.span, metadata: row.metadata.span, cache: &cache
            )
        }
        let present = Set(rows.map(\.withoutSequence))
        for row in rows {
            #expect(try holds(row))
            var changed = row
            changed.line.append(0x21)
            #expect(try holds(changed) == present.contains(changed.withoutSequence))
            changed = row
            changed.metadata = Sample.metadata([("other", "x")])
            #expect(try !holds(changed))
        }
    }

    @Test("A needle whose trigrams are missing is in no line")
    func trigrams() throws {
        let part = try Sample.part(Sample.generated(500), ColumnPartTests.columns())
        let set = try #require(try part.trigrams(0))
        #expect(set.mayContain([UInt8](text: "accepted").span) && !set.mayContain([UInt8](text: "quota").span))
        #expect(try Sample.part(Sample.generated(50)).trigrams(0) == nil)
    }

    /// Two parts of row blocks and two of columns, overlapping in time.
    private static func inputs() throws -> [Part] {
        try (0..<4).map { index in
            let rows = Sample.generated(
                400, streams: 9, seed: UInt64(index + 1),
                firstTime: 1_700_000_000_000_000_000 + Int64(index) * 50_000_000)
            let configuration =
                index % 2 == 0 ? PartConfiguration(blockRawBytes: 4_000) : ColumnPartTests.columns(150)
            let image = try Sample.image(
                rows, configuration, id: UInt64(index + 10),
                coverage: Coverage(writer: 7, after: UInt64(index * 10), through: UInt64(index * 10 + 10)),
                generation: index == 3 ? 2 : 0)
            return try Sample.open(try Sample.bytes(image))
        }
    }

    private static func counted(_ parts: [Part]) -> [SampleRow: Int] {
        var counts: [SampleRow: Int] = [:]
        for part in parts { for row in (try? Sample.rows(part)) ?? [] { counts[row, default: 0] += 1 } }
        return counts
    }

    private static func expectTraces(_ part: Part) throws {
        for block in 0..<Int(part.summary.blocks) {
            for row in try Sample.rows(part, block: block) {
                let labels = LabelSet(canonical: row.metadata)
                guard let trace = labels.value(of: "trace_id") ?? labels.value(of: "traceID") else { continue }
                #expect(try part.blocks(mayHold: [[UInt8](text: trace)]).blocks?.contains(block) == true)
            }
        }
    }
}
