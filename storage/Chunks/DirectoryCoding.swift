import Bytes
import Model

// The directory region: frames of up to 64 entries.
extension PartDirectory {
    static let entriesPerFrame = 64

    /// The region's bytes.
    func encoded(codec: Codec) throws(PartError) -> [UInt8] {
        var out: [UInt8] = []
        var raw: [UInt8] = []
        let bound = blocks.count * 100 + blockStreams.count * 45
        guard bound <= PartLimits.regionRawBytes else {
            throw PartError.notWritable(reason: "directory of up to \(bound) bytes is too long for one part")
        }
        var count = 0
        for index in blocks.indices {
            encode(index, to: &raw)
            count += 1
            if count == PartDirectory.entriesPerFrame || raw.count >= PartLimits.frameTargetBytes {
                try Frame.append(raw, codec: codec, to: &out)
                raw.removeAll(keepingCapacity: true)
                count = 0
            }
        }
        if count > 0 { try Frame.append(raw, codec: codec, to: &out) }
        return out
    }

    private func encode(_ index: Int, to out: inout [UInt8]) {
        let entry = blocks[index]
        out.append(entry.kind.rawValue)
        out.appendVarint(entry.offset)
        out.appendVarint(entry.storedBytes)
        out.appendVarint(entry.leadBytes)
        out.appendLittleEndian(entry.headerChecksum)
        out.appendVarint(entry.rows)
        out.appendVarint(entry.tracedRows)
        out.appendVarint(entry.rawBytes)
        out.appendZigzag(entry.firstTime)
        out.appendVarint(UInt64(bitPattern: entry.lastTime &- entry.firstTime))
        out.appendVarint(entry.lowestSequence)
        out.appendVarint(entry.highestSequence &- entry.lowestSequence)
        out.appendVarint(entry.streamCount)
        var previous: Int64 = 0
        for stream in blockStreams[entry.streams] {
            out.appendZigzag(Int64(stream.ordinal) - previous)
            previous = Int64(stream.ordinal)
            out.appendVarint(UInt64(stream.rows))
            out.appendVarint(stream.rawBytes)
            out.appendVarint(UInt64(bitPattern: stream.firstTime &- entry.firstTime))
            out.appendVarint(UInt64(bitPattern: stream.lastTime &- stream.firstTime))
        }
        out.appendVarint(0)  // length of the extension: what later kinds say of their columns
    }

    /// Reads the region `bytes` of a part with `footer`: counts, offsets and ordinals are checked against it.
    init(_ bytes: [UInt8], footer: PartFooter) throws(RegionError) {
        var offset = 0
        var total = 0
        while offset < bytes.count {
            let frame = try Frame.read(bytes, at: offset, region: "directory")
            total += frame.raw.count
            guard total <= PartLimits.regionRawBytes else {
                throw RegionError("directory", at: offset, "over \(PartLimits.regionRawBytes) bytes")
            }
            var reader = ByteReader(frame.raw)
            do throws(ReadError) {
                while !reader.isAtEnd { try readEntry(&reader, footer) }
            } catch {
                throw RegionError("directory", at: offset, "frame: \(error.description)")
            }
            offset = frame.end
        }
        let end = blocks.last.map { $0.offset + $0.storedBytes } ?? PartFormat.headerBytes
        guard blocks.count == Int(footer.summary.blocks), end == footer.streams.offset else {
            throw RegionError(
                "directory", at: 0, "\(blocks.count) blocks up to byte \(end) are not what the footer says")
        }
    }

    private mutating func readEntry(_ reader: inout ByteReader, _ footer: PartFooter) throws(ReadError) {
        let at = reader.offset
        guard blocks.count < Int(footer.summary.blocks) else { throw ReadError("too many blocks", at: at) }
        guard let kind = BlockKind(rawValue: try reader.byte()) else {
            throw ReadError("unknown kind of block", at: at)
        }
        let limit = footer.streams.offset
        let offset = try reader.count(limit: limit)
        let stored = try reader.count(limit: limit)
        let lead = try reader.count(limit: stored)
        let checksum = try reader.littleEndian(UInt32.self)
        let rows = try reader.count(limit: PartLimits.blockRows)
        let traced = try reader.count(limit: rows)
        let raw = try reader.count(limit: PartLimits.blockRawBytes)
        let first = try reader.zigzag()
        let last = try later(first, &reader)
        let lowest = try reader.varint()
        let (highest, overflow) = lowest.addingReportingOverflow(try reader.varint())
        let expected = blocks.last.map { $0.offset + $0.storedBytes } ?? PartFormat.headerBytes
        guard !overflow, rows > 0, stored > 0, offset == expected, stored <= limit - offset else {
            throw ReadError("block does not follow the one before", at: at)
        }
        let count = try reader.count(limit: rows)
        var entry = BlockEntry(
            kind: kind, offset: offset, storedBytes: stored, leadBytes: lead, headerChecksum: checksum, rows: rows,
            tracedRows: traced, rawBytes: UInt64(raw), firstTime: first, lastTime: last, lowestSequence: lowest,
            highestSequence: highest, firstStream: blockStreams.count, streamCount: 0)
        try readStreams(&reader, count, entry, streamLimit: footer.streamCount)
        entry.streamCount = count
        blocks.append(entry)
        _ = try reader.prefixedRange()
    }

    private mutating func readStreams(
        _ reader: inout ByteReader, _ count: Int, _ entry: BlockEntry, streamLimit: Int
    ) throws(ReadError) {
        var previous: Int64 = 0
        var rows = 0
        var raw = 0
        for _ in 0..<count {
            let at = reader.offset
            let (ordinal, overflow) = previous.addingReportingOverflow(try reader.zigzag())
            guard !overflow, ordinal >= 0, ordinal < Int64(streamLimit) else {
                throw ReadError("stream number \(ordinal) of \(streamLimit)", at: at)
            }
            previous = ordinal
            let streamRows = try reader.count(limit: entry.rows - rows)
            let streamRaw = try reader.count(limit: Int(entry.rawBytes) - raw)
            let first = try later(entry.firstTime, &reader)
            let last = try later(first, &reader)
            guard streamRows > 0, last <= entry.lastTime else { throw ReadError("stream outside of its block", at: at) }
            rows += streamRows
            raw += streamRaw
            blockStreams.append(
                BlockStream(
                    ordinal: UInt32(ordinal), rows: UInt32(streamRows), rawBytes: UInt64(streamRaw), firstTime: first,
                    lastTime: last))
        }
        guard rows == entry.rows, raw == Int(entry.rawBytes) else {
            throw ReadError("streams do not add up to their block", at: reader.offset)
        }
    }

    /// `time` plus a varint of nanoseconds, within 64 bits.
    private func later(_ time: Int64, _ reader: inout ByteReader) throws(ReadError) -> Int64 {
        let at = reader.offset
        let sum = time &+ Int64(bitPattern: try reader.varint())
        guard sum >= time else { throw ReadError("time out of range", at: at) }
        return sum
    }
}
