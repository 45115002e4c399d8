public import Bytes
public import Model
import Synchronization

/// Rows of one tenant and day that are in the WAL but in no part yet.
///
/// Threads: `append`, `close` and the duplicate check run on the committer thread only; everything else anywhere.
public final class Head: @unchecked Sendable {
    // Invariant behind @unchecked: the fields under "committer thread only" are touched there alone until `close`, and
    // by nobody but the sealer afterwards.
    public let tenant: TenantID
    public let day: Day
    /// Monotonic time at which the first row came, in nanoseconds.
    public let openedAt: Int64
    /// Chunks so far; the last one may still grow.
    public var chunks: [HeadChunk] { written.withLock { $0 } }
    /// What the rows' stream ordinals stand for: for who keeps a chunk, but not the head.
    public let directory = HeadStreams()
    /// Label sets by ordinal, as rows refer to them.
    public var streams: [LabelSet] { directory.labels }
    /// Caller's number of each stream (the store's stream table), by ordinal.
    public var streamNumbers: [UInt32] { directory.numbers }

    private let written = Mutex<[HeadChunk]>([])
    private let size = Atomic<Int>(0)
    private let rowTotal = Atomic<Int>(0)
    private let rawTotal = Atomic<Int>(0)

    // Committer thread only.
    private var current: HeadChunk?
    private var bases: [HeadChunk] = []
    private var ordinals: [UInt32: UInt32] = [:]
    private var numbers: [UInt32] = []
    private var sealedThrough: [Int64] = []
    private var table = RowTable()
    private var hashes: [UInt64] = []
    private var latestTime = Int64.min
    /// First and last WAL sequence of the rows.
    public private(set) var firstSequence: UInt64 = .max
    public private(set) var lastSequence: UInt64 = 0

    /// Whether equal rows are all kept.
    private let keepsDuplicates: Bool

    public init(tenant: TenantID, day: Day, openedAt: Int64, keepsDuplicates: Bool = false) {
        self.keepsDuplicates = keepsDuplicates
        self.tenant = tenant
        self.day = day
        self.openedAt = openedAt
    }

    /// Whether it holds rows of records up to `sequence`; committer thread only.
    public func reachesBack(to sequence: UInt64) -> Bool { firstSequence <= sequence }

    /// Memory held, in bytes.
    public var sizeBytes: Int { size.load(ordering: .relaxed) }
    /// Rows held.
    public var rowCount: Int { rowTotal.load(ordering: .relaxed) }
    /// Lines and metadata held, in bytes.
    public var rawBytes: Int { rawTotal.load(ordering: .relaxed) }

    /// The ordinal of the stream that the caller numbers `number`, new or known.
    /// - Parameter sealedThrough: latest time of that stream in published parts of the day; rows up to it are suspect.
    public func ordinal(number: UInt32, labels: LabelSet, sealedThrough limit: () -> Int64) -> UInt32 {
        if let known = ordinals[number] { return known }
        let ordinal = UInt32(ordinals.count)
        ordinals[number] = ordinal
        numbers.append(number)
        sealedThrough.append(limit())
        directory.add(labels, number)
        return ordinal
    }

    /// A part was published that holds rows of stream `number` up to `time`.
    public func raiseSealedThrough(number: UInt32, to time: Int64) {
        guard let ordinal = ordinals[number], sealedThrough[Int(ordinal)] < time else { return }
        sealedThrough[Int(ordinal)] = time
    }

    /// Room for a record's rows, so that a record never spans chunks.
    public func begin(record sequence: UInt64, rows: Int, bytes: Int) {
        firstSequence = min(firstSequence, sequence)
        lastSequence = max(lastSequence, sequence)
        if let chunk = current, chunk.entries.freeCount >= rows, chunk.arena.freeCount >= bytes {
            chunk.begin(record: sequence)
            return
        }
        let arenaBytes = max(bases.isEmpty ? HeadSizes.firstArenaBytes : HeadSizes.arenaBytes, bytes)
        let chunk = HeadChunk(
            arenaBytes: arenaBytes, rows: max(rows, arenaBytes / HeadSizes.bytesPerRow), firstRow: hashes.count,
            firstSequence: sequence)
        chunk.begin(record: sequence)
        current = chunk
        bases.append(chunk)
        size.add(chunk.sizeBytes, ordering: .relaxed)
        written.withLock { $0.append(chunk) }
    }

