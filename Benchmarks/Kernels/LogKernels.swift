import Bytes
import Files
import Glibc
import Model
import WAL

/// The write-ahead log: encoding of records, and appending of groups with their sync.
enum LogKernels {
    static func run() throws {
        let folder = "/tmp/dendro-kernels-\(getpid())"
        let files = PosixFileSystem()
        try files.createFolder(folder)
        defer {
            for name in (try? files.list(folder)) ?? [] { try? files.remove(folder + "/" + name) }
            try? files.removeFolder(folder)
        }
        let samples = Samples.service(4096)
        var batch = Batch()
        let stream = batch.intern(LabelSet([("app", "shop"), ("level", "info")]))
        for row in samples.rows {
            batch.append(
                time: row.time, stream: stream, line: samples.arena.span.extracting(row.line),
                metadata: samples.arena.span.extracting(row.metadata), flags: [])
        }
        let ready = batch
        Table.title(["write-ahead log, batches of 4,096 lines", "ns/line", "MB/s"])
        var record: EncodedRecord?
        let encode = Stopwatch.nanoseconds { record = EncodedRecord(ready) }
        row("encode a record", encode, samples)
        guard let record else { return }
        let log = try SegmentLog(
            folder: folder, files: files, storeID: Hash128(high: 1, low: 2), nextSequence: 1)
        let append = try Stopwatch.nanoseconds(times: 20) { _ = try log.append(group: [record]) }
        row("append and sync a group (CPU)", append, samples)
    }

    private static func row(_ name: String, _ nanoseconds: Double, _ samples: Samples) {
        Table.row([
            name, Table.text(nanoseconds / Double(samples.rows.count)),
            Table.text(Double(samples.arena.count) / nanoseconds * 1000),
        ])
    }
}
