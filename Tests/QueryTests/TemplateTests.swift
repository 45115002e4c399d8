import Bytes
import Model
import Testing

@testable import Query

struct TemplateTests {
    private func format(_ template: String, _ line: String = "a=1 b=two size=1.5MiB took=1m30s") async throws -> String
    {
        let store = FakeStore([TestRow(1_795_459_762_123_456_789, ["app": "web"], line)])
        let query = "{app=\"web\"} | logfmt | line_format `\(template)`"
        let parameters = QueryParameters(range: 0, .max)
        let answer = try await makeExecutor().run(query, parameters, source: store)
        guard case .streams(let streams) = answer.result, let stream = streams.first, let entry = stream.entries.first
        else { return "nothing" }
        if stream.labels.value(of: "__error__") != nil { return "error" }
        return String(decoding: entry.line, as: UTF8.self)
    }

    @Test(arguments: [
        ("{{.a}}-{{.b}}", "1-two"), ("{{.nope}}", ""), ("{{ .b | upper }}", "TWO"),
        ("{{ if .zz }}x{{ else }}y{{ end }}", "y"),
        ("{{ if eq .a \"1\" }}one{{ else if .b }}b{{ end }}", "one"), ("{{ with .b }}<{{.}}>{{ end }}", "<two>"),
        ("{{ $x := .a }}{{ $x }}{{ $x = .b }}{{ $x }}", "1two"), ("{{- .a -}}  z", "1z"), ("{{/* c */}}k", "k"),
        ("{{ range $i, $e := fromJson `[1,2]` }}{{$i}}={{$e}};{{ end }}", "0=1;1=2;"),
        ("{{ define \"t\" }}[{{.}}]{{ end }}{{ template \"t\" .a }}", "[1]"),
        ("{{ add 1 2 3 }} {{ sub 5 7 }} {{ mul 2 3 }} {{ div -7 2 }} {{ mod -7 3 }}", "6 -2 6 -3 -1"),
        ("{{ addf 0.1 0.2 }} {{ divf 1 3 }} {{ mulf 1.5 2 }}", "0.3 0.3333333333333333 3"),
        ("{{ bytes .size }} {{ duration .took }}", "1.572864e+06 90"),
        ("{{ round 3.14159 2 }} {{ ceil 1.2 }} {{ floor 1.8 }}", "3.14 2 1"),
        ("{{ trunc 2 .b }}|{{ trunc -2 .b }}|{{ substr 1 2 .b }}", "tw|wo|w"),
        ("{{ alignLeft 5 .b }}|{{ alignRight 2 .b }}", "two  |wo"),
        ("{{ regexReplaceAll \"(t)(w)\" .b \"${2}${1}x\" }}", "wtxo"), ("{{ .b | b64enc | b64dec }}", "two"),
        ("{{ printf \"%05d|%-4s|%.2f|%q\" 42 .b 3.14159 .a }}", "00042|two |3.14|\"1\""),
        (
            "{{ __timestamp__ | unixEpoch }} {{ __timestamp__ | date \"2006-01-02 15:04:05.000\" }}",
            "1795459762 2026-11-23 18:49:22.123"
        ),
        ("{{ unixToTime \"1795459762\" | date \"Mon Jan _2 3:04PM\" }}", "Mon Nov 23 6:49PM"),
        ("{{ toDate \"2006-01-02\" \"2024-02-29\" | unixEpoch }}", "1709164800"), ("{{ default \"d\" .zz }}", "d"),
        ("{{ \"o'neil mc-d\" | title }}", "O'Neil Mc-D"), ("{{ count \"o\" \"foo boo\" }}", "4"),
        ("{{ int \"867.90\" }}", "867"),
        ("{{ and .a .zz }}|{{ or .zz .b }}|{{ not .zz }}", "|two|true"),
        ("{{ index (fromJson `{\"k\":[5]}`).k 0 }}", "5"),
        (
            "{{ $m := fromJson `{\"b\":1,\"a\":2,\"b\":3}` }}{{ $m.b }} {{ index $m `a` }} {{ len $m }} {{ $m }}",
            "3 2 2 map[a:2 b:3]"
        ),
        ("{{ range $k, $v := . }}{{ $k }}={{ $v }};{{ end }}", "a=1;app=web;b=two;size=1.5MiB;took=1m30s;"),
        ("{{ $.b }}{{ index . `a` }}{{ len . }}{{ $.nope }}", "two15"),
        ("{{ toDate `Jan 2 2006` `Mar 5 2024` | unixEpoch }}", "1709596800"),
        ("{{ . }}", "map[a:1 app:web b:two size:1.5MiB took:1m30s]"), ("{{ __line__ | len }}", "32"),
    ])
    func templates(_ template: String, _ expected: String) async throws {
        #expect(try await format(template.replacingBackticks) == expected)
    }

