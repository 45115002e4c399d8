import Synchronization

/// What the routes are working on, by connection, so that it can be given up when the client is gone.
final class RunningCalls: Sendable {
    private struct Entry {
        let number: UInt64
        let cancel: @Sendable () -> Void
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Notes what ends the work for `connection`, which does one thing at a time; the number is for `end`.
    func begin(_ connection: ObjectIdentifier, cancel: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLock { state in
            state.count &+= 1
            state.entries[connection] = Entry(number: state.count, cancel: cancel)
            return state.count
        }
    }

    /// The work is done.
    func end(_ connection: ObjectIdentifier, _ number: UInt64) {
        state.withLock { state in
            if state.entries[connection]?.number == number { state.entries[connection] = nil }
        }
    }

    /// The client is gone.
    func cancel(_ connection: ObjectIdentifier) {
        state.withLock { $0.entries.removeValue(forKey: connection) }?.cancel()
    }
}
