import Testing

@testable import Bytes

/// Short runs copied 32 bytes at once leave the same bytes as runs copied exactly.
struct AppendOnlyRunTests {
    @Test(arguments: [0, 1, 7, 31, 32, 33, 100])
    func runsLieOneBehindTheOther(_ size: Int) {
        let source = (0..<140).map { UInt8($0) }
        // The last runs find fewer than 32 free bytes, or fewer than 32 bytes to copy.
        let out = AppendOnly<UInt8>(capacity: 5 * size)
        var wanted: [UInt8] = []
        for offset in [0, 3, 40, 140 - size, 17] {
            out.append(source.span, from: offset, count: size)
            wanted += source[offset..<(offset + size)]
        }
        #expect(out.freeCount == 0)
        #expect(out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) } == wanted)
    }

    @Test func wordsLieLowestByteFirst() {
        let out = AppendOnly<UInt8>(capacity: 12)
        out.append(word: 0x0807_0605_0403_0201, count: 3)
        out.append(word: 0x1817_1615_1413_1211, count: 8)
        out.append(word: 0x2827, count: 1)
        out.append(word: .max, count: 0)
        let bytes = out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) }
        #expect(bytes == [1, 2, 3, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x27])
    }
}
