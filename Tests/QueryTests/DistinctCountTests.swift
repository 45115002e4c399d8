import LogQL
import Model
import Testing

@testable import Query

/// `count_distinct_over_time`, and what stands for values and samples that memory has no room for.
struct DistinctCountTests {
    private static let store = FakeStore([
        (
            true,
            (0..<300).map {
                TestRow(Int64($0) * second, ["app": $0 % 2 == 0 ? "a" : "b"], "user=u\($0 % 30) n=\($0)", [:])
            }
        ),
        (false, (0..<60).map { TestRow(Int64($0 + 240) * second, ["app": "a"], "user=u\($0) n=\($0)", [:]) }),
    ])

    private func values(
        _ text: String, _ parameters: QueryParameters, _ source: FakeStore = store,
        _ change: (inout Limits) -> Void = { _ in }
    ) async throws -> (values: [String: [Double]], warnings: [String]) {
        var parameters = parameters
        parameters.dialect = .dendro
        let answer = try await makeExecutor(change).run(text, parameters, source: source)
        var values: [String: [Double]] = [:]
        switch answer.result {
        case .matrix(let all), .vector(let all):
            for series in all { values[series.labels.description] = series.samples.map(\.value) }
        default: break
        }
        return (values, answer.warnings)
    }

    @Test func countsValuesOfTheWindow() async throws {
        let query = "count_distinct_over_time({app=~\"a|b\"} | logfmt | unwrap user [1h]) by (app)"
        let found = try await values(query, QueryParameters(instant: 299 * second))
        // Even numbers below 30, and with the second unit all below 60.
        #expect(found.values == [#"{app="a"}"#: [60], #"{app="b"}"#: [15]])
        #expect(found.warnings.isEmpty)
        let all = try await values(
            "count_distinct_over_time({app=~\"a|b\"} | logfmt | unwrap user [1h]) by ()",
            QueryParameters(instant: 299 * second))
        #expect(all.values == ["{}": [60]])
    }

    @Test(arguments: [5, 10, 40, 77])
    func windowsSlide(range: Int) async throws {
        let query = "count_distinct_over_time({app=~\"a|b\"} | logfmt | unwrap user [\(range)s]) by ()"
        let parameters = QueryParameters(range: 0, 300 * second, stepNanoseconds: 10 * second)
        let found = try await values(query, parameters).values["{}"] ?? []
        var expected: [Double] = []
        for end in stride(from: 0, through: 300, by: 10) {
            let first = Set((0..<300).filter { $0 > end - range && $0 <= end }.map { $0 % 30 })
            let second = Set((0..<60).filter { $0 + 240 > end - range && $0 + 240 <= end })
            let count = first.union(second).count
            if count > 0 { expected.append(Double(count)) }
        }
        #expect(found == expected)
    }

    @Test func isOfTheDialectAlone() async throws {
        let executor = makeExecutor()
        let query = "count_distinct_over_time({app=\"a\"} | unwrap user [1h])"
        #expect(throws: QueryError.self) { try executor.parse(query) }
        let tree = try executor.parse(query, dialect: .dendro)
        #expect(try executor.parse(tree.description, dialect: .dendro) == tree)
        #expect(throws: QueryError.self) {
            try executor.parse("count_distinct_over_time({app=\"a\"} [1h])", dialect: .dendro)
        }
    }

    @Test func manyValuesAreEstimated() async throws {
        let rows = (0..<40_000).map { TestRow(Int64($0), ["app": "a"], "user=\($0 % 20_000)") }
        let many = FakeStore([(true, Array(rows[..<20_000])), (false, Array(rows[20_000...]))])
        let query = "count_distinct_over_time({app=\"a\"} | logfmt | unwrap user [1h]) by ()"
        let exact = try await values(query, QueryParameters(instant: second), many)
        #expect(exact.values == ["{}": [20_000]])
        #expect(exact.warnings.isEmpty)
        let rough = try await values(query, QueryParameters(instant: second), many) {
            $0.queryMemoryBytes.value = 300_000
        }
        let count = try #require(rough.values["{}"]?.first)
        #expect(abs(count - 20_000) < 2000, "\(count)")
        #expect(rough.warnings.count == 1)
    }

    @Test func quantilesOfVeryManySamplesAreEstimated() async throws {
        let rows = (0..<40_000).map { TestRow(Int64($0), ["app": "a"], "n=\($0 * 7919 % 40_000)") }
        let many = FakeStore([(true, Array(rows[..<20_000])), (false, Array(rows[20_000...]))])
        let query = "quantile_over_time(0.9, {app=\"a\"} | logfmt | unwrap n [1h]) by ()"
        let exact = try await values(query, QueryParameters(instant: second), many)
        #expect(exact.warnings.isEmpty)
        #expect(abs((exact.values["{}"]?.first ?? 0) - 35_999.1) < 0.01)
        let rough = try await values(query, QueryParameters(instant: second), many) {
            $0.queryMemoryBytes.value = 200_000
        }
        let value = try #require(rough.values["{}"]?.first)
        #expect(abs(value - 36_000) < 1200, "\(value)")
        #expect(rough.warnings.count == 1)
    }

    @Test func partsTravelAndMerge() throws {
        var whole = SeriesTable(.distinct)
        var half = SeriesTable(.distinct)
        let key = [UInt8](LabelSet([(name: "app", value: "a")]).encoded)
        for value in 0..<1000 {
            let number = Double(bitPattern: UInt64(value) &* 0x9E37_79B9_7F4A_7C15)
            whole.add(whole.intern(key), cell: value % 3, value: number, time: 0, bytes: 0)
            if value < 500 { half.add(half.intern(key), cell: value % 3, value: number, time: 0, bytes: 0) }
        }
        let travelled = try PartialResult(
            decoding: PartialResult(.series(half), QueryStatistics(), []).encoded)
        guard case .series(var table) = travelled.content else { return #expect(Bool(false)) }
        #expect(Set(table.distinct[0].items) == Set(half.distinct[0].items))
        table.merge(whole)
        #expect(Set(table.distinct[0].items) == Set(whole.distinct[0].items))
        var thinned = whole.distinct[0]
        thinned.thin()
        #expect(thinned.count < 600 && thinned.count > 400)
        thinned.merge(half.distinct[0])
        #expect(thinned.level == 1 && thinned.count < 600)
    }
}
