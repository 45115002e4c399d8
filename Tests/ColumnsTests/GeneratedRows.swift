import Bytes
import Model

@testable import Columns

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(limit, 1))) }
}

/// Rows with an arena, as a head would hold them.
struct RowSet {
    var rows: [RowEntry] = []
    var arena: [UInt8] = []

    mutating func append(_ line: [UInt8], time: Int64 = 0, stream: UInt32 = 0, metadata: [UInt8] = []) {
        let lineOffset = arena.count
        arena.append(contentsOf: line)
        let metadataOffset = arena.count
        arena.append(contentsOf: metadata)
        rows.append(
            RowEntry(
                time: time, stream: stream, lineOffset: lineOffset, lineCount: line.count,
                metadataOffset: metadataOffset, metadataCount: metadata.count))
    }

    mutating func append(_ line: String, time: Int64 = 0, stream: UInt32 = 0, metadata: [UInt8] = []) {
        append([UInt8](line.utf8), time: time, stream: stream, metadata: metadata)
    }

    /// Lines one after the other, times a millisecond apart.
    init(lines: [[UInt8]] = []) {
        for (index, line) in lines.enumerated() {
            append(line, time: 1_700_000_000_000_000_000 + Int64(index) * 1_000_000)
        }
    }

    init(_ lines: [String]) {
        self.init(lines: lines.map { [UInt8]($0.utf8) })
    }

    func line(_ index: Int) -> [UInt8] { Array(arena[rows[index].line]) }
    func metadata(_ index: Int) -> [UInt8] { Array(arena[rows[index].metadata]) }

    func encoded(codec: Codec = .best, plan: inout ColumnPlan) throws -> ColumnBlock.Encoded {
        try ColumnBlock.encode(
            rows, arena: arena.span, tracedNames: [[UInt8]("trace_id".utf8)], codec: codec, plan: &plan)
    }

    func encoded(codec: Codec = .best) throws -> ColumnBlock.Encoded {
        var plan = ColumnPlan()
        return try encoded(codec: codec, plan: &plan)
    }

    func reader() throws -> ColumnBlockReader {
        let block = try encoded()
        return try ColumnBlockReader(head: block.head, streams: block.streams, limitBytes: arena.count + 1024)
    }

    /// The first row in which `decoded` differs from the chosen rows, or nil.
    func difference(_ decoded: Rows, at chosen: [Int]? = nil) -> String? {
        let wanted = chosen ?? Array(rows.indices)
        guard decoded.count == wanted.count else { return "\(decoded.count) rows, not \(wanted.count)" }
        return decoded.read { entries, bytes -> String? in
            for (place, index) in wanted.enumerated() {
                let entry = entries[place]
                if entry.time != rows[index].time || entry.stream != rows[index].stream {
                    return "row \(index): time, stream"
                }
                let line = [UInt8](copying: bytes.extracting(entry.line))
                if line != self.line(index) { return "row \(index): \(line.text) is not \(self.line(index).text)" }
                if [UInt8](copying: bytes.extracting(entry.metadata)) != metadata(index) {
                    return "row \(index): metadata"
                }
            }
            return nil
        }
    }
}

/// Log lines as services write them, with fields that repeat, depend and vary.
struct LogGenerator {
    var random: SeededGenerator
    private let apps = ["gateway", "catalog", "cart", "billing"]
    private let levels = ["info", "warn", "error", "debug"]
    private let words = [
        "order", "created", "user", "timeout", "retry", "connection", "refused", "cache", "miss", "hit",
    ]

    init(_ seed: UInt64) {
        random = SeededGenerator(seed)
    }

    mutating func hex(_ digits: Int) -> String {
        let table = Array("0123456789abcdef")
        return String((0..<digits).map { _ in table[random.below(16)] })
    }

    mutating func rows(_ count: Int) -> RowSet {
        var set = RowSet()
        var time: Int64 = 1_764_000_000_000_000_000
        var traces: [String] = []
        for _ in 0..<count {
            time += Int64(random.below(50_000_000))
            if traces.isEmpty || random.below(5) == 0 { traces.append(hex(32)) }
            let trace = traces[max(0, traces.count - 1 - random.below(4))]
            let stream = random.below(apps.count * levels.count)
            let metadata = random.below(20) == 0 ? [] : LabelSet([("trace_id", trace), ("level", "x")]).encoded
            set.append(line(time, stream), time: time, stream: UInt32(stream), metadata: metadata)
        }
        return set
    }

    private mutating func line(_ time: Int64, _ stream: Int) -> String {
        let level = levels[stream % levels.count]
        let head = "{\"ts\":\"\(RFC3339.format(time))\",\"level\":\"\(level)\""
        switch random.below(8) {
        case 0: return "\(level) \(word) \(word) id=\(random.below(100_000))"
        case 1:
            let address = "10.0.\(random.below(4)).\(random.below(256))"
            return "\(address) - - \"GET /x/\(random.below(99)) HTTP/1.1\" \(random.below(600))"
        case 2:
            let path = "/api/v\(random.below(3))/orders/\(random.below(9999))"
            let status = [200, 201, 404, 500][random.below(4)]
            let app = "\"app\":\"\(apps[stream / levels.count])\",\"msg\":\"GET \(path) \(status)\""
            let time = "\(random.below(1000)).\(random.below(10))"
            return "\(head),\(app),\"path\":\"\(path)\",\"status\":\(status),\"ms\":\(time)}"
        case 3:
            let id = "\(hex(8))-\(hex(4))-\(hex(4))-\(hex(4))-\(hex(12))"
            let user = "\"user_id\":\(100_000 + random.below(500)),\"ok\":\(random.below(2) == 0)"
            return "\(head),\"request_id\":\"\(id)\",\(user)}"
        case 4:
            let nested = "\"nested\":{\"a\":[\(random.below(3)),\"b\"],\"n\":null}"
            return "{ \"level\" : \"\(level)\", \(nested), \"msg\":\"user \(random.below(90)) said \\\"\(word)\\\"\"}"
        default:
            let message = "order ORD-\(10_000 + random.below(90_000)) \(word) in \(random.below(3000))ms"
            return "\(head),\"msg\":\"\(message)\",\"span\":\"\(hex(16))\"}"
        }
    }

    private var word: String {
        mutating get { words[random.below(words.count)] }
    }
}
