internal import Bytes
public import Model
internal import Synchronization

/// A query from its arrival to its answer, for those who look on or end it. A streamed answer is one query.
public final class RunningQuery: Sendable {
    public let number: UInt64
    public let text: String
    /// Who asked, as far as is known.
    public let client: String
    private let began = Machine.monotonicNanoseconds()
    private let bytes = Atomic<Int>(0)
    private let started = Atomic<Int64>(0)
    private let isWaiting = Atomic<Bool>(false)
    private let state = Mutex<(isCancelled: Bool, end: (@Sendable () -> Void)?)>((false, nil))

    init(number: UInt64, text: String, client: String) {
        self.number = number
        self.text = text
        self.client = client
    }

    public var ageNanoseconds: Int64 { Machine.monotonicNanoseconds() &- began }
    /// Bytes looked at so far, after decompression.
    public var scannedBytes: Int { bytes.load(ordering: .relaxed) }
    /// Whether it waits for its turn.
    public var waits: Bool { isWaiting.load(ordering: .relaxed) }

    func scanned(_ count: Int) {
        bytes.add(count, ordering: .relaxed)
    }

    func setWaits(_ waits: Bool) {
        isWaiting.store(waits, ordering: .relaxed)
        if !waits { started.store(Machine.monotonicNanoseconds(), ordering: .relaxed) }
    }

    /// From its arrival to its last turn.
    var queueNanoseconds: Int64 { max(started.load(ordering: .relaxed) &- began, 0) }

    /// Names what ends the work at hand; called at once if the query was cancelled already.
    func attach(_ end: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            state.end = end
            return state.isCancelled
        }
        if isCancelled { end() }
    }

    /// Lets go of what ends the work at hand, which holds the query in turn.
    func detach() {
        let end = state.withLock { state in
            defer { state.end = nil }
            return state.end
        }
        withExtendedLifetime(end) {}
    }

    func cancel() {
        let end = state.withLock { state in
            state.isCancelled = true
            return state.end
        }
        end?()
    }
}

/// The queries that run or wait.
public final class RunningQueries: Sendable {
    private let state = Mutex<(count: UInt64, queries: [UInt64: RunningQuery])>((0, [:]))

    init() {}

    /// Notes a query; `end` must follow.
    public func begin(_ text: String, client: String) -> RunningQuery {
        state.withLock { state in
            state.count &+= 1
            let query = RunningQuery(number: state.count, text: text, client: client)
            state.queries[state.count] = query
            return query
        }
    }

    public func end(_ query: RunningQuery) {
        state.withLock { $0.queries[query.number] = nil }
    }

    /// All, oldest first.
    public var all: [RunningQuery] {
        state.withLock { $0.queries.values.sorted { $0.number < $1.number } }
    }

    /// Ends a query; false if there is none of this number.
    public func cancel(_ number: UInt64) -> Bool {
        guard let query = state.withLock({ $0.queries[number] }) else { return false }
        query.cancel()
        return true
    }
}

/// What the executors of one process share: memory, turns, and the list of what runs.
public final class QueryResources: Sendable {
    let memory: SharedMemory
    let turns: QueryTurns
    /// For queries that found the memory taken: one of them at a time tries again.
    let secondTurns = QueryTurns(count: 1)
    public let running = RunningQueries()

    /// - Parameter parallelQueries: how many run at once.
    public init(limits: Limits, parallelQueries: Int = 8) {
        memory = SharedMemory(limitBytes: limits.allQueriesMemoryBytes.value)
        turns = QueryTurns(count: parallelQueries)
    }
}
