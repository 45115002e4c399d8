import Bytes
import Model

/// Reads one segment: the rules of WAL-FORMAT.md for what counts, what was torn, and what is damage.
struct SegmentReplay {
    /// A stretch that was acknowledged and is not whole.
    struct Loss {
        let range: Range<Int>
        let sequences: [ClosedRange<UInt64>]
        let reason: String
    }

    private let reader: SegmentReader
    private let seed: UInt32
    /// How far a later segment says that this one counts; nil if none does.
    private let limit: Int?
    /// First sequence of the segment after this one, if known.
    private let following: UInt64?
    private(set) var lastSequence: UInt64
    private(set) var tornBytes = 0
    private(set) var losses: [Loss] = []
    private(set) var summary: SegmentSummary

    init(reader: SegmentReader, limit: Int?, following: UInt64?, lastSequence: UInt64) {
        self.reader = reader
        self.limit = limit
        self.following = following
        self.lastSequence = lastSequence
        seed = RecordFrame.seed(storeID: reader.storeID, segmentID: reader.id)
        summary = SegmentSummary(
            id: reader.id, sizeBytes: reader.sizeBytes, previousID: reader.first?.previousID ?? 0)
    }

    private var end: Int { min(limit ?? reader.sizeBytes, reader.sizeBytes) }

    mutating func run(_ handler: (ReplayedRecord) -> Void) {
        var offset = 0
        while offset < end {
            switch reader.finding(at: offset) {
            case .header(let header):
                guard let next = readGroup(header, at: offset, handler) else { return }
                offset = next
            case let other:
                guard let next = readBroken(other, at: offset, handler) else { return }
                offset = next
            }
            summary.end = min(offset, end)
        }
        finish(at: offset)
    }

    /// The segment was read to its end or to its limit.
    private mutating func finish(at offset: Int) {
        guard let limit else { return }
        if limit > reader.sizeBytes {
            let sequences = missing(upTo: following)
            losses.append(
                Loss(
                    range: reader.sizeBytes..<reader.sizeBytes, sequences: sequences,
                    reason: "file ends at byte \(reader.sizeBytes), \(limit) were written"))
            return
        }
        // Whatever stands behind the limit must stay cut.
        if case .header = reader.finding(at: WALFormat.aligned(limit)) { summary.isCut = true }
        if limit % WALFormat.alignmentBytes != 0 { summary.isCut = true }
    }

    // MARK: Groups with a whole header

    /// Reads the group at `offset`; its end, or nil when the log ends in it.
    private mutating func readGroup(
        _ header: GroupHeader, at offset: Int, _ handler: (ReplayedRecord) -> Void
    ) -> Int? {
        let start = offset + WALFormat.headerBytes
        let recordsEnd = start + Int(header.recordBytes)
        let next = WALFormat.aligned(recordsEnd)
        let bytes = reader.bytes(start..<max(min(recordsEnd, end), start))
        let isCutHere = recordsEnd > end && limit == end
        var position = 0
        var sequence = header.firstSequence
        let beyond = header.firstSequence &+ UInt64(header.recordCount)
        while sequence < beyond, position < bytes.count,
            let after = take(bytes, at: position, expected: sequence, handler)
        {
            position = after
            sequence += 1
        }
        let isWhole = sequence == beyond && position == Int(header.recordBytes)
        if isWhole || (isCutHere && position == bytes.count) {
            lastSequence = max(lastSequence, beyond &- 1)
            return next
        }
        let bad = start + position
        let isAcknowledged =
            bad < (limit ?? 0)
            || (reader.nextHeader(from: next, end: reader.sizeBytes)?.header.durableEnd ?? 0) > UInt64(bad)
        guard isAcknowledged else {
            // The rest was never vouched for: a write that a crash cut short.
            tornBytes += max(min(recordsEnd, reader.sizeBytes) - bad, 0)
            summary.end = bad
            summary.isCut = true
            lastSequence = max(lastSequence, beyond &- 1)
            return nil
        }
        salvage(bytes, from: position, base: start, sequences: sequence...max(beyond &- 1, sequence), handler)
        lastSequence = max(lastSequence, beyond &- 1)
        return next
    }

    // MARK: Stretches without a header

    /// Deals with a block at `offset` that is no header of this segment; where to go on, or nil at the log's end.
    private mutating func readBroken(
        _ finding: GroupHeader.Finding, at offset: Int, _ handler: (ReplayedRecord) -> Void
    ) -> Int? {
        let later = reader.nextHeader(from: offset + 1, end: end)
        guard later != nil || limit != nil else {
            summary.end = offset
            if case .broken = finding {
                tornBytes += min(WALFormat.alignmentBytes, reader.sizeBytes - offset)
                summary.isCut = true
            }
            return nil
        }
        let stop = later?.offset ?? end
        let bytes = reader.bytes(offset..<stop)
        let upper = later?.header.firstSequence ?? following
        let lowest = expected(before: upper)
        let highest = upper.map { $0 &- 1 } ?? (lowest &+ 65_536)
        if highest >= lowest {
            salvage(bytes, from: 0, base: offset, sequences: lowest...highest, isUpperKnown: upper != nil, handler)
        } else {
            losses.append(Loss(range: offset..<stop, sequences: [], reason: "group header is damaged"))
        }
        return stop
    }

