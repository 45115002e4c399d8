/// A 128-bit hash value: two independent 64-bit halves.
public struct Hash128: Hashable, Comparable, Sendable, BitwiseCopyable {
    public let high: UInt64
    public let low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable
    public static func < (a: Hash128, b: Hash128) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }

    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(low)
    }

    /// 32 lower-case hexadecimal digits.
    public var hex: String {
        func digits(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(high) + digits(low)
    }
}

/// Seeded 64- and 128-bit hashes of bytes, in the manner of wyhash (public domain, Wang Yi): multiply-fold of
/// 64-bit words. Part of the on-disk format (stream hashes, trace maplet keys): never change the results.
public enum Hash {
    @usableFromInline static let secret0: UInt64 = 0xa076_1d64_78bd_642f
    @usableFromInline static let secret1: UInt64 = 0xe703_7ed1_a0b4_28db
    @usableFromInline static let secret2: UInt64 = 0x8ebc_6af0_9c88_c6e3
    @usableFromInline static let secret3: UInt64 = 0x5899_65cc_7537_4cc3

    @inlinable @inline(__always)
    public static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// 64-bit hash of `span` under `seed`.
    @inlinable
    public static func hash64(_ span: borrowing ByteSpan, seed: UInt64 = 0) -> UInt64 {
        unsafe span.withUnsafeBytes { unsafe hash64($0, seed: seed) }
    }

    /// 64-bit hash of all of `bytes`.
    @inlinable
    public static func hash64(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe hash64($0, seed: seed) }
    }

    /// 128-bit hash of `span`: two hashes under unlike seeds.
    @inlinable
    public static func hash128(_ span: borrowing ByteSpan, seed: UInt64 = 0) -> Hash128 {
        Hash128(high: hash64(span, seed: seed ^ secret2), low: hash64(span, seed: seed ^ secret3))
    }

    /// 128-bit hash of all of `bytes`.
    @inlinable
    public static func hash128(_ bytes: [UInt8], seed: UInt64 = 0) -> Hash128 {
        hash128(bytes.span, seed: seed)
    }

    /// 64-bit hash of `span` that differs from process to process, for tables of what others choose: with the hash of
    /// the format anybody could prepare values that collide, whatever the seed, and make every step of a table a walk
    /// through all of it. Never to be stored.
    public static func keyed64(_ span: borrowing ByteSpan, seed: UInt64 = 0) -> UInt64 {
        unsafe span.withUnsafeBytes { unsafe hash64($0, seed: seed, processKeys) }
    }

    /// The same of all of `bytes`.
    public static func keyed64(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe hash64($0, seed: seed, processKeys) }
    }

    /// What the words are mixed with.
    private struct Keys: BitwiseCopyable, Sendable {
        let k0: UInt64
        let k1: UInt64
        let k2: UInt64
        let k3: UInt64

        static var format: Keys { Keys(k0: secret0, k1: secret1, k2: secret2, k3: secret3) }

        static func random() -> Keys {
            func key() -> UInt64 { .random(in: .min ... .max) | 1 }
            return Keys(k0: key(), k1: key(), k2: key(), k3: key())
        }
    }

    private static let processKeys = Keys.random()

    @usableFromInline
    static func hash64(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        unsafe hash64(bytes, seed: seed, .format)
    }

    @inline(__always)
    private static func hash64(_ bytes: UnsafeRawBufferPointer, seed: UInt64, _ keys: Keys) -> UInt64 {
        let count = bytes.count
        var state = seed ^ mix(seed ^ keys.k0, keys.k1)
        var a: UInt64 = 0
        var b: UInt64 = 0
        guard let p = bytes.baseAddress, count > 0 else { return finish(state, 0, 0, 0, keys) }
        func word(_ at: Int) -> UInt64 {
            unsafe UInt64(littleEndian: p.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        func half(_ at: Int) -> UInt64 {
            unsafe UInt64(UInt32(littleEndian: p.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        }
        if count <= 16 {
            if count >= 4 {
                let middle = (count >> 3) << 2
                a = (half(0) << 32) | half(middle)
                b = (half(count - 4) << 32) | half(count - 4 - middle)
            } else {
                unsafe a = (UInt64(bytes[0]) << 16) | (UInt64(bytes[count >> 1]) << 8) | UInt64(bytes[count - 1])
            }
        } else {
            var at = 0
            var rest = count
            if rest > 48 {
                var second = state
                var third = state
                while rest > 48 {
                    state = mix(word(at) ^ keys.k1, word(at + 8) ^ state)
                    second = mix(word(at + 16) ^ keys.k2, word(at + 24) ^ second)
                    third = mix(word(at + 32) ^ keys.k3, word(at + 40) ^ third)
                    at += 48
                    rest -= 48
                }
                state ^= second ^ third
            }
            while rest > 16 {
                state = mix(word(at) ^ keys.k1, word(at + 8) ^ state)
                at += 16
                rest -= 16
            }
            a = word(count - 16)
            b = word(count - 8)
        }
        return finish(state, a, b, UInt64(count), keys)
    }

    @inline(__always)
    private static func finish(_ state: UInt64, _ a: UInt64, _ b: UInt64, _ count: UInt64, _ keys: Keys) -> UInt64 {
        let product = (a ^ keys.k1).multipliedFullWidth(by: b ^ state)
        return mix(product.low ^ keys.k0 ^ count, product.high ^ keys.k1)
    }
}
