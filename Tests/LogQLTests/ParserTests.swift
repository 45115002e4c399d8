import LogQL
import Testing

struct ParserTests {
    static func filter(_ text: String) throws -> LabelFilter? {
        guard case .labelFilter(let filter) = try language.parseLogQuery("{a=\"b\"} | " + text).stages.first else {
            return nil
        }
        return filter
    }

    static func number(_ name: String, _ value: Double) -> LabelFilter { .number(name: name, .equal, value) }

    @Test func connectives() throws {
        let (x, y, z) = (Self.number("x", 1), Self.number("y", 2), Self.number("z", 3))
        #expect(try Self.filter("x=1, y=2 or z=3") == .all([x, .any([y, z])]))
        #expect(try Self.filter("x=1 or y=2, z=3") == .any([x, .all([y, z])]))
        #expect(try Self.filter("x=1 and y=2 or z=3") == .any([.all([x, y]), z]))
        #expect(try Self.filter("x=1 or y=2 and z=3") == .any([x, .all([y, z])]))
        #expect(try Self.filter("x=1 y=2") == .all([x, y]))
        #expect(try Self.filter("(x=1 or y=2) and z=3") == .all([.any([x, y]), z]))
        #expect(try Self.filter("x=1, y=2, z=3") == .all([x, y, z]))
    }

    @Test func conditions() throws {
        #expect(try Self.filter("status=\"500\"") == .text(Matcher("status", .equal, "500")))
        #expect(try Self.filter("bytes=5") == .number(name: "bytes", .equal, 5))
        #expect(try Self.filter("took>-1.5") == .number(name: "took", .greater, -1.5))
        #expect(try Self.filter("took>=500ms") == .duration(name: "took", .greaterOrEqual, nanoseconds: 500_000_000))
        #expect(try Self.filter("size<30KB") == .bytes(name: "size", .less, 30_000))
        let net = try #require(IPPattern(parsing: "10.0.0.0/8"))
        #expect(try Self.filter("ip!=ip(\"10.0.0.0/8\")") == .ip(name: "ip", isNegated: true, net))
    }

