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

    @usableFromInline
    static func hash64(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = bytes.count
        var state = seed ^ mix(seed ^ secret0, secret1)
        var a: UInt64 = 0
        var b: UInt64 = 0
        guard let p = bytes.baseAddress, count > 0 else { return finish(state, 0, 0, 0) }
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
                    state = mix(word(at) ^ secret1, word(at + 8) ^ state)
                    second = mix(word(at + 16) ^ secret2, word(at + 24) ^ second)
                    third = mix(word(at + 32) ^ secret3, word(at + 40) ^ third)
                    at += 48
                    rest -= 48
                }
                state ^= second ^ third
            }
            while rest > 16 {
                state = mix(word(at) ^ secret1, word(at + 8) ^ state)
                at += 16
                rest -= 16
            }
            a = word(count - 16)
            b = word(count - 8)
        }
        return finish(state, a, b, UInt64(count))
    }

    @inlinable @inline(__always)
    static func finish(_ state: UInt64, _ a: UInt64, _ b: UInt64, _ count: UInt64) -> UInt64 {
        let product = (a ^ secret1).multipliedFullWidth(by: b ^ state)
        return mix(product.low ^ secret0 ^ count, product.high ^ secret1)
    }
}
