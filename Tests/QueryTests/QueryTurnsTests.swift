import LogQL
import Model
import Store
import Synchronization
import Testing

@testable import Query

/// Queries wait for their turn instead of being sent away.
struct QueryTurnsTests {
    /// Gives way to other tasks until the condition holds.
    private func until(_ condition: () -> Bool) async {
        while !condition() { await Task.yield() }
    }

    /// Numbers in the order in which they came.
    private final class Order: Sendable {
        private let numbers = Mutex<[UInt64]>([])

        var all: [UInt64] { numbers.withLock { $0 } }

        func append(_ number: UInt64) { numbers.withLock { $0.append(number) } }
    }

    @Test func turnsAreTakenInOrder() async throws {
        let turns = QueryTurns(count: 1)
        try await turns.take(0, seconds: 0)
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...5 as ClosedRange<UInt64> {
                group.addTask {
                    try await turns.take(number, seconds: 600)
                    order.append(number)
                    turns.giveBack()
                }
                await until { turns.waitingCount == Int(number) }
            }
            turns.giveBack()
            try await group.waitForAll()
        }
        #expect(order.all == [1, 2, 3, 4, 5])
        try await turns.take(9, seconds: 0)
    }

    @Test func theWaitingCanLeave() async throws {
        let turns = QueryTurns(count: 1)
        try await turns.take(0, seconds: 0)
        let gone = Task { try await turns.take(1, seconds: 600) }
        await until { turns.waitingCount == 1 }
        gone.cancel()
        await #expect(throws: QueryError.cancelled) { try await gone.value }
        let ended = Task { try await turns.take(2, seconds: 600) }
        await until { turns.waitingCount == 1 }
        turns.leave(2, .ended)
        await #expect(throws: QueryError.ended) { try await ended.value }
        let early = Task { try await turns.take(3, seconds: 600) }
        early.cancel()
        await #expect(throws: QueryError.cancelled) { try await early.value }
        turns.giveBack()
        try await turns.take(4, seconds: 0)
    }

    @Test func whoWaitsTooLongIsTold() async throws {
        let turns = QueryTurns(count: 1)
        try await turns.take(0, seconds: 0)
        await #expect(throws: QueryError.timedOut) { try await turns.take(1, seconds: 1) }
    }

    @Test func manyQueriesAtOnceAreAllAnswered() async throws {
        let store = FakeStore((0..<500).map { TestRow(Int64($0), ["app": "a"], "n=\($0)") })
        // Memory for the lines of about one query: the others have to wait for it.
        let executor = makeExecutor {
            $0.allQueriesMemoryBytes.value = 120_000
            $0.queryMemoryBytes.value = 120_000
        }
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    let parameters = QueryParameters(range: 0, 1000, limit: 1000)
                    let answer = try await executor.run(#"{app="a"}"#, parameters, source: store)
                    return answer.statistics.entriesReturned
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(counts == Array(repeating: 500, count: 40))
        #expect(executor.resources.running.all.isEmpty)
    }

    @Test func queriesCanBeEndedByNumber() async throws {
        let executor = makeExecutor()
        let running = executor.resources.running
        let query = running.begin("{}", client: "here")
        #expect(running.all.map(\.text) == ["{}"])
        #expect(running.cancel(query.number))
        guard case .log(let log) = try executor.parse("{}", dialect: .dendro) else { return #expect(Bool(false)) }
        let store = FakeStore([TestRow(1, ["app": "a"], "x")])
        await #expect(throws: QueryError.ended) {
            _ = try await executor.page(log, QueryParameters(range: 0, 10), after: nil, source: store, as: query)
        }
        running.end(query)
        #expect(!running.cancel(query.number))
    }
}
