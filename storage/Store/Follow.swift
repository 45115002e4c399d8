import Buffer
import Bytes
public import Model
import Synchronization

// Following what arrives: rows in the order in which they became durable, whatever their time. The committer hands each
// follower a reference to the rows that it has just released, so nothing is polled, late rows are not missed, and seals
// do not matter: a reference keeps its piece of memory. Without followers it costs one load of an atomic per record.

/// Rows that became durable together, in arrival order: `range` of the rows of a piece of a head.
public struct ArrivedRows: Sendable {
    public let rows: Rows
    public let range: Range<Int>
    /// Orders pieces: compare (arrival, row).
    public let arrival: UInt64
    /// Monotonic nanoseconds at which the first of them came.
    public let arrivedAt: Int64
    fileprivate let chunk: HeadChunk
    /// Not the head: it would keep all of its rows.
    private let directory: HeadStreams
    private let table: StreamTable
    /// Set if some of the rows may be in a part already.
    private let suspects: SuspectResolver?

    init(_ chunk: HeadChunk, _ range: Range<Int>, _ head: Head, _ table: StreamTable, _ suspects: SuspectResolver?) {
        self.chunk = chunk
        self.range = range
        directory = head.directory
        self.table = table
        self.suspects = suspects
        rows = Rows(entries: chunk.entries, arena: chunk.arena, count: range.upperBound)
        arrival = chunk.firstSequence
        arrivedAt = Machine.monotonicNanoseconds()
    }

    private init(_ first: ArrivedRows, through end: Int, _ suspects: SuspectResolver?) {
        chunk = first.chunk
        range = first.range.lowerBound..<end
        directory = first.directory
        table = first.table
        self.suspects = suspects ?? first.suspects
        rows = Rows(entries: chunk.entries, arena: chunk.arena, count: end)
        arrival = first.arrival
        arrivedAt = first.arrivedAt
    }

    /// Stream of each ordinal that the rows have.
    public var streams: [StreamID] { directory.numbers.map { StreamID($0) } }

    public func labels(_ stream: StreamID) -> LabelSet { table.labels(stream.index) }

    /// Rows, ascending, that were stored before and must not be seen. Reads part files: worker threads only.
    public func hiddenRows() -> [Int] {
        suspects?.hiddenRows(chunk, rows, directory).filter { range.contains($0) } ?? []
    }

    /// These rows and those of `next`, if they lie one behind the other and came at nearly the same time.
    fileprivate func joined(with next: ArrivedRows) -> ArrivedRows? {
        guard next.chunk === chunk, next.range.lowerBound == range.upperBound,
            next.arrivedAt &- arrivedAt < ArrivedRows.joiningNanoseconds
        else { return nil }
        return ArrivedRows(self, through: next.range.upperBound, next.suspects)
    }

    private static let joiningNanoseconds: Int64 = 100_000_000
}

/// Rows that a follower was too slow for.
public struct MissedRows: Sendable {
    /// All of them.
    public var count = 0
    /// The first row of each run of them, up to `Follower.samplesLimit`.
    public var samples: [(time: Int64, labels: LabelSet)] = []

    public init() {}
}

/// A queue of arrived rows for one reader.
public final class Follower: Sendable {
    private struct Queue {
        var arrived: [ArrivedRows] = []
        var heldBytes = 0
        var missed = MissedRows()
        var isEnded = false
    }

    static let samplesLimit = 100

    private let queue = Mutex(Queue())
    private let limitBytes: Int
    private let onArrival: @Sendable () -> Void
    private let leave: @Sendable (Follower) -> Void

    fileprivate init(
        limitBytes: Int, onArrival: @escaping @Sendable () -> Void, leave: @escaping @Sendable (Follower) -> Void
    ) {
        self.limitBytes = limitBytes
        self.onArrival = onArrival
        self.leave = leave
    }

    /// The next rows that arrived together, and what was missed since the last call. One piece at a time: what is not
    /// yet taken counts against the follower's memory.
    public func take() -> (arrived: ArrivedRows?, missed: MissedRows) {
        queue.withLock { queue in
            defer { queue.missed = MissedRows() }
            guard let first = queue.arrived.first else { return (nil, queue.missed) }
            queue.arrived.removeFirst()
            if queue.arrived.first?.chunk !== first.chunk { queue.heldBytes -= first.chunk.sizeBytes }
            return (first, queue.missed)
        }
    }

