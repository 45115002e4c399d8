import LogQL
import Model
import Store
import Testing

@testable import Query

/// Answers taken page by page, and the steps behind a query's stages.
struct PageTests {
    private static let store = FakeStore([
        (true, (0..<40).map { TestRow(Int64($0 / 3), ["app": $0 % 2 == 0 ? "a" : "b"], "n=\($0) k=\($0 % 5)") }),
        (false, (0..<25).map { TestRow(Int64(($0 * 7) % 11), ["app": "c"], "n=\(100 + $0)") }),
    ])

    private func log(_ text: String) throws -> LogQuery {
        guard case .log(let query) = try makeExecutor().parse(text, dialect: .dendro) else {
            throw QueryError(.invalid, "a metric query")
        }
        return query
    }

    private func all(_ text: String, _ direction: Direction, pageEntries: Int) async throws -> [PlainEntry] {
        let executor = makeExecutor()
        var parameters = QueryParameters(range: 0, 1000, direction: direction, dialect: .dendro)
        parameters.limit = pageEntries
        let query = executor.resources.running.begin(text, client: "")
        defer { executor.resources.running.end(query) }
        var position: EntryPosition?
        var found: [PlainEntry] = []
        var bare = try log(text)
        var steps = ResultSteps(bare.resultSteps, limitBytes: 1 << 20)
        bare.resultSteps = []
        repeat {
            let page = try await executor.page(
                bare, parameters, after: position, source: PageTests.store, as: query)
            for entry in page.entries { try steps.add(entry, to: &found) }
            position = page.next
        } while position != nil && !steps.isComplete
        try steps.finish(to: &found)
        return found
    }

    @Test(arguments: [Direction.forward, .backward], [1, 2, 3, 7, 64, 65, 66, 1000])
    func pagesTogetherAreTheWhole(direction: Direction, pageEntries: Int) async throws {
        let whole = try await all("{}", direction, pageEntries: 100_000)
        #expect(whole.count == 65)
        #expect(try await all("", direction, pageEntries: pageEntries) == whole)
        let some = try await all("|= \"n=1\"", direction, pageEntries: pageEntries)
        #expect(some == whole.filter { String(decoding: $0.line, as: UTF8.self).contains("n=1") })
    }

    @Test(arguments: [1, 4, 100])
    func distinctKeepsTheFirst(pageEntries: Int) async throws {
        let found = try await all("{} | logfmt | distinct k", .forward, pageEntries: pageEntries)
        #expect(found.map { $0.labels.value(of: "k") ?? "" }.sorted() == ["", "0", "1", "2", "3", "4"])
    }

    @Test(arguments: [1, 4, 100])
    func sortingIsByNumber(pageEntries: Int) async throws {
        let top = try await all(
            "{app=~\"a|b\"} | logfmt | sort by (k desc, n desc) | limit 3", .forward, pageEntries: pageEntries)
        #expect(top.map { String(decoding: $0.line, as: UTF8.self) } == ["n=39 k=4", "n=34 k=4", "n=29 k=4"])
        let low = try await all("{} | logfmt | sort by (n) | limit 2", .backward, pageEntries: pageEntries)
        #expect(low.map { $0.labels.value(of: "n") ?? "" } == ["0", "1"])
        let lines = try await all("{} | sort by (__timestamp__)", .backward, pageEntries: pageEntries)
        #expect(lines.map(\.time) == lines.map(\.time).sorted())
    }

    @Test func limitEndsTheReading() async throws {
        #expect(try await all("{} | limit 4", .backward, pageEntries: 2).count == 4)
        #expect(try await all("{} | logfmt | distinct n | limit 4", .forward, pageEntries: 2).count == 4)
    }

    @Test func whatStepsHoldIsBounded() throws {
        var steps = ResultSteps([.sort([SortKey("a")])], limitBytes: 1000)
        var out: [PlainEntry] = []
        let entry = PlainEntry(time: 1, line: [UInt8](repeating: 65, count: 600), labels: LabelSet([]))
        try steps.add(entry, to: &out)
        #expect(throws: QueryError.self) { try steps.add(entry, to: &out) }
        var bounded = ResultSteps([.sort([SortKey("a")]), .limit(1)], limitBytes: 1000)
        for _ in 0..<100 { try bounded.add(entry, to: &out) }
        try bounded.finish(to: &out)
        #expect(out.count == 1)
    }

    @Test func stepsHoldMemoryTogether() throws {
        var steps = ResultSteps([.distinct(["a"]), .distinct(["b"])], limitBytes: 150)
        var out: [PlainEntry] = []
        func entry(_ number: Int) -> PlainEntry {
            PlainEntry(time: 1, line: [], labels: LabelSet([("a", "\(number)"), ("b", "\(number)")]))
        }
        try steps.add(entry(1), to: &out)
        #expect(throws: QueryError.self) { try steps.add(entry(2), to: &out) }
    }

    @Test(arguments: [2, 3])
    func whatIsNoNumberComesBehindNumbers(count: Int) throws {
        var steps = ResultSteps([.sort([SortKey("a")]), .limit(count)], limitBytes: 1 << 20)
        var out: [PlainEntry] = []
        for value in ["5", "NaN", "1"] {
            try steps.add(PlainEntry(time: 1, line: [], labels: LabelSet([("a", value)])), to: &out)
        }
        try steps.finish(to: &out)
        #expect(out.map { "\($0.labels)" } == Array([#"{a="1"}"#, #"{a="5"}"#, #"{a="NaN"}"#].prefix(count)))
    }

    @Test(arguments: [1, 2, 17, 100, 1000])
    func theFirstOfManyAreKept(count: Int) throws {
        var some = ResultSteps([.sort([SortKey("a")]), .limit(count)], limitBytes: 1 << 20)
        var all = ResultSteps([.sort([SortKey("a")])], limitBytes: 1 << 20)
        var (kept, sorted): ([PlainEntry], [PlainEntry]) = ([], [])
        for number in 0..<300 {
            let labels = LabelSet([("a", "\(number * 7919 % 101)")])
            let entry = PlainEntry(time: Int64(number), line: [], labels: labels)
            try some.add(entry, to: &kept)
            try all.add(entry, to: &sorted)
        }
        try some.finish(to: &kept)
        try all.finish(to: &sorted)
        #expect(kept == [PlainEntry](sorted.prefix(count)))
    }

    @Test func explanationsNameWhatIsPushedDown() throws {
        let executor = makeExecutor()
        let parameters = QueryParameters(range: 0, 10, dialect: .dendro)
        let text = #"{app="a", trace_id="t1"} |= "boom" | json | sort by (x) | limit 5"#
        let explanation = try executor.explain(try executor.parse(text, dialect: .dendro), parameters)
        #expect(
            explanation.steps.map(\.name) == [
                "select", "trace index", "metadata", "literal", "stage", "stage", "result", "result",
            ])
        #expect(explanation.steps[0].detail == #"streams of {app="a"}"#)
        #expect(explanation.steps[6].detail == "| sort by (x)")
        let sum = try executor.explain(try executor.parse(#"sum(rate({app="a"}[5m]))"#), parameters)
        #expect(sum.steps.map(\.name) == ["select", "window", "compute"])
    }
}
