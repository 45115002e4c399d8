import Bytes

/// The set of byte values that occur in a text: a needle with another byte is not in it.
struct ByteSet: Hashable, Sendable {
    private(set) var words: InlineWords

    typealias InlineWords = SIMD4<UInt64>

    /// No bytes.
    init() {
        words = InlineWords(repeating: 0)
    }

    /// The bytes of `text`.
    init(of text: borrowing ByteSpan) {
        self.init()
        guard text.count > 64 else {
            for index in 0..<text.count { insert(text[index]) }
            return
        }
        var seen = [Bool](repeating: false, count: 256)
        for index in 0..<text.count { seen[Int(text[index])] = true }
        for byte in 0..<256 where seen[byte] { insert(UInt8(byte)) }
    }

    init(words: InlineWords) {
        self.words = words
    }

    @inline(__always)
    mutating func insert(_ byte: UInt8) {
        words[Int(byte >> 6)] |= 1 << UInt64(byte & 63)
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1
    }

    mutating func formUnion(_ other: ByteSet) {
        words |= other.words
    }

    /// Whether `byte` is here, or, with `foldsCase`, its upper case where it is a lower case letter.
    @inline(__always)
    func has(_ byte: UInt8, foldsCase: Bool) -> Bool {
        contains(byte) || foldsCase && byte >= 0x61 && byte <= 0x7a && contains(byte & 0xdf)
    }

    /// Whether all of `other` are in this set.
    func isSuperset(of other: ByteSet) -> Bool {
        (other.words & ~words) == InlineWords(repeating: 0)
    }

    /// Whether a byte is in both.
    func overlaps(_ other: ByteSet) -> Bool {
        (other.words & words) != InlineWords(repeating: 0)
    }

    /// Whether a text of these bytes may hold `needle`: each of its bytes is here, with `foldsCase` in either case.
    func covers(_ needle: [UInt8], foldsCase: Bool) -> Bool {
        guard foldsCase else { return isSuperset(of: ByteSet(of: needle.span)) }
        return needle.allSatisfy { has($0, foldsCase: true) }
    }

    /// 32 bytes, lowest byte values first.
    func append(to out: inout [UInt8]) {
        for index in 0..<4 { out.appendLittleEndian(words[index]) }
    }

    static let all = ByteSet(words: InlineWords(repeating: .max))
    static let digits = ByteSet(of: [UInt8]("-0123456789".utf8).span)
    static let decimals = ByteSet(of: [UInt8]("-.0123456789".utf8).span)
    static let hexadecimals = ByteSet(of: [UInt8]("-0123456789abcdef".utf8).span)
}
