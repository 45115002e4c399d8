import Bytes

/// Where the streams region of a block lies, to be read piece by piece.
public protocol StreamSource: Sendable {
    /// Exactly the bytes `range` of the region.
    func read(_ range: Range<Int>) throws(ColumnError) -> [UInt8]
}

/// Reads the streams of a block: checks, decompresses, and counts what that costs.
struct StreamReader {
    /// The region: in memory, or somewhere else.
    enum Region {
        case bytes([UInt8])
        case source(any StreamSource)
    }

    private let tree: [UInt8]
    private let region: Region
    private let regionBytes: Int
    /// Bytes that may still be decoded: damaged sizes cost no more than this.
    private(set) var budgetBytes: Int
    private let fullBudgetBytes: Int
    /// Bytes of the region that were asked for, and what they decompressed to.
    private(set) var storedBytesRead = 0
    private(set) var rawBytesRead = 0

    init(tree: [UInt8], region: Region, regionBytes: Int, budgetBytes: Int) {
        self.tree = tree
        self.region = region
        self.regionBytes = regionBytes
        self.budgetBytes = budgetBytes
        fullBudgetBytes = budgetBytes
    }

    /// Begins the counts anew: of what may be decoded, and of what was read.
    mutating func renew() {
        budgetBytes = fullBudgetBytes
        storedBytesRead = 0
        rawBytesRead = 0
    }

    /// Counts `size` bytes of decoded values against the budget.
    mutating func charge(_ size: (partialValue: Int, overflow: Bool)) throws(ColumnError) {
        guard !size.overflow, size.partialValue <= budgetBytes else {
            throw ColumnError("values larger than the block allows")
        }
        budgetBytes -= size.partialValue
    }

    /// Allows as much as at first; what was left before.
    mutating func refill() -> Int {
        defer { budgetBytes = fullBudgetBytes }
        return budgetBytes
    }

    mutating func limit(to bytes: Int) { budgetBytes = max(bytes, 0) }

    /// Takes back what was counted for values that are gone.
    mutating func giveBack(_ size: Int) {
        budgetBytes = min(budgetBytes + max(size, 0), fullBudgetBytes)
    }

    /// A stream, checked and decompressed.
    mutating func bytes(_ entry: StreamEntry) throws(ColumnError) -> [UInt8] {
        if entry.isInline { return Array(tree[entry.range]) }
        guard entry.range.upperBound <= regionBytes else { throw ColumnError("stream beyond the block") }
        try charge((entry.rawBytes, false))
        storedBytesRead += entry.range.count
        rawBytesRead += entry.rawBytes
        switch region {
        case .bytes(let bytes): return try StreamReader.decoded(bytes, entry.range, entry)
        case .source(let source):
            let bytes = try source.read(entry.range)
            guard bytes.count == entry.range.count else { throw ColumnError("stream ends early") }
            return try StreamReader.decoded(bytes, 0..<bytes.count, entry)
        }
    }

    private static func decoded(
        _ bytes: [UInt8], _ range: Range<Int>, _ entry: StreamEntry
    ) throws(ColumnError) -> [UInt8] {
        guard Checksum.crc32c(bytes, range) == entry.checksum else {
            throw ColumnError("stream at \(entry.range.lowerBound): checksum differs")
        }
        do throws(CodecError) {
            return try entry.codec.decompress(bytes.span.extracting(range), rawSize: entry.rawBytes)
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
        switch entry.mode {
        case .constant, .packed:
            return try BitPacking.unpack(stored, width: entry.width, count: count, least: entry.least)
        case .planes: return try Planes.join(stored, width: entry.width, count: count, least: entry.least)
        case .deltaPacked:
            var values = try BitPacking.unpack(stored, width: entry.width, count: count, least: 0)
            StreamReader.undelta(&values, first: entry.first)
            return values
        case .deltaPlanes:
            var values = try Planes.join(stored, width: entry.width, count: count, least: 0)
            StreamReader.undelta(&values, first: entry.first)
            return values
        case .recency:
            var values = try Planes.join(stored, width: entry.width, count: count, least: 0)
            try StreamReader.unrecency(&values)
            return values
        }
    }

    /// Turns zigzag differences into values.
    private static func undelta(_ values: inout [Int64], first: Int64) {
        var value = first
        for index in values.indices {
            let raw = UInt64(bitPattern: values[index])
            value = value &+ (Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1))
            values[index] = value
        }
    }

    /// Turns distances to the last use into numbers in order of first use.
    private static func unrecency(_ values: inout [Int64]) throws(ColumnError) {
        var next: Int64 = 0
        for index in values.indices {
            let distance = values[index]
            if distance == 0 {
                values[index] = next
                next += 1
            } else {
                guard distance > 0, distance <= Int64(index) else { throw ColumnError("recency beyond the start") }
                values[index] = values[index - Int(distance)]
            }
        }
    }

    /// The integers at some places of a stored stream, which is packed or in planes.
    /// - Parameter places: all below the entry's count.
    static func integers(
        _ entry: IntegerEntry, _ stored: [UInt8], at places: [UInt32]
    ) throws(ColumnError) -> [Int64] {
        let count = entry.count
        let base = UInt64(bitPattern: entry.least)
        if entry.mode == .planes {
            try Planes.checkSize(stored, width: entry.width, count: count)
            return places.map {
                Int64(bitPattern: base &+ Planes.value(stored, index: Int($0), width: entry.width, count: count))
            }
        }
        try BitPacking.checkSize(stored, width: entry.width, count: count)
        return places.map { Int64(bitPattern: base &+ BitPacking.slowly(stored, index: Int($0), width: entry.width)) }
    }
}
