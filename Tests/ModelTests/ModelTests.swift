import Bytes
import Model
import Testing

@Suite struct TimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)),
        ("2026-11-23T19:05:37.123456789Z", 1_795_460_737_123_456_789),
        ("2026-11-23T20:05:37.5+01:00", 1_795_460_737_500_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-02-29T12:00:00Z", 1_709_208_000_000_000_000),
    ])
    func parsesRFC3339(text: String, expected: Int64) {
        #expect(RFC3339.parse([UInt8](text.utf8).span) == expected)
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T19:05:37", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T19:05:37.Z", "2026-11-23T19:05:37Zx", "9999-01-01T00:00:00Z", "2026-11-23T19:05:37+1:00",
    ])
    func refusesWhatIsNot(text: String) {
        #expect(RFC3339.parse([UInt8](text.utf8).span) == nil)
    }

    @Test func formatsWhatItParses() {
        for time: Int64 in [0, -1, 1, 1_795_460_737_123_456_789, 1_795_460_737_100_000_000, .min + 1, .max] {
            let text = RFC3339.format(time)
            #expect(RFC3339.parse([UInt8](text.utf8).span) == time, "\(text)")
        }
        #expect(RFC3339.format(1_795_460_737_100_000_000) == "2026-11-23T19:05:37.1Z")
    }

    @Test func daysCutAtMidnightUTC() {
        #expect(Day(of: 0).number == 0)
        #expect(Day(of: -1).number == -1)
        #expect(Day(of: Nanoseconds.perDay).number == 1)
        #expect(Day(of: 1_795_460_737_123_456_789).description == "2026-11-23")
        #expect(Day(text: "2026-11-23") == Day(of: 1_795_460_737_123_456_789))
        #expect(Day(text: "2026-11-3") == nil)
        for time in [Int64.min, .max, 0] {
            let day = Day(of: time)
            #expect(day.start <= time)
        }
    }
}

@Suite struct LabelTests {
    @Test func encodingIsCanonical() {
        let one = LabelSet([("b", "2"), ("a", "1"), ("b", "3"), ("empty", "")])
        let two = LabelSet([("a", "1"), ("b", "3")])
        #expect(one == two)
        #expect(one.hash == two.hash)
        #expect(one.description == #"{a="1", b="3"}"#)
        #expect(one.value(of: "b") == "3")
        #expect(one.value(of: "empty") == nil)
    }

    @Test func damagedPairsEndTheWalk() {
        let whole = LabelSet([("name", "value"), ("zone", "eu")]).encoded
        for count in 0..<whole.count {
            let cut = Array(whole.prefix(count))
            var cursor = PairCursor(0..<cut.count)
            var pairs = 0
            while cursor.next(in: cut.span) != nil { pairs += 1 }
            #expect(pairs < 2)
        }
        var cursor = PairCursor(0..<6)
        #expect(cursor.next(in: [0xff, 0xff, 0xff, 0xff, 0xff, 0x01].span) == nil)
    }

    @Test(arguments: [("plain", #""plain""#), ("a\"b\\c\n\t", #""a\"b\\c\n\t""#), ("\u{1}é", "\"\\x01é\"")])
    func quotesLikeGo(text: String, expected: String) {
        #expect(LabelSet.quoted(text) == expected)
    }
}

@Suite struct CoverageTests {
    @Test func unionMergesNeighbours() {
        var coverage = Coverage(writer: 1, after: 0, through: 10)
        coverage.formUnion(Coverage(writer: 1, after: 20, through: 30))
        #expect(coverage.intervals.count == 2)
        coverage.formUnion(Coverage(writer: 1, after: 10, through: 20))
        #expect(coverage == Coverage(writer: 1, after: 0, through: 30))
        coverage.formUnion(Coverage(writer: 2, after: 5, through: 6))
        #expect(coverage.intervals.count == 2)
        #expect(coverage.contains(writer: 1, sequence: 30))
        #expect(!coverage.contains(writer: 1, sequence: 0))
        #expect(!coverage.contains(writer: 2, sequence: 5))
        #expect(coverage.contains(Coverage(writer: 1, after: 3, through: 7)))
        #expect(!coverage.contains(Coverage(writer: 2, after: 3, through: 7)))
        #expect(coverage.overlaps(Coverage(writer: 2, after: 3, through: 7)))
    }

    @Test func subtractionCutsHoles() {
        var coverage = Coverage(writer: 1, after: 0, through: 30)
        coverage.subtract(Coverage(writer: 1, after: 10, through: 20))
        #expect(coverage.intervals.map(\.after) == [0, 20])
        #expect(coverage.intervals.map(\.through) == [10, 30])
        coverage.subtract(Coverage(writer: 2, after: 0, through: 40))
        #expect(coverage.intervals.count == 2)
        coverage.subtract(Coverage(writer: 1, after: 0, through: 25))
        #expect(coverage == Coverage(writer: 1, after: 25, through: 30))
    }

    @Test func encodingRoundTripsAndRefusesDisorder() throws {
        var coverage = Coverage(writer: .max, after: 0, through: 1)
        coverage.formUnion(Coverage(writer: 7, after: 100, through: .max))
        var bytes: [UInt8] = []
        coverage.append(to: &bytes)
        var reader = ByteReader(bytes)
        #expect(try Coverage(from: &reader) == coverage)
        for count in 0..<bytes.count {
            var cut = ByteReader(Array(bytes.prefix(count)))
            #expect(throws: ReadError.self) { try Coverage(from: &cut) }
        }
        var overlapping: [UInt8] = []
        overlapping.appendVarint(2)
        for after in [UInt64(0), 5] {
            overlapping.appendLittleEndian(UInt64(1))
            overlapping.appendVarint(after)
            overlapping.appendVarint(UInt64(10))
        }
        var reader2 = ByteReader(overlapping)
        #expect(throws: ReadError.self) { try Coverage(from: &reader2) }
    }
}

@Suite struct JSONTextTests {
    @Test(arguments: [
        ([UInt8]("plain".utf8), #""plain""#), ([UInt8]("a\"b\\c\n\r\t\u{1}".utf8), #""a\"b\\c\n\r\t\u0001""#),
        ([UInt8]("é日🚀".utf8), "\"é日🚀\""), ([0x61, 0xff, 0xc0, 0x80, 0x62], "\"a\u{fffd}\u{fffd}\u{fffd}b\""),
        ([0xe2, 0x82], "\"\u{fffd}\u{fffd}\""), ([0xed, 0xa0, 0x80], "\"\u{fffd}\u{fffd}\u{fffd}\""),
    ])
    func escapes(bytes: [UInt8], expected: String) {
        var out: [UInt8] = []
        JSONText.append(bytes.span, to: &out)
        #expect(out.text == expected)
    }
}
