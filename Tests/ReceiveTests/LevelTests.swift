import Bytes
import Receive
import Testing

private func levelOf(_ text: String) -> LogLevel? { LogLevel([UInt8](text.utf8).span) }
private func severityOf(_ text: String) -> LogLevel { LogLevel(severityNumber: [UInt8](text.utf8).span) }
private func levelIn(_ line: String) -> LogLevel { LevelDetector.detect([UInt8](line.utf8).span) }
private func epochOf(_ text: String) -> Int64? { EpochTime.parse([UInt8](text.utf8).span) }
private func rankOf(_ name: String) -> Int? { LevelNames.index(of: [UInt8](name.utf8).span) }
private func foldedRankOf(_ name: String) -> Int? { LevelNames.foldedIndex(of: [UInt8](name.utf8).span) }

@Suite struct LevelTests {
    @Test(arguments: [
        ("trace", LogLevel.trace), ("TRC", .trace), ("debug", .debug), ("Dbg", .debug), ("info", .info), ("INF", .info),
        ("Information", .info), ("warn", .warn), ("wrn", .warn), ("WARNING", .warn), ("error", .error), ("Err", .error),
        ("critical", .critical), ("FATAL", .fatal),
    ])
    func names(_ text: String, _ level: LogLevel) {
        #expect(levelOf(text) == level)
    }

    @Test(arguments: ["", "x", "notice", "errors", "warnin", "informational", "informatio", "0", "CRIT", "[nfo"])
    func unknownNames(_ text: String) {
        #expect(levelOf(text) == nil)
    }

    @Test(arguments: [
        ("1", LogLevel.trace), ("4", .trace), ("5", .debug), ("9", .info), ("13", .warn), ("17", .error),
        ("21", .fatal),
        ("24", .fatal), ("25", .unknown), ("0", .unknown), ("", .unknown), ("x", .unknown),
        ("99999999999999999999", .unknown),
    ])
    func severityNumbers(_ text: String, _ level: LogLevel) {
        #expect(severityOf(text) == level)
    }

    @Test func levelNamesInOrder() {
        for (index, name) in LevelNames.all.enumerated() { #expect(rankOf(name) == index) }
        #expect(rankOf("lEvel") == nil)
        #expect(foldedRankOf("lEvel") == 0)
        #expect(foldedRankOf("LOG.Level") == 3)
    }

    @Test(arguments: [
        // As seen on the reference.
        ("[ERROR] boom", LogLevel.error), ("error: x", .error), ("status=error", .error), ("err=nil", .error),
        ("{\"msg\":\"got error\"}", .error), ("errors here", .unknown), ("misc:error x", .unknown),
        ("level=weird", .unknown),
        ("level=", .unknown), ("WARN something INFO", .warn),
        // JSON fields, two levels deep.
        ("{\"level\":\"info\",\"msg\":\"error\"}", .info), ("{\"a\":{\"level\":\"warn\"}}", .warn),
        ("{\"a\":{\"b\":{\"Severity\":\"DEBUG\"}},\"msg\":\"error\"}", .debug),
        ("{\"a\":{\"b\":{\"c\":{\"level\":\"debug\"}}},\"msg\":\"an error\"}", .debug),
        ("{\"level\":30,\"msg\":\"warning\"}", .warn), ("{\"level\":\"odd\",\"msg\":\"fatal\"}", .fatal),
        ("{\"a\":{},\"b\":[],\"lvl\":\"TRC\"}", .trace), ("  {\"SeverityText\":\"Information\"}  ", .info),
        ("{\"log.level\":\"error\"}", .error), ("{\"level\":\"err", .error), ("{}", .unknown), ("{ }", .unknown),
        ("{\"a\":\"}", .unknown), ("{broken error}", .error),
        // logfmt: any case, the earliest name of the list wins.
        ("ts=1 LEVEL=Warn msg=\"an error\"", .warn), ("lvl=debug level=info", .info),
        ("severity=\"error\" x=1", .error),
        ("msg=\"x\" level=critical", .critical), ("a=b=c level=info", .info), ("level info x=1", .info),
        // Words.
        ("it is fatal!", .fatal), ("(critical)", .critical), ("\tdebug\n", .debug), ("ERR", .error), ("inf", .unknown),
        ("trace", .trace), ("xinfo info", .info), ("warning: low", .warn), ("information", .unknown), ("", .unknown),
        (" ", .unknown), ("er", .unknown), ("error", .error), ("no-error", .unknown), ("terror", .unknown),
    ])
    func fromLine(_ line: String, _ level: LogLevel) {
        #expect(levelIn(line) == level)
    }

    @Test func neverTraps() {
        var random = Seeded(state: 3)
        let pieces = ["{", "}", "\"", "level", ":", "=", " ", "error", "\\", ",", "[", "a", "\"x\"", "\n"]
        for _ in 0..<30_000 {
            var line: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                line += pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8
            }
            _ = LevelDetector.detect(line.span)
        }
    }

    @Test(
        arguments: [
            ("user id", "user_id"), ("a__b", "a_b"), ("9x", "key_9x"), ("__x__", "__x__"), ("Case.Kept", "Case_Kept"),
            ("é", nil), ("", nil), ("_", nil), ("____", nil), ("__", nil), ("a-_-b", "a_b"), ("_x", "_x"), ("x_", "x_"),
            ("trace_id", "trace_id"), ("__a-b__", "__a_b__"), ("a.é.b", "a_b"), ("_____", nil), ("7", "key_7"),
        ] as [(String, String?)])
    func metadataNames(_ name: String, _ expected: String?) {
        var out: [UInt8] = [0x21]
        let isName = MetadataNames.appendNormalised([UInt8](name.utf8).span, to: &out)
        #expect(isName == (expected != nil))
        #expect(out.text == "!" + (expected ?? ""))
    }

    @Test(
        arguments: [
            ("2026-11-23T19:00:00Z", 1_795_460_400_000_000_000),
            ("2026-11-23T20:00:00.5+01:00", 1_795_460_400_500_000_000),
            ("1795460400", 1_795_460_400_000_000_000), ("1795460400.123456789", 1_795_460_400_123_456_789),
            ("1795460400123", 1_795_460_400_123_000_000), ("1795460400123456", 1_795_460_400_123_456_000),
            ("1795460400123456789", 1_795_460_400_123_456_789), ("1795460400123.5", 1_795_460_400_123_500_000),
            ("yesterday", nil), ("", nil), ("12", nil), ("0.25", nil), ("-1795460400", nil), ("1795460400.", nil),
            ("1.795e9", nil), ("99999999999999999999", nil), ("2026-11-23T19:00:00", nil),
            ("9223372036854775807", Int64.max),
        ] as [(String, Int64?)])
    func epochs(_ text: String, _ expected: Int64?) {
        #expect(epochOf(text) == expected)
    }
}
