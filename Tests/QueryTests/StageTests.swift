import Model
import Testing

@testable import Query

struct StageTests {
    private static let labels = ["app": "web"]

    private func keeps(_ line: String, _ stages: String) async throws -> Bool {
        let store = FakeStore([TestRow(second, StageTests.labels, line)])
        return try await !lines("{app=\"web\"} " + stages, store).isEmpty
    }

    private func found(_ line: String, _ stages: String, _ metadata: [String: String] = [:]) async throws -> String {
        let store = FakeStore([TestRow(second, StageTests.labels, line, metadata)])
        return try await streamLabels("{app=\"web\"} " + stages, store).first ?? "dropped"
    }

    @Test(arguments: [
        ("foo bar", #"|= "bar""#, true), ("foo", #"|= """#, true), ("foo", #"!= """#, false),
        ("foo", #"|= "FOO""#, false),
        ("foo", #"|~ "^f.o$""#, true), ("foo", #"!~ ".*""#, false), ("", #"|~ ".+""#, false),
        ("foo", #"|~ "(?i)FO""#, true),
        ("foo", #"|= "x" or "oo""#, true), ("foo", #"!= "x" or "oo""#, false), ("foo", #"!= "x" or "y""#, true),
        ("a\nb", #"|~ "a.b""#, false), ("from 10.1.2.3.", #"|= ip("10.0.0.0/8")"#, true),
        ("from 11.1.2.3", #"|= ip("10.0.0.0/8")"#, false), ("v 1.2.3.4.5", #"|= ip("1.2.3.4")"#, false),
        ("at [::1]", #"|= ip("::1")"#, true), ("x", #"!= ip("::1")"#, true),
        ("dst=10.0.0.5 end", #"|= ip("10.0.0.1-10.0.0.9") or "zzz""#, true),
    ])
    func lineFilters(_ line: String, _ filter: String, _ expected: Bool) async throws {
        #expect(try await keeps(line, filter) == expected)
    }

    @Test(arguments: [
        ("foo bar baz", true), ("baz", true), ("bar baz", true), ("foo<_>", true), ("bar<_>", true), ("<_>baz", true),
        ("foo <_> baz", true), ("<_>bar<_>", true), ("<_>o<_>baz", true), ("bar", false), ("<_>bar", false),
        ("<_>foo<_>", false), ("foo <_>bar baz", false),
    ])
    func patternFilters(_ pattern: String, _ expected: Bool) async throws {
        #expect(try await keeps("foo bar baz", "|> \"\(pattern)\"") == expected)
        #expect(try await keeps("foo bar baz", "!> \"\(pattern)\"") == !expected)
    }

    @Test(arguments: [
        (#"{"a":1.50,"b":{"c":true},"d":[1],"e":null}"#, #"{a="1.50", app="web", b_c="true"}"#),
        (#"{"dup":1,"dup":2}"#, #"{app="web", dup="1"}"#),
        (#"{"app":"x"}"#, #"{app="web", app_extracted="x"}"#),
        (#"{"x.y":1,"x-y":2,"9z":3}"#, #"{_9z="3", app="web", x_y="1"}"#),
        (#"{"s":"a\n\u00e9 \ud83d\ude00"}"#, "{app=\"web\", s=\"a\\né 😀\"}"),
        ("{}", #"{app="web"}"#),
    ])
    func json(_ line: String, _ expected: String) async throws {
        #expect(try await found(line, "| json") == expected)
    }

    @Test func jsonFaults() async throws {
        let open = try await found(#"{"a":1,"b":"x"#, "| json")
        #expect(open.contains(#"a="1""#) && open.contains(#"__error__="JSONParserErr""#))
        #expect(try await found("plain", "| json").contains("JSONParserErr"))
        #expect(try await found("plain", "| json | drop __error__, __error_details__") == #"{app="web"}"#)
        let deep = String(repeating: #"{"a":"#, count: 5000) + "1"
        #expect(try await found(deep, "| json").contains("JSONParserErr"))
    }

    @Test(arguments: [
        (#"{"b":{"c":[{"k":"v"}]}}"#, #"a="b.c[0].k""#, #"{a="v", app="web"}"#),
        (#"{"x.y":1}"#, #"f="[\"x.y\"]""#, #"{app="web", f="1"}"#),
        (#"{"a":1}"#, "zz", #"{app="web", zz=""}"#),
        (#"{"a":{"b":1}}"#, "a", #"{a="{\"b\":1}", app="web"}"#),
    ])
    func jsonPaths(_ line: String, _ arguments: String, _ expected: String) async throws {
        #expect(try await found(line, "| json " + arguments) == expected)
    }

    @Test(arguments: [
        (#"a=1 b="x \"y\"" bare a=2"#, "| logfmt", #"{a="1", app="web", b="x \"y\""}"#),
        ("a=1 bare b=", "| logfmt --keep-empty", #"{a="1", app="web", b="", bare=""}"#),
        ("a=1 x=y=z b=2", "| logfmt", #"{a="1", app="web", b="2"}"#),
        ("a=1 a=3", #"| logfmt z="a", q"#, #"{app="web", q="", z="3"}"#),
    ])
    func logfmt(_ line: String, _ stage: String, _ expected: String) async throws {
        #expect(try await found(line, stage) == expected)
    }

    @Test func strictLogfmt() async throws {
        let text = try await found("a=1 x=y=z b=2", "| logfmt --strict")
        #expect(text.contains("LogfmtParserErr") && text.contains(#"a="1""#) && !text.contains(#"b="2""#))
    }

    @Test(arguments: [
        ("10.0.0.1 GET /x", "| pattern \"<ip> <_> <path>\"", #"{app="web", ip="10.0.0.1", path="/x"}"#),
        ("plain text", "| pattern \"<a>-<b>\"", #"{a="plain text", app="web"}"#),
        ("k=v", "| regexp \"(?P<key>\\\\w)=(?P<rest>.*)\"", #"{app="web", key="k", rest="v"}"#),
        ("kv", "| regexp \"(?P<key>z)\"", #"{app="web"}"#),
        (#"{"_entry":"inner","pod":"p","n":1}"#, "| unpack", #"{app="web", pod="p"}"#),
        (#"{"pod":"p"}"#, "| unpack", #"{app="web"}"#),
    ])
    func otherParsers(_ line: String, _ stage: String, _ expected: String) async throws {
        #expect(try await found(line, stage) == expected)
    }

    @Test(arguments: [(".*two.*", true), ("two.*", false), (".*ne", false), ("one.*", false), (".*x.*", false)])
    func textsAnywhereInAValue(_ regex: String, _ expected: Bool) async throws {
        let store = FakeStore([TestRow(second, StageTests.labels, #"{"v":"one\ntwo three"}"#)])
        let found = try await lines("{app=\"web\"} | json | v=~`\(regex)`", store)
        #expect(found.isEmpty == !expected)
    }

    @Test func stagesThatChangeTheLine() async throws {
        let packed = FakeStore([TestRow(second, StageTests.labels, #"{"_entry":"inner","pod":"p"}"#)])
        #expect(try await lines(#"{app="web"} | unpack |= "inner""#, packed) == ["inner"])
        #expect(try await lines(#"{app="web"} | unpack |= "_entry""#, packed) == [])
        let coloured = FakeStore([TestRow(second, StageTests.labels, "\u{1b}[31mred\u{1b}[0m text")])
        #expect(try await lines(#"{app="web"} | decolorize |= "red text""#, coloured) == ["red text"])
    }

    @Test(arguments: [
        ("n>5", false), ("n>=5", true), ("n=5", true), ("n!=5", false), ("zz!=5", false), ("n<10 and d>1s", true),
        ("d=1500ms", true), ("size>1KB", true), ("size>2KB", false), (#"word="x""#, true), (#"word=~"X|x""#, true),
        (#"word=~".""#, true), (#"zz="""#, true), (#"ip=ip("10.0.0.0/8")"#, true), (#"ip!=ip("10.0.0.0/8")"#, false),
        ("n=1 or n=5", true), ("n=1, n=5 or n=5", false), ("word>5", true),
    ])
    func labelFilters(_ filter: String, _ expected: Bool) async throws {
        let line = "n=5 d=1.5s size=1.5KB word=x ip=10.1.1.1"
        #expect(try await keeps(line, "| logfmt | " + filter) == expected)
    }

    /// More labels than are sorted by insertion, and names that come one by one.
    @Test(arguments: [3, 64, 65, 500])
    func labelsAreInOrder(count: Int) async throws {
        let rows = (0..<5).map { row in
            let fields = (0..<count).map { "\"k\($0 * 7919 % count)\":\($0)" } + ["\"new\(row * 3 % 5)\":1"]
            return TestRow(Int64(row + 1) * second, StageTests.labels, "{" + fields.joined(separator: ",") + "}")
        }
        let expected = (0..<5).map { row in
            var pairs = (0..<count).map { (name: "k\($0 * 7919 % count)", value: "\($0)") }
            pairs += [(name: "app", value: "web"), (name: "new\(row)", value: "1")]
            return LabelSet(pairs).description
        }
        let found = try await instant("count_over_time({app=\"web\"} | json [9s])", FakeStore(rows), at: 9 * second)
        #expect(found.keys.sorted() == expected.sorted())
    }

    @Test(arguments: [
        ("keep b, c=\"3\", c=\"x\"", #"{b="2", c="3"}"#), ("keep a=\"x\", nope", "{}"), ("keep app", #"{app="web"}"#),
        ("keep a | keep a, b", #"{a="1"}"#),
    ])
    func keptLabels(_ stage: String, _ expected: String) async throws {
        #expect(try await found("a=1 b=2 c=3", "| logfmt | " + stage) == expected)
    }

    @Test func namesMadeOfOneLineAreBounded() async throws {
        let key = String(repeating: "k", count: 100_000)
        func line(_ count: Int) -> String {
            "{\"\(key)\":{" + (0..<count).map { "\"a\($0)\":1" }.joined(separator: ",") + "}}"
        }
        let failed = "| json | __error__=\"JSONParserErr\" | keep app"
        #expect(try await !keeps(line(10), failed))
        #expect(try await keeps(line(100), failed))
    }

    @Test func labelsOfOneEntryAreBounded() async throws {
        let store = FakeStore([TestRow(1, StageTests.labels, String(repeating: "x", count: 1 << 20))])
        func count(_ groups: Int) -> String {
            let open = (0..<groups).map { "(?P<g\($0)>" }.joined()
            return "sum by (app)(count_over_time({app=\"web\"} | regexp `\(open).*"
                + String(repeating: ")", count: groups) + "` [5s]))"
        }
        #expect(try await instant(count(3), store, at: 5) == [#"{app="web"}"#: 1])
        let many = count(20)
        let error = await #expect(throws: QueryError.self) { try await instant(many, store, at: 5) }
        #expect(error?.kind == .pipeline && error?.message.contains("LabelsTooLongErr") == true)
        #expect(error?.message.utf8.count ?? .max < 10_000)
    }

    @Test func unreadableNumbersKeepTheEntryAndMarkIt() async throws {
        #expect(try await found("n=abc", "| logfmt | n>5").contains("LabelFilterErr"))
        #expect(try await !found("n=abc", "| logfmt | n=\"abc\" or n>5").contains("LabelFilterErr"))
    }

    @Test func metadata() async throws {
        let both = ["trace": "t1", "app": "shadow"]
        #expect(try await found("x", "", both) == #"{app="web", app_extracted="shadow", trace="t1"}"#)
        #expect(try await found("trace=t2", "| logfmt", both).contains(#"trace_extracted="t2""#))
        #expect(try await found("trace=t2", "| drop trace | logfmt", both).contains(#"trace="t2""#))
        #expect(try await found("app=z", "| drop app | logfmt").contains(#"app_extracted="z""#))
        #expect(try await found("x", "| keep trace", both) == #"{trace="t1"}"#)
        #expect(try await found("x", #"| drop trace="nope""#, both).contains("trace="))
    }
}
