import Bytes

/// Rows on their way into a block: sections grow side by side and are compressed when the block is full.
struct BlockBuilder {
    private(set) var rows = 0
    private(set) var tracedRows = 0
    private(set) var streams: [BlockStream] = []
    /// Hashes of the values that the maplet indexes, low byte free for the block's number.
    private(set) var traceHashes: [UInt64] = []
    private var times: [UInt8] = []
    private var numbers: [UInt8] = []
    private var lineLengths: [UInt8] = []
    private var metadataLengths: [UInt8] = []
    private var metadata: [UInt8] = []
    private var lines: [UInt8] = []
    /// For each ordinal of the part its number in this block, or `absent`.
    private var numberOf: [UInt32] = []
    private var firstTime: Int64 = 0
    private var lastTime: Int64 = 0
    private var lowestSequence = UInt64.max
    private var highestSequence: UInt64 = 0

    private static let absent = UInt32.max

    init(rawBytes: Int) {
        lines.reserveCapacity(rawBytes)
    }

    /// Lines and metadata so far, in bytes.
    var rawBytes: Int { lines.count + metadata.count }

    /// Adds a row; it must not lie before the last one.
    mutating func append(
        time: Int64, stream: UInt32, sequence: UInt64, line: borrowing ByteSpan, metadata pairs: borrowing ByteSpan,
        traces: TraceNames
    ) {
        if rows == 0 { firstTime = time }
        times.appendZigzag(rows == 0 ? time : time &- lastTime)
        lastTime = time
        lowestSequence = min(lowestSequence, sequence)
        highestSequence = max(highestSequence, sequence)
        let size = line.count + pairs.count
        let number = number(of: stream, time: time)
        streams[number].rows += 1
        streams[number].rawBytes += UInt64(size)
        streams[number].lastTime = time
        numbers.appendVarint(UInt64(number))
        lineLengths.appendVarint(UInt64(line.count))
        metadataLengths.appendVarint(UInt64(pairs.count))
        lines.append(span: line)
        if pairs.count > 0 {
            metadata.append(span: pairs)
            if traces.collect(pairs, 0..<pairs.count, into: &traceHashes) { tracedRows += 1 }
        }
        rows += 1
    }

    @inline(__always)
    private mutating func number(of ordinal: UInt32, time: Int64) -> Int {
        while numberOf.count <= Int(ordinal) { numberOf.append(BlockBuilder.absent) }
        let known = numberOf[Int(ordinal)]
        if known != BlockBuilder.absent { return Int(known) }
        numberOf[Int(ordinal)] = UInt32(streams.count)
        streams.append(BlockStream(ordinal: ordinal, rows: 0, rawBytes: 0, firstTime: time, lastTime: time))
        return streams.count - 1
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
        var bytes = RowBlockHeader.encode(rows: rows, packed: packed)
        let checksum = Checksum.crc32c(bytes, 0..<(bytes.count - 4))
        bytes.reserveCapacity(packed.reduce(bytes.count) { $0 + $1.packed.bytes.count })
        var lead = 0
        for (index, piece) in packed.enumerated() {
            bytes.append(contentsOf: piece.packed.bytes)
            if index == 1 { lead = bytes.count }
        }
        let entry = BlockEntry(
            kind: .rows, offset: offset, storedBytes: bytes.count, leadBytes: lead, headerChecksum: checksum,
            rows: rows, tracedRows: tracedRows, rawBytes: UInt64(rawBytes), firstTime: firstTime, lastTime: lastTime,
            lowestSequence: lowestSequence, highestSequence: highestSequence, firstStream: 0, streamCount: 0)
        return (bytes, entry)
    }

    /// Empties the builder and keeps its memory.
    mutating func reset() {
        for stream in streams { numberOf[Int(stream.ordinal)] = BlockBuilder.absent }
        streams.removeAll(keepingCapacity: true)
        traceHashes.removeAll(keepingCapacity: true)
        times.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        lineLengths.removeAll(keepingCapacity: true)
        metadataLengths.removeAll(keepingCapacity: true)
        metadata.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        rows = 0
        tracedRows = 0
        lowestSequence = .max
        highestSequence = 0
    }
}
