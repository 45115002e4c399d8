import Bytes
import Columns
import Model

/// Encoding and decoding of one type of column after the other: blocks of lines that are one JSON field.
enum ColumnKernels {
    static let rows = 65_536

    static func run() throws {
        Table.title([
            "column", "encode ns/value", "decode ns/value", "bytes/value", "zstd -3 of the lines, bytes/value",
        ])
        try measure("integer") { samples, _ in "\(samples.below(1_000_000))" }
        try measure("integer, rising") { _, index in "\(1_000_000 + index * 3)" }
        try measure("decimal") { samples, _ in "\(samples.below(900)).\(samples.below(1000))" }
        try measure("digits") { samples, _ in "\"0\(1_000_000 + samples.below(1_000_000))\"" }
        try measure("hexadecimal") { samples, _ in "\"\(samples.hex(16))\"" }
        try measure("uuid") { samples, _ in
            "\"\(samples.hex(8))-\(samples.hex(4))-\(samples.hex(4))-\(samples.hex(4))-\(samples.hex(12))\""
        }
        try measure("address") { samples, _ in "\"10.\(samples.below(9)).\(samples.below(256)).\(samples.below(256))\""
        }
        try measure("timestamp") { samples, index in
            let clock = "\(10 + index / 6000):\(10 + index / 1000 % 50):\(10 + index / 20 % 50)"
            return "\"2026-11-25T\(clock).\(100 + samples.below(900))Z\""
        }
        try measure("dictionary") { samples, _ in "\"name-\(samples.below(200))\"" }
        try measure("per stream") { _, index in "\"stream-\(index % 40)\"" }
        try measure("constant") { _, _ in "\"always the same\"" }
        try measure("template") { samples, _ in
            "\"user \(samples.below(90_000)) logged in from rack \(samples.below(40)) after \(samples.below(999)) ms\""
        }
        try measure("raw text") { samples, _ in
            "\"\((0..<6).map { _ in String(samples.below(1 << 30), radix: 36) }.joined(separator: " "))\""
        }
    }

    private static func measure(_ name: String, _ value: (inout Samples, Int) -> String) throws {
        var samples = Samples()
        for index in 0..<rows { samples.append("{\"v\":\(value(&samples, index))}") }
        let empty = ColumnPlan()
        var block: ColumnBlock.Encoded?
        let encode = try Stopwatch.nanoseconds(times: 3) {
            var plan = empty
            block = try ColumnBlock.encode(
                samples.rows, arena: samples.arena.span, tracedNames: [], codec: .best, plan: &plan)
        }
        guard let block else { return }
        let decode = try Stopwatch.nanoseconds {
            let decoded = try ColumnBlock.decode(block, limitBytes: samples.arena.count)
            guard decoded.count == rows else { throw ColumnError("rows are missing") }
        }
        let packed = try Codec.best.compress(samples.lineBytes.span).count
        let count = Double(rows)
        Table.row([
            name, Table.text(encode / count), Table.text(decode / count), Table.text(Double(block.sizeBytes) / count),
            Table.text(Double(packed) / count),
        ])
    }
}
