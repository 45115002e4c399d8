import Bytes
import Columns
import Model
import Testing

@testable import Store

/// What readers of blocks hold while nobody uses them.
struct ReaderCacheTests {
    private let part = Hash128(high: 1, low: 1)

    /// A reader that has decoded all of a block.
    private func reader() throws -> ColumnBlockReader {
        var arena: [UInt8] = []
        var rows: [RowEntry] = []
        for index in 0..<800 {
            let line = [UInt8](
                "{\"level\":\"info\",\"msg\":\"order \(index % 7) took \(index * 31)\",\"n\":\(index)}".utf8)
            rows.append(
                RowEntry(
                    time: Int64(index), stream: 0, lineOffset: arena.count, lineCount: line.count,
                    metadataOffset: arena.count + line.count, metadataCount: 0))
            arena += line
        }
        var plan = ColumnPlan()
        let block = try ColumnBlock.encode(rows, arena: arena.span, tracedNames: [], codec: .none, plan: &plan)
        var reader = try ColumnBlockReader(head: block.head, streams: block.streams, limitBytes: 1 << 20)
        _ = try reader.rows()
        for column in Set(reader.lineShapes().flatMap(\.columns)) { _ = try reader.lineColumn(column, asTexts: true) }
        return reader
    }

    @Test func largeReadersShrinkBeforeAnyGoes() throws {
        let reader = try reader()
        let large = reader.keptBytes
        var slimmed = reader
        slimmed.shed(to: 0)
        let slim = slimmed.keptBytes
        try #require(slim > 0 && slim * 3 < large)

        let cache = ReaderCache(ReaderCache.Limits(maximum: 2 * large + 8 * slim, reader: large, slimReader: slim))
        for block in 0..<8 { cache.put(cache.prepared(reader), of: BlockPlace(part: part, block: block)) }
        #expect(cache.heldBytes <= 2 * large + 8 * slim)
        // All are there, the latest with all that it held.
        let held = (0..<8).map { cache.take(BlockPlace(part: part, block: $0))?.keptBytes }
        #expect(held.allSatisfy { $0 != nil })
        #expect(held[0] == slim && held[7] == large)
        #expect(cache.heldBytes == 0)
    }

    @Test func readersGoWhereSlimOnesHaveNoRoom() throws {
        var reader = try reader()
        reader.shed(to: 0)
        let slim = reader.keptBytes
        let cache = ReaderCache(ReaderCache.Limits(maximum: 5 * slim, reader: slim, slimReader: slim))
        for block in 0..<40 { cache.put(reader, of: BlockPlace(part: part, block: block)) }
        #expect(cache.heldBytes == 5 * slim)
        #expect((0..<40).count { cache.take(BlockPlace(part: part, block: $0)) != nil } == 5)
    }

    @Test func ingestAndIdlenessGetMemoryBack() throws {
        let reader = try reader()
        let size = reader.keptBytes
        let cache = ReaderCache(
            ReaderCache.Limits(maximum: 10 * size, busy: size, reader: size, slimReader: size, patienceSeconds: 3))
        func fill() { for block in 0..<8 { cache.put(reader, of: BlockPlace(part: part, block: block)) } }
        fill()
        #expect(cache.heldBytes == 8 * size)
        cache.tend(isIngestBusy: true)
        #expect(cache.heldBytes == size)
        fill()
        #expect(cache.heldBytes == size)
        cache.tend(isIngestBusy: false)
        fill()
        #expect(cache.heldBytes == 8 * size)
        // A question begins the wait anew, whatever it is about.
        #expect(cache.take(BlockPlace(part: part, block: 99)) == nil)
        for _ in 0..<3 { cache.tend(isIngestBusy: false) }
        #expect(cache.take(BlockPlace(part: part, block: 0)) != nil)
        for _ in 0..<3 { cache.tend(isIngestBusy: false) }
        #expect(cache.heldBytes == 7 * size)
        cache.tend(isIngestBusy: false)
        #expect(cache.heldBytes == 0)
    }

    @Test func readersOfAClosedPartGo() throws {
        let reader = try reader()
        let cache = ReaderCache()
        let other = Hash128(high: 1, low: 2)
        for block in 0..<4 {
            cache.put(reader, of: BlockPlace(part: part, block: block))
            cache.put(reader, of: BlockPlace(part: other, block: block))
        }
        cache.forget(part)
        #expect((0..<4).allSatisfy { cache.take(BlockPlace(part: part, block: $0)) == nil })
        #expect((0..<4).allSatisfy { cache.take(BlockPlace(part: other, block: $0)) != nil })
    }

    /// The list of large readers does not grow with questions.
    @Test func theSameReaderMayComeAThousandTimes() throws {
        let reader = try reader()
        let size = reader.keptBytes
        let cache = ReaderCache(ReaderCache.Limits(maximum: 4 * size, reader: size, slimReader: 0))
        for round in 0..<1000 {
            cache.put(
                cache.take(BlockPlace(part: part, block: round % 3)) ?? reader,
                of: BlockPlace(part: part, block: round % 3))
            #expect(cache.heldBytes <= 3 * size)
        }
        #expect((0..<3).allSatisfy { cache.take(BlockPlace(part: part, block: $0))?.keptBytes == size })
    }
}
