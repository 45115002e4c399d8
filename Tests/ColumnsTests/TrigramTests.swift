import Bytes
import Testing

@testable import Columns

/// Trigrams never rule out a needle that is there.
struct TrigramTests {
    @Test func partsOfLinesMayBeContained() throws {
        var generator = LogGenerator(400)
        let set = generator.rows(500)
        let trigrams = try TrigramSet(TrigramSet.encode(set.rows, arena: set.arena.span))
        for _ in 0..<2000 {
            let line = set.line(generator.random.below(set.rows.count))
            let start = generator.random.below(line.count)
            let part = Array(line[start..<min(line.count, start + generator.random.below(30))])
            let isKept = trigrams.mayContain(part.span)
            #expect(isKept)
            let upper = [UInt8](part.text.uppercased().utf8)
            let isKeptInCapitals = trigrams.mayContain(upper.span)
            #expect(isKeptInCapitals)
        }
    }

    @Test(arguments: [
        ("timeout", true), ("timeouts", false), ("zqx", false), ("zq", true), ("123456", true), ("ORD-9", true),
    ])
    func knownNeedles(_ needle: String, _ expected: Bool) throws {
        var generator = LogGenerator(401)
        let set = generator.rows(500)
        let trigrams = try TrigramSet(TrigramSet.encode(set.rows, arena: set.arena.span))
        let bytes = [UInt8](needle.utf8)
        let isKept = trigrams.mayContain(bytes.span)
        #expect(isKept == expected)
    }

    @Test func linesOfAllBytes() throws {
        var random = SeededGenerator(5)
        let lines = (0..<2000).map { _ in (0..<400).map { _ in UInt8(truncatingIfNeeded: random.below(256)) } }
        let set = RowSet(lines: lines)
        let encoded = TrigramSet.encode(set.rows, arena: set.arena.span)
        let trigrams = try TrigramSet(encoded)
        for line in lines.prefix(50) {
            let isKept = trigrams.mayContain(line.span)
            #expect(isKept)
        }
        for index in encoded.indices {
            var damaged = encoded
            damaged[index] ^= 4
            #expect(throws: ColumnError.self) { try TrigramSet(damaged) }
        }
        #expect(throws: ColumnError.self) { try TrigramSet([]) }
    }

    @Test func noLines() throws {
        let trigrams = try TrigramSet(TrigramSet.encode([], arena: [UInt8]().span))
        let needle: [UInt8] = [0x61, 0x62, 0x63]
        let isKept = trigrams.mayContain(needle.span)
        #expect(!isKept)
    }

    /// Under a right checksum, too, sums of what is stored stay among the trigrams.
    @Test(arguments: [
        ([5, 3], true), ([5, 0], false), ([(1 << 18) - 1], true), ([1 << 18], false), ([(1 << 18) - 1, 1], false),
        ([Int](repeating: 1 << 18, count: 1 << 16), false),
    ])
    func numbersOutOfRangeAreRefused(_ distances: [Int], _ isRight: Bool) {
        var encoded: [UInt8] = [1]
        encoded.appendVarint(distances.count)
        for distance in distances { encoded.appendVarint(distance) }
        for rest in [[], [0]] as [[UInt8]] {
            var whole = encoded + rest
            whole.appendLittleEndian(Checksum.crc32c(whole))
            let set = try? TrigramSet(whole)
            #expect((set != nil) == (isRight && rest.isEmpty))
        }
    }
}