    @Test(arguments: [
        "{{ div 1 0 }}", "{{ .a.b }}", "{{ unixToTime .b }}", "{{ repeat 9999999 .b }}", "{{ slice .b 5 9 }}",
        "{{ printf 1 }}",
    ])
    func failures(_ template: String) async throws {
        #expect(try await format(template) == "error")
    }

    @Test(arguments: [
        "{{", "{{ nope }}", "{{ if }}", "{{ end }}", "{{ .a | }}", "{{ $x }}", "{{ break }}", "{{ \"a }}",
    ])
    func refusals(_ template: String) async {
        await #expect(throws: QueryError.self) { try await format(template) }
    }

    @Test func bombsEnd() async throws {
        let recursive = "{{ define \"t\" }}{{ template \"t\" . }}{{ end }}{{ template \"t\" . }}"
        #expect(try await format(recursive) == "error")
        #expect(try await format("{{ repeat 999999993 .nope }}x") == "x")
        let million = "(repeat 1000000 \"x\")"
        #expect(try await format("{{ regexReplaceAll \"\" \(million) \(million) }}") == "error")
        #expect(try await format("{{ range $i := 99999 }}{{ $x := repeat 1000000 \"a\" }}{{ end }}") == "error")
        #expect(
            try await format("{{ range $i := 99999 }}{{ if contains \"b\" \(million) }}{{ end }}{{ end }}") == "error")
        #expect(try await format("{{ range $i := 99999 }}{{ range $j := 99999 }}{{ end }}{{ end }}") == "error")
        let operands = String(repeating: " $i", count: 5000)
        #expect(try await format("{{ range $i := 99999 }}{{ $x := and 1\(operands) }}{{ end }}") == "error")
        #expect(try await format("{{ range $i := 200 }}{{ count (print \"a\" $i) \"x\" }}{{ end }}") == "error")
        let forty = String(repeating: "0", count: 40)
        #expect(try await format("{{ range $i := 40 }}{{ count \"a\" \"x\" }}{{ end }}") == forty)
        let nested = String(repeating: "{{ if .a }}", count: 500) + String(repeating: "{{ end }}", count: 500)
        await #expect(throws: QueryError.self) { try await format(nested) }
    }

    /// 600,000 signs become more than 1 MiB.
    @Test(arguments: [
        ("print $x $x", 2), ("println $x $x", 2), ("printf `%v%s` $x $x", 2), ("html $x", 4), ("js $x", 6),
        ("$x | urlencode", 3), ("regexReplaceAll `(<+)` $x `$1$1`", 2),
        ("print (fromJson (print `[` `\"` $x `\"` `]`)) $x", 2),
    ])
    func whatFunctionsGiveIsBounded(_ call: String, _ factor: Int) async throws {
        func template(_ count: Int) -> String {
            "{{ $x := repeat \(count) `<` }}{{ len (\(call)) }}".replacingBackticks
        }
        #expect(try await format(template(600_000)) == "error")
        let size = try #require(Int(try await format(template(1000))))
        #expect(size / 1000 == factor && size % 1000 < 5)
    }

    @Test func replacementsStopAsTheyGrow() throws {
        let text = [UInt8](text: "abc")
        let regex = try Regex([UInt8](text: "(b)(c)?"))
        var offsets: [Int64] = []
        let isFound = regex.find(text.span, into: &offsets)
        #expect(isFound)
        let expansion = Expansion([UInt8](text: "<$1$2$9$9223372036854775807>"), regex)
        #expect(expansion.expand(text, offsets, limitBytes: 4) == [UInt8](text: "<bc>"))
        #expect(expansion.expand(text, offsets, limitBytes: 3) == nil)
    }

    @Test func templatesOfAnEntryShareWhatTheyMayDo() async throws {
        let store = FakeStore([TestRow(second, ["app": "web"], "x")])
        func labels(_ count: Int) async throws -> String {
            let items = (0..<count).map { "l\($0)=`{{ len (repeat 1000000 \"x\") }}`" }.joined(separator: ", ")
            return try await streamLabels("{app=\"web\"} | label_format " + items, store).first ?? "nothing"
        }
        #expect(try await labels(2) == #"{app="web", l0="1000000", l1="1000000"}"#)
        #expect(try await labels(40).contains("TemplateFormatErr"))
    }

    @Test func variablesAreBounded() async throws {
        func declared(_ count: Int) -> String { (0..<count).map { "{{ $v\($0) := \($0) }}" }.joined() }
        #expect(try await format(declared(255) + "{{ $v7 }}") == "7")
        let many = declared(256)
        await #expect(throws: QueryError.self) { try await format(many) }
    }

    /// Entry by entry alike, whatever was compiled for those before.
    @Test(arguments: [(128, "a a a"), (129, "error error error")])
    func regexesAreBounded(count: Int, expected: String) async throws {
        let calls = (0..<count).map { "{{ regexReplaceAll `x\($0)` .b `` }}".replacingBackticks }.joined()
        var seen: [String] = []
        for _ in 0..<3 { seen.append(try await format(calls, "b=a") == "error" ? "error" : "a") }
        #expect(seen.joined(separator: " ") == expected)
    }

    @Test func longLinesMayHaveManyMatches() async throws {
        let template = "{{ $x := repeat 14000 `12 words then ` }}{{ len (regexReplaceAll `[0-9]+` $x `#`) }}"
        #expect(try await format(template.replacingBackticks) == "\(14_000 * 13)")
    }

    @Test func labelFormatSeesTheLabelsAsTheyWere() async throws {
        let store = FakeStore([TestRow(second, ["app": "web"], "x", ["m": "v"])])
        let query = #"{app="web"} | label_format a="1", b="{{.a}}""#
        #expect(try await streamLabels(query, store) == [#"{a="1", app="web", b="", m="v"}"#])
        #expect(
            try await streamLabels(#"{app="web"} | label_format z=m, q="{{.z}}""#, store) == [
                #"{app="web", q="v", z="v"}"#
            ])
        #expect(try await streamLabels(#"{app="web"} | label_format z=none"#, store) == [#"{app="web", m="v"}"#])
    }
}

extension String {
    /// Templates stand between backticks in these tests: raw strings inside become quoted ones.
    fileprivate var replacingBackticks: String {
        var result = ""
        var isInside = false
        for character in self {
            if character == "`" {
                isInside.toggle()
                result += "\""
            } else if character == "\"", isInside {
                result += "\\\""
            } else {
                result.append(character)
            }
        }
        return result
    }
}

struct GoNumberTests {
    @Test(arguments: [
        (1_572_864.0, "1.572864e+06"), (0.3, "0.3"), (100000, "100000"), (1e6, "1e+06"), (0.0001, "0.0001"),
        (0.00001, "1e-05"), (-2.5, "-2.5"),
        (0, "0"),
    ])
    func plain(_ value: Double, _ expected: String) {
        #expect(GoNumber.text(value) == expected)
    }

    @Test(arguments: [
        (3.14159, 2, "3.14"), (2.5, 0, "2"), (3.5, 0, "4"), (9.999, 2, "10.00"), (-0.5, 1, "-0.5"),
        (1e20, 1, "100000000000000000000.0"),
    ])
    func fixed(_ value: Double, _ decimals: Int, _ expected: String) {
        #expect(Fixed.text(value, decimals) == expected)
    }
}
