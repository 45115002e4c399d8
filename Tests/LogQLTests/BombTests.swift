import LogQL
import Testing

/// A long text with a name of its own, so that test reports stay short.
struct Bomb: CustomTestStringConvertible, Sendable {
    var query: String

    init(_ query: String) { self.query = query }

    var testDescription: String { "\(query.prefix(40))… (\(query.utf8.count) bytes)" }
}

/// Hostile texts: each is read or refused, none ends the process.
struct BombTests {
    static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    @Test(
        arguments: [
            repeated("(", 100_000), repeated("(", 65_000) + repeated(")", 65_000), repeated("sum(", 30_000),
            "{a=\"b\"} | " + repeated("(", 100_000), repeated("2^", 60_000) + "2", "rate(" + repeated("(", 100_000),
            "{a=\"b\"} | x=1 or " + repeated("a=1, b=2 or ", 8_000) + "z=1", repeated("label_replace(", 9_000),
        ].map(Bomb.init))
    func deepTextsAreRefused(bomb: Bomb) {
        let message = fault(bomb.query)
        #expect(
            message.contains("nests deeper than") || message.contains("binary operations"), "\(message.prefix(200))")
    }

    @Test func longChainsOfOperatorsAreRefused() {
        #expect(fault("vector(1)" + Self.repeated(" + vector(1)", 10_000)).contains("binary operations"))
        #expect(fault("vector(1)" + Self.repeated(" + vector(1)", Language.operationLimit)) == "accepted")
    }

    @Test(
        arguments: [
            "vector(1)" + repeated(" + vector(1)", Language.operationLimit), "vector(2)" + repeated(" ^ vector(2)", 70),
            repeated("sum(vector(1) + ", 39) + "vector(1)" + repeated(")", 39),
            repeated("(", 120) + "vector(1)" + repeated(")", 120),
            "{a=\"b\"} | x=1 or " + repeated("a=1, b=2 or ", 38) + "z=1",
            repeated("sum(", 78) + "vector(1)" + repeated(")", 78),
            "rate({a=\"b\"} | " + repeated("( x=1 or ( y=1 , ", 30) + "z=1" + repeated(") )", 30) + "[1m])",
        ].map(Bomb.init))
    func deepTreesReadBack(bomb: Bomb) throws {
        let tree = try language.parse(bomb.query)
        #expect(try language.parse(tree.description) == tree)
        #expect(try language.parse(tree.formatted) == tree)
    }

    @Test func sizeIsBounded() {
        let query = "{a=\"b\"} #" + Self.repeated("x", Language.sizeLimitBytes)
        #expect(fault(query) == "parse error : input size too long (131081 > 131072)")
        #expect(fault(String(query.prefix(Language.sizeLimitBytes - 1))) == "accepted")
    }

    @Test(arguments: [
        ("{a=~\"x\"", ", a!~\"x\"", "}"), ("{a=\"b\"} |~ \"x\"", " or \"x\"", ""),
        ("{a=\"b\"} | a=~\"x\"", ", a!~\"x\"", ""), ("{a=\"b\"} | drop a=~\"x\"", ", a=~\"x\"", ""),
        ("{a=\"b\"} | regexp \"(?P<x>y)\"", " | regexp \"(?P<x>y)\"", ""),
        (
            "label_replace(vector(1), \"a\", \"b\", \"c\", \"x\")",
            " + label_replace(vector(1), \"a\", \"b\", \"c\", \"x\")", ""
        ),
    ])
    func regexesAreCounted(start: String, more: String, end: String) {
        #expect(fault(start + Self.repeated(more, Language.regexLimit - 1) + end) == "accepted")
        let message = fault(start + Self.repeated(more, Language.regexLimit) + end)
        #expect(message.hasSuffix(": more than 128 regular expressions in one query"), "\(message.prefix(200))")
    }

    @Test func theRegexTooManyIsNamedByItsPlace() {
        let query = "{a=~\"x\"" + Self.repeated(", a=~\"x\"", 200) + "}"
        #expect(fault(query) == "parse error at line 1, col 1029: more than 128 regular expressions in one query")
    }

    @Test(arguments: [
        ("{a=\"b\"} |= \"x\"", " or \"x\"", 1), ("{a=\"b\"} |= \"x\"", " != \"x\"", 1),
        ("{a=\"b\"} |= ip(\"1.1.1.1\")", " or ip(\"1.1.1.1\")", 1), ("{a=\"b\"} | json", " | json", 1),
        ("{a=\"b\"} | json a=\"x\"", ", a=\"x\"", 2), ("{a=\"b\"} | logfmt a", ", a", 2),
        ("{a=\"b\"} | json a=\"x.y[0]\"", ".z", 4),
    ])
    func passesOverALineAreCounted(start: String, more: String, passes: Int) {
        let isPath = more == ".z"
        func query(_ count: Int) -> String {
            let all = Self.repeated(more, count)
            return isPath ? String(start.dropLast()) + all + "\"" : start + all
        }
        #expect(fault(query(Language.passLimit - passes)) == "accepted")
        let message = fault(query(Language.passLimit - passes + 1))
        #expect(
            message.hasSuffix(": more than 512 stages, filter texts and extractions in one query"),
            "\(message.prefix(200))")
    }

    @Test func listsOfLabelsAreBounded() {
        let limit = Language.labelLimit
        func sum(_ count: Int) -> String { "sum by (a\(Self.repeated(",a", count - 1))) (vector(1))" }
        #expect(fault(sum(limit)) == "accepted")
        #expect(fault(sum(limit + 1)).hasSuffix(": more than 256 labels in one list"))
        func sort(_ count: Int) -> String { "{} | sort by (a\(Self.repeated(",a desc", count - 1)))" }
        #expect(fault(sort(limit), dialect: .dendro) == "accepted")
        #expect(fault(sort(limit + 1), dialect: .dendro).hasSuffix(": more than 256 labels in one list"))
    }

    @Test(
        arguments: [
            "{a=\"b\"} |= \"x\"" + repeated(" or \"y\"", 18_000), "{a=\"b\"}" + repeated(" |= \"x\"", 18_000),
            "{a=\"b\"} | x=1" + repeated(" or x=1", 18_000), "{a=\"b\"} | x=1" + repeated(", x=1", 24_000),
            "{a=\"b\"} | x=1" + repeated(" x=1", 30_000), "{a=\"b\"" + repeated(", a=\"b\"", 18_000) + "}",
            "{a=\"b\"} | drop a" + repeated(",a", 60_000), "{a=\"b\"} | json a" + repeated(",a", 60_000),
            "{a=\"" + repeated("\\n", 60_000) + "\"}", "{a=\"b\"} |> \"" + repeated("<_>x", 30_000) + "\"",
            "{a=\"b\"} | regexp \"(?P<a>x)" + repeated("[(", 10) + repeated("(?", 50_000) + "\"" + repeated(" ", 10),
            "1" + repeated(" ", 131_000), repeated("/**/", 32_000) + "1", "rate" + repeated(" ", 131_000),
            repeated("1.", 60_000), repeated("1m", 60_000), repeated("1K", 60_000), "[" + repeated("1", 131_000) + "]",
        ].map(Bomb.init))
    func longTextsAreReadOrRefused(bomb: Bomb) {
        guard let tree = try? language.parse(bomb.query) else { return }
        #expect((try? language.parse(tree.formatted)) == tree || tree.formatted.utf8.count >= Language.sizeLimitBytes)
    }

    @Test(arguments: 0..<20)
    func anyTextIsReadOrRefused(seed: Int) {
        let words = [
            "{", "}", "(", ")", "[5m]", "[", "]", ",", "=", "==", "!=", "=~", "!~", "|", "|=", "|~", "|>", "!>", "<",
            ">=", "+", "-",
            "*", "/", "^", "%", "a", "rate", "sum", "topk", "by", "without", "on", "ignoring", "group_left", "bool",
            "offset", "5m",
            "5", "5KB", "\"x\"", "`(`", "ip", "json", "logfmt", "--strict", "regexp", "pattern", "unpack", "unwrap",
            "line_format",
            "label_format", "drop", "keep", "and", "or", "unless", "vector", "label_replace", "variants", "of", "#",
            "\n", "é", "\\",
            "{a=\"b\"}", "rate({a=\"b\"}[1m])", "count_over_time(", "| json", "distinct", "limit", "sort",
        ]
        var dice = Dice(state: UInt64(seed))
        var queries = RandomQueries(seed: seed)
        for _ in 0..<300 {
            let soup = dice.list(1...20) { $0.pick(words) }.joined(separator: dice.coin() ? " " : "")
            var torn = Array(queries.expression().description.utf8)
            for _ in 0..<dice.roll(4) { torn[dice.roll(torn.count)] = UInt8(truncatingIfNeeded: dice.roll(256)) }
            let end = dice.roll(torn.count)
            for text in [soup, String(decoding: torn, as: UTF8.self), String(decoding: torn[..<end], as: UTF8.self)] {
                for dialect in [Dialect.loki, .dendro] {
                    let language = Language(dialect: dialect, regexes: StandInRegexes())
                    guard let tree = try? language.parse(text) else { continue }
                    guard !"\(tree)".contains("(0 / 0)") else { continue }
                    #expect((try? language.parse(tree.description)) == tree, "\(text)")
                }
            }
        }
    }
}
