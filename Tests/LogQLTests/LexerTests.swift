import Testing

@testable import LogQL

struct LexerTests {
    static func kinds(_ text: String) -> [Token.Kind] { Lexer.tokens(of: Array(text.utf8)).map(\.kind) }

    @Test(arguments: [
        ("\"a\\n\\x41\\101\\u00e9\\\\\\\"\"", "a\nAAé\\\""), ("`a\\n\nb`", "a\\n\nb"), ("\"\"", ""), ("\"日本\"", "日本"),
        ("\"\\U0001F600\"", "😀"), ("\"\\a\\b\\f\\r\\t\\v\"", "\u{7}\u{8}\u{C}\r\t\u{B}"),
    ])
    func strings(text: String, value: String) {
        #expect(Self.kinds(text) == [.string(Array(value.utf8)), .end])
    }

    @Test func stringsHoldAnyBytes() {
        #expect(Self.kinds("\"\\xff\\x00\"") == [.string([0xFF, 0]), .end])
    }

    @Test(arguments: [
        ("\"\\d\"", "invalid char escape"), ("\"\\x4\"", "invalid char escape"), ("\"\\777\"", "invalid char escape"),
        ("\"\\ud800\"", "invalid char escape"), ("\"\\'\"", "invalid char escape"), ("\"abc", "literal not terminated"),
        ("\"a\nb\"", "literal not terminated"), ("\"\\", "literal not terminated"), ("`abc", "literal not terminated"),
        ("'a'", "invalid char literal"), ("/* x", "comment not terminated"), ("\0", "invalid character NUL"),
        ("[5]", "not a valid duration string: \"5\""), ("[5x]", "unknown unit \"x\" in duration \"5x\""),
        ("[]", "empty duration string"), ("[-5m]", "not a valid duration string: \"-5m\""),
        ("[5m", "missing closing ']' in duration"),
        ("[5m1h]", "not a valid duration string: \"5m1h\""), ("[999999999999y]", "duration out of range"),
        ("[5m:1m]", "unknown unit \"m:\" in duration \"5m:1m\""), ("[1.5h]", "unknown unit \".\" in duration \"1.5h\""),
        ("1EB", "exponent has no digits"),
    ])
    func faults(text: String, message: String) {
        #expect(Self.kinds(text).last == .fault(message))
    }

    @Test(
        arguments: [
            ("[5m]", 300_000_000_000), ("[1h30m]", 5_400_000_000_000), ("[1d]", 86_400_000_000_000), ("[0s]", 0),
            ("[1w]", 604_800_000_000_000), ("[1y]", 31_536_000_000_000_000), ("[1ms]", 1_000_000),
        ] as [(String, Int64)])
    func ranges(text: String, nanoseconds: Int64) {
        #expect(Self.kinds(text) == [.range(nanoseconds: nanoseconds), .end])
    }

    @Test(
        arguments: [
            ("5m", 300_000_000_000), ("1.5h", 5_400_000_000_000), ("1h1.5m", 3_690_000_000_000), ("100us", 100_000),
            ("100µs", 100_000), ("-5m", -300_000_000_000), ("1w2d", 777_600_000_000_000), (".5s", 500_000_000),
            ("7ns", 7),
        ] as [(String, Int64)])
    func durations(text: String, nanoseconds: Int64) {
        #expect(Self.kinds(text) == [.duration(nanoseconds: nanoseconds), .end])
    }

    @Test(
        arguments: [
            ("5B", 5), ("1KB", 1_000), ("1kB", 1_000), ("1K", 1_000), ("1KiB", 1_024), ("1.5GB", 1_500_000_000),
            ("2Mi", 2_097_152), ("9223372036854775807B", 9_223_372_036_854_775_807), ("1PiB", 1_125_899_906_842_624),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) {
        #expect(Self.kinds(text) == [.bytes(bytes), .end])
    }

    @Test(arguments: [
        ("5", 5), ("010", 10), ("1_000", 1_000), (".5", 0.5), ("1.5", 1.5), ("1e3", 1_000), ("2E-1", 0.2),
    ])
    func numbers(text: String, value: Double) {
        #expect(Self.kinds(text) == [.number(text), .end])
        #expect(NumberText.value(text) == value)
    }

    @Test(arguments: ["0x10", "0b11", "0o7", "1e999"])
    func numbersWithoutValue(text: String) {
        #expect(Self.kinds(text) == [.number(text), .end])
        #expect(NumberText.value(text) == nil)
    }

    @Test func unitsInWrongCaseAreNames() {
        #expect(Self.kinds("5mb") == [.duration(nanoseconds: 300_000_000_000), .identifier("b"), .end])
        #expect(Self.kinds("5x") == [.number("5"), .identifier("x"), .end])
    }

    @Test func functionsAreNamesElsewhere() {
        #expect(Self.kinds("rate rate(") == [.identifier("rate"), .function("rate"), .symbol(.open), .end])
        #expect(Self.kinds("SUM BY (") == [.function("sum"), .keyword(.by), .symbol(.open), .end])
        #expect(Self.kinds("bytes=") == [.identifier("bytes"), .symbol(.assign), .end])
        #expect(Self.kinds("sum by x") == [.identifier("sum"), .keyword(.by), .identifier("x"), .end])
    }

    @Test func commentsAndFlags() {
        #expect(Self.kinds("# a\n1 // b\n/* c\n*/ --strict --strictly")[..<2] == [.number("1"), .flag("--strict")])
        #expect(Self.kinds("1 # end") == [.number("1"), .end])
    }

    @Test func positionsCountCharacters() {
        let tokens = Lexer.tokens(of: Array("\"日本\" a\n  b".utf8))
        #expect(tokens.map(\.line) == [1, 1, 2, 2])
        #expect(tokens.map(\.column) == [1, 6, 3, 4])
    }

    @Test func durationsPrintAsGoDoes() {
        let texts = [0, 7, 1_500, 1_050_000, 5_000_000_000, 90_500_000_000, 3_600_000_000_000, -5_000_000]
            .map { DurationText.printGo($0) }
        #expect(texts == ["0s", "7ns", "1.5µs", "1.05ms", "5s", "1m30.5s", "1h0m0s", "-5ms"])
        #expect(DurationText.printGo(.min) == "-2562047h47m16.854775808s")
    }
}
