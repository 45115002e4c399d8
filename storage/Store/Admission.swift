import Bytes
import Model
import Synchronization

/// Holds batches back while the heads are full, so that a burst waits for the sealers instead of growing memory: in
/// order, bounded in bytes and time. Beyond that the answer is "try again". While parts cannot be written, on a full
/// disk say, waiting is of no use: the answer is at once that nothing can be stored.
final class Admission: Sendable {
    /// Longest wait of a batch, in nanoseconds.
    static let patienceNanoseconds: Int64 = 20 * Nanoseconds.perSecond
    /// Bytes of batches that may wait.
    static let waitingBytesLimit = 64 << 20

    private struct Waiting {
        let bytes: Int
        let deadline: Int64
        let run: @Sendable (IngestError?) -> Void
    }

    private struct State {
        var queue: [Waiting] = []
        var bytes = 0
        var refusal: IngestError?
        /// Whether heads could not become parts when that was last tried.
        var isStuck = false

        mutating func takeAll() -> [Waiting] {
            defer { (queue, bytes) = ([], 0) }
            return queue
        }
    }

    private let state = Mutex(State())
    private let isFull: @Sendable () -> Bool
    /// Seconds after which senders shall try again while heads cannot become parts, which is tried as soon as there is
    /// room.
    private static let stuckRetrySeconds = 2

    init(isFull: @escaping @Sendable () -> Bool) {
        self.isFull = isFull
    }

    /// The refusal that was set last, whatever else stands in the way.
    var standingRefusal: IngestError? { state.withLock { $0.refusal } }

    /// Why nothing is accepted at the moment, or nil.
    var refusal: IngestError? { state.withLock { refusal($0) } }

    /// Whether batches wait for heads to be sealed.
    var isHoldingBack: Bool { state.withLock { !$0.queue.isEmpty } }

    /// Sets or lifts the refusal of everything (disk full, stopping); waiting batches learn of it at once.
    func setRefusal(_ refusal: IngestError?) {
        let dropped = state.withLock { state -> [Waiting] in
            state.refusal = refusal
            return refusal == nil ? [] : state.takeAll()
        }
        for waiting in dropped { waiting.run(refusal) }
    }

    /// Says whether heads could become parts when that was last tried. As long as they cannot, full heads stay full:
    /// batches that wait for them learn of it at once, and later ones too. Why is in the server's log: it may name what
    /// belongs to others.
    func setStuck(_ isStuck: Bool) {
        let (reason, dropped) = state.withLock { state -> (IngestError?, [Waiting]) in
            state.isStuck = isStuck
            let reason = refusal(state)
            return (reason, reason == nil ? [] : state.takeAll())
        }
        for waiting in dropped { waiting.run(reason) }
    }

    private func refusal(_ state: State) -> IngestError? {
        if let refusal = state.refusal { return refusal }
        guard state.isStuck, isFull() else { return nil }
        return .storageUnavailable(
            reason: "memory is full, and parts cannot be written to the disk",
            retryAfterSeconds: Admission.stuckRetrySeconds)
    }

    /// Calls `run` with nil as soon as there is room, or with the reason why there is none; maybe on another thread.
    func admit(bytes: Int, _ run: @escaping @Sendable (IngestError?) -> Void) {
        enum Decision {
            case now
            case later
            case never(IngestError)
        }
        let decision = state.withLock { state -> Decision in
            if let refusal = refusal(state) { return .never(refusal) }
            if state.queue.isEmpty && !isFull() { return .now }
            guard state.bytes + bytes <= Admission.waitingBytesLimit else {
                return .never(.overloaded(retryAfterSeconds: 2))
            }
            let deadline = Machine.monotonicNanoseconds() + Admission.patienceNanoseconds
            state.queue.append(Waiting(bytes: bytes, deadline: deadline, run: run))
            state.bytes += bytes
            return .later
        }
        switch decision {
        case .now: run(nil)
        case .later: break
        case .never(let reason): run(reason)
        }
    }

    /// There may be room now, or somebody has waited too long.
    func advance() {
        while true {
            let now = Machine.monotonicNanoseconds()
            let next = state.withLock { state -> (Waiting, IngestError?)? in
                guard let first = state.queue.first else { return nil }
                let isLate = first.deadline < now
                guard isLate || !isFull() else { return nil }
                state.queue.removeFirst()
                state.bytes -= first.bytes
                return (first, isLate ? .overloaded(retryAfterSeconds: 5) : nil)
            }
            guard let (waiting, reason) = next else { return }
            waiting.run(reason)
        }
    }
}
