import Bytes
import Model
import Testing

@testable import Columns

/// Search on encoded blocks finds what a scan of the lines finds.
struct SearchTests {
    private func scan(_ set: RowSet, _ needle: [UInt8]) -> [Int] {
        set.rows.indices.filter { ByteSearch.contains(needle.span, in: set.arena.span.extracting(set.rows[$0].line)) }
    }

    /// A part of a line, sometimes changed in one byte.
    private func needle(_ set: RowSet, _ random: inout SeededGenerator) -> [UInt8] {
        let line = set.line(random.below(set.rows.count))
        guard !line.isEmpty else { return [] }
        let size = 1 + random.below(random.below(3) == 0 ? 60 : 12)
        let start = random.below(line.count)
        var needle = Array(line[start..<min(start + size, line.count)])
        if random.below(5) == 0 {
            needle[random.below(needle.count)] =
                [UInt8]("0123456789abcdefghijklmnopqrstuvwxyz-\" :,".utf8)[random.below(41)]
        }
        return needle
    }

    @Test(arguments: 1...8)
    func generatedNeedles(_ seed: Int) throws {
        var generator = LogGenerator(UInt64(seed) + 100)
        let set = generator.rows(1500)
        var reader = try set.reader()
        for _ in 0..<150 {
            let needle = needle(set, &generator.random)
            let found = try reader.rows(containing: needle)
            #expect(found == scan(set, needle), "needle \(needle.text)")
        }
    }

    @Test(arguments: [
        "", "1", "00", "12", "\"", "\":", "{", "}", "level", "\"level\":\"", "\"level\":\"info\"", "GET /api/v",
        "GET /api/v1/orders/",
        "orders/1", " 200\",\"path\":\"/api", "ts\":\"2025", "2025-11-24T", ":00.", "-4", "order ORD-1", "ORD-12",
        "ms\",\"span\":\"a", "ms\"",
        "\"status\":5", "\"status\":500,\"ms\":1", "false}", "user_id\":1000", "said \\\"", "\\\"\"}",
        "\"a\":[1,\"b\"]", "nothing like it", "0.", ".",
        "info order", "id=9", "HTTP/1.1\" 5", "10.0.1.2", "trace_id",
    ])
    func chosenNeedles(_ needle: String) throws {
        var generator = LogGenerator(200)
        let set = generator.rows(1200)
        var reader = try set.reader()
        let bytes = [UInt8](needle.utf8)
        #expect(try reader.rows(containing: bytes) == scan(set, bytes))
    }

    @Test func needlesInHostileLines() throws {
        var random = SeededGenerator(9)
        var lines: [String] = []
        for index in 0..<900 {
            let number = random.below(30) - 10
            switch index % 6 {
            case 0: lines.append("{\"a\":\(number),\"a\":\(number + 1),\"b\":\"\"}")
            case 1: lines.append("{\"n\":\"X\(number)Y\",\"p\":\"\(String(1000 + random.below(60)).dropFirst())\"}")
            case 2: lines.append("{\"ip\":\"1.2.3.\(random.below(40))\",\"d\":\(random.below(20)).\(random.below(90))}")
            case 3:
                lines.append(
                    "{\"h\":\"\(["0a1b2c3d", "ffff0000", "12345678"][random.below(3)])\",\"e\":\"\",\"f\":\"\"}")
            case 4: lines.append("k=\"\(number)\"\"\(random.below(5))\" \(random.below(99)):\(random.below(9))")
            default: lines.append("{\"u\":\"00000000-0000-4000-8000-0000000000\(10 + random.below(80))\"}")
            }
        }
        let set = RowSet(lines)
        var reader = try set.reader()
        for _ in 0..<400 {
            let needle = needle(set, &random)
            let found = try reader.rows(containing: needle)
            #expect(found == scan(set, needle), "needle \(needle.text)")
        }
    }

    @Test func textWithAndWithoutLineFeeds() throws {
        let words = ["alpha", "beta", "gamma", "delta"]
        for separator in [" ", "\n"] {
            var random = SeededGenerator(17)
            let set = RowSet(
                (0..<200).map { _ in
                    (0..<random.below(9)).map { _ in words[random.below(4)] }.joined(separator: separator)
                })
            var reader = try set.reader()
            #expect(set.difference(try reader.rows()) == nil)
            #expect(reader.sizes().contains { $0.encoding.contains("lines") } == (separator == " "))
            for needle in ["\n", "alpha\nbeta", "a\n", "\ng", "a b", "gamma", "ma\n\n", "delta delta"] {
                let bytes = [UInt8](needle.utf8)
                let found = try reader.rows(containing: bytes)
                #expect(found == scan(set, bytes), "needle \(needle)")
            }
        }
    }

    @Test func metadataEquality() throws {
        var generator = LogGenerator(300)
        var set = generator.rows(1000)
        set.append("odd", metadata: [0x81, 0x00, 0x61, 0x81, 0x00, 0x62])
        var reader = try set.reader()
        var values: [[UInt8]] = [[UInt8]("x".utf8), [UInt8]("absent".utf8), []]
        for index in stride(from: 0, to: 1000, by: 90) {
            let metadata = set.metadata(index)
            guard let range = LabelSet.range(of: [UInt8]("trace_id".utf8).span, in: metadata.span, 0..<metadata.count)
            else { continue }
            values.append(Array(metadata[range]))
        }
        for name in ["trace_id", "level", "a", "none"] {
            let name = [UInt8](name.utf8)
            for value in values + [[0x62]] {
                let expected = set.rows.indices.filter { index in
                    let metadata = set.metadata(index)
                    guard let range = LabelSet.range(of: name.span, in: metadata.span, 0..<metadata.count) else {
                        return false
                    }
                    return Array(metadata[range]) == value
                }
                #expect(try reader.rows(whereMetadata: name, equals: value) == expected)
            }
        }
    }

    /// With values of one letter alone the ways that need the other are left out.
    @Test(arguments: ["ab", "a"]) func straddlesListEveryWay(letters: String) {
        // Values over a two-letter alphabet: every text of the shape has the needle if and only if a way holds.
        let known = ByteSet(of: [UInt8](letters.utf8).span)
        let values = ["", "a", "b", "ab", "ba", "aab", "aa"].map { [UInt8]($0.utf8) }
            .filter { known.covers($0, foldsCase: false) }
        for pieces in [["", ""], ["a", "b"], ["", "b", ""], ["a", "", "b"], ["ab", "a", "ba"], ["", "", ""]] {
            let pieces = pieces.map { [UInt8]($0.utf8) }
            for needle in ["a", "b", "ab", "ba", "aba", "abab", "aabb", "bb"].map({ [UInt8]($0.utf8) }) {
                for place in [MatchPlace.inside, .front, .back, .whole] {
                    let straddles = Straddles(
                        needle, place, pieces: pieces, holes: [ByteSet](repeating: known, count: pieces.count - 1),
                        withinHoles: true, foldsCase: false)
                    for first in values {
                        for second in pieces.count == 3 ? values : [[]] {
                            let holes = [first, second]
                            var text = pieces[0]
                            for hole in 0..<(pieces.count - 1) { text += holes[hole] + pieces[hole + 1] }
                            let holds = straddles.ways.contains { way in
                                way.allSatisfy { link in
                                    let hole = holes[link.hole]
                                    return link.place.holds(for: link.text.span, in: hole.span, foldsCase: false)
                                }
                            }
                            #expect(holds == place.holds(for: needle.span, in: text.span, foldsCase: false))
                        }
                    }
                }
            }
        }
    }
}
