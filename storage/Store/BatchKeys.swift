import Bytes
import Model
import Synchronization

/// Recognises repeats of accepted requests (storage rule 7): the same key within 15 minutes gets the first one's
/// receipt and is not stored again. A repeat that arrives while the first is under way waits for its outcome.
final class BatchKeys: Sendable {
    /// What a request with a key has to do.
    enum Admission {
        /// It is the first: store it, then call `finish`.
        case store
        /// It was stored before.
        case repeated(Receipt)
        /// The first is under way; the waiter will be called with its outcome: a receipt, or nil if it failed and this
        /// request should be tried itself.
        case wait
    }

    static let lifetimeNanoseconds: Int64 = 15 * 60 * 1_000_000_000
    static let capacity = 262_144

    private enum Entry {
        case pending([@Sendable (Receipt?) -> Void])
        case done(Receipt, time: Int64)
    }

    private struct State {
        var entries: [Hash128: Entry] = [:]
        /// Finished keys, oldest first.
        var order: [(key: Hash128, time: Int64)] = []
        var oldest = 0
        /// Finished since the last publish: they go into its transaction.
        var unpublished: [FinishedKey] = []
        var evicted = 0
    }

    /// A key to be remembered across restarts.
    struct FinishedKey: Sendable {
        let tenant: TenantID
        let key: Hash128
        let receipt: Receipt
        let time: Int64
    }

    private let state = Mutex(State())

    /// Keys that left early because too many were remembered.
    var evictedCount: Int { state.withLock { $0.evicted } }

    func admit(_ key: Hash128, now: Int64, waiter: @escaping @Sendable (Receipt?) -> Void) -> Admission {
        state.withLock { state in
            switch state.entries[key] {
            case .done(let receipt, let time) where now - time < BatchKeys.lifetimeNanoseconds:
                return .repeated(receipt)
            case .pending(let waiters):
                state.entries[key] = .pending(waiters + [waiter])
                return .wait
            default:
                state.entries[key] = .pending([])
                return .store
            }
        }
    }

    /// The request with `key` was stored (a receipt) or failed (nil).
    func finish(_ key: Hash128, tenant: TenantID, receipt: Receipt?, now: Int64) {
        let waiters = state.withLock { state -> [@Sendable (Receipt?) -> Void] in
            var waiters: [@Sendable (Receipt?) -> Void] = []
            if case .pending(let waiting) = state.entries[key] { waiters = waiting }
            if let receipt {
                remember(FinishedKey(tenant: tenant, key: key, receipt: receipt, time: now), in: &state)
                state.unpublished.append(FinishedKey(tenant: tenant, key: key, receipt: receipt, time: now))
            } else {
                state.entries[key] = nil
            }
            return waiters
        }
        for waiter in waiters { waiter(receipt) }
    }

    /// Takes back keys at start: the catalog's first, which know the receipt as it was given, then the WAL's.
    func restore(_ finished: FinishedKey, isPublished: Bool) {
        state.withLock { state in
            guard state.entries[finished.key] == nil else { return }
            remember(finished, in: &state)
            if !isPublished { state.unpublished.append(finished) }
        }
    }

    /// Keys to be committed with the next publish; they count as published afterwards.
    func takeUnpublished() -> [FinishedKey] {
        state.withLock { state in
            defer { state.unpublished = [] }
            return state.unpublished
        }
    }

    /// The publish failed: its keys are still to be committed.
    func giveBack(_ keys: [FinishedKey]) {
        state.withLock { $0.unpublished = keys + $0.unpublished }
    }

    private func remember(_ finished: FinishedKey, in state: inout State) {
        state.entries[finished.key] = .done(finished.receipt, time: finished.time)
        state.order.append((finished.key, finished.time))
        while state.oldest < state.order.count {
            let first = state.order[state.oldest]
            let isExpired = finished.time - first.time >= BatchKeys.lifetimeNanoseconds
            let isOver = state.order.count - state.oldest > BatchKeys.capacity
            guard isExpired || isOver else { break }
            if !isExpired { state.evicted += 1 }
            if case .done(_, let time) = state.entries[first.key], time == first.time { state.entries[first.key] = nil }
            state.oldest += 1
        }
        if state.oldest > 4096 && state.oldest * 2 > state.order.count {
            state.order.removeFirst(state.oldest)
            state.oldest = 0
        }
    }
}
