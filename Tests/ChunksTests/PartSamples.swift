import Bytes
import Chunks
import Files
import Model
import Testing

/// A file in memory that cannot be written.
final class ByteFile: File {
    let bytes: [UInt8]
    let path = "memory"

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func size() throws(FileError) -> Int { bytes.count }

    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw FileError("read", path, errno: 0, reason: "file ends early")
        }
        return Array(bytes[offset..<(offset + count)])
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) { throw refused }
    func sync() throws(FileError) { throw refused }
    func preallocate(bytes: Int) throws(FileError) { throw refused }
    func truncate(to bytes: Int) throws(FileError) { throw refused }
    func close() {}

    private var refused: FileError { FileError("write", path, errno: 30, reason: "read only") }
}

/// Random numbers that are the same at each run (SplitMix64).
struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A row with all that a part keeps of it.
struct SampleRow: Hashable {
    var time: Int64
    var labels: LabelSet
    var sequence: UInt64 = 1
    var line: [UInt8]
    var metadata: [UInt8] = []

    init(_ time: Int64, _ labels: LabelSet, _ line: [UInt8], sequence: UInt64 = 1, metadata: [UInt8] = []) {
        self.time = time
        self.labels = labels
        self.sequence = sequence
        self.line = line
        self.metadata = metadata
    }

    /// The same without the sequence, which a part keeps by block only.
    var withoutSequence: SampleRow {
        var copy = self
        copy.sequence = 0
        return copy
    }
}

enum Sample {
    static let storeID = Hash128(high: 0x0102_0304_0506_0708, low: 0x1112_1314_1516_1718)
    static let tenant = TenantID("default")
    static let day = Day(number: 20_000)

    static func id(_ number: UInt64) -> Hash128 { Hash128(high: 0xa0a1_a2a3_a4a5_a6a7, low: number) }

    static func labels(_ number: Int) -> LabelSet {
        LabelSet([("app", "shop\(number % 7)"), ("pod", "pod-\(number)")])
    }

    static func metadata(_ pairs: [(name: String, value: String)]) -> [UInt8] { LabelSet(pairs).encoded }

    /// The part of `rows`, which are in order.
    static func image(
        _ rows: [SampleRow], _ configuration: PartConfiguration = PartConfiguration(), id: UInt64 = 1,
        coverage: Coverage = Coverage(writer: 7, after: 0, through: 10), generation: UInt32 = 0
    ) throws -> PartImage {
        let writer = try PartWriter(
            configuration: configuration, id: Sample.id(id), storeID: storeID, tenant: tenant, day: day,
            generation: generation, coverage: coverage)
        for row in rows {
            try writer.append(
                time: row.time, stream: writer.intern(row.labels), sequence: row.sequence, line: row.line.span,
                metadata: row.metadata.span)
        }
        return try writer.finish()
    }

    static func bytes(_ image: PartImage) throws -> [UInt8] { try image.read(0..<image.sizeBytes) }

    static func open(_ bytes: [UInt8]) throws -> Part { try Part(file: ByteFile(bytes), name: "sample.dlp") }

    static func part(_ rows: [SampleRow], _ configuration: PartConfiguration = PartConfiguration()) throws -> Part {
        try open(try bytes(try image(rows, configuration)))
    }

    /// All rows of block `index`, without sequences.
    static func rows(_ part: Part, block index: Int) throws -> [SampleRow] {
        let streams = try part.streams()
        let block = try part.readBlock(index, need: .rows)
        return block.rows.read { entries, arena in
            var rows: [SampleRow] = []
            for position in 0..<entries.count {
                let entry = entries[position]
                rows.append(
                    SampleRow(
                        entry.time, streams[Int(entry.stream)].labels, [UInt8](copying: arena.extracting(entry.line)),
                        sequence: 0, metadata: [UInt8](copying: arena.extracting(entry.metadata))))
            }
            return rows
        }
    }

    static func rows(_ part: Part) throws -> [SampleRow] {
        var all: [SampleRow] = []
        for index in 0..<Int(part.summary.blocks) { all.append(contentsOf: try rows(part, block: index)) }
        return all
    }

    /// `count` rows in order over `streams` streams, some of them hostile, two rows a trace.
    static func generated(
        _ count: Int, streams: Int = 5, seed: UInt64 = 1, firstTime: Int64 = 1_700_000_000_000_000_000
    ) -> [SampleRow] {
        var dice = Dice(state: seed)
        var rows: [SampleRow] = []
        var time = firstTime
        var sequence: UInt64 = 1
        for index in 0..<count {
            if Int.random(in: 0..<4, using: &dice) > 0 {
                time += Int64.random(in: 1...2_000_000, using: &dice)
            }
            sequence += UInt64.random(in: 0...1, using: &dice)
            let pairs: [(name: String, value: String)] =
                switch index % 3 {
                case 0: []
                case 1: [("trace_id", traceID(seed, index / 2))]
                default: [("request_id", "r\(index)"), ("traceID", traceID(seed, index / 2))]
                }
            rows.append(
                SampleRow(
                    time, labels(Int.random(in: 0..<streams, using: &dice)), line(index, &dice), sequence: sequence,
                    metadata: metadata(pairs)))
        }
        return rows
    }

    static func traceID(_ seed: UInt64, _ number: Int) -> String {
        var dice = Dice(state: seed &* 1_000_003 &+ UInt64(number))
        return Hash128(high: dice.next(), low: dice.next()).hex
    }

    private static func line(_ index: Int, _ dice: inout Dice) -> [UInt8] {
        switch index % 11 {
        case 0: []
        case 1: [0, 0, 0]
        case 2: [0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80]
        case 3: [UInt8](text: "Zażółć gęślą jaźń 🦊")
        case 4: (0..<Int.random(in: 0..<300, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
        default:
            [UInt8](text: "level=info msg=\"order \(index) accepted\" took_ms=\(Int.random(in: 0..<999, using: &dice))")
        }
    }
}

extension Array where Element == UInt8 {
    var hex: String {
        map { byte in
            let digits = String(byte, radix: 16)
            return digits.count < 2 ? "0" + digits : digits
        }.joined()
    }
}
