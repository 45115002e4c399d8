public import Bytes
public import Model
public import Synchronization

/// A piece of a head: rows in arrival order and their arena. Written by the committer thread, read by anybody up to the
/// released row count.
public final class HeadChunk: Sendable {
    public let entries: AppendOnly<RowEntry>
    public let arena: AppendOnly<UInt8>
    /// Number of this chunk's first row within the head.
    public let firstRow: Int
    /// Bounds of the times in the chunk; at least as wide as those of the released rows.
    private let earliest = Atomic<Int64>(.max)
    private let latest = Atomic<Int64>(.min)
    /// WAL sequence of the first record in the chunk.
    public let firstSequence: UInt64
    /// Which rows came with which record. Read after the freeze, or by the writer.
    private let records = Mutex<[RecordMark]>([])
    /// Suspect rows, and what became known of them: true means an older part holds an equal row.
    public let suspects = Mutex<SuspectRows>(SuspectRows())

    /// A record's first row in the chunk.
    public struct RecordMark: Sendable {
        public let row: Int
        public let sequence: UInt64
    }

    init(arenaBytes: Int, rows: Int, firstRow: Int, firstSequence: UInt64) {
        entries = AppendOnly(capacity: rows)
        arena = AppendOnly(capacity: arenaBytes)
        self.firstRow = firstRow
        self.firstSequence = firstSequence
    }

    /// Memory held, in bytes.
    public var sizeBytes: Int { arena.capacity + entries.capacity * MemoryLayout<RowEntry>.stride }

    /// Times of the released rows lie within these bounds.
    public var bounds: (first: Int64, last: Int64) {
        (earliest.load(ordering: .acquiring), latest.load(ordering: .acquiring))
    }

    /// The released rows.
    public var rows: Rows {
        let count = entries.releasedCount
        return Rows(entries: entries, arena: arena, count: count)
    }

    /// Records in the order of their rows.
    public var recordMarks: [RecordMark] { records.withLock { $0 } }

    /// Where the records after `sequence` begin among the first `released` rows, and the last of those rows' records;
    /// nil when there is none. Any thread.
    public func position(after sequence: UInt64, released: Int) -> (firstRow: Int, through: UInt64)? {
        records.withLock { marks in
            var end = marks.count
            while end > 0, marks[end - 1].row >= released { end -= 1 }
            guard end > 0, marks[end - 1].sequence > sequence else { return nil }
            var low = 0
            var high = end
            while low < high {
                let middle = (low + high) / 2
                if marks[middle].sequence > sequence { high = middle } else { low = middle + 1 }
            }
            return (marks[low].row, marks[end - 1].sequence)
        }
    }

    func begin(record sequence: UInt64) {
        records.withLock { $0.append(RecordMark(row: entries.writtenCount, sequence: sequence)) }
    }

    /// Writer only: copies one row; it must fit.
    @inline(__always)
    func append(_ row: RowEntry, stream: UInt32, flags: RowFlags, from source: borrowing ByteSpan) {
        let offset = arena.writtenCount
        arena.append(source.extracting(row.line))
        arena.append(source.extracting(row.metadata))
        entries.append(
            RowEntry(
                time: row.time, stream: stream, lineOffset: offset, lineCount: Int(row.lineCount),
                metadataOffset: offset + Int(row.lineCount), metadataCount: Int(row.metadataCount), flags: flags))
    }

    /// Writer only: makes all appended rows visible, whose times lie in `first...last`.
    func release(first: Int64, last: Int64) {
        if first < earliest.load(ordering: .relaxed) { earliest.store(first, ordering: .releasing) }
        if last > latest.load(ordering: .relaxed) { latest.store(last, ordering: .releasing) }
        arena.release()
        entries.release()
    }
}

/// Rows of a chunk that an older part might hold, each looked up at most once (storage rule 8).
public struct SuspectRows: Sendable {
    /// Row numbers in the chunk, ascending.
    public private(set) var rows: [Int] = []
    /// For each of `rows`, nil while unknown.
    public private(set) var isDuplicate: [Bool?] = []

    mutating func add(_ row: Int) {
        rows.append(row)
        isDuplicate.append(nil)
    }

    /// Notes what was found out about the suspect at `index` of `rows`.
    public mutating func resolve(_ index: Int, isDuplicate found: Bool) {
        isDuplicate[index] = found
    }
}
