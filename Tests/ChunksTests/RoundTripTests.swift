import Bytes
import Chunks
import Files
import Model
import Testing

@Suite("Parts give back what was written")
struct RoundTripTests {
    @Test(
        "Generated rows, all codecs and block sizes",
        arguments: [Codec.none, .lz4, .zlib, .zstd].filter(\.isAvailable), [700, 20_000, 1 << 20])
    func generated(codec: Codec, blockRawBytes: Int) throws {
        let rows = Sample.generated(1_500, seed: UInt64(blockRawBytes))
        let configuration = PartConfiguration(codec: codec, blockRawBytes: blockRawBytes)
        let part = try Sample.part(rows, configuration)
        #expect(try Sample.rows(part) == rows.map(\.withoutSequence))
        #expect(part.verify(deep: true).isEmpty)
        #expect(part.summary.rows == 1_500)
        #expect(part.summary.firstTime == rows.first?.time)
        #expect(part.summary.lastTime == rows.last?.time)
    }

    @Test("Blocks close at their raw size, and the directory counts exactly")
    func directory() throws {
        let rows = Sample.generated(3_000, streams: 40)
        let part = try Sample.part(rows, PartConfiguration(blockRawBytes: 10_000))
        let directory = try part.directory()
        let streams = try part.streams()
        #expect(directory.blocks.count > 10)
        var next = 0
        for (index, block) in directory.blocks.enumerated() {
            let own = rows[next..<(next + block.rows)]
            next += block.rows
            #expect(block.rawBytes <= 10_000)
            #expect(Int(block.rawBytes) == own.reduce(0) { $0 + $1.line.count + $1.metadata.count })
            #expect(block.firstTime == own.first?.time && block.lastTime == own.last?.time)
            #expect(block.lowestSequence == own.map(\.sequence).min())
            #expect(block.highestSequence == own.map(\.sequence).max())
            for stream in directory.streams(of: index) {
                let mine = own.filter { $0.labels == streams[Int(stream.ordinal)].labels }
                #expect(Int(stream.rows) == mine.count)
                #expect(Int(stream.rawBytes) == mine.reduce(0) { $0 + $1.line.count + $1.metadata.count })
                #expect(stream.firstTime == mine.first?.time && stream.lastTime == mine.last?.time)
            }
            #expect(directory.streams(of: index).reduce(0) { $0 + Int($1.rows) } == block.rows)
        }
        #expect(next == rows.count)
    }

    @Test("Lines of 1 MiB and more make their own blocks")
    func longLines() throws {
        var dice = Dice(state: 5)
        let long = (0..<(1 << 20) + 77).map { _ in UInt8.random(in: 0...255, using: &dice) }
        let rows = [
            SampleRow(1, Sample.labels(1), [UInt8](text: "short")), SampleRow(1, Sample.labels(1), long),
            SampleRow(2, Sample.labels(2), [UInt8](repeating: 0x61, count: 5 << 20)),
            SampleRow(3, Sample.labels(1), []),
        ]
        let part = try Sample.part(rows)
        #expect(part.summary.blocks == 4)
        #expect(try Sample.rows(part) == rows.map(\.withoutSequence))
    }

    @Test("Ten thousand streams in a block")
    func manyStreams() throws {
        let rows = (0..<20_000).map { SampleRow(Int64($0), Sample.labels($0 % 10_000), [UInt8](text: "line \($0)")) }
        let part = try Sample.part(rows)
        #expect(try part.streams().count == 10_000)
        #expect(try Sample.rows(part) == rows.map(\.withoutSequence))
        #expect(try part.streamStatistics().allSatisfy { $0.rows == 2 })
        #expect(part.verify(deep: true).isEmpty)
    }

    @Test("Times at the ends of what 64 bits can say")
    func extremeTimes() throws {
        let times: [Int64] = [.min, .min, -1, 0, 0, 1, .max, .max]
        let rows = times.map { SampleRow($0, Sample.labels(1), [1]) }
        let part = try Sample.part(rows)
        #expect(try Sample.rows(part).map(\.time) == times)
        #expect(part.verify(deep: true).isEmpty)
    }

