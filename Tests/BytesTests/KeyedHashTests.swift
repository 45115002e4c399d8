import Bytes
import Testing

struct KeyedHashTests {
    /// The words of the format are public: behind one of them every byte is forgotten, whatever the seed.
    @Test func keyedHashesCannotBePrepared() {
        let word: [UInt8] = (0..<8).map { UInt8(truncatingIfNeeded: 0xe703_7ed1_a0b4_28db as UInt64 >> (8 * $0)) }
        let prepared = (0..<64).map {
            word + [UInt8](repeating: UInt8($0), count: 8) + [UInt8](repeating: 1, count: 16)
        }
        for seed: UInt64 in [0, 1, .random(in: .min ... .max)] {
            #expect(Set(prepared.map { Hash.hash64($0, seed: seed) }).count == 1)
            #expect(Set(prepared.map { Hash.keyed64($0, seed: seed) }).count == prepared.count)
        }
    }

    @Test func keyedHashesAreThoseOfTheBytes() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        var seen = Set<UInt64>()
        for count in 0...300 {
            let hash = Hash.keyed64(Array(bytes.prefix(count)))
            #expect(hash == Hash.keyed64(bytes.span.extracting(0..<count)))
            seen.insert(hash)
        }
        #expect(seen.count == 301)
    }
}
