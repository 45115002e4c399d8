internal import Bytes
internal import Synchronization

/// Memory of all queries together.
final class SharedMemory: Sendable {
    private let used = Atomic<Int>(0)
    let limitBytes: Int

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// Takes `bytes` more; false, and nothing taken, if that is over the limit.
    func take(_ bytes: Int) -> Bool {
        let total = used.add(bytes, ordering: .relaxed).newValue
        if total <= limitBytes || bytes <= 0 { return true }
        used.subtract(bytes, ordering: .relaxed)
        return false
    }

    func giveBack(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }
}

/// What a running query may still use, asked by the worker threads between pieces of work.
final class QueryControl: Sendable {
    private let cancelled = Atomic<Bool>(false)
    private let isEnded = Atomic<Bool>(false)
    private let query: RunningQuery?
    private let held = Atomic<Int>(0)
    private let deadline: Int64
    private let limitBytes: Int
    private let shared: SharedMemory

    init(seconds: Int, memoryBytes: Int, shared: SharedMemory, query: RunningQuery? = nil) {
        self.query = query
        let nanoseconds = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let end = Machine.monotonicNanoseconds().addingReportingOverflow(nanoseconds.partialValue)
        deadline = seconds <= 0 || nanoseconds.overflow || end.overflow ? .max : end.partialValue
        limitBytes = memoryBytes
        self.shared = shared
    }

    deinit {
        shared.giveBack(held.load(ordering: .relaxed))
    }

    func cancel() {
        cancelled.store(true, ordering: .relaxed)
    }

    /// The same, by an operator's wish.
    func end() {
        isEnded.store(true, ordering: .relaxed)
        cancel()
    }

    /// Accounts for bytes that were looked at.
    func scanned(_ bytes: Int) {
        query?.scanned(bytes)
    }

    /// Throws if the query must end.
    func check() throws(QueryError) {
        if isEnded.load(ordering: .relaxed) { throw QueryError.ended }
        if cancelled.load(ordering: .relaxed) { throw QueryError.cancelled }
        if Machine.monotonicNanoseconds() > deadline { throw QueryError.timedOut }
    }

    /// What the samples of a range aggregation may take before some have to stand for all.
    var samplesBytes: Int { limitBytes / 4 * 3 }

    /// Accounts for `bytes` more that the query holds until its end.
    func hold(_ bytes: Int) throws(QueryError) {
        if bytes == 0 { return }
        let (total, overflow) = held.load(ordering: .relaxed).addingReportingOverflow(bytes)
        if overflow || total > limitBytes {
            throw QueryError(
                .limit,
                "the query needs more memory than the limit of \(limitBytes) bytes; reduce the time range, or "
                    + "aggregate by fewer labels")
        }
        guard shared.take(bytes) else {
            throw QueryError(.overloaded, "too many queries hold memory at once; try again, or reduce the time range")
        }
        held.add(bytes, ordering: .relaxed)
    }

    /// Gives back `bytes` held before the query's end.
    func release(_ bytes: Int) {
        if bytes == 0 { return }
        held.subtract(bytes, ordering: .relaxed)
        shared.giveBack(bytes)
    }
}
