import Model
import Store
import Testing

@testable import Query

/// Whatever is asked of whatever data: an answer or an error, within the budget.
struct HostileQueryTests {
    private struct Dice {
        var state: UInt64

        mutating func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(sides))
        }

        mutating func pick<T>(_ choices: [T]) -> T { choices[roll(choices.count)] }

        /// Pieces put together at random.
        mutating func text(_ pieces: [String], upTo count: Int) -> String {
            (0...roll(count)).map { _ in pick(pieces) }.joined()
        }
    }

    private static let linePieces = [
        "{\"a\":1,\"b\":\"x\"}", "{\"a\":{\"b\":[1,{}]}", "a=1 ", "b=\"q\\\"", " 1.2.3.4 ", "::1", "\u{1B}[31m", "5KB ",
        "1h2m", "\"", "{", "}", "[", "=", "é", "\\u00", "-1e999", "NaN", "\n", "\u{0}", "_entry", "<_>", "64KiB",
    ]
    private static let stages = [
        "|= `a`", "!= `b` or `c`", "|~ `(a|b)*c`", "!~ `^$`", "|> `<_>a<_>`", "!> `a<_>`", "|= ip(`::1`)", "| json",
        "| json x=`a.b[0]`", "| logfmt", "| logfmt --strict --keep-empty", "| logfmt y=`a`",
        "| regexp `(?P<a>.)(?P<z>x)?`",
        "| pattern `<a> <_>=<b>`", "| unpack", "| a>1 or b=`x`, a<5KB", "| a=~`.*1.*`", "| a=~``", "| b=ip(`1.2.3.4`)",
        "| a>=1m5s", "| line_format `{{.a}}{{.b | upper}}{{__line__}}`", "| line_format `{{ fromJson __line__ }}`",
        "| line_format `{{ div .a .b }}{{ substr 1 3 .a }}{{ repeat 3 .b }}{{ trunc -2 __line__ }}`",
        "| line_format `{{ index (fromJson __line__) .a }}{{ printf \"%d %v %q\" .a .b 1 }}`",
        "| label_format c=a, d=`{{.b}}{{.c}}`", "| decolorize", "| drop a, b=`x`", "| keep a, app", "| drop __error__",
        "| __error__=``", "| label_format a=`{{ __timestamp__ | date \"2006\" }}`",
    ]
    private static let metrics = [
        "count_over_time(@[7s])", "sum by (a)(rate(@[1m]))", "bytes_rate(@[5s] offset -3s)", "absent_over_time(@[1s])",
        "quantile_over_time(0.9, @ | unwrap a [10s]) by (b)", "avg_over_time(@ | unwrap bytes(b) | __error__=`` [9s])",
        "topk(2, count_over_time(@[5s])) / on (a) group_left count_over_time(@[5s])", "rate_counter(@ | unwrap a [9s])",
        "last_over_time(@ | unwrap duration(a) | __error__=`` [4s]) by (app) > bool 1", "sort_desc(sum(rate(@[3s])))",
        "label_replace(sum by (app)(bytes_over_time(@[5s])), `z`, `$1`, `app`, `(.*)`) or vector(0)",
        "stddev_over_time(@ | unwrap a | __error__=`` [8s]) by (a) ^ 2 % 3",
        "count(count_over_time(@[2s])) unless vector(1)",
    ]

    @Test(arguments: 0..<25)
    func randomQueriesOverRandomLinesEnd(seed: Int) async throws {
        var dice = Dice(state: UInt64(seed) &* 7919 &+ 1)
        let rows = (0..<60).map { index in
            TestRow(
                Int64(dice.roll(30)) * second, ["app": dice.pick(["x", "y"])],
                dice.text(Self.linePieces, upTo: 6), index % 3 == 0 ? ["a": dice.pick(Self.linePieces)] : [:])
        }
        let store = FakeStore([(true, Array(rows[..<40])), (false, Array(rows[40...]))])
        let executor = makeExecutor()
        var answered = 0
        for _ in 0..<40 {
            let log = "{app=~`x|y`} " + (0..<dice.roll(6)).map { _ in dice.pick(Self.stages) }.joined(separator: " ")
            let isMetric = dice.roll(2) == 0
            let text =
                isMetric
                ? dice.pick(Self.metrics).split(separator: "@", omittingEmptySubsequences: false)
                    .joined(separator: log) : log
            var parameters = QueryParameters(range: 0, 40 * second, stepNanoseconds: 3 * second, limit: 20)
            parameters.direction = dice.pick([.forward, .backward])
            do throws(QueryError) {
                _ = try await executor.run(text, parameters, source: store)
                answered += 1
            } catch {
                #expect([.parse, .invalid, .pipeline, .matching, .limit, .unsupported].contains(error.kind), "\(text)")
            }
        }
        #expect(answered > 15)
    }

    private static let many = FakeStore(
        (0..<600).map { TestRow(Int64($0) * second / 20, ["app": "a"], "id=\($0) n=\($0 % 7)", ["t": "\($0)"]) })

    @Test(arguments: [
        "|~ `(a+)+$`", "|~ `(.*a){12}`", "|~ `(x+x+)+y`", "|~ `a{1000}{1000}`",
        "| regexp `(?P<a>(.*)*)*z`", "| id=~`(((((\\\\d+)+)+)+)+)!`",
        "| line_format `{{ repeat 1000000000 \"x\" }}`",
        "| line_format `{{ range $i := fromJson \"[1,2]\" }}{{ end }}`",
        "| line_format `{{ define \"t\" }}{{ template \"t\" . }}{{ end }}{{ template \"t\" . }}`",
        "| line_format `{{ printf \"%999999999d\" 1 }}`", "| line_format `{{ indent 999999999 \"x\" }}`",
        "| line_format `{{ alignLeft 999999999 \"x\" }}`",
        "| label_format a=`{{ repeat 100000 __line__ }}`, b=`{{ repeat 100000 __line__ }}`",
    ])
    func greedyStagesAreBounded(stage: String) async throws {
        let executor = makeExecutor {
            $0.querySeconds.value = 2
            $0.queryMemoryBytes.value = 4 << 20
        }
        let parameters = QueryParameters(range: 0, 1000 * second, limit: 5000)
        do throws(QueryError) {
            let answer = try await executor.run("{app=\"a\"} " + stage, parameters, source: Self.many)
            #expect(answer.statistics.entriesReturned <= 600)
        } catch {
            #expect([.parse, .limit, .timeout].contains(error.kind), "\(error)")
        }
        #expect(executor.resources.running.all.isEmpty)
    }

    @Test(arguments: [
        ("count_over_time({app=\"a\"}[1m])", Int64(0), Int64.max, Int64(1)),
        ("count_over_time({app=\"a\"}[1m])", Int64.min, Int64.max, second),
        ("sum(count_over_time({app=\"a\"}[292y]))", 0, 1000 * second, second),
        ("rate({app=\"a\"}[1ms] offset 292y)", 0, 1000 * second, second),
        ("vector(1)", 0, 1_000_000_000 * second, second),
    ])
    func wideRangesAndNarrowStepsAreBounded(text: String, start: Int64, end: Int64, step: Int64) async throws {
        let executor = makeExecutor()
        let parameters = QueryParameters(range: start, end, stepNanoseconds: step)
        do throws(QueryError) {
            _ = try await executor.run(text, parameters, source: Self.many)
        } catch {
            #expect([.parse, .limit, .invalid].contains(error.kind), "\(error)")
        }
    }

    @Test func manySeriesAreRefusedNotHeld() async throws {
        let executor = makeExecutor { $0.querySeries.value = 100 }
        let parameters = QueryParameters(range: 0, 100 * second, stepNanoseconds: second)
        do throws(QueryError) {
            _ = try await executor.run("count_over_time({app=\"a\"}[10s])", parameters, source: Self.many)
            #expect(Bool(false), "600 series were answered")
        } catch {
            #expect(error.kind == .limit)
        }
        let small = makeExecutor {
            $0.querySeries.value = 5000
            $0.queryMemoryBytes.value = 20_000
        }
        await #expect(throws: QueryError.self) {
            try await small.run("count_over_time({app=\"a\"}[10s])", parameters, source: Self.many)
        }
    }
}
