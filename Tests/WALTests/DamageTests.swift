import Bytes
import Files
import Model
import Testing

@testable import WAL

/// Torn tails and damage at rest: what is lost is always said.
@Suite struct DamageTests {
    let path = walFolder + "/0000000000000001.wal"

    /// Three groups of three records, and whether an empty group vouches for the last.
    private func makeLog(closing: Bool) throws -> MemoryFileSystem {
        let files = try makeFiles()
        let log = try openLog(files, segmentBytes: 32 << 10)
        for group in 0..<3 {
            try append(log, (0..<3).map { makeBatch(["group \(group) record \($0)", ""]) })
        }
        if closing { try log.writeEmptyGroup() }
        return files
    }

    /// Sizes of the last group cut at every byte: all of its whole records or fewer, all others, no damage.
    @Test func aTailTornAnywhereIsCut() throws {
        let files = try makeLog(closing: false)
        let whole = try files.contents(of: path, limitBytes: 1 << 20)
        let groupEnd = 8192 + WALFormat.headerBytes + 3 * EncodedRecord(makeBatch(["group 2 record 0", ""])).sizeBytes
        #expect(whole[groupEnd...].allSatisfy { $0 == 0 } && whole[groupEnd - 1] != 0)
        var counts: Set<Int> = []
        for cut in 8192...groupEnd {
            let torn = try makeFiles()
            let file = try torn.open(path, .create)
            try file.write(Array(whole[..<cut]) + [UInt8](repeating: 0, count: whole.count - cut), at: 0)
            let (records, report) = try replayAll(torn)
            #expect(report.damages.isEmpty)
            #expect(records.map(\.sequence) == (1..<UInt64(records.count + 1)).map { $0 })
            #expect(records.count >= 6)
            counts.insert(records.count)
            if cut >= 8192 + WALFormat.headerBytes, cut < groupEnd - 1 { #expect(report.tornBytes > 0) }

            // The log goes on behind the cut, and what was torn stays away.
            let log = try openLog(torn, after: report, segmentBytes: 32 << 10)
            let next = try append(log, [makeBatch(["next"])])
            let again = try replayAll(torn)
            #expect(again.records.map(\.sequence) == records.map(\.sequence) + [next.lowerBound])
            #expect(again.report.damages.isEmpty && again.report.tornBytes == 0)
        }
        #expect(counts == [6, 7, 8, 9])
    }

    /// A file that ends anywhere in its last group is the same as one that is zero from there.
    @Test func aFileThatEndsEarlyIsCut() throws {
        let whole = try makeLog(closing: false).contents(of: path, limitBytes: 1 << 20)
        let groupEnd = 8192 + WALFormat.headerBytes + 3 * EncodedRecord(makeBatch(["group 2 record 0", ""])).sizeBytes
        for cut in stride(from: 8192, to: groupEnd, by: 7) {
            let torn = try makeFiles()
            try torn.open(path, .create).write(Array(whole[..<cut]), at: 0)
            let (records, report) = try replayAll(torn)
            #expect(records.count >= 6 && records.count < 9 && report.damages.isEmpty)
        }
    }

    /// One flipped bit costs at most the record that it hits, and that one is named.
    @Test(arguments: [UInt8(1), 0x80])
    func aFlippedBitAnywhereCostsOneRecordAtMost(_ bit: UInt8) throws {
        let record = EncodedRecord(makeBatch(["group 1 record 0", ""])).sizeBytes
        let files = try makeLog(closing: true)
        for offset in 4096..<(4096 + WALFormat.headerBytes + 3 * record + 20) {
            files.damage(path, at: offset) { $0 ^ bit }
            let (records, report) = try replayAll(files)
            files.damage(path, at: offset) { $0 ^ bit }
            let found = Set(records.map(\.sequence))
            let lost = Set(UInt64(1)...9).subtracting(found)
            #expect(lost == lostSequences(report))
            #expect(records.map(\.sequence) == found.sorted())
            #expect(report.tornBytes == 0)
            let hit = (offset - 4096 - WALFormat.headerBytes)
            if hit < 0 {
                #expect(lost.isEmpty && report.damages.count == 1)
            } else if hit < 3 * record {
                #expect(lost == [UInt64(4 + hit / record)] && report.damages.count == 1)
                #expect(report.damages[0].range.contains(offset) && report.damages[0].range.count == record)
                #expect(report.damages[0].copy.map { files.exists($0) } == true)
                #expect(report.messages.count == 1)
            } else {
                #expect(lost.isEmpty && report.damages.isEmpty)
            }
            #expect(report.lastSequence == 9)
        }
        #expect(try replayAll(files).records.count == 9)
    }

    /// In the first group, whose first sequence nothing else tells, and in the last, for which an empty group vouches.
    @Test(arguments: [0, 8192])
    func flippedBitsAtTheEndsAreNamedToo(_ start: Int) throws {
        let files = try makeLog(closing: true)
        let record = EncodedRecord(makeBatch(["group 1 record 0", ""])).sizeBytes
        for offset in start..<(start + WALFormat.headerBytes + 3 * record) {
            files.damage(path, at: offset) { $0 ^ 4 }
            let (records, report) = try replayAll(files)
            files.damage(path, at: offset) { $0 ^ 4 }
            let lost = Set(UInt64(1)...9).subtracting(records.map(\.sequence))
            #expect(lost == lostSequences(report) && lost.count <= 1)
            #expect(report.damages.count == 1, "offset \(offset)")
        }
    }

    @Test func wholeGroupsOverwrittenAreReported() throws {
        let files = try makeLog(closing: true)
        for offset in 4096..<8192 { files.damage(path, at: offset) { _ in 0xaa } }
        let (records, report) = try replayAll(files)
        #expect(records.map(\.sequence) == [1, 2, 3, 7, 8, 9])
        #expect(lostSequences(report) == [4, 5, 6])
        #expect(report.damagedBytes == 4096)
        // A second start says the same and makes no second copy.
        let again = try replayAll(files).report
        #expect(lostSequences(again) == [4, 5, 6] && again.quarantinedFiles == 0)
    }

    /// The last group of a segment that another one follows was acknowledged: its loss is no torn tail.
    @Test func theEndOfAFollowedSegmentIsDamageNotATornTail() throws {
        let files = try makeLog(closing: false)
        let log = try openLog(files, after: try replayAll(files).report, segmentBytes: 32 << 10)
        try append(log, [makeBatch(["next"])])
        for offset in 8192..<12288 { files.damage(path, at: offset) { _ in 0 } }
        let (records, report) = try replayAll(files)
        #expect(records.map(\.sequence) == [1, 2, 3, 4, 5, 6, 10])
        #expect(lostSequences(report) == [7, 8, 9] && report.tornBytes == 0)
    }

    @Test func aShortenedSegmentIsReported() throws {
        let files = try makeLog(closing: true)
        let log = try openLog(files, after: try replayAll(files).report, segmentBytes: 32 << 10)
        try append(log, [makeBatch(["next"])])
        try files.open(path, .update).truncate(to: 5000)
        let (records, report) = try replayAll(files)
        #expect(records.last?.batch.lines == ["next"])
        #expect(Set(UInt64(1)...9).subtracting(records.map(\.sequence)) == lostSequences(report))
        #expect(!report.damages.isEmpty)
    }

    @Test func aStrangersSegmentIsSetAside() throws {
        let files = try makeLog(closing: true)
        let (records, report) = try replayAll(files, storeID: Hash128(high: 1, low: 1))
        #expect(records.isEmpty && report.damages.count == 1 && report.quarantinedFiles == 1)
        #expect(try files.list(walFolder) == [])
        #expect(try files.list(quarantineFolder) == ["0000000000000001.wal"])
        let log = try openLog(files, after: report)
        try append(log, [makeBatch(["mine"])])
        #expect(try replayAll(files).records.map(\.batch.lines) == [["mine"]])
    }

    @Test func unreadablePagesAreDamageNotAnEnd() throws {
        let files = try makeLog(closing: true)
        let broken = BadSectorFileSystem(files: files, bad: 4096..<8192)
        let (records, report) = try replayAll(broken)
        #expect(records.map(\.sequence) == [1, 2, 3, 7, 8, 9])
        #expect(lostSequences(report) == [4, 5, 6])
    }

    /// A record inside a line must not be taken for one when the record around it is damaged.
    @Test func aRecordInsideALineStaysALine() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        var forged: [UInt8] = []
        EncodedRecord(makeBatch(["forged"], tenant: "victim")).append(
            to: &forged, sequence: 2, seed: RecordFrame.seed(storeID: testStore, segmentID: 1))
        var carrier = Batch()
        let stream = carrier.intern(LabelSet([("app", "x")]))
        carrier.append(time: testTime, stream: stream, line: forged.span, metadata: [UInt8]().span)
        try append(log, [makeBatch(["a"]), carrier, makeBatch(["b"])])
        try log.writeEmptyGroup()
        let at = 96 + EncodedRecord(makeBatch(["a"])).sizeBytes + WALFormat.frameBytes
        files.damage(path, at: at) { $0 ^ 0xff }
        let (records, report) = try replayAll(files)
        #expect(records.map(\.sequence) == [1, 3] && lostSequences(report) == [2])
    }