    @Test("Times alone are read without lines, and from few bytes")
    func timesOnly() throws {
        let rows = Sample.generated(2_000)
        let part = try Sample.part(rows)
        let streams = try part.streams()
        let all = try part.readBlock(0, need: .rows)
        let times = try part.readBlock(0, need: .times)
        #expect(times.rows.count == all.rows.count)
        #expect(times.storedBytes * 4 < all.storedBytes)
        #expect(times.rawBytes < all.rawBytes)
        for index in 0..<times.rows.count {
            let entry = times.rows.entries[index]
            #expect(entry.time == rows[index].time)
            #expect(streams[Int(entry.stream)].labels == rows[index].labels)
            #expect(entry.lineCount == 0)
        }
    }

    @Test("The footer carries identity and origin")
    func summary() throws {
        var coverage = Coverage(writer: 7, after: 3, through: 900)
        coverage.formUnion(Coverage(writer: 9, after: 0, through: 2))
        let writer = try PartWriter(
            configuration: PartConfiguration(fromLabelNames: ["user"]), id: Sample.id(4), storeID: Sample.storeID,
            tenant: TenantID("ü/.."), day: Day(number: -3), generation: 12, coverage: coverage,
            inputs: [Sample.id(2), Sample.id(3)], isUnclean: true)
        let stream = writer.intern(Sample.labels(1))
        try writer.append(time: -5, stream: stream, sequence: 4, line: [1, 2].span, metadata: [UInt8]().span)
        let image = try writer.finish()
        let part = try Sample.open(try Sample.bytes(image))
        #expect(part.summary == image.summary)
        #expect(part.summary.coverage == coverage)
        #expect(part.summary.inputs == [Sample.id(2), Sample.id(3)])
        #expect(part.summary.tenant.name == "ü/..")
        #expect(part.summary.day.number == -3)
        #expect(part.summary.generation == 12)
        #expect(part.summary.isUnclean)
        #expect(part.summary.fileBytes == UInt64(image.sizeBytes))
        #expect(part.fromLabelNames == ["user"])
    }

    @Test("An image is the same in pieces of any size", arguments: [1, 7, 100, 4_096])
    func pieces(step: Int) throws {
        let image = try Sample.image(Sample.generated(300), PartConfiguration(blockRawBytes: 3_000))
        var joined: [UInt8] = []
        var offset = 0
        while offset < image.sizeBytes {
            let end = min(offset + step, image.sizeBytes)
            joined.append(contentsOf: try image.read(offset..<end))
            offset = end
        }
        #expect(joined == (try Sample.bytes(image)))
    }

    @Test("Rows out of order, of unknown streams, or none at all are refused")
    func refused() throws {
        func writer() throws -> PartWriter {
            try PartWriter(
                configuration: PartConfiguration(), id: Sample.id(1), storeID: Sample.storeID, tenant: Sample.tenant,
                day: Sample.day, generation: 0, coverage: Coverage())
        }
        let none = [UInt8]()
        #expect(throws: PartError.self) { try writer().finish() }
        let late = try writer()
        let stream = late.intern(Sample.labels(1))
        try late.append(time: 5, stream: stream, sequence: 5, line: none.span, metadata: none.span)
        #expect(throws: PartError.self) {
            try late.append(time: 4, stream: stream, sequence: 6, line: none.span, metadata: none.span)
        }
        #expect(throws: PartError.self) {
            try late.append(time: 5, stream: stream, sequence: 4, line: none.span, metadata: none.span)
        }
        #expect(throws: PartError.self) {
            try late.append(time: 6, stream: 1, sequence: 6, line: none.span, metadata: none.span)
        }
        try late.append(time: 5, stream: stream, sequence: 5, line: none.span, metadata: none.span)
        #expect(try late.finish().summary.rows == 2)
    }
}
