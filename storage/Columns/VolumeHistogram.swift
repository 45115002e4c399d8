public import Bytes
import Model

/// How many rows of each stream of a block lie in each of equal spans of time: enough to draw volume over time, by any
/// label, without reading the block.
public struct VolumeHistogram: Hashable, Sendable {
    /// Equal spans of time, numbered from 1970 on. Like the windows of queries, a bucket does not hold the moment at
    /// which it begins, but the one at which it ends.
    struct Buckets: Hashable, Sendable {
        /// In nanoseconds.
        let width: Int64
        let first: Int64
        let count: Int

        /// - Returns: nil where there are more than `limit`, or beyond what 64 bits tell.
        init?(width: Int64, first: Int64, last: Int64, limit: Int) {
            let (span, overflow) = last.subtractingReportingOverflow(first)
            guard width > 0, !overflow, span >= 0, span < limit else { return nil }
            guard !first.multipliedReportingOverflow(by: width).overflow,
                !last.addingReportingOverflow(1).partialValue.multipliedReportingOverflow(by: width).overflow
            else { return nil }
            self.width = width
            self.first = first
            count = Int(span) + 1
        }

        /// The number of the bucket that holds `time`; nil beyond what 64 bits tell.
        static func number(_ time: Int64, width: Int64) -> Int64? {
            let (before, overflow) = time.subtractingReportingOverflow(1)
            if overflow { return nil }
            let quotient = before / width
            return before % width < 0 ? quotient - 1 : quotient
        }
    }

    let buckets: Buckets?
    /// Streams of the block, by their numbers in it.
    public let streamCount: Int
    /// By bucket, then stream; empty where nothing was counted.
    public let rows: [UInt32]
    /// Size of the stored form, in bytes; 0 before it is stored.
    public let encodedBytes: Int

    /// Widths in seconds: the finest that makes few enough counts is taken.
    private static let widths: [Int64] = [1, 5, 10, 30, 60, 300, 900, 3600, 86_400]
    /// Counts that a histogram has at most: an eighth of the rows of a full block.
    static let counts = 8_192
    private static let rawBytes = counts * 5 + 64

    /// How many spans of time there are; 0 where nothing was counted.
    public var bucketCount: Int { buckets?.count ?? 0 }

    /// Memory held, about, in bytes.
    public var memoryBytes: Int { rows.count * 4 + 128 }

    /// Counts rows.
    /// - Parameters:
    ///   - times: of each row, nanoseconds since 1970, ascending.
    ///   - streams: of each row the number of its stream in the block.
    public init(times: [Int64], streams: [UInt32]) {
        encodedBytes = 0
        guard let most = streams.max(), times.count == streams.count, most < VolumeHistogram.counts,
            let buckets = VolumeHistogram.finest(times, streams: Int(most) + 1)
        else {
            (buckets, streamCount, rows) = (nil, 0, [])
            return
        }
        let width = Int(most) + 1
        var counts = [UInt32](repeating: 0, count: buckets.count * width)
        for row in times.indices {
            guard let number = Buckets.number(times[row], width: buckets.width), number >= buckets.first,
                number - buckets.first < buckets.count
            else {
                // Rows out of order.
                (self.buckets, streamCount, self.rows) = (nil, 0, [])
                return
            }
            counts[Int(number - buckets.first) * width + Int(streams[row])] += 1
        }
        self.buckets = buckets
        streamCount = width
        rows = counts
    }

    private static func finest(_ times: [Int64], streams: Int) -> Buckets? {
        guard let first = times.first, let last = times.last else { return nil }
        for seconds in widths {
            let width = seconds * Nanoseconds.perSecond
            guard let start = Buckets.number(first, width: width), let end = Buckets.number(last, width: width) else {
                return nil
            }
            if let buckets = Buckets(width: width, first: start, last: end, limit: counts / streams) { return buckets }
        }
        return nil
    }

    /// The times that a bucket may hold, in nanoseconds since 1970.
    public func times(of bucket: Int) -> ClosedRange<Int64> {
        guard let buckets else { return 0...0 }
        let start = (buckets.first &+ Int64(bucket)) &* buckets.width
        return (start &+ 1)...(start &+ buckets.width)
    }

    /// Rows of each stream.
    public var totals: [Int] {
        var totals = [Int](repeating: 0, count: streamCount)
        for index in rows.indices { totals[index % max(streamCount, 1)] += Int(rows[index]) }
        return totals
    }

    /// Whether the rows of a block are what the histogram says.
    public func isOf(times: [Int64], streams: [UInt32]) -> Bool {
        guard buckets != nil else { return true }
        let counted = VolumeHistogram(times: times, streams: streams)
        return counted.buckets == buckets && counted.rows == rows
    }

    /// The bytes to be stored: {varint nanoseconds of a bucket; 0: nothing was counted, and no more follows; zigzag
    /// first bucket, varint buckets, varint streams, varint rows by bucket and stream}, packed.
    public func encoded(codec: Codec) -> [UInt8] {
        var raw: [UInt8] = []
        guard let buckets else { return PackedSection.pack([0], .none) }
        raw.appendVarint(UInt64(buckets.width))
        raw.appendZigzag(buckets.first)
        raw.appendVarint(buckets.count)
        raw.appendVarint(streamCount)
        for count in rows { raw.appendVarint(UInt64(count)) }
        return PackedSection.pack(raw, codec)
    }

    /// Reads what `encoded` made.
    public init(_ encoded: [UInt8]) throws(ColumnError) {
        encodedBytes = encoded.count
        do throws(ReadError) {
            let raw = try PackedSection.unpack(encoded, limitBytes: VolumeHistogram.rawBytes)
            var reader = ByteReader(raw)
            let width = Int64(try reader.count(limit: Int(Nanoseconds.perDay)))
            if width == 0 {
                (buckets, streamCount, rows) = (nil, 0, [])
            } else {
                let first = try reader.zigzag()
                let count = try reader.count(limit: VolumeHistogram.counts)
                streamCount = try reader.count(limit: VolumeHistogram.counts)
                let (last, overflow) = first.addingReportingOverflow(Int64(count) - 1)
                guard !overflow, count * streamCount <= VolumeHistogram.counts, count * streamCount > 0,
                    let known = Buckets(width: width, first: first, last: last, limit: VolumeHistogram.counts)
                else { throw ReadError("buckets beyond the limits", at: 0) }
                buckets = known
                var rows: [UInt32] = []
                rows.reserveCapacity(count * streamCount)
                for _ in 0..<(count * streamCount) { rows.append(UInt32(try reader.count(limit: ColumnLimits.rows))) }
                self.rows = rows
            }
            guard reader.isAtEnd else { throw ReadError("bytes left over", at: reader.offset) }
        } catch {
            throw ColumnError("volume: \(error)")
        }
    }
}
