import Bytes
import Files
import Model
import Testing

@testable import WAL

@Suite struct RecordTests {
    private func roundTrip(_ batch: Batch) throws -> Batch? {
        let record = EncodedRecord(batch)
        #expect(record.rowCount == batch.rows.count)
        #expect(record.days.reduce(0) { $0 + $1.rows } == batch.rows.count)
        var bytes: [UInt8] = [1, 2, 3]
        record.append(to: &bytes, sequence: 77, seed: 5)
        #expect(bytes.count == 3 + record.sizeBytes)
        let found = RecordFrame.read(bytes, at: 3, end: bytes.count, seed: 5)
        #expect(RecordFrame.read(bytes, at: 3, end: bytes.count, seed: 6) == nil)
        #expect(RecordFrame.read(bytes, at: 3, end: bytes.count - 1, seed: 5) == nil)
        guard let (sequence, payload) = found else { return nil }
        #expect(sequence == 77 && payload.upperBound == bytes.count)
        return try ReplayedRecord.decode(bytes, payload, sequence: sequence).batch
    }

    @Test(arguments: 0..<200)
    func anyBatchComesBack(seed: Int) throws {
        var dice = TestDice(UInt64(seed))
        let batch = randomBatch(&dice)
        #expect(try roundTrip(batch).map { Content($0) } == Content(batch))
    }

    @Test func edgesComeBack() throws {
        var batch = makeBatch(["", String(repeating: "x", count: 1 << 20), ""], tenant: "größe")
        let stream = batch.intern(LabelSet([]))
        batch.append(time: .min, stream: stream, line: [0xff, 0xfe, 0, 0xc3].span, metadata: [UInt8]().span)
        batch.append(time: .max, stream: stream, line: [UInt8]().span, metadata: [UInt8]().span)
        #expect(try roundTrip(batch).map { Content($0) } == Content(batch))
        #expect(EncodedRecord(batch).sizeBytes < 1 << 17, "the long line should compress")
        #expect(try roundTrip(Batch()).map { Content($0) } == Content(Batch()))
    }

    @Test func daysAreCounted() {
        var batch = makeBatch(["a", "b"])
        batch.append(time: testTime - 1, stream: 0, line: [UInt8]().span, metadata: [UInt8]().span)
        batch.append(time: testTime, stream: 0, line: [UInt8]().span, metadata: [UInt8]().span)
        let days = EncodedRecord(batch).days
        #expect(days.map(\.rows) == [1, 3])
        #expect(days.map(\.day.description) == ["2026-11-24", "2026-11-25"])
    }

    /// No payload, whatever its bytes, may trap or take memory beyond its size.
    @Test func damagedPayloadsAreRefusedOrReadable() throws {
        var dice = TestDice(3)
        for _ in 0..<60 {
            var bytes: [UInt8] = []
            EncodedRecord(randomBatch(&dice)).append(to: &bytes, sequence: 1, seed: 0)
            for _ in 0..<200 {
                var changed = bytes
                let at = Int.random(in: WALFormat.frameBytes..<bytes.count, using: &dice)
                changed[at] = UInt8.random(in: 0...255, using: &dice)
                if Bool.random(using: &dice) {
                    changed.removeLast(Int.random(in: 0...(bytes.count - at), using: &dice))
                }
                let range = WALFormat.frameBytes..<max(changed.count, WALFormat.frameBytes)
                let record = try? ReplayedRecord.decode(changed, range, sequence: 1)
                #expect((record?.batch.arena.count ?? 0) <= changed.count * 260)
            }
        }
    }
}

/// A random generator with a seed.
struct TestDice: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_f491_4f6c_dd1d
    }
}