    /// Adds one row of the record that `begin` made room for; false, and nothing added, if the head or one of `older`
    /// (frozen heads of the same day) holds an equal one.
    /// - Parameters:
    ///   - row: offsets point into `source`; `stream` is ignored.
    ///   - isDeleted: whether the equal row in an older head is deleted and so does not count.
    @inline(__always)
    public func append(
        _ row: RowEntry, ordinal: UInt32, from source: borrowing ByteSpan, older: [Head],
        isDeleted: (Head, RowEntry, borrowing ByteSpan) -> Bool = { _, _, _ in false }
    ) -> Bool {
        guard let chunk = current else { return false }
        let number = numbers[Int(ordinal)]
        let line = source.extracting(row.line)
        let metadata = source.extracting(row.metadata)
        let hash = Head.hash(number: number, time: row.time, line: line, metadata: metadata)
        if keepsDuplicates { return place(row, in: chunk, ordinal, hash, isSuspect: false, source) }
        if holds(hash, ordinal: ordinal, time: row.time, line: line, metadata: metadata) { return false }
        for head in older where head.holds(hash, number: number, time: row.time, line: line, metadata: metadata) {
            if !isDeleted(head, row, source) { return false }
        }
        return place(row, in: chunk, ordinal, hash, isSuspect: row.time <= sealedThrough[Int(ordinal)], source)
    }

    @inline(__always)
    private func place(
        _ row: RowEntry, in chunk: HeadChunk, _ ordinal: UInt32, _ hash: UInt64, isSuspect: Bool,
        _ source: borrowing ByteSpan
    ) -> Bool {
        var flags = row.flags.subtracting(.suspect)
        if isSuspect {
            flags.insert(.suspect)
            chunk.suspects.withLock { $0.add(chunk.entries.writtenCount) }
        }
        latestTime = max(latestTime, row.time)
        let rowNumber = hashes.count
        hashes.append(hash)
        table.insert(hash, row: rowNumber) { hashes[$0] }
        chunk.append(row, stream: ordinal, flags: flags, from: source)
        return true
    }

    /// Makes the rows appended since `begin` visible at once.
    public func release(first: Int64, last: Int64, rows: Int, rawBytes: Int) {
        current?.release(first: first, last: last)
        rowTotal.add(rows, ordering: .relaxed)
        rawTotal.add(rawBytes, ordering: .relaxed)
    }

    /// The `count` rows released last, where they lie; committer thread only.
    public func latest(_ count: Int) -> (chunk: HeadChunk, rows: Range<Int>)? {
        guard let chunk = current else { return nil }
        let end = chunk.entries.writtenCount
        return (chunk, max(end - count, 0)..<end)
    }

    /// Whether the head holds this row; committer thread only.
    func holds(
        _ hash: UInt64, number: UInt32, time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan
    ) -> Bool {
        guard time <= latestTime, let ordinal = ordinals[number] else { return false }
        return holds(hash, ordinal: ordinal, time: time, line: line, metadata: metadata)
    }

    @inline(__always)
    private func holds(
        _ hash: UInt64, ordinal: UInt32, time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan
    ) -> Bool {
        var isEqual = false
        _ = table.contains(hash) { rowNumber in
            guard let chunk = chunk(of: rowNumber) else { return false }
            let entry = chunk.entries[rowNumber - chunk.firstRow]
            guard entry.stream == ordinal, entry.time == time, Int(entry.lineCount) == line.count,
                Int(entry.metadataCount) == metadata.count
            else { return false }
            isEqual = chunk.arena.withSpan(count: chunk.arena.writtenCount) { arena in
                arena.extracting(entry.line).equals(line) && arena.extracting(entry.metadata).equals(metadata)
            }
            return isEqual
        }
        return isEqual
    }

    private func chunk(of rowNumber: Int) -> HeadChunk? {
        var low = 0
        var high = bases.count
        while low < high {
            let middle = (low + high) / 2
            if bases[middle].firstRow <= rowNumber { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : bases[low - 1]
    }

    /// The hash that equal rows share: stream, time, line and metadata.
    static func hash(
        number: UInt32, time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan
    ) -> UInt64 {
        let seed = Hash.mix(UInt64(bitPattern: time) ^ 0x9e37_79b9_7f4a_7c15, UInt64(number) &+ 0xd1b5_4a32_d192_ed03)
        return Hash.keyed64(metadata, seed: Hash.keyed64(line, seed: seed))
    }
}

/// The streams of a head by ordinal; grows as long as rows come.
public final class HeadStreams: Sendable {
    private let known = Mutex<(labels: [LabelSet], numbers: [UInt32])>(([], []))

    /// Label sets.
    public var labels: [LabelSet] { known.withLock { $0.labels } }
    /// Caller's numbers.
    public var numbers: [UInt32] { known.withLock { $0.numbers } }

    fileprivate func add(_ labels: LabelSet, _ number: UInt32) {
        known.withLock {
            $0.labels.append(labels)
            $0.numbers.append(number)
        }
    }
}
