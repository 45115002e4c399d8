import Bytes
import Testing

@Suite struct ByteSearchTests {
    /// The fast search equals the obvious one, over haystacks of few letters where near misses abound.
    @Test func findEqualsNaiveSearch() {
        var random = SplitMix(seed: 7)
        for _ in 0..<4000 {
            let hay = random.bytes(count: Int(random.next() % 90), alphabet: 3)
            let needle = random.bytes(count: Int(random.next() % 6), alphabet: 3)
            let from = hay.isEmpty ? 0 : Int(random.next() % UInt64(hay.count))
            #expect(ByteSearch.find(needle.span, in: hay.span, from: from) == naive(needle, hay, from))
        }
    }

    @Test func findsNeedleAtEveryOffset() {
        let needle = [UInt8]("needle".utf8)
        for offset in 0..<70 {
            var hay = [UInt8](repeating: 0x6e, count: 80)
            hay.replaceSubrange(offset..<(offset + needle.count), with: needle)
            #expect(ByteSearch.find(needle.span, in: hay.span) == naive(needle, hay, 0))
        }
    }

    private func naive(_ needle: [UInt8], _ hay: [UInt8], _ from: Int) -> Int? {
        guard needle.count <= hay.count else { return nil }
        for start in from..<max(from, hay.count - needle.count + 1)
        where Array(hay[start..<(start + needle.count)]) == needle {
            return start
        }
        return needle.isEmpty ? from : nil
    }
}

@Suite struct CodecTests {
    @Test(arguments: Codec.allCases.filter(\.isAvailable), [0, 1, 17, 4096, 200_000])
    func roundTrip(codec: Codec, count: Int) throws {
        var random = SplitMix(seed: UInt64(count))
        let bytes = random.bytes(count: count, alphabet: 11)
        let packed = try codec.compress(bytes.span)
        #expect(try codec.decompress(packed.span, rawSize: count) == bytes)
        #expect(throws: CodecError.self) { try codec.decompress(packed.span, rawSize: count + 1) }
    }

    @Test(arguments: Codec.allCases.filter { $0.isAvailable && $0 != .none })
    func garbageIsRefused(codec: Codec) {
        var random = SplitMix(seed: 3)
        for size in 1..<300 {
            let bytes = random.bytes(count: size, alphabet: 256)
            #expect(throws: CodecError.self) { try codec.decompress(bytes.span, rawSize: 100_000) }
        }
    }
}

@Suite struct InflateTests {
    /// `printf 'hello hello hello' | gzip -n`, then raw deflate and zlib forms of the same text.
    static let gzip: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 87, 200, 64, 144, 0, 128, 136, 249, 229, 17, 0, 0, 0,
    ]

    @Test func gzipAndItsLimits() throws {
        let text = [UInt8]("hello hello hello".utf8)
        #expect(try Inflate.inflate(Self.gzip.span, format: .gzip, limitBytes: 17) == text)
        #expect(throws: InflateError.tooLarge(limitBytes: 16)) {
            try Inflate.inflate(Self.gzip.span, format: .gzip, limitBytes: 16)
        }
        for count in 0..<Self.gzip.count {
            #expect(throws: InflateError.self) {
                try Inflate.inflate(Array(Self.gzip.prefix(count)).span, format: .gzip, limitBytes: 1000)
            }
        }
    }

    @Test func deflateWithAndWithoutHeader() throws {
        let text = [UInt8]("hello hello hello".utf8)
        let raw = Array(Self.gzip[10..<(Self.gzip.count - 8)])
        #expect(try Inflate.inflate(raw.span, format: .deflate, limitBytes: 100) == text)
        let wrapped = try Codec.zlib.compress(text.span)
        #expect(try Inflate.inflate(wrapped.span, format: .deflate, limitBytes: 100) == text)
    }
}

@Suite struct ChecksumTests {
    /// Test vectors of RFC 3720, B.4.
    @Test func knownValues() {
        #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(Checksum.crc32c([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(Checksum.crc32c([UInt8](0..<32)) == 0x46dd_794e)
        #expect(Checksum.crc32c([UInt8]("123456789".utf8)) == 0xe306_9283)
    }

    @Test func chainsLikeOneCall() {
        let bytes = [UInt8](0..<200)
        let first = Checksum.crc32c(bytes, 0..<77)
        #expect(Checksum.crc32c(bytes, 77..<200, seed: first) == Checksum.crc32c(bytes))
    }
}

@Suite struct ReaderTests {
    @Test func numbersRoundTrip() throws {
        var random = SplitMix(seed: 11)
        var bytes: [UInt8] = []
        let values = (0..<500).map { _ in random.next() >> (random.next() % 64) } + [0, .max, 127, 128]
        for value in values {
            bytes.appendVarint(value)
            bytes.appendZigzag(Int64(bitPattern: value))
            bytes.appendLittleEndian(value)
        }
        var reader = ByteReader(bytes)
        for value in values {
            #expect(try reader.varint() == value)
            #expect(try reader.zigzag() == Int64(bitPattern: value))
            #expect(try reader.littleEndian(UInt64.self) == value)
        }
        #expect(reader.isAtEnd)
    }

    @Test(arguments: [
        [UInt8](), [0x80], [UInt8](repeating: 0xff, count: 11), [UInt8](repeating: 0x80, count: 9) + [2],
    ])
    func badVarintsThrow(bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        #expect(throws: ReadError.self) { try reader.varint() }
    }
}

@Suite struct HashTests {
    /// The hash is part of the on-disk format: these values may never change.
    @Test func valuesAreFixed() {
        let values = ["", "a", "trace", "4bf92f3577b34da6a3ce929d0e0e4736", String(repeating: "x", count: 100)]
            .map { Hash.hash64([UInt8]($0.utf8), seed: 42) }
        #expect(Set(values).count == values.count)
        #expect(values == HashTests.golden)
    }

    static let golden: [UInt64] = [
        8_214_933_296_199_428_989, 11_222_585_245_866_501_501, 15_440_926_928_880_032_880, 1_875_768_892_291_012_250,
        743_385_290_692_095_989,
    ]

    @Test func singleBitsChangeTheHash() {
        let bytes = [UInt8](0..<60)
        let plain = Hash.hash64(bytes)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 1
            #expect(Hash.hash64(other) != plain)
        }
    }
}

/// A small deterministic generator (SplitMix64), so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func bytes(count: Int, alphabet: UInt64) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() % alphabet) }
    }
}
