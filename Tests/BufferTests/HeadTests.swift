import Buffer
import Bytes
import Model
import Synchronization
import Testing

@Suite struct HeadTests {
    private func rows(_ head: Head) -> [String] {
        head.chunks.flatMap { chunk in
            chunk.rows.read { entries, arena in
                (0..<entries.count).map { arena.extracting(entries[$0].line).text }
            }
        }
    }

    private func append(_ head: Head, _ lines: [(Int64, String)], sequence: UInt64, older: [Head] = []) -> Int {
        var batch = Batch()
        let labels = LabelSet([("app", "shop")])
        let stream = batch.intern(labels)
        for (time, line) in lines {
            batch.append(time: time, stream: stream, line: [UInt8](line.utf8).span, metadata: [UInt8]().span)
        }
        let ordinal = head.ordinal(number: 3, labels: labels) { .min }
        head.begin(record: sequence, rows: batch.rows.count, bytes: batch.sizeBytes)
        var stored = 0
        for row in batch.rows where head.append(row, ordinal: ordinal, from: batch.arena.span, older: older) {
            stored += 1
        }
        let times = lines.map(\.0)
        head.release(first: times.min() ?? 0, last: times.max() ?? 0, rows: stored, rawBytes: batch.sizeBytes)
        return stored
    }

    private func head() -> Head { Head(tenant: .standard, day: Day(number: 0), openedAt: 0) }

    @Test func equalRowsCountOnce() {
        let head = head()
        #expect(append(head, [(1, "a"), (1, "b"), (1, "a"), (2, "a")], sequence: 1) == 3)
        #expect(append(head, [(2, "a"), (3, "c")], sequence: 2) == 1)
        #expect(rows(head) == ["a", "b", "a", "c"])
        #expect(head.rowCount == 4)
        #expect(head.firstSequence == 1)
        #expect(head.lastSequence == 2)
    }

    @Test func rowsOfFrozenHeadsAreDuplicatesToo() {
        let old = head()
        #expect(append(old, [(1, "a"), (5, "b")], sequence: 1) == 2)
        let new = head()
        #expect(append(new, [(5, "b"), (5, "c"), (1, "a")], sequence: 2, older: [old]) == 1)
        #expect(rows(new) == ["c"])
    }

    @Test func manyRowsOfOneNanosecondStayDistinct() {
        let head = head()
        let lines = (0..<5000).map { (Int64(7), "line \($0)") }
        #expect(append(head, lines, sequence: 1) == 5000)
        #expect(append(head, lines, sequence: 2) == 0)
        #expect(rows(head) == lines.map(\.1))
    }

    @Test func recordsNeverSpanChunksAndReadersSeeWholeRecords() {
        let head = head()
        var expected: [String] = []
        for sequence in 1...40 {
            let lines = (0..<300).map { (Int64(sequence * 1000 + $0), "record \(sequence) line \($0) " + text(200)) }
            _ = append(head, lines, sequence: UInt64(sequence))
            expected += lines.map(\.1)
        }
        #expect(head.chunks.count > 1)
        #expect(rows(head) == expected)
        for chunk in head.chunks {
            #expect(chunk.recordMarks.first?.row == 0)
            let bounds = chunk.bounds
            chunk.rows.read { entries, _ in
                for index in 0..<entries.count {
                    #expect(entries[index].time >= bounds.first && entries[index].time <= bounds.last)
                }
            }
        }
    }

    @Test func sealOrderSortsByTimeThenArrival() {
        let head = head()
        _ = append(head, [(5, "late"), (1, "first"), (5, "later")], sequence: 1)
        _ = append(head, [(5, "last"), (0, "zero")], sequence: 2)
        let order = SealOrder(head)
        let lines = order.positions.map { position in
            order.chunks[Int(position.chunk)].rows.read { entries, arena in
                arena.extracting(entries[Int(position.row)].line).text
            }
        }
        #expect(lines == ["zero", "first", "late", "later", "last"])
        #expect(SealOrder(head, isHidden: { _, row in row == 0 }).positions.count == 4)
    }

    @Test func rowsUpToTheSealedTimeAreSuspect() {
        let head = head()
        let labels = LabelSet([("app", "shop")])
        _ = head.ordinal(number: 3, labels: labels) { 10 }
        _ = append(head, [(10, "maybe known"), (11, "new")], sequence: 1)
        #expect(head.chunks[0].suspects.withLock { $0.rows } == [0])
        head.raiseSealedThrough(number: 3, to: 20)
        _ = append(head, [(15, "maybe known too")], sequence: 2)
        #expect(head.chunks[0].suspects.withLock { $0.rows } == [0, 2])
    }

    private func text(_ count: Int) -> String { String(repeating: "x", count: count) }
}
