/// The group commit as a pure state machine: it says what to do next and is told how it went. No I/O, no threads; time
/// is handed in. One caller at a time.
///
/// A lone waiter is committed at once. Who arrives while a group is being written joins the next one, so groups grow
/// with load by themselves and no timer delays anybody.
public struct CommitterState<Entry, Work> {
    /// What the committer should do now.
    public enum Action {
        /// Write these as one group, then call `committed` or `failed`.
        case commit([Entry])
        /// Write a group without records, then call `wroteEmptyGroup`.
        case writeEmptyGroup
        /// Run these between two groups.
        case perform([Work])
        /// Nothing to do until something arrives, or for so many nanoseconds.
        case wait(nanoseconds: Int64?)
        /// All is drained after `stop`; nothing more will come.
        case finish
    }

    /// Whether an entry was taken.
    public enum Admission: Hashable, Sendable {
        case accepted
        /// Too many bytes are waiting.
        case overloaded
        case stopping
    }

    private enum Phase {
        case running, stopping, finished
    }

    private var phase = Phase.running
    private var waiting: [(entry: Entry, bytes: Int)] = []
    /// Index in `waiting` of the first that still waits.
    private var head = 0
    private var works: [Work] = []
    /// Works just had their turn: groups go first now, so that neither starves the other.
    private var hasPerformed = false
    private var isCommitting = false
    /// When to write an empty group; nil when the last group needs none.
    private var silenceDeadline: Int64?
    public private(set) var waitingBytes = 0
    /// The last write failed. The next group is the attempt that finds out whether that is over.
    public private(set) var isFailing = false

    public init() {}

    public var waitingCount: Int { waiting.count - head }
    public var isFinished: Bool { phase == .finished }
    /// Whether `next` would return anything but `wait`, whatever the time.
    public var hasWork: Bool { waitingCount > 0 || !works.isEmpty || phase == .stopping }

    /// Takes `entry` of `bytes` bytes into the queue. A single one may be larger than the queue.
    public mutating func submit(_ entry: Entry, bytes: Int) -> Admission {
        guard phase == .running else { return .stopping }
        guard waitingCount == 0 || waitingBytes + bytes <= WALFormat.queueBytes else { return .overloaded }
        waiting.append((entry, bytes))
        waitingBytes += bytes
        return .accepted
    }

    /// Queues `work`; false when the machine has finished and will never run it.
    public mutating func perform(_ work: Work) -> Bool {
        guard phase != .finished else { return false }
        works.append(work)
        return true
    }

    /// Drain what waits, then finish.
    public mutating func stop() {
        if phase == .running { phase = .stopping }
    }

    /// The next thing to do. Not to be called between `commit` and its outcome.
    public mutating func next(now: Int64) -> Action {
        precondition(!isCommitting, "BUG: next while a group is being written")
        if !works.isEmpty, !hasPerformed || waitingCount == 0 {
            defer { works = [] }
            hasPerformed = true
            return .perform(works)
        }
        hasPerformed = false
        if waitingCount > 0 {
            isCommitting = true
            return .commit(takeGroup())
        }
        if let silenceDeadline, now >= silenceDeadline || phase == .stopping {
            isCommitting = true
            return .writeEmptyGroup
        }
        if phase != .running {
            phase = .finished
            return .finish
        }
        return .wait(nanoseconds: silenceDeadline.map { $0 - now })
    }

    /// The group is durable.
    public mutating func committed(now: Int64) {
        precondition(isCommitting, "BUG: committed without a group")
        isCommitting = false
        isFailing = false
        silenceDeadline = now &+ WALFormat.silenceNanoseconds
    }

    /// The empty group was written, or failed: either way nothing more is to be done about the last group.
    public mutating func wroteEmptyGroup() {
        precondition(isCommitting, "BUG: an empty group that was not asked for")
        isCommitting = false
        silenceDeadline = nil
    }

    /// The group could not be made durable. Returns everybody who waits behind it: they fail too.
    public mutating func failed() -> [Entry] {
        precondition(isCommitting, "BUG: failed without a group")
        isCommitting = false
        isFailing = true
        silenceDeadline = nil
        let rest = waiting[head...].map(\.entry)
        waiting = []
        head = 0
        waitingBytes = 0
        return rest
    }

    private mutating func takeGroup() -> [Entry] {
        var group: [Entry] = []
        var bytes = 0
        while head < waiting.count, group.count < WALFormat.groupRecords {
            let first = waiting[head]
            if !group.isEmpty, bytes + first.bytes > WALFormat.groupBytes { break }
            group.append(first.entry)
            bytes += first.bytes
            head += 1
        }
        waitingBytes -= bytes
        if head == waiting.count {
            waiting.removeAll(keepingCapacity: head <= 4 * WALFormat.groupRecords)
            head = 0
        } else if head >= 4 * WALFormat.groupRecords {
            waiting.removeFirst(head)
            head = 0
        }
        return group
    }
}
