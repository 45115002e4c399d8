internal import Bytes
internal import Model

/// An entry that passed, with what the answer needs of it. Ordered by (time, arrival, row).
struct FoundEntry: Sendable, Hashable {
    let time: Int64
    let arrival: UInt64
    let row: UInt32
    /// Line, index labels, metadata, parsed labels, one behind the other; the labels as canonical pairs.
    let bytes: [UInt8]
    let lineCount: UInt32
    let indexCount: UInt32
    let metadataCount: UInt32

    /// Bytes of memory that the entry holds.
    var heldBytes: Int { bytes.count + 96 }

    var line: [UInt8] { part(0, Int(lineCount)) }
    var index: [UInt8] { part(Int(lineCount), Int(indexCount)) }
    var metadata: [UInt8] { part(Int(lineCount) + Int(indexCount), Int(metadataCount)) }
    var parsed: [UInt8] {
        let start = Int(lineCount) + Int(indexCount) + Int(metadataCount)
        return part(start, max(bytes.count - start, 0))
    }

    private func part(_ start: Int, _ count: Int) -> [UInt8] {
        let low = min(max(start, 0), bytes.count)
        return [UInt8](bytes[low..<min(low + max(count, 0), bytes.count)])
    }

    func isBefore(_ other: FoundEntry) -> Bool {
        if time != other.time { return time < other.time }
        if arrival != other.arrival { return arrival < other.arrival }
        return row < other.row
    }

    /// Whether the entry comes first in an answer of this direction.
    func precedes(_ other: FoundEntry, _ direction: Direction) -> Bool {
        direction == .forward ? isBefore(other) : other.isBefore(self)
    }

    func append(to out: inout [UInt8]) {
        out.appendLittleEndian(time)
        out.appendVarint(arrival)
        out.appendVarint(UInt64(row))
        out.appendVarint(UInt64(lineCount))
        out.appendVarint(UInt64(indexCount))
        out.appendVarint(UInt64(metadataCount))
        out.appendPrefixed(bytes)
    }

    init(
        time: Int64, arrival: UInt64, row: UInt32, bytes: [UInt8], lineCount: Int, indexCount: Int, metadataCount: Int
    ) {
        self.time = time
        self.arrival = arrival
        self.row = row
        self.bytes = bytes
        self.lineCount = UInt32(truncatingIfNeeded: lineCount)
        self.indexCount = UInt32(truncatingIfNeeded: indexCount)
        self.metadataCount = UInt32(truncatingIfNeeded: metadataCount)
    }

    init(from reader: inout ByteReader) throws(ReadError) {
        let limit = Int(Int32.max)
        time = try reader.int64()
        arrival = try reader.varint()
        row = UInt32(try reader.count(limit: limit))
        lineCount = UInt32(try reader.count(limit: limit))
        indexCount = UInt32(try reader.count(limit: limit))
        metadataCount = UInt32(try reader.count(limit: limit))
        bytes = try reader.prefixed()
        guard Int(lineCount) + Int(indexCount) + Int(metadataCount) <= bytes.count else {
            throw ReadError("entry parts longer than the entry", at: reader.offset)
        }
    }
}
