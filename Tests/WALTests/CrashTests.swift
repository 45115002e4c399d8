import Bytes
import Files
import Model
import Testing

@testable import WAL

/// Power cuts: every acknowledged record comes back exactly once, in order and whole.
@Suite struct CrashTests {
    @Test(arguments: 0..<200)
    func acknowledgedRecordsSurviveEveryCrash(seed: Int) throws {
        var dice = TestDice(UInt64(seed) &+ 1000)
        var files = try makeFiles(seed: UInt64(seed))
        var written: [UInt64: Content] = [:]
        var acknowledged: Set<UInt64> = []
        var coveredThrough: UInt64 = 0
        for life in 0..<5 {
            let (records, report) = try replayAll(files)
            check(records, report, written, acknowledged, coveredThrough)
            // What was found is as good as acknowledged from now on: it must not vanish later.
            for record in records { acknowledged.insert(record.sequence) }
            let log = try openLog(files, after: report, segmentBytes: 32 << 10)
            if Bool.random(using: &dice) {
                let kinds: Set<MemoryFileSystem.Operation> = Bool.random(using: &dice) ? [.sync] : [.write]
                files.inject(
                    MemoryFileSystem.Fault(kinds, after: Int.random(in: 0...20, using: &dice), writtenBytes: 700))
            }
            for _ in 0..<Int.random(in: 1...25, using: &dice) {
                let group = (0..<Int.random(in: 1...4, using: &dice)).map { _ in randomBatch(&dice) }
                let first = log.nextSequence
                for (index, batch) in group.enumerated() { written[first + UInt64(index)] = Content(batch) }
                do {
                    let sequences = try append(log, group)
                    #expect(sequences.lowerBound == first)
                    acknowledged.formUnion(sequences)
                } catch {
                    for index in group.indices where log.nextSequence <= first + UInt64(index) {
                        written[first + UInt64(index)] = nil
                    }
                }
                switch Int.random(in: 0...9, using: &dice) {
                case 0: log.rotate()
                case 1: try? log.writeEmptyGroup()
                case 2:
                    let bound = log.nextSequence - min(log.nextSequence, UInt64.random(in: 0...30, using: &dice))
                    coveredThrough = max(coveredThrough, bound)
                    _ = try? log.release { _, _, range in range.upperBound <= coveredThrough }
                default: break
                }
            }
            // One more group is under way when the power goes.
            if Bool.random(using: &dice) {
                let first = log.nextSequence
                let batch = randomBatch(&dice)
                written[first] = Content(batch)
                files.inject(MemoryFileSystem.Fault([.sync]))
                _ = try? append(log, [batch])
            }
            files = files.crash(seed: UInt64(seed * 10 + life))
        }
        let (records, report) = try replayAll(files)
        check(records, report, written, acknowledged, coveredThrough)
    }

    private func check(
        _ records: [ReplayedRecord], _ report: ReplayReport, _ written: [UInt64: Content],
        _ acknowledged: Set<UInt64>, _ coveredThrough: UInt64
    ) {
        #expect(report.damages.isEmpty, "\(report.messages)")
        #expect(records.map(\.sequence) == Set(records.map(\.sequence)).sorted())
        for record in records { #expect(written[record.sequence] == Content(record.batch)) }
        // A record without rows keeps no segment alive.
        let missing = acknowledged.subtracting(records.map(\.sequence)).filter {
            $0 > coveredThrough && written[$0]?.rows.isEmpty == false
        }
        #expect(missing.isEmpty)
    }
}
