import Bytes
import LogQL
import Model
import Store
import Testing

@testable import Query

/// Limits, cancellation, and plans and results as bytes.
struct BoundaryTests {
    private static func many(_ count: Int) -> FakeStore {
        FakeStore((0..<count).map { TestRow(Int64($0), ["app": "a"], "line \($0)", ["id": "\($0)"]) })
    }

    private func failure(
        _ query: String, _ parameters: QueryParameters, _ store: FakeStore, _ change: (inout Limits) -> Void
    ) async -> QueryError? {
        let executor = makeExecutor(change)
        return await #expect(throws: QueryError.self) { try await executor.run(query, parameters, source: store) }
    }

    @Test func entryLimit() async throws {
        let parameters = QueryParameters(range: 0, 100, limit: 11)
        let error = await failure(#"{app="a"}"#, parameters, Self.many(3)) { $0.queryEntries = Limit(10) }
        #expect(error?.message == "max entries limit per query exceeded, limit > max_entries_limit_per_query (11 > 10)")
        let lowered = makeExecutor { $0.queryEntries = Limit(2, .adjust) }
        let answer = try await lowered.run(#"{app="a"}"#, parameters, source: Self.many(5))
        #expect(answer.statistics.entriesReturned == 2)
    }

    @Test func seriesLimit() async throws {
        var parameters = QueryParameters(range: 0, 100, stepNanoseconds: 100)
        let query = #"count_over_time({app="a"}[1m])"#
        let error = await failure(query, parameters, Self.many(30)) { $0.querySeries = Limit(20) }
        #expect(error?.kind == .limit && error?.message.contains("(20)") == true)
        parameters.allowsPartialSeries = true
        let answer = try await makeExecutor { $0.querySeries = Limit(20) }.run(query, parameters, source: Self.many(30))
        #expect(answer.warnings.count == 1)
        guard case .matrix(let series) = answer.result else { return #expect(Bool(false)) }
        #expect(series.count == 20)
    }

    @Test func memoryLimit() async {
        let error = await failure(#"count_over_time({app="a"}[1m])"#, QueryParameters(instant: 5000), Self.many(3000)) {
            $0.queryMemoryBytes = Limit(10_000)
        }
        #expect(error?.kind == .limit)
        let crowded = await failure(#"{app="a"}"#, QueryParameters(range: 0, 5000, limit: 3000), Self.many(3000)) {
            $0.allQueriesMemoryBytes = Limit(10_000)
            $0.querySeconds = Limit(1)
        }
        // It tries again until its time is over, perhaps in the middle of a try.
        #expect(crowded?.kind == .overloaded || crowded?.kind == .timeout)
    }

    @Test func memoryIsGivenBack() async throws {
        let executor = makeExecutor { $0.allQueriesMemoryBytes = Limit(400_000) }
        for _ in 0..<20 {
            let parameters = QueryParameters(range: 0, 5000, limit: 1000)
            _ = try await executor.run(#"{app="a"}"#, parameters, source: Self.many(1000))
        }
    }

    @Test func pointsLimit() async {
        let parameters = QueryParameters(range: 0, 20_000 * second, stepNanoseconds: second)
        let error = await failure("vector(1)", parameters, Self.many(1)) { _ in }
        #expect(error?.message.hasPrefix("exceeded maximum resolution of 11,000 points") == true)
    }

    @Test func extremeTimesDoNotTrap() async throws {
        let executor = makeExecutor()
        for (start, end) in [(Int64.min, Int64.max), (Int64.max, Int64.max), (Int64.min, Int64.min)] {
            for query in [
                #"{app="a"}"#, #"sum(count_over_time({app="a"}[1m]))"#,
                #"sum(count_over_time({app="a"}[1m] offset -1h))"#,
            ] {
                let parameters = QueryParameters(range: start, end, stepNanoseconds: .max)
                _ = try? await executor.run(query, parameters, source: Self.many(3))
                _ = try? await executor.run(query, QueryParameters(instant: end), source: Self.many(3))
            }
        }
    }

    @Test func logQueriesAreNoInstants() async {
        let error = await failure(#"{app="a"}"#, QueryParameters(instant: 5), Self.many(1)) { _ in }
        #expect(error?.kind == .invalid && error?.message.contains("not supported as an instant query type") == true)
    }

    @Test func cancelledQueriesEnd() async {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await makeExecutor().run(#"{app="a"}"#, QueryParameters(range: 0, 100), source: Self.many(10))
        }
        let error = await #expect(throws: QueryError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    @Test(arguments: [
        #"{app="a"} |= "x" | json | n>5 | line_format "{{.a}}""#,
        #"sum by (app)(rate({app="a"}[5m])) / sum(rate({app="b"}[1h] offset 5m))"#,
        "vector(1)+vector(1)",
    ])
    func fragmentsTravel(_ query: String) throws {
        let expression = try makeExecutor().parse(query)
        let parameters = QueryParameters(
            range: -5, 7_000_000, stepNanoseconds: 15, limit: 33, direction: .forward, intervalNanoseconds: 9,
            tenant: TenantID("t"), categorizesLabels: true)
        let fragment = PlanFragment(expression, parameters, leaf: 1, scope: .share(index: 1, count: 3))
        let read = try PlanFragment(decoding: fragment.encoded)
        #expect(read.expression == expression && read.parameters == parameters && read.leaf == 1)
        #expect(read.scope == fragment.scope)
        for cut in 0..<fragment.encoded.count {
            #expect(throws: QueryError.self) { try PlanFragment(decoding: Array(fragment.encoded[..<cut])) }
        }
    }

    @Test func partialResultsTravelAndMerge() throws {
        var table = SeriesTable(.moments)
        var other = SeriesTable(.moments)
        let key = LabelSet([("a", "b")]).encoded
        for value in 1...4 { table.add(table.intern(key), cell: 3, value: Double(value), time: 0, bytes: 0) }
        for value in 5...9 { other.add(other.intern(key), cell: 3, value: Double(value), time: 0, bytes: 0) }
        var merged = try PartialResult(decoding: PartialResult(.series(table), QueryStatistics(), ["w"]).encoded)
        merged.merge(
            try PartialResult(decoding: PartialResult(.series(other), QueryStatistics(), ["w"]).encoded), .forward,
            limit: 1)
        guard case .series(let result) = merged.content else { return #expect(Bool(false)) }
        let cell = result.cells[0][0]
        #expect(cell.number == 9 && cell.a == 5 && abs(cell.b - 60) < 1e-9)
        #expect(merged.warnings == ["w"])
        let entry = FoundEntry(
            time: 7, arrival: 1, row: 2, bytes: [1, 2, 3], lineCount: 1, indexCount: 1, metadataCount: 1)
        let read = try PartialResult(decoding: PartialResult(.entries([entry]), QueryStatistics(), []).encoded)
        guard case .entries(let entries) = read.content else { return #expect(Bool(false)) }
        #expect(entries == [entry])
    }

    @Test func labelQueries() async throws {
        let store = FakeStore([
            TestRow(1, ["app": "a", "env": "x"], "l", ["trace_id": "t1"]),
            TestRow(2, ["app": "b"], "l", ["trace_id": "t2"]),
        ])
        let executor = makeExecutor()
        let range = TimeRange(start: 0, end: 10)
        #expect(try await executor.labelNames(LabelsRequest(range: range), source: store) == ["app", "env"])
        #expect(try await executor.labelValues("app", LabelsRequest(range: range), source: store) == ["a", "b"])
        #expect(try await executor.labelValues("trace_id", LabelsRequest(range: range), source: store) == [])
        let traced = LabelsRequest(range: range, selectors: [#"{trace_id="t2"}"#])
        #expect(try await executor.series(traced, source: store).map(\.description) == [#"{app="b"}"#])
        #expect(try await executor.labelNames(traced, source: store) == ["app"])
        #expect(try await executor.series(LabelsRequest(range: range, selectors: ["{}"]), source: store).count == 2)
        let twice = LabelsRequest(range: range, selectors: [#"{app="a"}"#, #"{app=~"a|b"}"#])
        #expect(try await executor.series(twice, source: store).count == 2)
        await #expect(throws: QueryError.self) {
            try await executor.labelNames(LabelsRequest(range: range, selectors: ["{}"]), source: store)
        }
        await #expect(throws: QueryError.self) {
            try await executor.series(LabelsRequest(range: range, selectors: [#"{app="a"} |= "x""#]), source: store)
        }
    }

    @Test func statisticsAreTrue() async throws {
        let answer = try await makeExecutor().run(
            #"{app="a"} |= "line 1""#, QueryParameters(range: 0, 100, limit: 100), source: Self.many(20))
        #expect(answer.statistics.rows == 20)
        #expect(answer.statistics.matchedRows == 11 && answer.statistics.entriesReturned == 11)
        #expect(answer.statistics.blocksRead == 1 && answer.statistics.storedBytes == 64)
    }
}
