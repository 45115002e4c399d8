import Bytes
import Model
import Testing

@testable import Columns

/// Blocks give back every byte that went in.
struct RoundTripTests {
    private static let hostile: [(name: String, lines: [[UInt8]])] = [
        ("none", []),
        ("one empty line", [[]]),
        ("empty lines", [[UInt8]](repeating: [], count: 100)),
        ("invalid UTF-8", (0..<200).map { [0xff, 0xc0, UInt8(truncatingIfNeeded: $0), 0x80, 0xfe] }),
        ("NULs", (0..<200).map { [UInt8](repeating: 0, count: $0 % 7) }),
        (
            "every byte",
            (0..<512).map { index in (0..<(index % 40)).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0 &* 7) } }
        ),
        ("duplicate keys", texts(300) { "{\"a\":\($0),\"a\":\($0 + 1),\"b\":{\"a\":\"\($0)\"}}" }),
        ("odd whitespace", texts(300) { "{ \"a\"\t:  \($0)\t,\"b\" :[ \($0 % 3) , \"x\" ]\($0 % 2 == 0 ? " " : "")}" }),
        ("whitespace behind", texts(100) { "{\"a\":\($0)} " }),
        (
            "number spellings",
            texts(400) { index in
                let spellings = [
                    "1.0", "1e3", "1E+3", "-0", "00", "007", "-1", "0", "123456789012345678901234567890", "0.10",
                    "-0.5",
                    "1.", ".5", "+1", "--1", "999999999999999999", "9223372036854775807", "-9223372036854775808",
                    "true",
                    "null", "nul", "-", "0x1f", "1.50",
                ]
                return "{\"n\":\(spellings[index % spellings.count]),\"m\":\(spellings[index % 3])}"
            }
        ),
        ("decimals", texts(300) { "{\"n\":\($0 - 150).\($0 % 10)0,\"z\":-0.0,\"s\":0.\($0)}" }),
        ("negative decimals", texts(300) { "{\"n\":-0.\($0),\"m\":-\($0).25}" }),
        ("padded numbers", texts(300) { "{\"n\":\"\(String(1000 + $0 % 100).dropFirst())\"}" }),
        ("escapes", texts(300) { "{\"s\":\"a\\\"b\\\\\($0)\\u00e9\\n\",\"k\\\"\":\"\\\\\"}" }),
        (
            "broken JSON",
            texts(300) {
                ["{\"a\":", "{\"a\":\"\\", "{}", "{", "{\"a\":1}}", "[1]", "{\"a\" 1}"][$0 % 7] + "\($0 % 5)"
            }
        ),
        ("raw control characters", texts(100) { "{\"a\":\"x\u{1}\($0)\"}" }),
        ("empty objects", texts(100) { "{\"a\":{},\"b\":[],\"c\":[[],{}],\"d\":\"\",\"e\($0 % 3)\":\"\"}" }),
        ("10,000 shapes", texts(10_000) { "{\"key\($0)\":\($0)}" }),
        ("10,000 word orders", texts(10_000) { "a\(String(repeating: "b", count: $0 % 100)) \($0) c\($0 / 100 % 50)" }),
        ("deep", texts(60) { String(repeating: "{\"a\":", count: $0) + "1" + String(repeating: "}", count: $0) }),
        (
            "deep arrays",
            texts(60) { "{\"a\":" + String(repeating: "[", count: $0) + "1" + String(repeating: "]", count: $0) + "}" }
        ),
        ("many values", texts(6) { "{\"a\":[" + (0..<($0 * 150)).map(String.init).joined(separator: ",") + "]}" }),
        (
            "long lines",
            [
                [UInt8](repeating: 0x61, count: 1 << 20), [UInt8]("{\"a\":\"".utf8),
                [UInt8](repeating: 0x7b, count: 1 << 20),
            ]
        ),
        ("logfmt", texts(500) { "level=info msg=\"user \($0) left\" took=\($0 * 7)ms ok=true x=\"\"" }),
        ("quotes", texts(500) { "say \"hello \($0)\" to \"\($0 % 3)\" and \"" }),
        (
            "hexadecimal",
            texts(300) { index in "{\"h\":\"\(hex(index, 7))\",\"i\":\"\(hex(index, 32))\",\"j\":\"X\(hex(index, 8))\"}"
            }
        ),
        ("upper hexadecimal", texts(300) { "{\"h\":\"\(hex($0, 8).uppercased())\"}" }),
        ("UUIDs", texts(300) { "{\"u\":\"\(hex($0, 8))-0000-4000-8000-\(hex($0 * 7, 12))\"}" }),
        ("UUIDs misplaced", texts(300) { "{\"u\":\"\(hex($0, 8))-000-04000-8000-\(hex($0 * 7, 12))\"}" }),
        (
            "addresses",
            texts(300) {
                "{\"ip\":\"10.0.\($0 % 256).\($0 % 7)\",\"no\":\"10.00.\($0 % 256).1\","
                    + "\"port\":\"10.1.2.\($0 % 99):80\"}"
            }
        ),
        ("addresses out of range", texts(300) { "{\"ip\":\"10.0.\($0).\($0 % 7)\"}" }),
        ("dates that are none", texts(300) { "{\"t\":\"2023-02-\($0 % 20 + 15)T00:00:\($0 % 70 + 10)Z\"}" }),
        (
            "ancient dates",
            texts(300) { "{\"t\":\"\(String(10000 + $0).dropFirst())-01-01 23:59:59,\($0 % 900 + 100)\"}" }
        ),
        ("nanosecond dates", texts(300) { "{\"t\":\"\(1600 + $0 * 3)-12-31T23:59:59.000000\($0 % 900 + 100)Z\"}" }),
        (
            "messages of fields",
            texts(300) {
                "{\"p\":\"/a/\($0)\",\"m\":\"GET /a/\($0) 2\($0 % 10)0 GET /a/\($0)\","
                    + "\"s\":\"2\($0 % 10)0\",\"q\":\"x /a/\($0) y GET\"}"
            }
        ),
        ("extremes", texts(300) { "{\"n\":\($0 % 2 == 0 ? "999999999999999999" : "-999999999999999999")}" }),
    ]

    private static func texts(_ count: Int, _ text: (Int) -> String) -> [[UInt8]] {
        (0..<count).map { [UInt8](text($0).utf8) }
    }

    private static func hex(_ value: Int, _ digits: Int) -> String {
        var state = UInt64(value) &* 0x9e37_79b9_7f4a_7c15 &+ 12345
        return String(
            (0..<digits).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Array("0123456789abcdef")[Int(state >> 60)]
            })
    }

    @Test(arguments: hostile.map(\.name), [Codec.best, .lz4, .none])
    func hostileLines(_ name: String, _ codec: Codec) throws {
        let lines = try #require(RoundTripTests.hostile.first { $0.name == name }).lines
        let set = RowSet(lines: lines)
        let block = try set.encoded(codec: codec)
        let rows = try ColumnBlock.decode(block, limitBytes: set.arena.count)
        #expect(set.difference(rows) == nil)
    }

    @Test func hostileLinesTogether() throws {
        var lines = RoundTripTests.hostile.filter { !$0.name.hasPrefix("1") }.flatMap(\.lines)
        var random = SeededGenerator(7)
        lines.shuffle(using: &random)
        let set = RowSet(lines: lines)
        #expect(set.difference(try ColumnBlock.decode(try set.encoded(), limitBytes: set.arena.count)) == nil)
    }

    @Test(arguments: 1...6)
    func generatedLogs(_ seed: Int) throws {
        var generator = LogGenerator(UInt64(seed))
        var plan = ColumnPlan()
        // A plan that was learned from other blocks, small and large, must fit or be given up.
        for count in [3000, 40, 1, 6000, 700] {
            let set = generator.rows(count)
            let block = try set.encoded(plan: &plan)
            #expect(set.difference(try ColumnBlock.decode(block, limitBytes: set.arena.count)) == nil)
        }
    }

    @Test func planLearnedFromOtherLines() throws {
        var plan = ColumnPlan()
        for (_, lines) in RoundTripTests.hostile {
            let set = RowSet(lines: lines)
            #expect(
                set.difference(try ColumnBlock.decode(try set.encoded(plan: &plan), limitBytes: set.arena.count)) == nil
            )
        }
    }

    @Test func metadataOfAllKinds() throws {
        var set = RowSet()
        for index in 0..<600 {
            var pairs: [(name: String, value: String)] = []
            for name in 0..<(index % 60) { pairs.append(("name\(name)", "\(name * index)")) }
            if index % 3 == 0 { pairs.append(("trace_id", "trace \(index / 9)")) }
            var metadata = LabelSet(pairs).encoded
            if index % 50 == 49 { metadata = [0x85, 0x00, 0x61] }
            if index % 50 == 48 { metadata = [0x81, 0x00, 0x61, 0x80, 0x00] }
            let times: [Int64] = [5, 5, 4, .max, .min, 0, -1]
            set.append("line \(index)", time: times[index % 7], stream: UInt32(index % 5), metadata: metadata)
        }
        set.append(
            "far stream", stream: .max, metadata: LabelSet([("n", String(repeating: "v", count: 70_000))]).encoded)
        #expect(set.difference(try ColumnBlock.decode(try set.encoded(), limitBytes: set.arena.count)) == nil)
    }

    @Test func timesAndStreamsAlone() throws {
        var generator = LogGenerator(11)
        let set = generator.rows(2000)
        var reader = try set.reader()
        #expect(try reader.times() == set.rows.map(\.time))
        #expect(try reader.streams() == set.rows.map(\.stream))
    }

    @Test(arguments: hostile.map(\.name))
    func chosenRows(_ name: String) throws {
        let lines = try #require(RoundTripTests.hostile.first { $0.name == name }).lines
        let set = RowSet(lines: lines)
        var random = SeededGenerator(3)
        var reader = try set.reader()
        for share in [1, 2, 10, 100] {
            let chosen = set.rows.indices.filter { _ in random.below(share) == 0 }
            #expect(set.difference(try reader.rows(at: chosen), at: chosen) == nil)
        }
    }

    @Test(arguments: 1...4)
    func chosenRowsOfLogs(_ seed: Int) throws {
        var generator = LogGenerator(UInt64(seed) + 50)
        let set = generator.rows(3000)
        var reader = try set.reader()
        for share in [1, 3, 40, 1000] {
            let chosen = set.rows.indices.filter { _ in generator.random.below(share) == 0 }
            #expect(set.difference(try reader.rows(at: chosen), at: chosen) == nil)
        }
        #expect(throws: ColumnError.self) { try reader.rows(at: [5, 5]) }
        #expect(throws: ColumnError.self) { try reader.rows(at: [3000]) }
        #expect(throws: ColumnError.self) { try reader.rows(at: [-1]) }
    }
}
