import LogQL
import Testing

struct ParseErrorTests {
    static let empty = "parse error : queries require at least one regexp or equality matcher that does not have "

    @Test(arguments: [
        ("", "parse error : syntax error: unexpected $end"),
        (" ", "parse error at line 1, col 2: syntax error: unexpected $end"),
        ("{", "parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }"),
        ("{app=\"web\"", "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,"),
        ("{app=\"web\",}", "parse error at line 1, col 12: syntax error: unexpected }, expecting IDENTIFIER"),
        ("{app=web}", "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ("{app==\"web\"}", "parse error at line 0, col 5: syntax error: unexpected ==, expecting = or =~ or !~ or !="),
        ("{on=\"web\"}", "parse error at line 1, col 2: syntax error: unexpected on, expecting IDENTIFIER or }"),
        (
            "{a=\"b\"}\n|= web",
            "parse error at line 2, col 4: syntax error: unexpected IDENTIFIER, expecting STRING or ip"
        ),
        ("{app=\"web\"} | unwrap x", "parse error at line 1, col 15: syntax error: unexpected unwrap"),
        ("{app=\"web\"} | json json", "parse error at line 1, col 20: syntax error: unexpected json"),
        ("{app=\"web\"} | a>5x", "parse error at line 1, col 19: syntax error: unexpected $end"),
        ("{app=\"web\"} | a=~5", "parse error at line 1, col 18: syntax error: unexpected NUMBER, expecting STRING"),
        (
            "{app=\"web\"} | drop a,",
            "parse error at line 1, col 22: syntax error: unexpected $end, expecting IDENTIFIER"
        ),
        ("({a=\"b\"}) |= \"x\"", "parse error at line 0, col 11: syntax error: unexpected |="),
        ("{app=\"web\"}[5m]", "parse error at line 0, col 12: syntax error: unexpected RANGE"),
        ("rate({app=\"web\"})", "parse error at line 1, col 17: syntax error: unexpected )"),
        ("rate({app=\"web\"}[5x])", "parse error at line 0, col 17: unknown unit \"x\" in duration \"5x\""),
        ("rate({app=\"web\"}[5m]", "parse error at line 1, col 21: syntax error: unexpected $end, expecting )"),
        ("rate({app=\"web\"}[5m]) offset 1m", "parse error at line 1, col 23: syntax error: unexpected offset"),
        ("bogus({app=\"web\"}[5m])", "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("1 2", "parse error at line 1, col 3: syntax error: unexpected NUMBER"),
        ("topk(1, {app=\"web\"})", "parse error at line 1, col 20: syntax error: unexpected )"),
        ("vector(-1)", "parse error at line 1, col 8: syntax error: unexpected -, expecting NUMBER"),
        ("- rate({a=\"b\"}[1m])", "parse error at line 1, col 3: syntax error: unexpected rate, expecting NUMBER"),
        (
            "0x10",
            "parse error : unable to parse literal as a float: strconv.ParseFloat: parsing \"0x10\": invalid syntax"
        ),
    ])
    func grammar(query: String, message: String) {
        #expect(fault(query) == message)
    }

    @Test(arguments: [
        "{}", "{app=\"\"}", "{app=~\".*\"}", "{app=~\"\"}", "{app!=\"x\"}", "{a=~\"x*\", b!~\"y\"}",
        "rate({a=~\"b|\"}[1m])",
    ])
    func selectorsThatMatchEverything(query: String) {
        #expect(fault(query).hasPrefix(Self.empty))
    }

    @Test(arguments: [
        ("{app=~\"(a\"}", "error parsing regexp: missing closing ): `(a`"),
        ("{app=\"web\"} |~ \"(a\"", "stage '|~ \"(a\"' : error parsing regexp: missing closing ): `(a`"),
        ("{app=\"web\"} |= ip(\"bogus\")", "stage '|= ip(\"bogus\")' : ip: invalid pattern: \"bogus\""),
        ("{app=\"web\"} |~ ip(\"1.2.3.4\")", "stage '|~ ip(\"1.2.3.4\")' : ip: invalid operation"),
        (
            "{app=\"web\"} | a=ip(\"1.2.3.4/33\")",
            "stage '| a=ip(\"1.2.3.4/33\")' : ip: invalid pattern: \"1.2.3.4/33\""
        ),
        (
            "{app=\"web\"} | label_format a=b,a=c",
            "stage '| label_format a=b,a=c' : multiple label name 'a' not allowed in a single format operation"
        ),
        (
            "{app=\"web\"} | label_format __error__=\"x\"",
            "stage '| label_format __error__=\"x\"' : __error__ cannot be formatted"
        ),
        (
            "{app=\"web\"} | json a=\"b[x]\"",
            "stage '| json a=\"b[x]\"' : cannot parse expression [b[x]]: syntax error: unexpected FIELD, "
                + "expecting STRING or INDEX"
        ),
        (
            "{app=\"web\"} | json a=\"x..y\"",
            "stage '| json a=\"x..y\"' : cannot parse expression [x..y]: syntax error: unexpected DOT, expecting FIELD"
        ),
        (
            "{app=\"web\"} | logfmt a=\"b c\"",
            "stage '| logfmt a=\"b c\"' : cannot parse expression [b c]: syntax error: unexpected KEY"
        ),
        ("{app=\"web\"} |> \"<a>\"", "stage '|> \"<a>\"' : named captures are not allowed: found '<a>'"),
        (
            "{app=\"web\"} |> \"<_><_>\"",
            "stage '|> \"<_><_>\"' : found consecutive capture '<_><_>': invalid expression"
        ),
        ("{app=\"web\"} | regexp \"x\"", "invalid regexp parser: at least one named capture must be supplied"),
        ("{app=\"web\"} | regexp \"(?P<a>x)(?<a>y)\"", "invalid regexp parser: duplicate extracted label name 'a'"),
        ("{app=\"web\"} | pattern \"<_> x\"", "invalid pattern parser: at least one capture is required"),
        (
            "{app=\"web\"} | pattern \"<a><b>\"",
            "invalid pattern parser: found consecutive capture '<a><b>': invalid expression"
        ),
        (
            "{app=\"web\"} | pattern \"<a> <a>\"",
            "invalid pattern parser: duplicate capture name (a): invalid expression"
        ),
        ("topk(rate({a=\"b\"}[1m]))", "parameter required for operation topk"),
        ("topk(0, rate({a=\"b\"}[1m]))", "invalid parameter (must be greater than 0) topk(0"),
        ("topk(1.5, rate({a=\"b\"}[1m]))", "invalid parameter topk(1.5,"),
        ("sum(1, rate({a=\"b\"}[1m]))", "unsupported parameter for operation sum(1,"),
        ("approx_topk(1, rate({a=\"b\"}[1m])) by (x)", "grouping not allowed for approx_topk aggregation"),
        ("sort(rate({a=\"b\"}[1m])) by (x)", "sort and sort_desc doesn't allow grouping by"),
        ("quantile_over_time({a=\"b\"} | unwrap x [1m])", "parameter required for operation quantile_over_time"),
        ("count_over_time(0.5, {a=\"b\"}[1m])", "parameter 0.5 not supported for operation count_over_time"),
        ("avg_over_time({a=\"b\"}[1m])", "invalid aggregation avg_over_time without unwrap"),
        ("count_over_time({a=\"b\"} | unwrap x [1m])", "invalid aggregation count_over_time with unwrap"),
        ("rate({a=\"b\"}[1m]) by (x)", "grouping not allowed for rate aggregation"),
        ("1 + {a=\"b\"}", "unexpected type for right leg of binary operation (+): a log query"),
        ("1 and vector(1)", "unexpected literal for left leg of logical/set binary operation (and): 1.000000"),
        (
            "label_replace(vector(1), \"a\", \"b\", \"c\", \"(\")",
            "invalid regex in label_replace: error parsing regexp: missing closing ): `(`"
        ),
    ])
    func validity(query: String, message: String) {
        #expect(fault(query) == "parse error : " + message)
    }

    @Test func grammarComesBeforeStages() {
        #expect(
            fault("{app=\"web\"} |~ \"(a\" | json a=")
                == "parse error at line 1, col 30: syntax error: unexpected $end, expecting STRING")
    }

    @Test func errorsHavePlaces() throws {
        let error = #expect(throws: ParseError.self) { try language.parse("{app=\"web\"") }
        #expect(error?.line == 1)
        #expect(error?.column == 11)
    }

    @Test func selectorsAlone() throws {
        let message = "only label matchers are supported"
        for query in ["{a=\"b\"} |= \"x\"", "sum(rate({a=\"b\"}[1m]))"] {
            let error = #expect(throws: ParseError.self) { try language.parseMatchers(query) }
            #expect(error?.description == message)
        }
        let error = #expect(throws: ParseError.self) { try language.parseLogQuery("vector(1)") }
        #expect(error?.description == "only log selector is supported")
        #expect(try language.parseMatchers("{a!=\"b\"}", allowEmptyMatchers: true).matchers.count == 1)
        #expect(throws: ParseError.self) { try language.parseMatchers("{a!=\"b\"}") }
    }
}
