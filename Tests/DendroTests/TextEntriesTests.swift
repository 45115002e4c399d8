import Model
import Testing

@testable import dendro

@Suite struct TextEntriesTests {
    private static let now: Int64 = 1_795_500_000_000_000_000
    private static let second = Nanoseconds.perSecond

    private func entries(
        _ text: String, zone: TimeZoneTable = .utc, joinsLines: Bool = true, pieces: Int = .max
    ) -> [TextEntries.Entry] {
        var reader = TextEntries(zone: zone, now: Self.now, joinsLines: joinsLines)
        var found: [TextEntries.Entry] = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { [UInt8](($0 + "\n").utf8) }[...]
        while !lines.isEmpty {
            found += reader.take(Array(lines.prefix(pieces).joined()))
            lines = lines.dropFirst(pieces)
        }
        if let last = reader.finish() { found.append(last) }
        return found
    }

    @Test(
        arguments: [
            ("2026-11-23 19:59:00.123 | ERROR | x", 1_795_463_940_123_000_000),
            ("2026-11-23T19:59:00Z x", 1_795_463_940_000_000_000),
            ("2026-11-23 19:59:00,5 - root - x", 1_795_463_940_500_000_000),
            ("2026-11-23T20:59:00.5+01:00 x", 1_795_463_940_500_000_000),
            ("2026-11-23 20:59:00 +0100 x", 1_795_463_940_000_000_000),
            ("[2026-11-23 19:59:00] x", 1_795_463_940_000_000_000),
            ("2026/11/23 19:59:00 [error] 7#7: x", 1_795_463_940_000_000_000),
            (#"203.0.113.9 - ann [23/Nov/2026:20:59:00 +0100] "GET / HTTP/1.1" 200 5"#, 1_795_463_940_000_000_000),
            ("2026-11-23 19:59:00", 1_795_463_940_000_000_000),
            ("2026-13-23 19:59:00 x", nil), ("x 2026-11-23 19:59:00", nil), ("", nil), ("[23/Nov/2026:20:59", nil),
            (#"- [23/Foo/2026:20:59:00 +0100] "GET"#, nil), ("2026-11-23", nil),
        ] as [(String, Int64?)])
    func timesOfLines(line: String, time: Int64?) {
        #expect(LineStamp(zone: .utc).read([UInt8](line.utf8)[...]) == time)
    }

    @Test func timesWithoutAZoneAreOfTheOneGiven() throws {
        let zone = try #require(TimeZoneTable(offset: "+08:00"))
        #expect(LineStamp(zone: zone).read([UInt8]("2026-11-24 03:59:00 x".utf8)[...]) == 1_795_463_940_000_000_000)
        #expect(LineStamp(zone: zone).read([UInt8]("2026-11-23T19:59:00Z x".utf8)[...]) == 1_795_463_940_000_000_000)
    }

    @Test(arguments: [1, 2, 3, .max])
    func tracesBelongToTheLineAbove(pieces: Int) {
        let text = """
            before
            2026-11-23 19:59:00 | ERROR | failed
            Traceback (most recent call last):
              File "a.py", line 1

            ValueError: x
            2026-11-23 19:59:01 | INFO | fine\r

            """
        let found = entries(text, pieces: pieces)
        #expect(
            found.map { String(decoding: $0.line, as: UTF8.self) } == [
                "before",
                "2026-11-23 19:59:00 | ERROR | failed\nTraceback (most recent call last):\n  File \"a.py\", line 1\n\n"
                    + "ValueError: x",
                "2026-11-23 19:59:01 | INFO | fine",
            ])
        #expect(found.map(\.time).suffix(2) == [1_795_463_940 * Self.second, 1_795_463_941 * Self.second])
    }

    @Test func linesMayStayApart() {
        #expect(entries("2026-11-23 19:59:00 a\n b\n\nc\n", joinsLines: false).count == 3)
        // A log whose lines tell no time.
        let plain = entries("a\n b\nc")
        #expect(plain.map(\.time) == [Self.now + 1, Self.now + 2, Self.now + 3])
    }

    @Test func equalLinesOfOneSecondStayTwo() {
        let line = #"- - [23/Nov/2026:19:59:00 +0000] "GET / HTTP/1.1" 200 5"#
        let text = [line, line, line].joined(separator: "\n")
        let times = entries(text).map(\.time)
        #expect(times == (0..<3).map { 1_795_463_940 * Self.second + $0 })
        // Pushed again, they are the same entries.
        #expect(entries(text).map(\.time) == times)
    }

    @Test func joinedLinesAreBounded() {
        let text = "2026-11-23 19:59:00 x\n" + String(repeating: String(repeating: "y", count: 999) + "\n", count: 300)
        let found = entries(text)
        #expect(found.count == 3)
        #expect(found.allSatisfy { $0.line.count < TextEntries.joinedBytes })
    }
}
