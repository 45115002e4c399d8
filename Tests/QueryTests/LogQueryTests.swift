import Model
import Store
import Synchronization
import Testing

@testable import Query

struct LogQueryTests {
    private static func row(_ time: Int64, _ line: String, _ app: String = "a") -> TestRow {
        TestRow(time, ["app": app], line)
    }

    private static let equalTimes = FakeStore([
        (true, [row(5, "one"), row(5, "two"), row(7, "three")]),
        (false, [row(6, "late"), row(5, "four"), row(2, "early")]),
    ])

    @Test func forwardIsTimeThenArrivalThenRow() async throws {
        let all = try await lines(#"{app="a"}"#, LogQueryTests.equalTimes)
        #expect(all == ["early", "one", "two", "four", "late", "three"])
    }

    @Test func backwardIsTheExactReverse() async throws {
        let all = try await lines(#"{app="a"}"#, LogQueryTests.equalTimes, .backward)
        #expect(all == ["three", "late", "four", "two", "one", "early"])
    }

    @Test(arguments: 1...6)
    func limitsCutTheOrder(_ limit: Int) async throws {
        let forward = try await lines(#"{app="a"}"#, LogQueryTests.equalTimes, limit: limit)
        #expect(forward == Array(["early", "one", "two", "four", "late", "three"].prefix(limit)))
        let backward = try await lines(#"{app="a"}"#, LogQueryTests.equalTimes, limit: limit, .backward)
        #expect(backward == Array(["three", "late", "four", "two", "one", "early"].prefix(limit)))
    }

    @Test func startIsIncludedAndEndIsNot() async throws {
        #expect(
            try await lines(#"{app="a"}"#, LogQueryTests.equalTimes, start: 5, end: 7) == [
                "one", "two", "four", "late",
            ])
        #expect(try await lines(#"{app="a"}"#, LogQueryTests.equalTimes, start: 5, end: 5) == [])
    }

    @Test func retentionClampsTheStart() async throws {
        let store = FakeStore([(true, [LogQueryTests.row(5, "old"), LogQueryTests.row(9, "new")])], oldestTime: 8)
        #expect(try await lines(#"{app="a"}"#, store) == ["new"])
    }

    @Test func hiddenRowsAreNotSeen() async throws {
        let store = FakeStore([(false, [LogQueryTests.row(5, "one"), LogQueryTests.row(6, "two")])], hidden: [0])
        #expect(try await lines(#"{app="a"}"#, store) == ["two"])
    }

    @Test func intervalThinsTheWholeTimeline() async throws {
        let rows = (0..<10).map { LogQueryTests.row(Int64($0) * second, "\($0)", $0 % 2 == 0 ? "a" : "b") }
        let store = FakeStore([(true, Array(rows[..<5])), (false, Array(rows[5...]))])
        #expect(try await lines(#"{app=~"a|b"}"#, store, interval: 3 * second).sorted() == ["0", "3", "6", "9"])
        let back = try await lines(#"{app=~"a|b"}"#, store, limit: 2, .backward, interval: 4 * second)
        #expect(back.sorted() == ["5", "9"])
    }

    @Test func streamsAreSortedByLabelText() async throws {
        let store = FakeStore([LogQueryTests.row(1, "x", "b"), LogQueryTests.row(2, "y", "a")])
        #expect(try await streamLabels(#"{app=~".+"}"#, store) == [#"{app="a"}"#, #"{app="b"}"#])
    }

    @Test func categoriesStayApart() async throws {
        let store = FakeStore([TestRow(5, ["app": "a"], "k=v", ["trace": "t"])])
        let parameters = QueryParameters(range: 0, 10, categorizesLabels: true)
        let answer = try await makeExecutor().run(#"{app="a"} | logfmt"#, parameters, source: store)
        guard case .streams(let streams) = answer.result else { return #expect(Bool(false)) }
        #expect(streams.map(\.labels.description) == [#"{app="a"}"#])
        #expect(streams[0].entries[0].metadata.description == #"{trace="t"}"#)
        #expect(streams[0].entries[0].parsed.description == #"{k="v"}"#)
    }

    @Test func unitsBeyondTheLimitAreNotRead() async throws {
        let units = (0..<50).map { unit in
            (true, (0..<20).map { LogQueryTests.row(Int64(unit * 100 + $0), "\(unit)") })
        }
        let store = FakeStore(units)
        _ = try await lines(#"{app="a"}"#, store, limit: 10, .backward)
        #expect(store.loads.load(ordering: .relaxed) <= 3)
    }

    @Test func highCardinalityNamesMatchMetadata() async throws {
        let store = FakeStore([
            TestRow(1, ["app": "a"], "one", ["trace_id": "t1"]), TestRow(2, ["app": "a"], "two", ["trace_id": "t2"]),
            TestRow(3, ["app": "b"], "three"),
        ])
        #expect(try await lines(#"{trace_id="t1"}"#, store) == ["one"])
        #expect(try await lines(#"{app=~".+", trace_id!="t1"}"#, store) == ["two", "three"])
        #expect(try await lines(#"{app=~".+", trace_id=""}"#, store) == ["three"])
        #expect(try await lines(#"{trace_id=~"t.*"}"#, store) == ["one", "two"])
        #expect(try await lines(#"{app=~".+", trace_id!~"t.*"}"#, store) == ["three"])
    }

    @Test(arguments: [
        (#"{trace_id="t1"}"#, ["t1"]), (#"{trace_id=~"t1|t2"}"#, ["t1", "t2"]), (#"{app="a"} | trace_id="t1""#, ["t1"]),
        (#"{app="a"} |= "x" | trace_id="t1""#, ["t1"]), (#"{app="a"} | trace_id="t1" or traceID="t2""#, ["t1", "t2"]),
        (#"{app="a"} | trace_id="t1" and n="5""#, ["t1"]),
    ])
    func tracesPrune(_ query: String, _ expected: [String]) async throws {
        let store = FakeStore([LogQueryTests.row(1, "x")])
        _ = try await lines(query, store)
        let traced = store.requests.withLock { $0.first?.tracedValues }
        #expect(traced?.map { String(decoding: $0, as: UTF8.self) } == expected)
    }

    @Test(arguments: [
        #"{app="a"} | json | trace_id="t1""#, #"{app="a"} | trace_id!="t1""#, #"{app="a", trace_id!="t1"}"#,
        #"{app="a"} | trace_id="t1" or n="5""#, #"{app="a", span_id="s"}"#, #"{app="a", traceId="t"}"#,
        #"{app="a"} | label_format trace_id=x | trace_id="t1""#, #"{app="a", trace_id=""}"#,
    ])
    func tracesDoNotPrune(_ query: String) async throws {
        let store = FakeStore([LogQueryTests.row(1, "x")])
        _ = try await lines(query, store)
        #expect(store.requests.withLock { $0.first?.tracedValues } == nil)
    }

    @Test func damageIsAWarning() async throws {
        let store = FakeStore([(true, [LogQueryTests.row(5, "x")])], isDamaged: true)
        let answer = try await makeExecutor().run(#"{app="a"}"#, QueryParameters(range: 0, 10), source: store)
        #expect(answer.result == .streams([]))
        #expect(answer.warnings == ["part 7 is damaged"])
    }

    /// Scanning by units, with pilots, limits and directions, equals looking at every row.
    @Test(arguments: 0..<30)
    func equalsBruteForce(_ seed: Int) async throws {
        var random = SmallRandom(seed: UInt64(seed))
        let words = ["alpha", "beta", "gamma", "delta", "x"]
        var units: [(isSorted: Bool, rows: [TestRow])] = []
        for _ in 0..<(1 + random.next(6)) {
            let rows = (0..<(1 + random.next(90))).map { _ in
                let line = (0..<3).map { _ in words[random.next(5)] }.joined(separator: " ")
                return TestRow(
                    Int64(random.next(40)), ["app": words[random.next(2)]], line, ["trace_id": words[random.next(5)]])
            }
            units.append((random.next(2) == 0, rows))
        }
        let store = FakeStore(units)
        let limit = 1 + random.next(30)
        let direction: Direction = random.next(2) == 0 ? .forward : .backward
        let word = words[random.next(5)]
        var expected: [(time: Int64, unit: Int, row: Int, line: String)] = []
        for (number, unit) in units.enumerated() {
            var rows = unit.rows
            if unit.isSorted {
                rows = rows.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(
                    \.element)
            }
            for (index, row) in rows.enumerated() where row.time >= 5 && row.time < 35 && row.labels["app"] == "alpha" {
                let line = String(decoding: row.line, as: UTF8.self)
                if line.contains(word) || row.metadata["trace_id"] == "beta" && word == "beta" {
                    if line.contains(word) { expected.append((row.time, number, index, line)) }
                }
            }
        }
        expected.sort { ($0.time, $0.unit, $0.row) < ($1.time, $1.unit, $1.row) }
        if direction == .backward { expected.reverse() }
        let query = "{app=\"alpha\"} |= \"\(word)\" | drop trace_id"
        let found = try await lines(query, store, start: 5, end: 35, limit: limit, direction)
        #expect(found == expected.prefix(limit).map(\.line))
    }
}

/// Random numbers that are the same at every run.
struct SmallRandom {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
