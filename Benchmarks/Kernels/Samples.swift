import Bytes
import Model

/// Rows that are the same in every run.
struct Samples {
    private(set) var rows: [RowEntry] = []
    private(set) var arena: [UInt8] = []
    private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

    static let start: Int64 = 1_795_564_800_000_000_000

    mutating func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }

    mutating func hex(_ digits: Int) -> String {
        String((0..<digits).map { _ in Array("0123456789abcdef")[below(16)] })
    }

    mutating func append(_ line: String, trace: [UInt8]? = nil) { append([UInt8](line.utf8)[...], trace: trace) }

    mutating func append(_ line: ArraySlice<UInt8>, trace: [UInt8]? = nil) {
        let offset = arena.count
        arena.append(contentsOf: line)
        let middle = arena.count
        if let trace {
            arena.appendPrefixed([UInt8]("trace_id".utf8))
            arena.appendPrefixed(trace)
        }
        rows.append(
            RowEntry(
                time: Samples.start + Int64(rows.count) * 10_000_019, stream: UInt32(rows.count % 40),
                lineOffset: offset, lineCount: middle - offset, metadataOffset: middle,
                metadataCount: arena.count - middle))
    }

    /// Bytes of all lines, each with its line feed.
    var lineBytes: [UInt8] {
        var out: [UInt8] = []
        for row in rows {
            out.append(contentsOf: arena[row.line])
            out.append(0x0a)
        }
        return out
    }

    /// Lines of a service: levels, durations, status codes, ids and messages.
    static func service(_ count: Int) -> Samples {
        var samples = Samples()
        var trace: [UInt8] = []
        let messages = ["order created for user", "payment accepted for customer", "cache miss on shard"]
        for index in 0..<count {
            if index % 8 == 0 { trace = [UInt8](samples.hex(32).utf8) }
            let message = "\(messages[samples.below(3)]) \(samples.below(100_000))"
            let rare = samples.below(20_000) == 0 ? " kaleidoscope" : ""
            let status = [200, 200, 200, 201, 404, 503][samples.below(6)]
            samples.append(
                "{\"level\":\"info\",\"msg\":\"\(message)\(rare)\",\"status\":\(status),"
                    + "\"duration_ms\":\(samples.below(900)).\(samples.below(10)),"
                    + "\"host\":\"web-\(samples.below(20))\"}",
                trace: trace)
        }
        return samples
    }
}
