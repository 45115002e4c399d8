import Bytes
import Columns
import Files
import Model

/// What columns make of text files: blocks of at most 65,536 lines, beside zstd of the same lines. Fails when a file
/// gets larger than by `zstd -1`, whose size the caller gives behind the file's name: `FILE=BYTES`.
enum RealText {
    static func run(_ arguments: [String]) throws {
        Table.title(["file", "lines", "MB", "columns, ratio", "zstd -3, ratio", "zstd -1, ratio", "encode s/GB"])
        var isWorse = false
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1)
            guard let path = parts.first.map(String.init) else { continue }
            let fast = parts.count > 1 ? Double(parts[1]) : nil
            let text = try read(path)
            var stored = 0
            var lines = 0
            var plan = ColumnPlan()
            var at = 0
            var seconds = 0.0
            while at < text.count {
                var samples = Samples()
                while at < text.count, samples.rows.count < 65_536, samples.arena.count < 32 << 20 {
                    let end = ByteSearch.find(byte: 0x0a, in: text.span, from: at) ?? text.count
                    samples.append(text[at..<end])
                    at = end + 1
                }
                lines += samples.rows.count
                // All lines at one time in one stream: the file is compared, not its times.
                let rows = samples.rows.map { row in
                    RowEntry(
                        time: Samples.start, stream: 0, lineOffset: row.line.lowerBound, lineCount: row.line.count,
                        metadataOffset: row.line.upperBound, metadataCount: 0)
                }
                seconds += try Stopwatch.nanoseconds(times: 1) {
                    stored += try ColumnBlock.encode(
                        rows, arena: samples.arena.span, tracedNames: [], codec: .best, plan: &plan
                    ).sizeBytes
                }
            }
            let size = Double(text.count)
            let packed = Double(try Codec.best.compress(text.span).count)
            Table.row([
                String(path.split(separator: "/").last ?? ""), "\(lines)", Table.text(size / 1e6),
                Table.text(size / Double(stored)), Table.text(size / packed), fast.map { Table.text(size / $0) } ?? "",
                Table.text(seconds / size),
            ])
            if let fast, Double(stored) > fast { isWorse = true }
        }
        if isWorse { throw ColumnError("a file is larger in columns than by zstd -1") }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let file = try PosixFileSystem().open(path, .read)
        let size = Int(try file.size())
        return try file.read(at: 0, count: size)
    }
}
