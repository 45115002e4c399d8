import Model
import Store
import Synchronization
import Testing

@testable import Query

struct MetricQueryTests {
    /// One entry a second, values 1, 2, 3 …
    private static func counting(_ count: Int, sorted: Bool = true, givesCounts: Bool = true) -> FakeStore {
        let rows = (0..<count).map { TestRow(Int64($0 + 1) * second, ["app": "a", "n": "\($0 % 2)"], "v=\($0 + 1)") }
        return FakeStore([(sorted, rows)], givesCounts: givesCounts)
    }

    private func matrix(
        _ query: String, _ store: FakeStore, _ start: Int64, _ end: Int64, step: Int64
    ) async throws -> [String: [Int64: Double]] {
        let parameters = QueryParameters(range: start, end, stepNanoseconds: step)
        guard case .matrix(let series) = try await makeExecutor().run(query, parameters, source: store).result else {
            return [:]
        }
        var found: [String: [Int64: Double]] = [:]
        for one in series {
            found[one.labels.description] = Dictionary(
                uniqueKeysWithValues: one.samples.map { ($0.time / second, $0.value) })
        }
        return found
    }

    @Test func stepsLieOnMultiples() async throws {
        let all = try await matrix(
            "sum(count_over_time({app=\"a\"}[10s]))", Self.counting(30), 7 * second, 23 * second, step: 10 * second)
        #expect(all == ["{}": [10: 10, 20: 10, 30: 10]])
        let negative = Steps(QueryParameters(range: -15, -5, stepNanoseconds: 10))
        #expect((0..<negative.count).map(negative.time) == [-20, -10, 0])
    }