    /// Whether there is something to take.
    public var isWaiting: Bool { queue.withLock { !$0.arrived.isEmpty || $0.missed.count > 0 } }

    /// Ends following; nothing is queued any more.
    public func end() {
        queue.withLock {
            $0.isEnded = true
            $0.arrived = []
            $0.heldBytes = 0
        }
        leave(self)
    }

    /// Committer thread. Pieces of memory are counted whole, once each: they are held as long as rows of them wait.
    /// - Parameter shareBytes: this follower's share of what all may hold.
    fileprivate func deliver(_ arrived: ArrivedRows, shareBytes: Int) {
        let limitBytes = min(limitBytes, shareBytes)
        let wasEmpty = queue.withLock { queue -> Bool in
            guard !queue.isEnded else { return false }
            let wasEmpty = queue.arrived.isEmpty && queue.missed.count == 0
            if let last = queue.arrived.last, let joined = last.joined(with: arrived) {
                queue.arrived[queue.arrived.count - 1] = joined
                return wasEmpty
            }
            let cost = queue.arrived.last?.chunk === arrived.chunk ? 0 : arrived.chunk.sizeBytes
            guard queue.heldBytes + cost <= limitBytes || queue.arrived.isEmpty else {
                queue.missed.count += arrived.range.count
                if queue.missed.samples.count < Follower.samplesLimit {
                    let row = arrived.rows.entries[arrived.range.lowerBound]
                    let stream = arrived.streams[Int(row.stream)]
                    queue.missed.samples.append((row.time, arrived.labels(stream)))
                }
                return wasEmpty
            }
            queue.arrived.append(arrived)
            queue.heldBytes += cost
            return wasEmpty
        }
        if wasEmpty { onArrival() }
    }
}

/// Where live readers get their rows from.
public protocol LiveData: Sendable {
    /// Starts following: every row of `tenant` that becomes durable from now on, in arrival order.
    /// - Parameters:
    ///   - limitBytes: memory that waiting rows may keep from being released; beyond it rows are missed and counted.
    ///   - onArrival: called on the committer thread when rows wait where none did; must be quick.
    func follow(_ tenant: TenantID, limitBytes: Int, onArrival: @escaping @Sendable () -> Void) -> Follower
}

/// All followers of a store.
final class Followers: Sendable {
    /// Memory that rows waiting for any follower may hold, in bytes; each has an equal share.
    private static let sharedBytes = 32 << 20

    private let members = Mutex<[TenantID: [Follower]]>([:])
    private let count = Atomic<Int>(0)

    /// Whether anybody follows.
    var isWatched: Bool { count.load(ordering: .relaxed) > 0 }

    func add(
        _ tenant: TenantID, limitBytes: Int, onArrival: @escaping @Sendable () -> Void
    ) -> Follower {
        let follower = Follower(limitBytes: limitBytes, onArrival: onArrival) { [weak self] in
            self?.remove($0, tenant)
        }
        members.withLock {
            $0[tenant, default: []].append(follower)
            count.add(1, ordering: .relaxed)
        }
        return follower
    }

    private func remove(_ follower: Follower, _ tenant: TenantID) {
        members.withLock { members in
            guard let index = members[tenant]?.firstIndex(where: { $0 === follower }) else { return }
            members[tenant]?.remove(at: index)
            if members[tenant]?.isEmpty == true { members[tenant] = nil }
            count.subtract(1, ordering: .relaxed)
        }
    }

    /// Committer thread: `arrived` makes the rows to hand out, if anybody follows the tenant.
    func announce(_ tenant: TenantID, _ arrived: () -> ArrivedRows?) {
        let following = members.withLock { $0[tenant] ?? [] }
        guard !following.isEmpty, let arrived = arrived() else { return }
        let share = Followers.sharedBytes / max(count.load(ordering: .relaxed), 1)
        for follower in following { follower.deliver(arrived, shareBytes: share) }
    }
}

extension Store: LiveData {
    public func follow(
        _ tenant: TenantID, limitBytes: Int, onArrival: @escaping @Sendable () -> Void
    ) -> Follower {
        followers.add(tenant, limitBytes: limitBytes, onArrival: onArrival)
    }
}
