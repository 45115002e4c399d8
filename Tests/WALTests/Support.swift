import Bytes
import Files
import Model
import Synchronization

@testable import WAL

let testStore = Hash128(high: 0x1122_3344_5566_7788, low: 0x99aa_bbcc_ddee_ff00)
let walFolder = "/data/wal"
let quarantineFolder = "/data/quarantine"
/// 2026-11-25T00:00:00Z.
let testTime: Int64 = 1_795_564_800 * 1_000_000_000

/// A file system with the folders that the log expects, durable.
func makeFiles(seed: UInt64 = 1) throws -> MemoryFileSystem {
    let files = MemoryFileSystem(seed: seed)
    try files.createFolder(walFolder)
    try files.createFolder(quarantineFolder)
    try files.syncFolder("/")
    try files.syncFolder("/data")
    return files
}

/// A batch of one stream with these lines.
func makeBatch(_ lines: [String], tenant: String = "shop", time: Int64 = testTime, key: Hash128? = nil) -> Batch {
    var batch = Batch(tenant: TenantID(tenant))
    batch.key = key
    let stream = batch.intern(LabelSet([("app", "web"), ("env", "prod")]))
    for (index, line) in lines.enumerated() {
        let metadata = LabelSet([("trace_id", "t\(index)")]).encoded
        batch.append(time: time + Int64(index), stream: stream, line: [UInt8](line.utf8).span, metadata: metadata.span)
    }
    return batch
}

/// Bytes without a pattern, valid UTF-8 nowhere.
private let noise: [UInt8] = {
    var dice = TestDice(42)
    return (0..<1000).map { _ in UInt8.random(in: 0...255, using: &dice) }
}()

/// A batch of any shape that a log should bear.
func randomBatch(_ dice: inout some RandomNumberGenerator, rows: Int? = nil) -> Batch {
    var batch = Batch(tenant: TenantID(["shop", "bank", ""].randomElement(using: &dice) ?? ""))
    if Bool.random(using: &dice) {
        batch.key = Hash128(high: .random(in: 0 ... .max, using: &dice), low: .random(in: 0 ... .max, using: &dice))
    }
    let streams = Int.random(in: 1...5, using: &dice)
    for index in 0..<streams {
        let value = String(repeating: "v", count: Int.random(in: 0...40, using: &dice)) + "\(index)"
        _ = batch.intern(LabelSet([("app", value)]))
    }
    for _ in 0..<(rows ?? Int.random(in: 0...12, using: &dice)) {
        let start = Int.random(in: 0..<900, using: &dice)
        let line = Array(noise[start..<(start + Int.random(in: 0...60, using: &dice))])
        let metadata =
            Bool.random(using: &dice)
            ? [] : LabelSet([("trace_id", "\(UInt64.random(in: 0...9, using: &dice))")]).encoded
        let time =
            Int.random(in: 0...20, using: &dice) == 0
            ? Int64.random(in: .min ... .max, using: &dice)
            : testTime + Int64.random(in: -10_000_000_000...10_000_000_000, using: &dice)
        let flags = RowFlags(rawValue: UInt32.random(in: 0...3, using: &dice))
        batch.append(
            time: time, stream: UInt32.random(in: 0..<UInt32(streams), using: &dice), line: line.span,
            metadata: metadata.span, flags: flags)
    }
    return batch
}

/// Everything of a batch that must come back.
struct Content: Hashable {
    let tenant: TenantID
    let key: Hash128?
    let streams: [LabelSet]
    let rows: [RowEntry]
    let arena: [UInt8]

    init(_ batch: Batch) {
        tenant = batch.tenant
        key = batch.key
        streams = batch.streams
        rows = batch.rows
        arena = batch.arena
    }
}

extension Batch {
    /// The lines, for tests that need no more.
    var lines: [String] { rows.map { String(decoding: arena[$0.line], as: UTF8.self) } }
}

/// Opens a log after `report`, with small segments.
func openLog(
    _ files: any FileSystem, after report: ReplayReport = ReplayReport(), segmentBytes: Int = 64 << 10
) throws(WALError) -> SegmentLog {
    try SegmentLog(
        folder: walFolder, files: files, storeID: testStore, nextSequence: 1, after: report,
        segmentBytes: segmentBytes)
}

/// Replays the log into arrays.
func replayAll(
    _ files: any FileSystem, storeID: Hash128 = testStore
) throws(WALError) -> (records: [ReplayedRecord], report: ReplayReport) {
    var records: [ReplayedRecord] = []
    let report = try WALReplay.replay(
        folder: walFolder, quarantine: quarantineFolder, files: files, storeID: storeID
    ) { records.append($0) }
    return (records, report)
}

/// Appends one group of batches.
@discardableResult
func append(_ log: SegmentLog, _ batches: [Batch]) throws(WALError) -> ClosedRange<UInt64> {
    try log.append(group: batches.map { EncodedRecord($0) })
}

/// All sequences that a report calls lost.
func lostSequences(_ report: ReplayReport) -> Set<UInt64> {
    Set(report.damages.flatMap { $0.lostSequences.flatMap { Array($0) } })
}

/// A value that several threads change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func change<R: Sendable>(_ body: @Sendable (inout Value) -> R) -> R {
        value.withLock { value in body(&value) }
    }
    var now: Value { value.withLock { $0 } }
}
