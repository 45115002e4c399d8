import Bytes

/// What stands at the start of every commit group.
struct GroupHeader: Hashable, Sendable {
    var storeID: Hash128
    var segmentID: UInt64
    /// Sequence of the first record; of an empty group the next sequence to come.
    var firstSequence: UInt64
    var recordCount: UInt32
    /// Bytes of the records, frames and payloads, that follow the header.
    var recordBytes: UInt32
    /// End of the last group of this segment that was synced when this one was written.
    var durableEnd: UInt64
    /// The segment before this one, and how far it was synced; 0 and 0 if there was none.
    var previousID: UInt64
    var previousEnd: UInt64

    /// What a block that should start with a header turns out to be.
    enum Finding: Hashable {
        case header(GroupHeader)
        /// A header of another segment or store, whole: what a recycled file held before.
        case stale(GroupHeader)
        /// Looks like a header of this segment, but its checksum fails.
        case broken
        /// Anything else: never written, or bytes of an earlier use of the file.
        case other
    }

    /// Writes the header at the front of `group`, whose first `headerBytes` bytes are there to be overwritten.
    func put(into group: inout [UInt8]) {
        group.putLittleEndian(WALFormat.magic, at: 0)
        group.putLittleEndian(WALFormat.version, at: 4)
        group.putLittleEndian(UInt16(WALFormat.headerBytes), at: 6)
        group.putLittleEndian(storeID.high, at: 8)
        group.putLittleEndian(storeID.low, at: 16)
        group.putLittleEndian(segmentID, at: 24)
        group.putLittleEndian(firstSequence, at: 32)
        group.putLittleEndian(recordCount, at: 40)
        group.putLittleEndian(recordBytes, at: 44)
        group.putLittleEndian(durableEnd, at: 48)
        group.putLittleEndian(previousID, at: 56)
        group.putLittleEndian(previousEnd, at: 64)
        for offset in stride(from: 72, to: 92, by: 4) { group.putLittleEndian(UInt32(0), at: offset) }
        group.putLittleEndian(Checksum.crc32c(group, 0..<92), at: 92)
    }

    /// Judges the block at `offset` of `bytes` for segment `segmentID` of `storeID`; `fileOffset` is where it lies in
    /// the file: no group vouches for bytes behind itself.
    static func find(
        in bytes: [UInt8], at offset: Int, fileOffset: Int, storeID: Hash128, segmentID: UInt64
    ) -> Finding {
        guard offset + WALFormat.headerBytes <= bytes.count else { return .other }
        var reader = ByteReader(bytes, offset..<(offset + WALFormat.headerBytes))
        guard let fields = try? GroupHeader.fields(&reader) else { return .other }
        let header = fields.header
        let isWhole = fields.checksum == Checksum.crc32c(bytes, offset..<(offset + 92))
        if isWhole, fields.magic == WALFormat.magic, fields.version == WALFormat.version {
            guard header.storeID == storeID, header.segmentID == segmentID else { return .stale(header) }
            let isPossible =
                header.durableEnd <= UInt64(fileOffset) && header.firstSequence > 0
                && header.firstSequence <= WALFormat.lastSequence
            return isPossible ? .header(header) : .broken
        }
        // One damaged field must not make a header look like nothing at all.
        let signs = [
            fields.magic == WALFormat.magic, header.storeID == storeID, header.segmentID == segmentID,
        ]
        return signs.count { $0 } >= 2 ? .broken : .other
    }

    private static func fields(
        _ reader: inout ByteReader
    ) throws(ReadError) -> (magic: UInt32, version: UInt16, header: GroupHeader, checksum: UInt32) {
        let magic = try reader.littleEndian(UInt32.self)
        let version = try reader.littleEndian(UInt16.self)
        _ = try reader.littleEndian(UInt16.self)
        let header = GroupHeader(
            storeID: Hash128(
                high: try reader.littleEndian(UInt64.self), low: try reader.littleEndian(UInt64.self)),
            segmentID: try reader.littleEndian(UInt64.self),
            firstSequence: try reader.littleEndian(UInt64.self),
            recordCount: try reader.littleEndian(UInt32.self),
            recordBytes: try reader.littleEndian(UInt32.self),
            durableEnd: try reader.littleEndian(UInt64.self),
            previousID: try reader.littleEndian(UInt64.self),
            previousEnd: try reader.littleEndian(UInt64.self))
        _ = try reader.range(20)
        return (magic, version, header, try reader.littleEndian(UInt32.self))
    }
}

/// The frame around a record's payload: u32 length, u32 checksum, u64 sequence.
enum RecordFrame {
    /// What record checksums of a segment start from. The store id, which no sender knows, is in it, so that bytes
    /// inside a line cannot pose as a record.
    static func seed(storeID: Hash128, segmentID: UInt64) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(storeID.high)
        bytes.appendLittleEndian(storeID.low)
        bytes.appendLittleEndian(segmentID)
        return Checksum.crc32c(bytes)
    }

    /// Checksum of the frame at `offset` (length and sequence) and of the payload behind it.
    static func checksum(_ bytes: [UInt8], at offset: Int, payloadBytes: Int, seed: UInt32) -> UInt32 {
        let length = Checksum.crc32c(bytes, offset..<(offset + 4), seed: seed)
        return Checksum.crc32c(bytes, (offset + 8)..<(offset + WALFormat.frameBytes + payloadBytes), seed: length)
    }

    /// The sequence and payload of a whole record at `offset`, ending at or before `end`; nil if there is none.
    static func read(_ bytes: [UInt8], at offset: Int, end: Int, seed: UInt32) -> (
        sequence: UInt64, payload: Range<Int>
    )? {
        var reader = ByteReader(bytes, offset..<min(end, bytes.count))
        guard let length = try? reader.littleEndian(UInt32.self), let stored = try? reader.littleEndian(UInt32.self),
            let sequence = try? reader.littleEndian(UInt64.self), let payload = try? reader.range(Int(length)),
            Int(length) <= WALFormat.recordBytes - WALFormat.frameBytes,
            checksum(bytes, at: offset, payloadBytes: Int(length), seed: seed) == stored
        else { return nil }
        return (sequence, payload)
    }
}
