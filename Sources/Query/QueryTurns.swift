internal import Synchronization

/// Lets a bounded number of queries run at once. The others wait in order of arrival, until it is their turn, their
/// time is over or their caller is gone.
final class QueryTurns: Sendable {
    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<QueryError?, Never>
    }

    private struct State {
        var free: Int
        var waiters: [Waiter] = []
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(free: max(count, 1)))
    }

    var waitingCount: Int { state.withLock { $0.waiters.count } }

    /// Returns when query `number` may run; each turn taken must be given back.
    /// - Throws: `timedOut` after `seconds` (0: never), `cancelled` when the calling task is cancelled.
    func take(_ number: UInt64, seconds: Int) async throws(QueryError) {
        let timer = seconds <= 0 ? nil : self.timer(number, seconds)
        defer { timer?.cancel() }
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<QueryError?, Never>) in
                let isFree = state.withLock { state in
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiters.append(Waiter(number: number, continuation: continuation))
                    return false
                }
                if isFree { return continuation.resume(returning: nil) }
                if Task.isCancelled { leave(number, .cancelled) }
            }
        } onCancel: {
            leave(number, .cancelled)
        }
        if let failure { throw failure }
    }

    private func timer(_ number: UInt64, _ seconds: Int) -> Task<Void, Never>? {
        if state.withLock({ $0.free > 0 }) { return nil }
        return Task { [weak self] in
            do { try await Task.sleep(for: .seconds(seconds)) } catch { return }
            self?.leave(number, .timedOut)
        }
    }

    /// Ends the waiting of query `number`, if it waits.
    func leave(_ number: UInt64, _ error: QueryError) {
        let waiter = state.withLock { state -> Waiter? in
            guard let position = state.waiters.firstIndex(where: { $0.number == number }) else { return nil }
            return state.waiters.remove(at: position)
        }
        waiter?.continuation.resume(returning: error)
    }

    /// Ends a turn: the first of those that wait is next.
    func giveBack() {
        let next = state.withLock { state -> Waiter? in
            if state.waiters.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume(returning: nil)
    }
}
