import Bytes
public import Model

/// How much of a block is needed.
public enum BlockNeed: Sendable, Hashable {
    /// Time and stream of each row.
    case times
    /// Everything.
    case rows
}

/// A decoded block.
public struct LoadedBlock: Sendable {
    /// Sorted by time, then sequence; `stream` is the part's ordinal. Under `.times` lines and metadata are empty.
    public let rows: Rows
    /// Bytes read from the file, and bytes after decompression.
    public let storedBytes: Int
    public let rawBytes: Int
}

/// Decodes a row block. `bytes` came from outside: nothing in them can trap.
struct RowBlockDecoder {
    let bytes: [UInt8]
    let header: RowBlockHeader

    /// Takes the block of `entry`, or its lead, and checks the header against the directory.
    init(_ bytes: [UInt8], entry: BlockEntry) throws(RegionError) {
        self.bytes = bytes
        header = try RowBlockHeader(bytes)
        guard header.checksum == entry.headerChecksum, header.rows == entry.rows,
            header.blockBytes == entry.storedBytes, header.leadBytes == entry.leadBytes,
            UInt64(header[.lines].rawBytes + header[.metadata].rawBytes) == entry.rawBytes
        else { throw RegionError("header", at: 0, "not the block that the directory names") }
    }

    /// The raw bytes of `section`, checked.
    func section(_ section: RowSection) throws(RegionError) -> [UInt8] {
        let entry = try checked(section)
        do throws(CodecError) {
            return try entry.codec.decompress(bytes.span.extracting(range(entry)), rawSize: entry.rawBytes)
        } catch {
            throw failed(entry, error)
        }
    }

    /// Appends the raw bytes of `section` to `arena`.
    private func section(_ section: RowSection, into arena: AppendOnly<UInt8>) throws(RegionError) {
        let entry = try checked(section)
        do throws(CodecError) {
            try entry.codec.decompress(bytes.span.extracting(range(entry)), rawSize: entry.rawBytes, into: arena)
        } catch {
            throw failed(entry, error)
        }
    }

    private func range(_ entry: SectionEntry) -> Range<Int> { entry.offset..<(entry.offset + entry.storedBytes) }

    private func failed(_ entry: SectionEntry, _ error: CodecError) -> RegionError {
        RegionError(
            entry.section.name, at: entry.offset, error.description, isUnsupported: error == .unavailable(entry.codec))
    }

    /// The entry of `section` after its bytes were compared with their checksum.
    func checked(_ section: RowSection) throws(RegionError) -> SectionEntry {
        let entry = header[section]
        guard entry.offset + entry.storedBytes <= bytes.count else {
            throw RegionError(section.name, at: entry.offset, "block ends early")
        }
        guard Checksum.crc32c(bytes, entry.offset..<(entry.offset + entry.storedBytes)) == entry.checksum else {
            throw RegionError(section.name, at: entry.offset, "checksum differs")
        }
        return entry
    }

    /// All rows; `streams` are those of the block, in order.
    func rows(_ need: BlockNeed, streams: ArraySlice<BlockStream>) throws(RegionError) -> Rows {
        let times = try section(.times)
        let numbers = try section(.streams)
        let lengths = need == .rows ? try section(.lengths) : []
        let lineBytes = need == .rows ? header[.lines].rawBytes : 0
        let metadataBytes = need == .rows ? header[.metadata].rawBytes : 0
        let arena = AppendOnly<UInt8>(capacity: lineBytes + metadataBytes)
        if need == .rows {
            try section(.lines, into: arena)
            try section(.metadata, into: arena)
            arena.release()
        }
        let ordinals = streams.map(\.ordinal)
        // One write of fixed memory instead of an append a row; RowEntry is plain bytes, so that assigning initialises.
        let entries = try unsafe AppendOnly<RowEntry>(capacity: header.rows) { (buffer) throws(RegionError) -> Int in
            var entries = unsafe buffer.mutableSpan
            try fillTimes(&entries, times.span, numbers.span, ordinals.span)
            if need == .rows {
                try fillPlaces(&entries, lengths.span, lineBytes: lineBytes, metadataBytes: metadataBytes)
            }
            return entries.count
        }
        return Rows(entries: entries, arena: arena, count: header.rows)
    }

