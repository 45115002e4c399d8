import Bytes

/// Reads the streams of a block: checks, decompresses, and counts what that costs.
struct StreamReader {
    private let tree: [UInt8]
    private let streams: [UInt8]
    /// Bytes that may still be decoded: damaged sizes cost no more than this.
    private var budgetBytes: Int

    init(tree: [UInt8], streams: [UInt8], budgetBytes: Int) {
        self.tree = tree
        self.streams = streams
        self.budgetBytes = budgetBytes
    }

    /// Counts `size` bytes of decoded values against the budget.
    mutating func charge(_ size: (partialValue: Int, overflow: Bool)) throws(ColumnError) {
        guard !size.overflow, size.partialValue <= budgetBytes else {
            throw ColumnError("values larger than the block allows")
        }
        budgetBytes -= size.partialValue
    }

    /// A stream, checked and decompressed.
    mutating func bytes(_ entry: StreamEntry) throws(ColumnError) -> [UInt8] {
        if entry.isInline { return Array(tree[entry.range]) }
        guard entry.range.upperBound <= streams.count else { throw ColumnError("stream beyond the block") }
        guard Checksum.crc32c(streams, entry.range) == entry.checksum else {
            throw ColumnError("stream at \(entry.range.lowerBound): checksum differs")
        }
        try charge((entry.rawBytes, false))
        do throws(CodecError) {
            return try entry.codec.decompress(streams.span.extracting(entry.range), rawSize: entry.rawBytes)
        } catch {
            throw ColumnError("stream at \(entry.range.lowerBound): \(error)")
        }
    }

    /// A sequence of integers.
    mutating func integers(_ entry: IntegerEntry) throws(ColumnError) -> [Int64] {
        let count = entry.count
        guard count > 0 else { return [] }
        try charge(count.multipliedReportingOverflow(by: 8))
        guard let stream = entry.stream else { return [Int64](repeating: entry.least, count: count) }
        let stored = try bytes(stream)
        let raw: [UInt64]
        switch entry.mode {
        case .constant, .packed, .deltaPacked: raw = try BitPacking.unpack(stored, width: entry.width, count: count)
        case .planes, .deltaPlanes, .recency: raw = try Planes.join(stored, width: entry.width, count: count)
        }
        var values = [Int64](repeating: 0, count: count)
        switch entry.mode {
        case .constant, .packed, .planes:
            for index in 0..<count { values[index] = entry.least &+ Int64(bitPattern: raw[index]) }
        case .deltaPacked, .deltaPlanes:
            var value = entry.first
            for index in 0..<count {
                value = value &+ (Int64(bitPattern: raw[index] >> 1) ^ -Int64(bitPattern: raw[index] & 1))
                values[index] = value
            }
        case .recency:
            var next: Int64 = 0
            for index in 0..<count {
                if raw[index] == 0 {
                    values[index] = next
                    next += 1
                } else {
                    guard raw[index] <= UInt64(index) else { throw ColumnError("recency beyond the start") }
                    values[index] = values[index - Int(raw[index])]
                }
            }
        }
        return values
    }
}