    @Test func windowsExcludeTheirStart() async throws {
        let store = Self.counting(10)
        #expect(try await instant("sum(count_over_time({app=\"a\"}[3s]))", store, at: 5 * second) == ["{}": 3])
        #expect(
            try await instant("sum(count_over_time({app=\"a\"}[3s] offset 2s))", store, at: 5 * second) == ["{}": 3])
        #expect(
            try await instant("sum(count_over_time({app=\"a\"}[3s] offset -2s))", store, at: 5 * second) == ["{}": 3])
        #expect(try await instant("sum(count_over_time({app=\"a\"}[0s]))", store, at: 5 * second) == [:])
    }

    @Test(arguments: [
        ("sum(count_over_time({app=\"a\"}[4s]))", 4.0), ("sum(rate({app=\"a\"}[4s]))", 1),
        ("sum(bytes_over_time({app=\"a\"}[4s]))", 12), ("sum(bytes_rate({app=\"a\"}[4s]))", 3),
        ("sum(sum_over_time({app=\"a\"} | logfmt | unwrap v [4s]))", 26),
        ("sum(rate({app=\"a\"} | logfmt | unwrap v [4s]))", 6.5),
        ("avg_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 6.5),
        ("min_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 5),
        ("max_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 8),
        ("stdvar_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 1.25),
        ("first_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 5),
        ("last_over_time({app=\"a\"} | logfmt | unwrap v [4s]) by ()", 8),
        ("quantile_over_time(0.5, {app=\"a\"} | logfmt | unwrap v [4s]) by ()", 6.5),
        ("absent_over_time({app=\"zz\"}[4s])", 1), ("count(count_over_time({app=\"a\"}[4s]))", 2),
        ("max(count_over_time({app=\"a\"}[4s]))", 2),
        ("avg(count_over_time({app=\"a\"}[3s]))", 1.5), ("sum(count_over_time({app=\"a\"} |= \"v=8\" [4s]))", 1),
    ])
    func functions(_ query: String, _ expected: Double) async throws {
        let found = try await instant(query, Self.counting(20), at: 8 * second)
        #expect(found.count == 1)
        #expect(found.values.first == expected)
    }

    @Test func seriesHoldAllLabels() async throws {
        let store = FakeStore([
            TestRow(1, ["app": "a"], "k=1", ["m": "x"]), TestRow(2, ["app": "a"], "k=2", ["m": "y"]),
        ])
        let plain = try await instant("count_over_time({app=\"a\"}[5s])", store, at: 5)
        #expect(plain == [#"{app="a", m="x"}"#: 1, #"{app="a", m="y"}"#: 1])
        #expect(
            try await instant("sum by (m, zz) (count_over_time({app=\"a\"}[5s]))", store, at: 5) == [
                #"{m="x"}"#: 1, #"{m="y"}"#: 1,
            ])
        #expect(
            try await instant("sum without (m) (count_over_time({app=\"a\"}[5s]))", store, at: 5) == [#"{app="a"}"#: 2])
        let unwrapped = try await instant("sum_over_time({app=\"a\"} | logfmt | unwrap k [5s])", store, at: 5)
        #expect(unwrapped == [#"{app="a", m="x"}"#: 1, #"{app="a", m="y"}"#: 2])
    }

    @Test func parserErrorsFailTheQuery() async throws {
        let store = FakeStore([TestRow(1, ["app": "a"], "plain"), TestRow(2, ["app": "a"], #"{"b":1}"#)])
        for query in [
            "count(count_over_time({app=\"a\"} | json [5s]))", "sum by (b)(count_over_time({app=\"a\"} | json [5s]))",
        ] {
            let error = await #expect(throws: QueryError.self) { try await instant(query, store, at: 5) }
            #expect(error?.kind == .pipeline && error?.message.hasPrefix("pipeline error: 'JSONParserErr'") == true)
        }
        #expect(try await instant("sum(count_over_time({app=\"a\"} | json [5s]))", store, at: 5) == ["{}": 2])
        #expect(
            try await instant("sum(count_over_time({app=\"a\"} | json | __error__=\"\" [5s]))", store, at: 5) == [
                "{}": 1
            ])
        let grouped = try await instant("sum by (__error__)(count_over_time({app=\"a\"} | json [5s]))", store, at: 5)
        #expect(grouped == ["{}": 1, #"{__error__="JSONParserErr"}"#: 1])
    }

    @Test func countsNeedNoBlocks() async throws {
        let store = Self.counting(20)
        #expect(
            try await instant("sum by (n) (count_over_time({app=\"a\"}[30s]))", store, at: 30 * second) == [
                #"{n="0"}"#: 10, #"{n="1"}"#: 10,
            ])
        #expect(store.loads.load(ordering: .relaxed) == 0)
        #expect(try await instant("sum(count_over_time({app=\"a\"}[5s]))", store, at: 12 * second) == ["{}": 5])
        #expect(store.timeLoads.load(ordering: .relaxed) == 1)
    }

    /// All ways to count (counts, times, rows; sorted or not) agree with a count by hand, for all shapes of windows.
    @Test(arguments: [(10, 10), (10, 5), (5, 10), (3, 10), (7, 23), (1, 60), (10, 25)])
    func windowShapes(_ step: Int64, _ range: Int64) async throws {
        let query = "sum(count_over_time({app=\"a\"}[\(range)s]))"
        let other = "sum(sum_over_time({app=\"a\"} | logfmt | unwrap v [\(range)s]))"
        for store in [Self.counting(50), Self.counting(50, sorted: false), Self.counting(50, givesCounts: false)] {
            let counts = try await matrix(query, store, 0, 60 * second, step: step * second)["{}"] ?? [:]
            let sums = try await matrix(other, store, 0, 60 * second, step: step * second)["{}"] ?? [:]
            for time in stride(from: Int64(0), through: 60, by: Int(step)) {
                let values = (1...50).filter { Int64($0) > time - range && Int64($0) <= time }
                #expect(counts[time] ?? 0 == Double(values.count))
                #expect(sums[time] ?? 0 == Double(values.reduce(0, +)))
            }
        }
    }

    @Test(arguments: [
        ("vector(1)+vector(1)", ["{}": 2.0]), ("2^3^2", ["scalar": 512]),
        ("sum(count_over_time({app=\"zz\"}[1s])) or vector(0)", ["{}": 0]),
        ("vector(5) / 0", ["{}": .nan]), ("vector(5) > 3", ["{}": 5]), ("vector(5) > bool 7", ["{}": 0]),
        ("6 < vector(7)", ["{}": 7]),
        ("vector(1) and vector(2)", ["{}": 1]), ("vector(1) unless vector(2)", [:]), ("vector(7) % 4", ["{}": 3]),
    ])
    func operators(_ query: String, _ expected: [String: Double]) async throws {
        let found = try await instant(query, Self.counting(1))
        #expect(found.keys.sorted() == expected.keys.sorted())
        for (labels, value) in expected {
            #expect(found[labels] == value || value.isNaN && found[labels]?.isNaN == true)
        }
    }

    @Test func matching() async throws {
        let store = FakeStore([
            TestRow(1, ["app": "a", "x": "1"], "l"), TestRow(2, ["app": "a", "x": "2"], "l"),
            TestRow(3, ["app": "b", "x": "1"], "l"),
        ])
        let many = "count_over_time({app=~\".+\"}[5s])"
        let one = "sum by (app)(count_over_time({app=~\".+\"}[5s]))"
        #expect(
            try await instant("\(many) / on(app) group_left() \(one)", store, at: 5) == [
                #"{app="a", x="1"}"#: 0.5, #"{app="a", x="2"}"#: 0.5, #"{app="b", x="1"}"#: 1,
            ])
        let named = "label_replace(\(one), \"y\", \"v\", \"app\", \"a\")"
        #expect(
            try await instant("\(many) / on(app) group_left(y, nope) \(named)", store, at: 5) == [
                #"{app="a", x="1", y="v"}"#: 0.5, #"{app="a", x="2", y="v"}"#: 0.5, #"{app="b", x="1"}"#: 1,
            ])
        let error = await #expect(throws: QueryError.self) {
            try await instant("\(many) / on(app) \(one)", store, at: 5)
        }
        #expect(error?.kind == .matching)
        #expect(try await instant("topk(1, \(one))", store, at: 5) == [#"{app="a"}"#: 2])
        #expect(try await instant("bottomk(1, \(one))", store, at: 5) == [#"{app="b"}"#: 1])
        let renamed = "label_replace(\(one), \"y\", \"${1}!\", \"app\", \"(a)\")"
        #expect(try await instant(renamed, store, at: 5) == [#"{app="a", y="a!"}"#: 2, #"{app="b"}"#: 1])
    }

    @Test func replacedLabelsAreBounded() async throws {
        let store = FakeStore([TestRow(1, ["app": String(repeating: "a", count: 2000)], "l")])
        let sum = "sum by (app)(count_over_time({app=~\".+\"}[5s]))"
        func query(_ replacement: String) -> String {
            "label_replace(\(sum), \"z\", \"\(replacement)\", \"app\", \"(.*)\")"
        }
        #expect(try await instant(query(String(repeating: "$1", count: 20)), store, at: 5).count == 1)
        let long = query(String(repeating: "$1", count: 600))
        let error = await #expect(throws: QueryError.self) { try await instant(long, store, at: 5) }
        #expect(error?.kind == .limit && error?.message.contains("label_replace") == true)
        let none = try await instant(query("$9223372036854775807"), store, at: 5)
        #expect(none.count == 1 && none.keys.allSatisfy { !$0.contains("z=") })
    }

    @Test func sortKeepsItsOrder() async throws {
        let store = FakeStore([
            TestRow(1, ["app": "a"], "l"), TestRow(2, ["app": "b"], "l"), TestRow(3, ["app": "b"], "l"),
        ])
        let query = "sort_desc(sum by (app)(count_over_time({app=~\".+\"}[5s])))"
        let answer = try await makeExecutor().run(query, QueryParameters(instant: 5), source: store)
        guard case .vector(let series) = answer.result else { return #expect(Bool(false)) }
        #expect(series.map(\.labels.description) == [#"{app="b"}"#, #"{app="a"}"#])
    }

    @Test func rateCounterFollowsTheReference() {
        let samples = (0...5).map { TimedValue(time: Int64($0) * 10 * second, value: 25 + Double($0)) }
        let value = CounterRate.value(samples[...], seconds: 60)
        #expect(abs(value - 0.08333343333333333) < 1e-16)
    }
}
