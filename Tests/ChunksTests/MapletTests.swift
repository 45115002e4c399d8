import Bytes
import Files
import Model
import Testing

@testable import Chunks

@Suite("The trace maplet never misses")
struct MapletTests {
    @Test("100,000 random ids over many blocks: no false negative, few false positives")
    func manyIDs() throws {
        let configuration = PartConfiguration(blockRawBytes: 64 << 10)
        let count = 100_000
        let rows = (0..<count).map { index in
            SampleRow(
                Int64(index), Sample.labels(index % 3), [],
                metadata: Sample.metadata([("trace_id", Sample.traceID(11, index))]))
        }
        let part = try Sample.part(rows, configuration)
        let directory = try part.directory()
        #expect(part.mapletState == .present && directory.blocks.count > 50)
        #expect(part.tracedRows == UInt64(count))
        var index = 0
        var opened = 0
        for (block, entry) in directory.blocks.enumerated() {
            for _ in 0..<entry.rows {
                let found = try part.blocks(mayHold: [[UInt8](text: Sample.traceID(11, index))]).blocks ?? []
                guard found.contains(block) else {
                    Issue.record("id \(index) of block \(block) is missed")
                    return
                }
                opened += found.count
                index += 1
            }
        }
        #expect(opened == count, "each id lies in one block")
        var wrong = 0
        for index in 0..<10_000 where try part.blocks(mayHold: [[UInt8](text: "absent\(index)")]).blocks != [] {
            wrong += 1
        }
        #expect(wrong < 80, "about 39 of 10,000 are expected at 8 bits")
        #expect(try part.blocks(mayHold: [[UInt8](text: "x")]).bytesRead <= 3 * 4_096)
    }

    @Test("Ids over one, two, three and many blocks, in a row or scattered")
    func spans() throws {
        // One row a block; id `k` is in the blocks of which bit `b` of pattern `k` is set.
        let blocks = 12
        var patterns: [Int] = (1..<(1 << blocks)).filter { $0 % 5 == 1 || $0.nonzeroBitCount <= 3 }
        patterns.append((1 << blocks) - 1)
        var rows: [SampleRow] = []
        for block in 0..<blocks {
            for pattern in patterns where pattern >> block & 1 == 1 {
                rows.append(
                    SampleRow(
                        Int64(block), Sample.labels(1), [],
                        metadata: Sample.metadata([("traceId", "trace-\(pattern)")])))
            }
        }
        var sizes = [Int](repeating: 0, count: blocks)
        for row in rows { sizes[Int(row.time)] += row.metadata.count }
        // Blocks end where the time changes: one filler row of the remaining size each.
        let full = (sizes.max() ?? 0) + 1
        var padded: [SampleRow] = []
        for block in 0..<blocks {
            padded.append(contentsOf: rows.filter { $0.time == Int64(block) })
            padded.append(
                SampleRow(Int64(block), Sample.labels(2), [UInt8](repeating: 0, count: full - sizes[block])))
        }
        let part = try Sample.part(padded, PartConfiguration(blockRawBytes: full))
        #expect(part.summary.blocks == UInt32(blocks))
        #expect(part.verify(deep: true).isEmpty)
        for pattern in Set(patterns) {
            let expected = (0..<blocks).filter { pattern >> $0 & 1 == 1 }
            #expect(try part.blocks(mayHold: [[UInt8](text: "trace-\(pattern)")]).blocks == expected)
        }
    }

    @Test("A part without indexed values holds none; names that it does not index may be anywhere")
    func absence() throws {
        let plain = try Sample.part([SampleRow(1, Sample.labels(1), [1], metadata: Sample.metadata([("a", "b")]))])
        #expect(try plain.blocks(mayHold: [[1]]).blocks == [])
        #expect(plain.tracedRows == 0)
        #expect(try plain.blocks(mayHold: [[1]], names: ["trace_id", "other"]).blocks == nil)
        #expect(try plain.blocks(mayHold: [[1]], names: ["trace_id"]).blocks == [])
    }

    @Test("Beyond 255 blocks there is no maplet: any block may hold the value")
    func tooManyBlocks() throws {
        let rows = (0..<256).map {
            SampleRow(Int64($0), Sample.labels(1), [1], metadata: Sample.metadata([("trace_id", "t\($0)")]))
        }
        let configuration = PartConfiguration(blockRawBytes: 1)
        let image = try Sample.image(rows, configuration)
        #expect(image.mapletState == .tooManyBlocks)
        let part = try Sample.open(try Sample.bytes(image))
        #expect(part.summary.blocks == 256)
        #expect(try part.blocks(mayHold: [[UInt8](text: "t1")]).blocks == nil)
        #expect(part.verify(deep: true).isEmpty)
        let below = try Sample.part(Array(rows[0..<255]), configuration)
        #expect(try below.blocks(mayHold: [[UInt8](text: "t254")]).blocks == [254])
    }

    @Test("Equal keys are refused by the construction, which gives up after its seeds")
    func unsolvable() {
        #expect(TraceFunction(keys: [5, 5, 5], values: [1, 2, 3], valueSeed: 9) == nil)
    }

    @Test("Every number of keys can be solved", arguments: [1, 2, 3, 4, 5, 7, 10, 33, 100, 999, 5_000, 60_000])
    func sizes(count: Int) throws {
        var dice = Dice(state: UInt64(count))
        let keys = Array(Set((0..<count).map { _ in dice.next() >> 8 }))
        let values = keys.map { UInt32(truncatingIfNeeded: $0) & 0x3ffff }
        let function = try #require(TraceFunction(keys: keys, values: values, valueSeed: 3))
        for (key, value) in zip(keys, values) {
            let (a, b, c) = TraceFunction.positions(key, function.parameters)
            #expect(function.slots[a] ^ function.slots[b] ^ function.slots[c] == value)
        }
        let pages = MapletPage.encode(function.slots)
        #expect(pages.count == MapletPage.regionBytes(slots: function.slots.count))
    }

    @Test("Traces with equal short hashes are united in the exceptions")
    func exceptions() throws {
        var exceptions = MapletExceptions()
        exceptions.append(key: 7 << 24 | 1, blocks: [1, 9])
        exceptions.append(key: 7 << 24 | 2, blocks: [0, 9, 254])
        for hash in 8..<2_000 { exceptions.append(key: UInt64(hash) << 24, blocks: [3, UInt8(hash % 250 + 4)]) }
        let (bytes, indexBytes) = try exceptions.encoded(codec: .lz4)
        let index = try Frame.read(bytes, at: 0, region: "exceptions")
        #expect(index.end == indexBytes)
        func blocks(_ hash: UInt32) throws -> [Int] {
            guard let frame = try MapletExceptions.frame(for: hash, index: index.raw) else { return [] }
            let raw = try Frame.read(bytes, at: indexBytes + frame.offset, region: "exceptions").raw
            return try MapletExceptions.blocks(of: hash, in: raw)
        }
        #expect(try blocks(7) == [0, 1, 9, 254])
        #expect(try blocks(1_999) == [3, 1_999 % 250 + 4])
        #expect(try blocks(6) == [])
        #expect(try blocks(5_000) == [])
    }
}
