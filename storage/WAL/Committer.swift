import Bytes
public import Model
import Synchronization

/// A record that is durable.
public struct CommittedRecord: Sendable {
    public let sequence: UInt64
    public let batch: Batch
}

/// The committer thread: writes what waits in groups, one write and one sync each, applies the records in sequence
/// order, and then answers who waited.
public final class Committer: Sendable {
    public typealias Completion = @Sendable (Result<Receipt, IngestError>) -> Void
    public typealias Work = @Sendable () -> Void

    /// Somebody who waits for a record to become durable.
    private struct Waiter: Sendable {
        let record: EncodedRecord
        let batch: Batch
        let completion: Completion
    }

    /// Work that came after the committer thread had ended.
    private struct Afterwork {
        var works: [Work] = []
        var isRunning = false
    }

    private let log: SegmentLog
    private let apply: @Sendable (CommittedRecord) -> Receipt
    private let onGroup: @Sendable () -> Void
    private let state = Gate(CommitterState<Waiter, Work>())
    private let currentFigures: Mutex<WALFigures>
    private let thread = Mutex<OSThread?>(nil)
    private let afterwork = Mutex(Afterwork())

    /// Starts the thread, which owns `log` from now on.
    /// - Parameters:
    ///   - apply: called for each durable record, in sequence order, on the committer thread.
    ///   - onGroup: called on the committer thread after the waiters of a group were answered.
    public init(
        log: SegmentLog, apply: @escaping @Sendable (CommittedRecord) -> Receipt,
        onGroup: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.apply = apply
        self.onGroup = onGroup
        var figures = WALFigures()
        figures.segments = log.segmentCount
        figures.totalBytes = log.totalBytes
        currentFigures = Mutex(figures)
        let started = OSThread(name: "dendro-commit") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Figures of this moment; any thread.
    public var figures: WALFigures { currentFigures.withLock { $0 } }

    /// Queues `record`, the encoded form of `batch`. `completion` is called on the committer thread when the record is
    /// durable and applied, or on any thread when it is refused.
    public func submit(_ record: EncodedRecord, batch: Batch, completion: @escaping Completion) {
        guard record.sizeBytes <= WALFormat.recordBytes else {
            let error = WALError.tooLarge(sizeBytes: record.sizeBytes, limitBytes: WALFormat.recordBytes)
            return completion(.failure(.storageUnavailable(reason: error.refusal, retryAfterSeconds: 60)))
        }
        let waiter = Waiter(record: record, batch: batch, completion: completion)
        switch state.update({ $0.submit(waiter, bytes: record.sizeBytes) }) {
        case .accepted: return
        case .overloaded: completion(.failure(.overloaded(retryAfterSeconds: 1)))
        case .stopping: completion(.failure(.stopping))
        }
    }

    /// Runs `work` on the committer thread, between two groups; in the order of the calls. After `stop` it runs on the
    /// calling thread, still one after the other.
    public func perform(_ work: @escaping Work) {
        if state.update({ $0.perform(work) }) { return }
        var mine = afterwork.withLock { after in
            after.works.append(work)
            if after.isRunning { return false }
            after.isRunning = true
            return true
        }
        while mine {
            let next: Work? = afterwork.withLock { after in
                if after.works.isEmpty {
                    after.isRunning = false
                    return nil
                }
                return after.works.removeFirst()
            }
            next?()
            mine = next != nil
        }
    }

    /// Runs `work` on the committer thread and hands its result to `completion` there.
    public func perform<R>(_ work: @escaping @Sendable () -> R, completion: @escaping @Sendable (R) -> Void) {
        perform { completion(work()) }
    }

    /// Refuses new records, commits those that wait, and returns when the thread has ended. Not on the committer
    /// thread.
    public func stop() {
        state.update { $0.stop() }
        let ending = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        ending?.join()
    }

    private func run() {
        while true {
            switch state.withLock({ $0.next(now: Machine.monotonicNanoseconds()) }) {
            case .commit(let group): commit(group)
            case .writeEmptyGroup: writeEmptyGroup()
            case .perform(let works):
                for work in works { work() }
                noteSizes()
            case .wait(let nanoseconds):
                _ = state.wait(timeoutNanoseconds: nanoseconds) { $0.hasWork ? true : nil }
            case .finish: return
            }
        }
    }

    private func commit(_ group: [Waiter]) {
        let syncs = log.syncCount
        let sequences: ClosedRange<UInt64>
        do throws(WALError) {
            sequences = try log.append(group: group.map(\.record))
        } catch {
            return fail(group, error)
        }
        state.withLock { $0.committed(now: Machine.monotonicNanoseconds()) }
        noteGroup(group, syncs: log.syncCount - syncs)
        let receipts = zip(sequences, group).map { apply(CommittedRecord(sequence: $0, batch: $1.batch)) }
        for (waiter, receipt) in zip(group, receipts) { waiter.completion(.success(receipt)) }
        onGroup()
    }

    private func fail(_ group: [Waiter], _ error: WALError) {
        let others = state.withLock { $0.failed() }
        currentFigures.withLock {
            $0.failures += 1
            $0.isFailing = true
        }
        noteSizes()
        let reason = IngestError.storageUnavailable(reason: error.refusal, retryAfterSeconds: 1)
        for waiter in group + others { waiter.completion(.failure(reason)) }
        onGroup()
    }

    private func writeEmptyGroup() {
        let syncs = log.syncCount
        // A failure here loses nothing: the log gives the segment up, and its next header says how far it counts.
        let isWritten = (try? log.writeEmptyGroup()) != nil
        state.withLock { $0.wroteEmptyGroup() }
        let duration = log.lastSyncNanoseconds
        let isSynced = log.syncCount > syncs
        currentFigures.withLock {
            if isSynced { $0.noteSync(nanoseconds: duration) }
            if !isWritten { $0.failures += 1 }
        }
        noteSizes()
    }

    /// Committer thread: after a failure, finds out whether the log can be written again, so that somebody who waits
    /// for that before sending anything learns of it.
    public func recover() {
        guard currentFigures.withLock({ $0.isFailing }) else { return }
        let isWritten = (try? log.prove()) != nil
        if isWritten { currentFigures.withLock { $0.isFailing = false } }
        noteSizes()
    }

    private func noteGroup(_ group: [Waiter], syncs: Int) {
        let bytes = group.reduce(0) { $0 + $1.record.sizeBytes }
        let duration = log.lastSyncNanoseconds
        currentFigures.withLock {
            $0.groups += 1
            $0.records += group.count
            $0.bytes += bytes
            $0.isFailing = false
            if syncs > 0 { $0.noteSync(nanoseconds: duration) }
        }
        noteSizes()
    }

    private func noteSizes() {
        let segments = log.segmentCount
        let bytes = log.totalBytes
        currentFigures.withLock {
            $0.segments = segments
            $0.totalBytes = bytes
        }
    }
}
