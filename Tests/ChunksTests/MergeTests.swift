import Bytes
import Files
import Model
import Testing

@testable import Chunks

@Suite("Merging and looking for equal rows")
struct MergeTests {
    private static func parts(_ count: Int) throws -> [Part] {
        var parts: [Part] = []
        for index in 0..<count {
            let rows = Sample.generated(
                400, streams: 9, seed: UInt64(index + 1),
                firstTime: 1_700_000_000_000_000_000 + Int64(index) * 50_000_000)
            let image = try Sample.image(
                rows, PartConfiguration(blockRawBytes: 4_000), id: UInt64(index + 10),
                coverage: Coverage(writer: 7, after: UInt64(index * 10), through: UInt64(index * 10 + 10)),
                generation: UInt32(index))
            parts.append(try Sample.open(try Sample.bytes(image)))
        }
        return parts
    }

    @Test("A merge is the concatenation of its inputs, block by block")
    func concatenation() throws {
        let inputs = try MergeTests.parts(4)
        let image = try PartMerger.merge(
            inputs, configuration: PartConfiguration(), id: Sample.id(99), storeID: Sample.storeID)
        let bytes = try Sample.bytes(image)
        let merged = try Sample.open(bytes)
        #expect(merged.summary == image.summary)
        #expect(merged.verify(deep: true).isEmpty)
        #expect(merged.summary.generation == 4)
        #expect(merged.summary.coverage == Coverage(writer: 7, after: 0, through: 40))
        #expect(merged.summary.inputs == inputs.map(\.summary.id))
        var expected: [SampleRow: Int] = [:]
        for part in inputs { for row in try Sample.rows(part) { expected[row, default: 0] += 1 } }
        var found: [SampleRow: Int] = [:]
        for row in try Sample.rows(merged) { found[row, default: 0] += 1 }
        #expect(found == expected)
        let directory = try merged.directory()
        #expect(zip(directory.blocks, directory.blocks.dropFirst()).allSatisfy { $0.firstTime <= $1.firstTime })
        #expect(Set(try merged.streams().map(\.hash)).count == (try merged.streams().count))
        #expect(image.streamStatistics.reduce(0) { $0 + $1.rows } == 1_600)
        #expect(image.streamStatistics == (try merged.streamStatistics()))
    }

    @Test("Blocks are copied byte for byte, and a merge of merges is the same as one merge")
    func copies() throws {
        let inputs = try MergeTests.parts(4)
        func merge(_ parts: [Part], _ id: UInt64) throws -> Part {
            let image = try PartMerger.merge(
                parts, configuration: PartConfiguration(), id: Sample.id(id), storeID: Sample.storeID)
            return try Sample.open(try Sample.bytes(image))
        }
        let flat = try merge(inputs, 50)
        let nested = try merge(
            [try merge([inputs[0], inputs[2]], 51), try merge([inputs[1], inputs[3]], 52)], 53)
        #expect(try Sample.rows(nested) == Sample.rows(flat))
        #expect(nested.verify(deep: true).isEmpty)
        var stored = Set<[UInt8]>()
        for part in inputs {
            for block in try part.directory().blocks {
                stored.insert(try part.source.read(at: block.offset, count: block.storedBytes))
            }
        }
        for block in try nested.directory().blocks {
            #expect(stored.contains(try nested.source.read(at: block.offset, count: block.storedBytes)))
        }
    }

    @Test("A merged maplet finds every trace")
    func maplet() throws {
        let inputs = try MergeTests.parts(3)
        let merged = try Sample.open(
            try Sample.bytes(
                try PartMerger.merge(
                    inputs, configuration: PartConfiguration(), id: Sample.id(99), storeID: Sample.storeID)))
        for block in 0..<Int(merged.summary.blocks) {
            for row in try Sample.rows(merged, block: block) {
                let labels = LabelSet(canonical: row.metadata)
                guard let trace = labels.value(of: "trace_id") ?? labels.value(of: "traceID") else { continue }
                #expect(try merged.blocks(mayHold: [[UInt8](text: trace)]).blocks?.contains(block) == true)
            }
        }
    }

    @Test("Damaged inputs and parts of another day are refused")
    func refused() throws {
        let rows = Sample.generated(50)
        var bytes = try Sample.bytes(try Sample.image(rows))
        let other = try Sample.open(bytes)
        bytes[PartFormat.headerBytes + 200] ^= 1
        let damaged = try Sample.open(bytes)
        #expect(throws: PartError.self) {
            try PartMerger.merge(
                [damaged, other], configuration: PartConfiguration(), id: Sample.id(1), storeID: Sample.storeID)
        }
        #expect(throws: PartError.self) {
            try PartMerger.merge([], configuration: PartConfiguration(), id: Sample.id(1), storeID: Sample.storeID)
        }
        let writer = try PartWriter(
            configuration: PartConfiguration(), id: Sample.id(3), storeID: Sample.storeID, tenant: Sample.tenant,
            day: Day(number: 1), generation: 0, coverage: Coverage())
        try writer.append(
            time: 1, stream: writer.intern(Sample.labels(1)), sequence: 1, line: [UInt8]().span,
            metadata: [UInt8]().span)
        let elsewhere = try Sample.open(try Sample.bytes(try writer.finish()))
        #expect(throws: PartError.self) {
            try PartMerger.merge(
                [other, elsewhere], configuration: PartConfiguration(), id: Sample.id(1), storeID: Sample.storeID)
        }
    }

    /// More moments with many rows each than are kept ready.
    @Test("A part knows the rows of crowded moments", arguments: [BlockKind.rows, .columns])
    func crowds(kind: BlockKind) throws {
        let labels = Sample.labels(1)
        let rows = (0..<100).flatMap { moment in
            (0..<40).map { SampleRow(1_700_000_000_000_000_000 + Int64(moment), labels, [UInt8](text: "row \($0)")) }
        }
        let part = try Sample.part(rows, PartConfiguration(kind: kind, blockRawBytes: 5_000))
        var cache = BlockCache()
        func holds(_ time: Int64, _ line: String) throws -> Bool {
            let line = [UInt8](text: line)
            return try part.holds(
                stream: labels.hash, time: time, line: line.span, metadata: [UInt8]().span, cache: &cache)
        }
        for row in rows.reversed() {
            #expect(try holds(row.time, String(decoding: row.line, as: UTF8.self)))
            #expect(try !holds(row.time, String(decoding: row.line + [0x21], as: UTF8.self)))
        }
        #expect(try !holds(rows[0].time, "row 40"))
    }

    @Test("A part knows the rows it holds, and no others", arguments: [1 << 24, 0])
    func holds(cacheBytes: Int) throws {
        let rows = Sample.generated(600, streams: 6)
        let part = try Sample.part(rows, PartConfiguration(blockRawBytes: 5_000))
        var cache = BlockCache(capacityBytes: cacheBytes)
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
            changed = row
            changed.time += 1
            #expect(try holds(changed) == present.contains(changed.withoutSequence))
            changed = row
            changed.labels = Sample.labels(77)
            #expect(try !holds(changed))
        }
        for stream in try part.streams() {
            let own = rows.filter { $0.labels == stream.labels }
            #expect(try part.maximumTime(of: stream.hash) == own.map(\.time).max())
        }
        #expect(try part.maximumTime(of: Sample.labels(77).hash) == nil)
    }
}
