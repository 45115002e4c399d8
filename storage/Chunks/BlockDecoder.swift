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
        let entries = AppendOnly<RowEntry>(capacity: header.rows)
        guard need == .rows else {
            let lengths = [UInt8](repeating: 0, count: header.rows * 2)
            try fill(entries, times.span, numbers.span, lengths.span, streams, lineBytes: 0, metadataBytes: 0)
            return Rows(entries: entries, arena: AppendOnly<UInt8>(capacity: 0), count: header.rows)
        }
        let lengths = try section(.lengths)
        let lineBytes = header[.lines].rawBytes
        let metadataBytes = header[.metadata].rawBytes
        let arena = AppendOnly<UInt8>(capacity: lineBytes + metadataBytes)
        try section(.lines, into: arena)
        try section(.metadata, into: arena)
        arena.release()
        try fill(
            entries, times.span, numbers.span, lengths.span, streams, lineBytes: lineBytes,
            metadataBytes: metadataBytes)
        return Rows(entries: entries, arena: arena, count: header.rows)
    }

    private func fill(
        _ entries: AppendOnly<RowEntry>, _ times: borrowing ByteSpan, _ numbers: borrowing ByteSpan,
        _ lengths: borrowing ByteSpan, _ streams: ArraySlice<BlockStream>, lineBytes: Int, metadataBytes: Int
    ) throws(RegionError) {
        let count = header.rows
        let ordinals = streams.map(\.ordinal)
        var timeAt = VarintCursor()
        var numberAt = VarintCursor()
        var lineAt = VarintCursor()
        var metadataAt = VarintCursor()
        for _ in 0..<count where lineAt.next(lengths) == nil { throw RegionError("lengths", at: 0, "ends early") }
        metadataAt.offset = lineAt.offset
        lineAt.offset = 0
        var time: Int64 = 0
        var line = 0
        var metadata = lineBytes
        let end = lineBytes + metadataBytes
        for row in 0..<count {
            guard let step = timeAt.nextZigzag(times), let number = numberAt.next(numbers),
                let lineCount = lineAt.next(lengths), let metadataCount = metadataAt.next(lengths)
            else { throw RegionError("rows", at: 0, "sections end early at row \(row)") }
            time &+= step
            guard step >= 0 || row == 0, number < UInt64(ordinals.count), lineCount <= UInt64(lineBytes - line),
                metadataCount <= UInt64(end - metadata)
            else { throw RegionError("rows", at: 0, "row \(row) is out of range") }
            entries.append(
                RowEntry(
                    time: time, stream: ordinals[Int(number)], lineOffset: line, lineCount: Int(lineCount),
                    metadataOffset: metadata, metadataCount: Int(metadataCount)))
            line += Int(lineCount)
            metadata += Int(metadataCount)
        }
        guard line == lineBytes, metadata == end, timeAt.offset == times.count, numberAt.offset == numbers.count,
            metadataAt.offset == lengths.count
        else { throw RegionError("rows", at: 0, "sections hold more than \(count) rows") }
        entries.release()
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