    /// Random damage of any extent: no trap, order kept, and every missing sequence accounted for.
    @Test(arguments: 0..<60)
    func randomDamageIsSurvivedAndSaid(seed: Int) throws {
        var dice = TestDice(UInt64(seed))
        let files = try makeFiles()
        let log = try openLog(files, segmentBytes: 32 << 10)
        var count = 0
        for _ in 0..<30 {
            let group = (0..<Int.random(in: 1...4, using: &dice)).map { _ in randomBatch(&dice, rows: 5) }
            count += group.count
            try append(log, group)
        }
        try log.writeEmptyGroup()
        for _ in 0..<Int.random(in: 1...6, using: &dice) {
            let segment = log.segments[Int.random(in: 0..<log.segments.count, using: &dice)]
            let start = Int.random(in: 0..<segment.end, using: &dice)
            for offset in start..<min(start + Int.random(in: 1...3000, using: &dice), segment.end) {
                files.damage(walFolder + "/" + WALFormat.name(segment.id), at: offset) { _ in 0x5a }
            }
        }
        let (records, report) = try replayAll(files)
        #expect(records.map(\.sequence) == Set(records.map(\.sequence)).sorted())
        let missing = Set(UInt64(1)...UInt64(count)).subtracting(records.map(\.sequence))
        if !missing.isEmpty { #expect(!report.damages.isEmpty || report.tornBytes > 0) }
        let lastFound = records.last?.sequence ?? 0
        let unexplained = missing.subtracting(lostSequences(report)).filter {
            $0 < lastFound && $0 > (records.first?.sequence ?? 0)
        }
        #expect(unexplained.isEmpty)
    }
}

/// A file system on which a stretch of every file cannot be read.
private struct BadSectorFileSystem: FileSystem {
    let files: MemoryFileSystem
    let bad: Range<Int>

