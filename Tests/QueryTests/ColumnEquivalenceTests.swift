import Bytes
import Chunks
import Files
import Glibc
import Model
import Store
import Testing

@testable import Query

/// What columns answer is what the pipeline answers row by row: the same rows are kept in both forms and asked the same
/// questions.
@Suite struct ColumnEquivalenceTests {
    /// A small generator with a seed, so that failures come again.
    private struct Random {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }

        mutating func pick<T>(_ list: [T]) -> T { list[next(list.count)] }
    }

    private static let start: Int64 = 1_795_400_000_000_000_000

    private static let odd = [
        #"{"status":"503","duration_ms":"12"}"#, #"{"status":null,"msg":"null"}"#, #"{"status":tru}"#,
        #"{"status":500,"status":200}"#, #"{"sta\u0074us":501}"#, #"{"status":{"code":502},"level":"x"}"#,
        #"{"status":[1,2]}"#, #"{"status":{}}"#, "not json status=500", #"{"status":500"#, "", "{}",
        #" {"status":500}"#, #"{"status" : 5e2 , "duration_ms":0x10}"#, #"{"msg":"a \"quoted\" \u00e9 Deadlock"}"#,
        "{\"msg\":\"\u{212a}elvin lin\u{212a} DEADLOCK\u{17f}\"}", #"{"app":"inner","trace_id":"inner","status":504}"#,
        #"{"status":9007199254740993,"duration_ms":1.50}"#, #"{"status":-0,"duration_ms":.5}"#,
        #"{"a":{"status":505},"a_status":506}"#, #"{"duration_ms":"1m","status":""}"#,
    ]

    private static func line(_ random: inout Random, _ index: Int) -> String {
        switch random.next(12) {
        case 0: return random.pick(odd)
        case 1...4:
            return #"{"msg":"GET /api/v\#(random.next(3))/items/\#(random.next(500)) done","status":"#
                + "\(random.pick([200, 200, 201, 404, 500, 503])),"
                + "\"duration_ms\":\(random.next(900)).\(random.next(10)),"
                + #""ip":"10.0.\#(random.next(4)).\#(random.next(250))"}"#
        case 5...7:
            return #"{"msg":"order ORD-\#(10_000 + index) created for user \#(random.next(90))","#
                + #""user_id":\#(random.next(90)),"nested":{"deep":"v\#(random.next(5))","n":\#(random.next(20))}}"#
        case 8:
            return #"{"msg":"Deadlock detected on orders, retry \#(random.next(9))","#
                + #""error":"upstream timeout from auth after 1\#(random.next(9))ms"}"#
        default:
            return #"{"msg":"completed in \#(random.next(400))ms","level":"\#(random.pick(["info", "warn"]))","#
                + #""duration_ms":\#(random.next(800)),"cached":\#(random.pick(["true", "false"]))}"#
        }
    }

    private static func store(_ folder: String, _ kind: @escaping (inout StoreConfiguration) -> Void, seed: UInt64)
        async throws -> Store
    {
        var configuration = StoreConfiguration(folder: folder)
        configuration.minimumFreeBytes = 0
        configuration.retentionDays = 100_000
        kind(&configuration)
        let store = try Store.open(configuration)
        var random = Random(state: seed)
        for round in 0..<4 {
            var batch = Batch()
            for index in 0..<300 {
                let app = random.pick(["shop", "auth", "pay"])
                var labels = [("app", app), ("level", random.pick(["info", "error", "fatal"]))]
                if random.next(6) == 0 { labels.append(("status", "label")) }
                let stream = batch.intern(LabelSet(labels))
                var metadata: [(String, String)] = []
                if random.next(4) > 0 { metadata.append(("trace_id", "t\(random.next(60))")) }
                if random.next(5) == 0 { metadata.append(("pod", "p\(random.next(3))")) }
                if random.next(40) == 0 { metadata.append(("level", "meta")) }
                batch.append(
                    // No two entries at one time: which of them is first or last would depend on the scan's order.
                    time: start + Int64(round * 300 + random.next(400)) * 1_000_000_000 + Int64(round * 300 + index),
                    stream: stream,
                    line: [UInt8](line(&random, index).utf8).span, metadata: LabelSet(metadata).encoded.span, flags: [])
            }
            _ = try await store.append(batch)
            if round != 2 { await store.flush() }
        }
        await store.flush()
        return store
    }

    private static func query(_ random: inout Random) -> String {
        let selector = random.pick([
            #"{app=~".+"}"#, #"{app=~".+"}"#, #"{app="shop"}"#, #"{level=~"error|fatal"}"#,
            #"{app=~".+",trace_id="t7"}"#, #"{status="label"}"#,
        ])
        let filters = [
            "", #" |= "completed in""#, #" |= "ORD-1000""#, #" != "done""#, #" |~ "order ORD-10\\d+ created""#,
            #" |~ "(?i)DEADLOCK detected""#, #" |~ "(?i)link deadlocks""#, #" |= "status" != "500""#,
            #" |= "Z_NOWHERE""#,
            #" |~ "timeout from (auth|gateway)""#, #" !~ "(?i)deadlock""#, #" |= "a" or "b""#, #" |> "<_>created<_>""#,
            #" |= ip("10.0.1.0/24")"#, #" |= "5""#, #" |~ "[0-9]+ms""#,
        ]
        let parsers = [
            "", " | json", #" | json status="status""#, #" | json status="status", duration_ms="duration_ms""#,
            #" | json d="nested.deep""#, #" | trace_id="t3""#, #" | trace_id=~"t1.""#, #" | pod!="""#,
            #" | level="error" | json"#,
            #" | json s="status", l="level""#, " | logfmt", #" | json | line_format "{{.msg}}""#,
        ]
        let conditions = [
            "", " | status >= 500", #" | status >= 500 | __error__="""#, " | duration_ms > 300",
            #" | __error__="" | status>=500"#,
            " | status=`500` or duration_ms < 10", " | duration_ms >= 1m or status != 200", #" | level="warn""#,
            #" | app="shop" | status < 300"#, #" | nested_deep="v1""#, #" | d=~"v[12]""#, #" | status!="""#,
            #" | __error__="LabelFilterErr""#, #" | msg=~".*created.*""#, #" | level_extracted="warn""#,
            #" | cached="true""#,
            #" | ip=ip("10.0.2.0/24")"#, " | user_id = 7 , nested_n > 3", #" | a_status="506""#, #" | s=`503` | l=``"#,
        ]
        var log = selector + (random.next(2) == 0 ? "" : random.pick(filters)) + random.pick(parsers)
        if random.next(3) > 0 { log += random.pick(conditions) }
        return aggregated(log, &random)
    }

    private static func aggregated(_ log: String, _ random: inout Random) -> String {
        let grouping = random.pick(["app", "level", "trace_id", "app, trace_id", "status", "pod", "level,pod"])
        let unwrapped = random.pick(["duration_ms", "status", "duration(duration_ms)"])
        // Windows that overlap, and windows with gaps between them.
        let range = random.pick(["5m", "1m", "20s"])
        switch random.next(8) {
        case 0...2: return log
        case 3: return "sum by (\(grouping)) (count_over_time(\(log) [\(range)]))"
        case 4: return "sum(rate(\(log) [\(range)]))"
        case 5: return "count_over_time(\(log) [5m])"
        case 6:
            let function = random.pick(["sum", "min", "max", "avg", "first", "last"])
            return "\(function)_over_time(\(log) | unwrap duration_ms | __error__=`` [10m]) by (\(grouping))"
        default: return "quantile_over_time(0.9, \(log) | unwrap \(unwrapped) [10m]) by (app)"
        }
    }

    private static func answer(
        _ text: String, _ parameters: QueryParameters, _ executor: QueryExecutor, _ store: Store
    ) async -> String {
        do throws(QueryError) {
            switch try await executor.run(text, parameters, source: store).result {
            // Sums of numbers with a point depend on their order in the last digits.
            case .vector(let series):
                return "vector \(series.map { "\($0.labels) \($0.samples.map { Float($0.value) })" }.sorted())"
            case .matrix(let series):
                return "matrix \(series.map { ($0.labels, $0.samples.map { ($0.time, Float($0.value)) }) })"
            case let other: return "\(other)"
            }
        } catch {
            // Which of several bad entries is met first may differ.
            return "error: \(error.message.prefix(14))"
        }
    }

    @Test(arguments: [UInt64(1), 2, 3]) func answersAgree(seed: UInt64) async throws {
        let base = "/tmp/dendro-columns-\(getpid())-\(seed)"
        let rows = try await Self.store(base + "-rows", { $0.blockKind = .rows }, seed: seed)
        let columns = try await Self.store(base + "-columns", { $0.blockKind = .columns }, seed: seed)
        let executor = makeExecutor()
        var random = Random(state: seed &* 77)
        var answered = 0
        for _ in 0..<200 {
            let text = Self.query(&random)
            let from = Self.start + Int64(random.next(300)) * 1_000_000_000
            let to = from + Int64(60 + random.next(1500)) * 1_000_000_000
            let parameters = QueryParameters(
                range: from, to, stepNanoseconds: 60_000_000_000, limit: random.pick([1, 7, 100, 5000]),
                direction: random.pick([.forward, .backward]))
            let expected = await Self.answer(text, parameters, executor, rows)
            let found = await Self.answer(text, parameters, executor, columns)
            #expect(found == expected, "\(text)")
            if !expected.hasPrefix("error"), expected.count > 30 { answered += 1 }
        }
        #expect(answered > 50)
        #expect(columns.statistics.refusedColumnBlocks == 0)
        await rows.close()
        await columns.close()
        for suffix in ["-rows", "-columns"] { Self.remove(base + suffix) }
    }

    /// Counts over all of a block's rows come from what it keeps of its values.
    @Test(arguments: [UInt64(4), 5, 6]) func countsAgree(seed: UInt64) async throws {
        let base = "/tmp/dendro-counts-\(getpid())-\(seed)"
        let rows = try await Self.store(base + "-rows", { $0.blockKind = .rows }, seed: seed)
        let columns = try await Self.store(base + "-columns", { $0.blockKind = .columns }, seed: seed)
        let executor = makeExecutor()
        var random = Random(state: seed &* 99)
        var known = 0
        for _ in 0..<150 {
            let selector = random.pick([#"{app=~".+"}"#, #"{app="shop"}"#, #"{level=~"error|fatal"}"#])
            let stages = random.pick([
                #" | json status="status" | status >= 500 | __error__="""#, " | json | status=`200`",
                #" | json s="cached" | s="true" | app="auth""#, #" | pod="p1""#, #" | pod!="p1""#, #" | pod="""#,
                #" | level="error""#, #" | json c="cached", s="status" | c="true" or s="503""#,
                #" | json | nested_deep="v1" | __error__="""#, #" | json l="level" | l=~"wa.*""#,
                #" | json d="nested.deep" | d!="v2" | level="fatal""#, #" | json status="status" | status < 300"#,
                #" | json status="status" | status=~"5..""#, #" | json n="nested.n" | n > 1"#,
                " | json | __error__!=``",
            ])
            let grouping = random.pick(["app", "level", "app,level", "pod", "status", "trace_id"])
            let text = random.pick([
                "sum by (\(grouping)) (count_over_time(\(selector)\(stages) [2h]))",
                "sum(rate(\(selector)\(stages) [2h]))",
                "sum by (\(grouping)) (count_over_time(\(selector)\(stages) [20m]))",
            ])
            let time = Self.start + Int64(random.pick([1_900, 1_500, 7_200])) * 1_000_000_000
            let parameters = QueryParameters(instant: time)
            let expected = await Self.answer(text, parameters, executor, rows)
            let found = await Self.answer(text, parameters, executor, columns)
            #expect(found == expected, "\(text)")
            guard let cost = try? await executor.run(text, parameters, source: columns).statistics else { continue }
            if cost.blocksRead == 0, cost.matchedRows > 0 { known += 1 }
        }
        #expect(known > 5)
        await rows.close()
        await columns.close()
        for suffix in ["-rows", "-columns"] { Self.remove(base + suffix) }
    }

    /// Counts over time of whole streams come from how many rows lie in each span of time.
    @Test(arguments: [UInt64(7), 8, 9]) func volumesAgree(seed: UInt64) async throws {
        let base = "/tmp/dendro-volumes-\(getpid())-\(seed)"
        let rows = try await Self.store(base + "-rows", { $0.blockKind = .rows }, seed: seed)
        let columns = try await Self.store(base + "-columns", { $0.blockKind = .columns }, seed: seed)
        let executor = makeExecutor()
        var random = Random(state: seed &* 55)
        var known = 0
        for _ in 0..<150 {
            let selector = random.pick([
                #"{app=~".+"}"#, #"{app="shop"}"#, #"{level=~"error|fatal"}"#, #"{status="label"}"#, #"{app="none"}"#,
            ])
            let grouping = random.pick(["app", "level", "app,level", "pod", "status"])
            // Windows that end with buckets, within them, that overlap, and with gaps between them.
            let range = random.pick(["1m", "2m", "30s", "90s", "7s", "1h"])
            let text = random.pick([
                "sum by (\(grouping)) (count_over_time(\(selector) [\(range)]))", "sum(rate(\(selector) [\(range)]))",
                "sum by (\(grouping)) (count_over_time(\(selector) [\(range)] offset \(random.pick(["1m", "3s"]))))",
            ])
            let from = Self.start + Int64(random.next(300)) * 1_000_000_000
            let parameters = QueryParameters(
                range: from, from + Int64(60 + random.next(1500)) * 1_000_000_000,
                stepNanoseconds: random.pick([60, 60, 30, 13, 300]) * 1_000_000_000)
            let expected = await Self.answer(text, parameters, executor, rows)
            let found = await Self.answer(text, parameters, executor, columns)
            #expect(found == expected, "\(text) \(parameters)")
            guard let cost = try? await executor.run(text, parameters, source: columns).statistics else { continue }
            if cost.blocksRead == 0, cost.matchedRows > 0 { known += 1 }
        }
        #expect(known > 20)
        await rows.close()
        await columns.close()
        for suffix in ["-rows", "-columns"] { Self.remove(base + suffix) }
    }

    private static func remove(_ path: String) {
        let files = PosixFileSystem()
        for name in (try? files.list(path)) ?? [] { remove(path + "/" + name) }
        if (try? files.removeFolder(path)) == nil { try? files.remove(path) }
    }
}
