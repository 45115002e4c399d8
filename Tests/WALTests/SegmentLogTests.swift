import Bytes
import Files
import Model
import Testing

@testable import WAL

@Suite struct SegmentLogTests {
    /// The bytes of WAL-FORMAT.md's example. If this fails the format has changed: raise `WALFormat.version`.
    @Test func goldenBytes() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        let key = Hash128(high: 1, low: 2)
        #expect(try append(log, [makeBatch(["hello"], key: key), makeBatch([""], tenant: "b")]) == 1...2)
        try log.writeEmptyGroup()
        let bytes = try files.contents(of: walFolder + "/0000000000000001.wal", limitBytes: 1 << 20)
        #expect(bytes.count == 64 << 10)
        #expect(hex(bytes[0..<96]) == golden.header)
        #expect(hex(bytes[96..<(96 + golden.records.count / 2)]) == golden.records)
        #expect(bytes[(96 + golden.records.count / 2)..<4096].allSatisfy { $0 == 0 })
        #expect(hex(bytes[4096..<(4096 + 96)]) == golden.empty)
        #expect(bytes[(4096 + 96)...].allSatisfy { $0 == 0 })
    }

    private func hex(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private let golden = (
        header: "4457414c01006000887766554433221100ffeeddccbbaa9901000000000000000100000000000000020000009c000000"
            + "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000e0344c2c",
        records: "4a00000025aa7a4a010000000000000000010473686f7001000000000000000200000000000000320111036170700377"
            + "656203656e760470726f6401808090b383ab90eb3100050c0068656c6c6f0874726163655f696402743032000000f4d0"
            + "3a110200000000000000000001622d0111036170700377656203656e760470726f6401808090b383ab90eb3100000c00"
            + "0874726163655f6964027430",
        empty: "4457414c01006000887766554433221100ffeeddccbbaa99010000000000000003000000000000000000000000000000"
            + "0010000000000000000000000000000000000000000000000000000000000000000000000000000000000000b5a222f4"
    )

    @Test func recordsComeBackInOrderOverManySegments() throws {
        let files = try makeFiles()
        var dice = TestDice(9)
        var expected: [Content] = []
        var report = ReplayReport()
        for _ in 0..<5 {
            let log = try openLog(files, after: report)
            for _ in 0..<40 {
                let batches = (0..<Int.random(in: 1...6, using: &dice)).map { _ in randomBatch(&dice) }
                let sequences = try append(log, batches)
                #expect(sequences.lowerBound == UInt64(expected.count + 1) && sequences.count == batches.count)
                expected += batches.map { Content($0) }
                if Bool.random(using: &dice) { try log.writeEmptyGroup() }
            }
            let records: [ReplayedRecord]
            (records, report) = try replayAll(files)
            #expect(records.map { Content($0.batch) } == expected)
            #expect(records.map(\.sequence) == (1...UInt64(expected.count)).map { $0 })
            #expect(report.damages.isEmpty && report.tornBytes == 0)
            #expect(report.records == expected.count)
        }
        #expect(report.segments.count > 8)
    }

    @Test func oneWriteAndOneSyncAGroup() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        try append(log, [makeBatch(["a"])])
        let writes = files.count(of: .write)
        let syncs = files.count(of: .sync)
        try append(log, (0..<100).map { makeBatch(["line \($0)"]) })
        #expect(files.count(of: .write) == writes + 1 && files.count(of: .sync) == syncs + 1)
        try log.writeEmptyGroup()
        try log.writeEmptyGroup()
        #expect(files.count(of: .write) == writes + 2 && files.count(of: .sync) == syncs + 2)
    }

    @Test func aRecordLargerThanASegmentGetsOneOfItsOwn() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        var dice = TestDice(1)
        var large = Batch()
        let stream = large.intern(LabelSet([("app", "x")]))
        let noise = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &dice) }
        large.append(time: testTime, stream: stream, line: noise.span, metadata: [UInt8]().span)
        try append(log, [makeBatch(["a"])])
        try append(log, [large])
        try append(log, [makeBatch(["b"])])
        let (records, report) = try replayAll(files)
        #expect(
            records.map(\.batch.arena.count) == [10, 300_000, 10].map { $0 == 10 ? records[0].batch.arena.count : $0 })
        #expect(report.segments.map(\.sizeBytes).max() ?? 0 > 300_000)
        #expect(report.damages.isEmpty)
    }

    @Test func segmentsGoWhenAllTheirDaysAreCovered() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        let day = Nanoseconds.perDay
        try append(log, [makeBatch(["a"], tenant: "x"), makeBatch(["b"], tenant: "y", time: testTime - day)])
        log.rotate()
        try append(log, [makeBatch(["c"], tenant: "x")])
        log.rotate()
        try append(log, [makeBatch(["d"], tenant: "x")])
        #expect(log.segments.count == 3)
        #expect(log.totalBytes == 3 * 64 << 10)
        #expect(
            Set(log.oldestSegmentPins.map { "\($0.tenant) \($0.day)" }) == ["x 2026-11-25", "y 2026-11-24"])
        #expect(try log.release { tenant, _, range in tenant.name == "x" && range.upperBound <= 2 } == 0)
        #expect(try log.release { tenant, _, range in tenant.name == "x" && range.upperBound <= 3 } == 1)
        #expect(try replayAll(files).records.map(\.sequence) == [1, 2, 4])
        #expect(try log.release { _, _, _ in true } == 1)
        #expect(log.segments.map(\.id) == [3])
        #expect(try replayAll(files).records.map(\.sequence) == [4])
    }

    /// Two heads of a day are sealed beside each other: that the later one is covered says nothing of the earlier.
    @Test func aSegmentStaysUntilItsFirstSequencesAreCoveredToo() throws {
        let log = try openLog(try makeFiles())
        for line in ["a", "b", "c"] { try append(log, [makeBatch([line])]) }
        log.rotate()
        try append(log, [makeBatch(["d"])])
        #expect(try log.release { _, _, range in range.lowerBound > 2 } == 0)
        #expect(try log.release { _, _, range in range == 1...3 } == 1)
    }

    @Test func recycledSegmentsBringNothingBack() throws {
        let files = try makeFiles()
        var log = try openLog(files)
        for index in 0..<6 {
            for line in 0..<10 { try append(log, [makeBatch(["old \(index) \(line)"])]) }
            log.rotate()
        }
        #expect(try log.release { _, _, _ in true } == 5)
        #expect(try files.list(walFolder).filter { $0.hasSuffix(".spare") }.count == WALFormat.spareCount)
        let creates = files.count(of: .preallocate)
        try append(log, [makeBatch(["new"])])
        #expect(files.count(of: .preallocate) == creates, "a spare should have been used")
        #expect(try log.release { _, _, _ in true } == 1)
        var (records, report) = try replayAll(files)
        #expect(records.map(\.batch.lines) == [["new"]])
        #expect(report.tornBytes == 0 && report.damages.isEmpty)

        // Spares found at a start are used, and still nothing of theirs comes back.
        log = try openLog(files, after: report)
        try append(log, [makeBatch(["newer"])])
        log.rotate()
        try append(log, [makeBatch(["newest"])])
        (records, report) = try replayAll(files)
        #expect(records.map(\.batch.lines) == [["new"], ["newer"], ["newest"]])
        #expect(records.map(\.sequence) == [61, 62, 63])
        #expect(report.tornBytes == 0 && report.damages.isEmpty)
    }

    @Test func theNewestSegmentStaysUntilThereIsAnother() throws {
        let files = try makeFiles()
        try append(try openLog(files), [makeBatch(["a"])])
        let log = try openLog(files, after: try replayAll(files).report)
        #expect(try log.release { _, _, _ in true } == 0)
        try append(log, [makeBatch(["b"])])
        #expect(try log.release { _, _, _ in true } == 1)
        #expect(try replayAll(files).records.map(\.sequence) == [2])
    }

    @Test(arguments: [MemoryFileSystem.Operation.write, .sync])
    func aFailedGroupIsNotAcknowledgedAndDoesNotComeBack(_ operation: MemoryFileSystem.Operation) throws {
        for seed in 0..<40 {
            let files = try makeFiles(seed: UInt64(seed))
            let log = try openLog(files)
            try append(log, [makeBatch(["kept"])])
            files.inject(MemoryFileSystem.Fault([operation], writtenBytes: 5000))
            #expect(throws: WALError.self) { try append(log, [makeBatch(["lost"]), makeBatch(["lost too"])]) }
            #expect(log.failedSegmentPins.count == 1)
            let sequence = try append(log, [makeBatch(["later"])])
            #expect(sequence == 4...4)
            // The failed file goes only before the one that says how far it counts.
            #expect(try log.release { _, _, _ in false } == 0)
            for files in [files, files.crash(seed: UInt64(seed))] {
                let (records, report) = try replayAll(files)
                #expect(records.map(\.batch.lines) == [["kept"], ["later"]])
                #expect(report.damages.isEmpty && report.lastSequence == 4)
            }
            log.rotate()
            try append(log, [makeBatch(["last"])])
            #expect(try log.release { _, _, range in range.upperBound > 1 } == 0, "the cut is still needed")
            #expect(try log.release { _, _, _ in true } == 1)
            #expect(try log.release { _, _, _ in true } == 1)
            #expect(try replayAll(files).records.map(\.batch.lines) == [["last"]])
        }
    }

    @Test func aFirstGroupThatFailsLeavesNoSegment() throws {
        let files = try makeFiles()
        let log = try openLog(files)
        try append(log, [makeBatch(["a"])])
        log.rotate()
        for _ in 0..<5 {
            files.inject(MemoryFileSystem.Fault([.sync]))
            #expect(throws: WALError.self) { try append(log, [makeBatch(["lost"])]) }
        }
        try append(log, [makeBatch(["b"])])
        #expect(try files.list(walFolder).count == 2)
        #expect(try replayAll(files).records.map(\.batch.lines) == [["a"], ["b"]])
    }

    @Test func aFullDiskRefusesAndRecovers() throws {
        let files = try makeFiles()
        files.capacityBytes = 150 << 10
        let log = try openLog(files)
        var stored: [[String]] = []
        for index in 0..<60 {
            if index == 40 { files.capacityBytes = .max }
            let lines = ["line \(index)"]
            do {
                try append(log, [makeBatch(lines)])
                stored.append(lines)
            } catch {
                #expect(index < 40)
            }
        }
        #expect(stored.count < 60 && stored.count >= 50 - 20)
        #expect(try replayAll(files).records.map(\.batch.lines) == stored)
    }

    /// Whatever operation fails, nothing acknowledged is lost, nothing comes twice, and the log goes on.
    @Test func everyOperationMayFailInTurn() throws {
        var total = 1
        var turn = 0
        while turn < total {
            let files = try makeFiles(seed: UInt64(turn))
            let start = files.changeCount
            let log = try openLog(files)
            files.inject(MemoryFileSystem.Fault(after: turn, writtenBytes: turn * 37 % 4096))
            var acknowledged: [UInt64: [String]] = [:]
            var failures = 0
            // A group that failed without a later one may come back: nobody was told either way.
            var open: ClosedRange<UInt64>?
            for index in 0..<30 {
                do {
                    let lines = ["line \(index)"]
                    open = log.nextSequence...(log.nextSequence + 1)
                    let sequences = try append(log, [makeBatch(lines), makeBatch(lines)])
                    for sequence in sequences { acknowledged[sequence] = lines }
                    open = nil
                } catch { failures += 1 }
                if index % 9 == 8 { log.rotate() }
                if index % 7 == 0 { do { try log.writeEmptyGroup() } catch { failures += 1 } }
                if index == 20 {
                    do { try log.release { _, _, range in range.upperBound <= 10 } } catch { failures += 1 }
                }
            }
            #expect(failures <= 1)
            total = files.changeCount - start
            for files in [files, files.crash(seed: UInt64(turn))] {
                let records = try replayAll(files).records.filter {
                    $0.sequence > 10 && open?.contains($0.sequence) != true
                }
                #expect(records.map(\.sequence) == acknowledged.keys.filter { $0 > 10 }.sorted())
                #expect(records.allSatisfy { $0.batch.lines == acknowledged[$0.sequence] })
            }
            turn += 1
        }
        #expect(total > 70)
    }
}