    /// The lowest sequence that may be looked for.
    private func expected(before upper: UInt64?) -> UInt64 {
        if lastSequence > 0 { return lastSequence &+ 1 }
        // Nothing came before: no record of a group is further from its end than a group has records.
        return max(1, (upper ?? 1) &- min(upper ?? 1, UInt64(WALFormat.groupRecords)))
    }

    private func missing(upTo beyond: UInt64?) -> [ClosedRange<UInt64>] {
        guard let beyond, beyond > lastSequence &+ 1 else { return [] }
        return [(lastSequence &+ 1)...(beyond &- 1)]
    }

    /// Hands over every whole record in `bytes` from `from` on with a sequence in `sequences`, and notes what lies
    /// between as lost.
    private mutating func salvage(
        _ bytes: [UInt8], from: Int, base: Int, sequences: ClosedRange<UInt64>, isUpperKnown: Bool = true,
        _ handler: (ReplayedRecord) -> Void
    ) {
        var finder = RecordFinder(bytes: bytes, position: from, seed: seed)
        var wanted = sequences.lowerBound
        var badStart = from
        func note(until end: Int, lost: [ClosedRange<UInt64>]) {
            losses.append(
                Loss(
                    range: (base + badStart)..<(base + end), sequences: lost,
                    reason: lost.isEmpty ? "a group header is damaged" : "records are damaged"))
        }
        while wanted <= sequences.upperBound, let found = finder.next(in: wanted...sequences.upperBound) {
            guard take(bytes, at: found.offset, expected: found.sequence, handler) != nil else {
                finder.position = found.offset + 1
                continue
            }
            if found.offset > badStart {
                note(until: found.offset, lost: found.sequence > wanted ? [wanted...(found.sequence - 1)] : [])
            }
            wanted = found.sequence &+ 1
            finder.position = found.end
            badStart = found.end
        }
        if wanted <= sequences.upperBound, badStart < bytes.count || isUpperKnown {
            note(until: bytes.count, lost: isUpperKnown ? [wanted...sequences.upperBound] : [])
        }
    }

    /// Hands over the record at `offset` if it is whole, is the expected one and comes after all others; its end then.
    private mutating func take(
        _ bytes: [UInt8], at offset: Int, expected: UInt64, _ handler: (ReplayedRecord) -> Void
    ) -> Int? {
        guard let (sequence, payload) = RecordFrame.read(bytes, at: offset, end: bytes.count, seed: seed),
            sequence == expected, sequence > lastSequence,
            let record = try? ReplayedRecord.decode(bytes, payload, sequence: sequence)
        else { return nil }
        lastSequence = sequence
        for (day, _) in EncodedRecord.days(of: record.batch) {
            summary.note(record.batch.tenant, day, sequence: sequence)
        }
        handler(record)
        return payload.upperBound
    }
}

/// Looks for whole records in bytes whose structure is lost.
struct RecordFinder {
    let bytes: [UInt8]
    var position: Int
    private let seed: UInt32
    /// Bytes that may still be run through the checksum: content made to look like frames must not cost quadratic time.
    private var budget: Int

    init(bytes: [UInt8], position: Int, seed: UInt32) {
        self.bytes = bytes
        self.position = position
        self.seed = seed
        budget = 8 * bytes.count + WALFormat.alignmentBytes
    }

    /// The next whole record with a sequence in `wanted`. First where the frame at `position` says that it ends, so
    /// that the content of a damaged record is not searched if its length still holds; then everywhere.
    mutating func next(in wanted: ClosedRange<UInt64>) -> (offset: Int, end: Int, sequence: UInt64)? {
        var reader = ByteReader(bytes, position..<bytes.count)
        if let length = try? reader.littleEndian(UInt32.self) {
            let after = position + WALFormat.frameBytes + Int(length)
            if let found = record(at: position, wanted) ?? record(at: after, wanted) { return found }
        }
        while position + WALFormat.frameBytes <= bytes.count, budget > 0 {
            if let found = record(at: position, wanted) { return found }
            position += 1
        }
        return nil
    }

    private mutating func record(
        at offset: Int, _ wanted: ClosedRange<UInt64>
    ) -> (offset: Int, end: Int, sequence: UInt64)? {
        guard offset >= 0, offset + WALFormat.frameBytes <= bytes.count else { return nil }
        var sequence: UInt64 = 0
        for index in 0..<8 { sequence |= UInt64(bytes[offset + 8 + index]) << UInt64(8 * index) }
        guard wanted.contains(sequence) else { return nil }
        var length = 0
        for index in 0..<4 { length |= Int(bytes[offset + index]) << (8 * index) }
        guard length <= bytes.count - offset - WALFormat.frameBytes else { return nil }
        budget -= length
        guard let found = RecordFrame.read(bytes, at: offset, end: bytes.count, seed: seed) else { return nil }
        return (offset, found.payload.upperBound, found.sequence)
    }
}
