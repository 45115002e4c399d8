import Bytes

/// A histogram of durations with 32 buckets an octave, so that a quantile is right to 1.6 %. Sparse: only buckets that
/// were met are kept. (The bucketing of HdrHistogram, Gil Tene.)
struct LatencySketch: Hashable, Sendable {
    struct Bucket: Hashable, Sendable, BitwiseCopyable {
        var number: UInt16
        var count: UInt32
    }

    private(set) var buckets: [Bucket] = []

    private static let exact = 32
    private static let octaveBits = 5

    /// The bucket of a duration in microseconds.
    static func number(of microseconds: Int64) -> UInt16 {
        let value = UInt64(max(microseconds, 0))
        if value < UInt64(exact) { return UInt16(value) }
        let octave = 63 - value.leadingZeroBitCount
        let sub = (value >> UInt64(octave - octaveBits)) & UInt64(exact - 1)
        return UInt16(exact + (octave - octaveBits) * exact) + UInt16(sub)
    }

    /// The middle of a bucket, in microseconds.
    static func middle(of number: UInt16) -> Double {
        let number = Int(number)
        if number < exact { return Double(number) }
        let octave = (number - exact) / exact
        let sub = (number - exact) % exact
        let width = Double(sign: .plus, exponent: octave, significand: 1)
        return (Double(exact + sub) + 0.5) * width
    }

    mutating func add(_ microseconds: Int64, count: UInt32 = 1) {
        add(Bucket(number: LatencySketch.number(of: microseconds), count: count))
    }

    mutating func add(bucket number: UInt16) {
        add(Bucket(number: number, count: 1))
    }

    private mutating func add(_ added: Bucket) {
        var low = 0
        var high = buckets.count
        while low < high {
            let middle = (low + high) / 2
            if buckets[middle].number < added.number { low = middle + 1 } else { high = middle }
        }
        if low < buckets.count, buckets[low].number == added.number {
            let (sum, overflow) = buckets[low].count.addingReportingOverflow(added.count)
            buckets[low].count = overflow ? .max : sum
        } else {
            buckets.insert(added, at: low)
        }
    }

    mutating func merge(_ other: LatencySketch) {
        if buckets.isEmpty {
            buckets = other.buckets
        } else {
            for bucket in other.buckets { add(bucket) }
        }
    }

    /// In microseconds; the nearest rank.
    func quantile(_ rank: Double) -> Double? {
        let total = buckets.reduce(UInt64(0)) { $0 + UInt64($1.count) }
        guard total > 0 else { return nil }
        let wanted = max(UInt64((rank * Double(total)).rounded(.up)), 1)
        var seen: UInt64 = 0
        for bucket in buckets {
            seen += UInt64(bucket.count)
            if seen >= wanted { return LatencySketch.middle(of: bucket.number) }
        }
        return buckets.last.map { LatencySketch.middle(of: $0.number) }
    }

    func encode(to out: inout [UInt8]) {
        out.appendVarint(buckets.count)
        var last: UInt16 = 0
        for bucket in buckets {
            out.appendVarint(UInt64(bucket.number &- last))
            out.appendVarint(UInt64(bucket.count))
            last = bucket.number
        }
    }

    init() {}

    init(_ reader: inout ByteReader) throws(ReadError) {
        let count = try reader.count(limit: 4096)
        var last: UInt16 = 0
        for _ in 0..<count {
            last = last &+ UInt16(truncatingIfNeeded: try reader.varint())
            add(Bucket(number: last, count: UInt32(clamping: try reader.varint())))
        }
    }
}