    private final class BadFile: File {
        let file: any File
        let bad: Range<Int>
        var path: String { file.path }

        init(file: any File, bad: Range<Int>) {
            self.file = file
            self.bad = bad
        }

        func size() throws(FileError) -> Int { try file.size() }
        func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
            if (offset..<(offset + count)).overlaps(bad) {
                throw FileError("read", path, errno: 5, reason: "Input/output error")
            }
            return try file.read(at: offset, count: count)
        }
        func write(_ bytes: [UInt8], at offset: Int) throws(FileError) { try file.write(bytes, at: offset) }
        func sync() throws(FileError) { try file.sync() }
        func preallocate(bytes: Int) throws(FileError) { try file.preallocate(bytes: bytes) }
        func truncate(to bytes: Int) throws(FileError) { try file.truncate(to: bytes) }
        func close() { file.close() }
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let file = try files.open(path, mode)
        return path.hasPrefix(walFolder) ? BadFile(file: file, bad: bad) : file
    }
    func rename(_ path: String, to target: String) throws(FileError) { try files.rename(path, to: target) }
    func link(_ path: String, to target: String) throws(FileError) { try files.link(path, to: target) }
    func remove(_ path: String) throws(FileError) { try files.remove(path) }
    func removeFolder(_ path: String) throws(FileError) { try files.removeFolder(path) }
    func createFolder(_ path: String) throws(FileError) { try files.createFolder(path) }
    func syncFolder(_ path: String) throws(FileError) { try files.syncFolder(path) }
    func list(_ path: String) throws(FileError) -> [String] { try files.list(path) }
    func exists(_ path: String) -> Bool { files.exists(path) }
    func size(_ path: String) throws(FileError) -> Int { try files.size(path) }
    func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) { try files.space(path) }
}
