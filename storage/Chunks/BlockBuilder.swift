import Bytes

/// Rows on their way into a row block: sections grow side by side and are compressed when the block is full.
struct BlockBuilder {
    private(set) var tally = BlockTally()
    private var times: [UInt8] = []
    private var numbers: [UInt8] = []
    private var lineLengths: [UInt8] = []
    private var metadataLengths: [UInt8] = []
    private var metadata: [UInt8] = []
    private var lines: [UInt8] = []

    init(rawBytes: Int) {
        lines.reserveCapacity(rawBytes)
    }

    /// Adds a row; it must not lie before the last one.
    mutating func append(
        time: Int64, stream: UInt32, sequence: UInt64, line: borrowing ByteSpan, metadata pairs: borrowing ByteSpan,
        traces: TraceNames
    ) {
        times.appendZigzag(tally.rows == 0 ? time : time &- tally.lastTime)
        let number = tally.add(
            time: time, stream: stream, sequence: sequence, lineBytes: line.count, metadata: pairs, traces: traces)
        numbers.appendVarint(UInt64(number))
        lineLengths.appendVarint(UInt64(line.count))
        metadataLengths.appendVarint(UInt64(pairs.count))
        lines.append(span: line)
        if pairs.count > 0 { metadata.append(span: pairs) }
    }

    /// The bytes of the block, and its directory entry for a block that begins at `offset`.
    func encoded(codec: Codec, offset: Int) throws(PartError) -> (bytes: [UInt8], entry: BlockEntry) {
        var lengths = lineLengths
        lengths.append(contentsOf: metadataLengths)
        var packed: [(packed: Packed, rawBytes: Int)] = []
        packed.append((try Packed(times.span, codec: codec), times.count))
        packed.append((try Packed(numbers.span, codec: codec), numbers.count))
        packed.append((try Packed(lengths.span, codec: codec), lengths.count))
        packed.append((try Packed(metadata.span, codec: codec), metadata.count))
        packed.append((try Packed(lines.span, codec: codec), lines.count))
        var bytes = RowBlockHeader.encode(rows: tally.rows, packed: packed)
        let checksum = Checksum.crc32c(bytes, 0..<(bytes.count - 4))
        bytes.reserveCapacity(packed.reduce(bytes.count) { $0 + $1.packed.bytes.count })
        var lead = 0
        for (index, piece) in packed.enumerated() {
            bytes.append(contentsOf: piece.packed.bytes)
            if index == 1 { lead = bytes.count }
        }
        let entry = tally.entry(
            .rows, offset: offset, storedBytes: bytes.count, leadBytes: lead, headerChecksum: checksum)
        return (bytes, entry)
    }

    /// Empties the builder and keeps its memory.
    mutating func reset() {
        tally.reset()
        times.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        lineLengths.removeAll(keepingCapacity: true)
        metadataLengths.removeAll(keepingCapacity: true)
        metadata.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
    }
}
