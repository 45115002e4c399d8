import Bytes
import Columns
import Model

/// Rows on their way into a column block: kept as they are until the block is full, then encoded, decoded again and
/// compared.
struct ColumnBlockBuilder {
    private(set) var tally = BlockTally()
    private var entries: [RowEntry] = []
    private var ordinals: [UInt32] = []
    private var sequences: [UInt64] = []
    private var arena: [UInt8] = []

    /// Makes room for rows of `bytes` bytes in all, so that growing does not take twice as much.
    mutating func reserve(rows: Int, bytes: Int) {
        entries.reserveCapacity(rows)
        ordinals.reserveCapacity(rows)
        sequences.reserveCapacity(rows)
        arena.reserveCapacity(bytes)
    }

    /// Adds a row; it must not lie before the last one.
    mutating func append(
        time: Int64, stream: UInt32, sequence: UInt64, line: borrowing ByteSpan, metadata: borrowing ByteSpan,
        traces: TraceNames
    ) {
        let number = tally.add(
            time: time, stream: stream, sequence: sequence, lineBytes: line.count, metadata: metadata, traces: traces)
        let offset = arena.count
        arena.append(span: line)
        arena.append(span: metadata)
        entries.append(
            RowEntry(
                time: time, stream: UInt32(truncatingIfNeeded: number), lineOffset: offset, lineCount: line.count,
                metadataOffset: offset + line.count, metadataCount: metadata.count))
        ordinals.append(stream)
        sequences.append(sequence)
    }

    /// The bytes of the block and its directory entry.
    /// - Throws: when the rows do not fit the format, or do not come back byte for byte.
    func encoded(
        codec: Codec, tracedNames: [[UInt8]], plan: inout ColumnPlan, offset: Int, trial: EncoderTrial
    ) throws(ColumnError) -> (bytes: [UInt8], entry: BlockEntry) {
        var learned = plan
        let source = trial.errs ? arenaWithError : arena
        let block = try ColumnBlock.encode(
            entries, arena: source.span, tracedNames: tracedNames, codec: codec, plan: &learned)
        let counts = try compare(block, codec, compares: trial.compares)
        plan = learned
        let trigrams = TrigramSet.encode(entries, arena: arena.span)
        let volume = VolumeHistogram(times: entries.map(\.time), streams: entries.map(\.stream)).encoded(codec: codec)
        let sections = [block.head, block.streams, trigrams, counts, volume]
        var bytes = ColumnBlockHeader.encode(rows: tally.rows, sections: sections)
        let checksum = Checksum.crc32c(bytes, 0..<(bytes.count - 4))
        bytes.reserveCapacity(sections.reduce(bytes.count) { $0 + $1.count })
        for section in sections { bytes.append(contentsOf: section) }
        let entry = tally.entry(
            .columns, offset: offset, storedBytes: bytes.count,
            leadBytes: ColumnBlockHeader.sizeBytes(sections: sections.count) + block.head.count,
            headerChecksum: checksum)
        return (bytes, entry)
    }

    /// Decodes the block and compares every row with what it was made of.
    /// - Returns: the block's counts.
    private func compare(
        _ block: ColumnBlock.Encoded, _ codec: Codec, compares: Bool
    ) throws(ColumnError) -> [UInt8] {
        let (decoded, counts) = try ColumnBlock.decodeCounting(block, codec: codec, limitBytes: tally.rawBytes)
        if !compares { return counts }
        guard decoded.count == entries.count else { throw ColumnError("\(decoded.count) rows came back") }
        let source = arena.span
        let different = decoded.read { rows, text -> Int? in
            for index in 0..<rows.count {
                let row = rows[index]
                let wanted = entries[index]
                guard row.time == wanted.time, row.stream == wanted.stream, row.lineCount == wanted.lineCount,
                    row.metadataCount == wanted.metadataCount,
                    text.extracting(row.line).equals(source.extracting(wanted.line)),
                    text.extracting(row.metadata).equals(source.extracting(wanted.metadata))
                else { return index }
            }
            return nil
        }
        if let different { throw ColumnError("row \(different) came back different") }
        return counts
    }

    /// What an encoder that errs works on: the last byte of the middle row's line is another.
    private var arenaWithError: [UInt8] {
        var arena = arena
        if !entries.isEmpty {
            let line = entries[entries.count / 2].line
            if !line.isEmpty { arena[line.upperBound - 1] ^= 1 }
        }
        return arena
    }

    /// Calls `body` with every row, in order.
    func forEachRow<E: Error>(
        _ body: (
            _ time: Int64, _ stream: UInt32, _ sequence: UInt64, _ line: borrowing ByteSpan,
            _ metadata: borrowing ByteSpan
        ) throws(E) -> Void
    ) throws(E) {
        let text = arena.span
        for index in entries.indices {
            let row = entries[index]
            try body(
                row.time, ordinals[index], sequences[index], text.extracting(row.line), text.extracting(row.metadata))
        }
    }

    /// Empties the builder and keeps its memory.
    mutating func reset() {
        tally.reset()
        entries.removeAll(keepingCapacity: true)
        ordinals.removeAll(keepingCapacity: true)
        sequences.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
    }
}
