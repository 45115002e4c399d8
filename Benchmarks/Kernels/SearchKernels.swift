import Bytes
import Columns
import Model

/// Questions to one block of service lines: with a reader that has just been opened, and with one that has served.
enum SearchKernels {
    static func run() throws {
        let samples = Samples.service(65_536)
        var plan = ColumnPlan()
        var block: ColumnBlock.Encoded?
        let encode = try Stopwatch.nanoseconds(times: 3) {
            block = try ColumnBlock.encode(
                samples.rows, arena: samples.arena.span, tracedNames: [[UInt8]("trace_id".utf8)], codec: .best,
                plan: &plan)
        }
        guard let block else { return }
        let raw = Double(samples.arena.count)
        Table.title(["block of 65,536 service lines", "µs, new reader", "µs, kept reader", "GB/s of raw text, kept"])
        let full = try Stopwatch.nanoseconds { _ = try ColumnBlock.decode(block, limitBytes: samples.arena.count) }
        Table.row(["encode", Table.text(encode / 1000), "", Table.text(raw / encode)])
        Table.row(["decode all rows", Table.text(full / 1000), "", Table.text(raw / full)])
        let head = try Stopwatch.nanoseconds { _ = try ColumnHead(block.head) }
        Table.row(["read the head", Table.text(head / 1000), "", ""])
        for needle in ["nowhere to be found", "kaleidoscope", "payment accepted", "status\":503", "4711"] {
            let bytes = [UInt8](needle.utf8)
            try ask("find `\(needle)`", block, samples) { _ = try $0.lineMarks(containing: bytes) }
        }
        try ask("find `(?i)payment accepted`", block, samples) {
            _ = try $0.lineMarks(containing: [UInt8]("payment accepted".utf8), ignoringCase: true)
        }
        let trace = [UInt8](samples.arena[samples.rows[4711].metadata].suffix(32))
        try ask("find a trace", block, samples) {
            _ = try $0.rows(whereMetadata: [UInt8]("trace_id".utf8), equals: trace)
        }
        try ask("times, streams and shapes", block, samples) {
            _ = try $0.times()
            _ = try $0.streams()
            _ = try $0.lineShapeNumbers()
        }
        for count in [1, 20, 100, 1000] {
            let places = (0..<count).map { $0 * (65_536 / count) + 3 }
            try ask("rebuild \(count) rows", block, samples) { _ = try $0.rows(at: places) }
        }
        let text = samples.lineBytes
        let scan = Stopwatch.nanoseconds {
            _ = ByteSearch.find([UInt8]("nowhere to be found".utf8).span, in: text.span)
        }
        Table.row(["plain search of the raw text", Table.text(scan / 1000), "", Table.text(Double(text.count) / scan)])
    }

    private static func ask(
        _ name: String, _ block: ColumnBlock.Encoded, _ samples: Samples,
        _ question: (inout ColumnBlockReader) throws -> Void
    ) throws {
        let head = try ColumnHead(block.head)
        let limit = samples.arena.count
        let fresh = try Stopwatch.nanoseconds {
            var reader = try ColumnBlockReader(head: head, source: Region(bytes: block.streams), limitBytes: limit)
            try question(&reader)
        }
        var kept = try ColumnBlockReader(head: head, source: Region(bytes: block.streams), limitBytes: limit)
        let warm = try Stopwatch.nanoseconds {
            try question(&kept)
            kept.renew()
        }
        Table.row([
            name, Table.text(fresh / 1000), Table.text(warm / 1000), Table.text(Double(samples.arena.count) / warm),
        ])
    }
}

/// A streams region in memory.
struct Region: StreamSource {
    let bytes: [UInt8]

    func read(_ range: Range<Int>) throws(ColumnError) -> [UInt8] {
        guard range.upperBound <= bytes.count else { throw ColumnError("beyond the region") }
        return Array(bytes[range])
    }
}
