import Model
import Synchronization
import Testing

@testable import Query

/// A query whose client has left does nothing more than the piece of work at hand.
struct CancellationTests {
    /// Holds a task for those that end it.
    private final class Holder: Sendable {
        let task: Mutex<Task<QueryError?, Never>?> = Mutex(nil)
    }

    /// Runs a query whose client leaves as the first unit is loaded; the error and the units loaded.
    private func leave(
        _ text: String, _ store: FakeStore, _ parameters: QueryParameters
    ) async -> (error: QueryError?, loads: Int) {
        let executor = makeExecutor()
        let holder = Holder()
        store.onLoad.withLock { hook in
            hook = { holder.task.withLock { $0 }?.cancel() }
        }
        let (begins, begin) = AsyncStream.makeStream(of: Void.self)
        let task = Task { () -> QueryError? in
            for await _ in begins { break }
            do throws(QueryError) {
                _ = try await executor.run(text, parameters, source: store)
                return nil
            } catch {
                return error
            }
        }
        holder.task.withLock { $0 = task }
        begin.yield()
        let error = await task.value
        #expect(executor.resources.running.all.isEmpty)
        return (error, store.loads.load(ordering: .relaxed))
    }

    private static func units(_ count: Int, rows: Int) -> FakeStore {
        FakeStore(
            (0..<count).map { unit in
                (true, (0..<rows).map { TestRow(Int64(unit * rows + $0) * second, ["app": "a"], "n=\($0)") })
            })
    }

    @Test(arguments: ["{app=\"a\"}", "sum(count_over_time({app=\"a\"} |= `n` [1h]))", "{app=\"a\"} | logfmt | n>=0"])
    func noFurtherUnitIsLoaded(text: String) async {
        let parameters = QueryParameters(range: 0, 1000 * second, stepNanoseconds: 100 * second, limit: 5000)
        let found = await leave(text, Self.units(100, rows: 5), parameters)
        #expect(found.error == .cancelled)
        // Each lane may have been in one.
        #expect(found.loads <= 4, "\(found.loads)")
    }

    @Test(arguments: [
        "{app=\"a\"}", "{app=\"a\"} | line_format `{{ repeat 10 __line__ }}`",
        "sum_over_time({app=\"a\"} | logfmt | unwrap n [1h])", "count_over_time({app=\"a\"} | logfmt | n>=0 [1h])",
    ])
    func rowsOfTheUnitAreLeft(text: String) async {
        let parameters = QueryParameters(range: 0, 1000 * second, stepNanoseconds: 100 * second, limit: 5000)
        #expect(await leave(text, Self.units(1, rows: 500), parameters).error == .cancelled)
    }

    @Test func stepsAreLeft() async {
        let parameters = QueryParameters(range: 0, 1000 * second, stepNanoseconds: second)
        let found = await leave("count_over_time({app=\"a\"}[1h]) * 2", Self.units(1, rows: 3), parameters)
        #expect(found.error == .cancelled)
    }

    @Test func insideOfAStepItIsAsked() throws {
        let control = QueryControl(seconds: 0, memoryBytes: 1 << 20, shared: SharedMemory(limitBytes: 1 << 20))
        let meter = WorkMeter(control)
        var values = (0..<100_000).map { Double($0 * 7919 % 100_003) }
        #expect(
            try Quantile.value(0.5, &values, meter) == values.sorted()[49_999] * 0.5 + values.sorted()[50_000] * 0.5)
        control.cancel()
        #expect(throws: QueryError.cancelled) { try Quantile.value(0.5, &values, meter) }
        #expect(throws: QueryError.cancelled) {
            for _ in 0..<100_000 { try meter.spend(1) }
        }
    }
}