    private func fillTimes(
        _ entries: inout MutableSpan<RowEntry>, _ times: borrowing ByteSpan, _ numbers: borrowing ByteSpan,
        _ ordinals: borrowing Span<UInt32>
    ) throws(RegionError) {
        var timeAt = VarintCursor()
        var numberAt = VarintCursor()
        var time: Int64 = 0
        for row in 0..<entries.count {
            guard let step = timeAt.nextZigzag(times), let number = numberAt.next(numbers) else {
                throw RegionError("rows", at: 0, "times or streams end early at row \(row)")
            }
            let next = time &+ step
            guard next >= time || row == 0, number < UInt64(ordinals.count) else {
                throw RegionError("rows", at: 0, "time or stream of row \(row) is out of range")
            }
            time = next
            entries[row] = RowEntry(
                time: time, stream: ordinals[Int(number)], lineOffset: 0, lineCount: 0, metadataOffset: 0,
                metadataCount: 0)
        }
        guard timeAt.offset == times.count, numberAt.offset == numbers.count else {
            throw RegionError("rows", at: 0, "times or streams of more than \(entries.count) rows")
        }
    }

    /// Sets where lines and metadata lie: all lines first in the arena, then all metadata.
    private func fillPlaces(
        _ entries: inout MutableSpan<RowEntry>, _ lengths: borrowing ByteSpan, lineBytes: Int, metadataBytes: Int
    ) throws(RegionError) {
        var cursor = VarintCursor()
        var line = 0
        for row in 0..<entries.count {
            guard let count = cursor.next(lengths), count <= UInt64(lineBytes - line) else {
                throw RegionError("lengths", at: 0, "line of row \(row) is out of range")
            }
            entries[row].lineOffset = UInt32(truncatingIfNeeded: line)
            entries[row].lineCount = UInt32(truncatingIfNeeded: count)
            line += Int(count)
        }
        var metadata = lineBytes
        let end = lineBytes + metadataBytes
        for row in 0..<entries.count {
            guard let count = cursor.next(lengths), count <= UInt64(end - metadata) else {
                throw RegionError("lengths", at: 0, "metadata of row \(row) is out of range")
            }
            entries[row].metadataOffset = UInt32(truncatingIfNeeded: metadata)
            entries[row].metadataCount = UInt32(truncatingIfNeeded: count)
            metadata += Int(count)
        }
        guard line == lineBytes, metadata == end, cursor.offset == lengths.count else {
            throw RegionError("lengths", at: 0, "lengths do not add up to the sections")
        }
    }

    /// Adds the hashes of all values that `traces` names, of the metadata only.
    func collectTraces(_ traces: TraceNames, into hashes: inout [UInt64]) throws(RegionError) {
        guard header[.metadata].rawBytes > 0 else { return }
        let lengths = try section(.lengths)
        let metadata = try section(.metadata)
        let sizes = lengths.span
        let pairs = metadata.span
        var cursor = VarintCursor()
        for _ in 0..<header.rows where cursor.next(sizes) == nil { throw RegionError("lengths", at: 0, "ends early") }
        var offset = 0
        for _ in 0..<header.rows {
            guard let size = cursor.next(sizes), size <= UInt64(pairs.count - offset) else {
                throw RegionError("lengths", at: 0, "ends early")
            }
            _ = traces.collect(pairs, offset..<(offset + Int(size)), into: &hashes)
            offset += Int(size)
        }
    }
}

/// Reads varints one after another; nil where the bytes end or a number has more than 64 bits.
struct VarintCursor {
    var offset = 0

    @inline(__always)
    mutating func next(_ span: borrowing ByteSpan) -> UInt64? {
        guard offset < span.count else { return nil }
        let first = span[offset]
        offset += 1
        if first < 0x80 { return UInt64(first) }
        var value = UInt64(first & 0x7f)
        var shift: UInt64 = 7
        while offset < span.count {
            let byte = span[offset]
            offset += 1
            if shift == 63 && byte > 1 { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }

    @inline(__always)
    mutating func nextZigzag(_ span: borrowing ByteSpan) -> Int64? {
        guard let raw = next(span) else { return nil }
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }
}