    @Test func stages() throws {
        let query = try language.parseLogQuery(
            """
            {a="b"} |= "x" or ip("::1") !> "a<_>" | JSON k="b.c[0]", d | logfmt --strict --keep-empty e="f"
              | regexp `(?<n>\\d+)` | pattern "<p> <_>" | unpack | line_format "{{.a}}" | label_format a=b, c="{{.d}}"
              | decolorize | drop a, b="x" | keep c
            """)
        let path = JSONPath(elements: [.key(Array("b".utf8)), .key(Array("c".utf8)), .index(0)], text: "b.c[0]")
        let plain = JSONPath(elements: [.key(Array("d".utf8))], text: "d")
        #expect(
            query.stages == [
                .lineFilter(LineFilter(.contains, [.text("x"), .ip(try #require(IPPattern(parsing: "::1")))])),
                .lineFilter(LineFilter(.notPattern, [.pattern(Pattern(parsing: Array("a<_>".utf8)))])),
                .json([JSONExtraction("k", path), JSONExtraction("d", plain)]),
                .logfmt(LogfmtParser(isStrict: true, keepsEmpty: true, extractions: [LogfmtExtraction("e", "f")])),
                .regexp("(?<n>\\d+)"),
                .pattern(Pattern(pieces: [.capture("p"), .literal([0x20]), .placeholder])),
                .unpack,
                .lineFormat("{{.a}}"),
                .labelFormat([LabelFormatItem("a", .rename(from: "b")), LabelFormatItem("c", .template("{{.d}}"))]),
                .decolorize,
                .drop([.name("a"), .matcher(Matcher("b", .equal, "x"))]),
                .keep([.name("c")]),
            ])
    }

    @Test(arguments: [
        "sum_over_time({a=\"b\"} | json | unwrap bytes(x) | y=1 [5m] offset 1h)",
        "sum_over_time({a=\"b\"}[5m] offset 1h | json | unwrap bytes(x) | y=1)",
        "sum_over_time(({a=\"b\"} | json | unwrap bytes(x) | y=1)[5m] offset 1h)",
        "sum_over_time((({a=\"b\"} | json | unwrap bytes(x) | y=1 [5m] offset 1h)))",
    ])
    func ranges(query: String) throws {
        let unwrap = Unwrap("x", conversion: .bytes, filters: [Self.number("y", 1)])
        let lines = LogQuery(selector: Selector([Matcher("a", .equal, "b")]), stages: [.json([])])
        let range = LogRange(
            query: lines, unwrap: unwrap, rangeNanoseconds: 300_000_000_000, offsetNanoseconds: 3_600_000_000_000)
        #expect(try language.parse(query) == .metric(.rangeAggregation(RangeAggregation(.sumOverTime, range))))
    }

    @Test(arguments: [
        ("1+2*3", 7), ("2^3^2", 512), ("-1 % 3", -1), ("7 - 2 - 1", 4), ("1 > 2", 0), ("1 == bool 1", 1), ("((1))", 1),
        ("1 + + 1", 2), ("10 % 4 ^ 2", 10),
    ])
    func folding(query: String, value: Double) throws {
        #expect(try language.parse(query) == .metric(.literal(value)))
    }

    @Test func divisionByZeroIsNotANumber() throws {
        for query in ["1 / 0", "1 % 0"] {
            guard case .metric(.literal(let value)) = try language.parse(query) else {
                Issue.record("no literal")
                continue
            }
            #expect(value.isNaN)
        }
    }

    @Test func matching() throws {
        let query = "vector(1) > bool on (a) group_left (b, c) vector(2) unless ignoring () vector(3)"
        let inner = BinaryOperation(
            .greater, .vector(1), .vector(2), returnsBool: true,
            matching: VectorMatching(isOn: true, ["a"], cardinality: .manyToOne, included: ["b", "c"]))
        let outer = BinaryOperation(.unless, .binary(inner), .vector(3), matching: VectorMatching(isOn: false, []))
        #expect(try language.parse(query) == .metric(.binary(outer)))
        #expect(fault("vector(1) / on (a) group_left (vector(2))") == "accepted")
    }

    @Test func groupingStandsBeforeOrBehind() throws {
        let before = try language.parse("sum by (x, y) (rate({a=\"b\"}[1m]))")
        #expect(before == (try language.parse("SUM(rate({a=\"b\"}[1m])) BY (x,y)")))
        #expect(before.isMetric)
        #expect(fault("sum by (x) (vector(1)) by (y)") != "accepted")
    }

    @Test func selectorsInOrder() throws {
        let query = try language.parse("sum(rate({a=\"1\"}[1m])) / (rate({a=\"2\"}[1m]) + vector(1))")
        #expect(query.selectors.map(\.description) == ["{a=\"1\"}", "{a=\"2\"}"])
    }

    @Test func highCardinalityNamesSelectAlone() {
        #expect(fault("{trace_id=\"4bf9\"}") == "accepted")
        #expect(fault("{trace_id=~\"4bf.+\"}") == "accepted")
    }

    @Test func dendrosDialect() throws {
        let language = Language(dialect: .dendro, regexes: StandInRegexes())
        #expect(try language.parseLogQuery("\"boom\"") == language.parseLogQuery("{} |= \"boom\""))
        #expect(try language.parseLogQuery("").stages.isEmpty)
        #expect(try language.parseLogQuery("| json | a=1").stages.count == 2)
        let query = try language.parseLogQuery("{a=\"b\"} | json | sort by (x desc, y) | distinct a,b | limit 5")
        #expect(
            query.resultSteps == [
                .sort([SortKey("x", isDescending: true), SortKey("y")]), .distinct(["a", "b"]), .limit(5),
            ])
        #expect(try language.parseLogQuery(query.description) == query)
        #expect(try language.parseLogQuery("{a=\"b\"} | limit=5 | distinct=\"x\"").stages.count == 2)
        for text in ["{}", "\"boom\"", "{a=\"b\"} | limit 5"] { #expect(fault(text) != "accepted") }
        for text in ["{a=\"b\"} | limit 0", "{} | limit 5 | json"] {
            #expect(fault(text, dialect: .dendro) != "accepted")
        }
    }
}
