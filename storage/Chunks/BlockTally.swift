import Bytes

/// What the directory says of a block's rows, counted as they come.
struct BlockTally {
    private(set) var rows = 0
    private(set) var tracedRows = 0
    private(set) var rawBytes = 0
    private(set) var streams: [BlockStream] = []
    /// Hashes of the values that the maplet indexes, low byte free for the block's number.
    private(set) var traceHashes: [UInt64] = []
    private(set) var lastTime: Int64 = 0
    private var firstTime: Int64 = 0
    private var lowestSequence = UInt64.max
    private var highestSequence: UInt64 = 0
    /// For each ordinal of the part its number in this block, or `absent`.
    private var numberOf: [UInt32] = []

    private static let absent = UInt32.max

    /// Counts a row, which must not lie before the last one; the number of its stream in the block.
    @inline(__always)
    mutating func add(
        time: Int64, stream ordinal: UInt32, sequence: UInt64, lineBytes: Int, metadata: borrowing ByteSpan,
        traces: TraceNames
    ) -> Int {
        if rows == 0 { firstTime = time }
        lastTime = time
        lowestSequence = min(lowestSequence, sequence)
        highestSequence = max(highestSequence, sequence)
        let size = lineBytes + metadata.count
        rawBytes += size
        let number = number(of: ordinal, time: time)
        streams[number].rows += 1
        streams[number].rawBytes += UInt64(size)
        streams[number].lastTime = time
        if metadata.count > 0, traces.collect(metadata, 0..<metadata.count, into: &traceHashes) { tracedRows += 1 }
        rows += 1
        return number
    }

    @inline(__always)
    private mutating func number(of ordinal: UInt32, time: Int64) -> Int {
        while numberOf.count <= Int(ordinal) { numberOf.append(BlockTally.absent) }
        let known = numberOf[Int(ordinal)]
        if known != BlockTally.absent { return Int(known) }
        numberOf[Int(ordinal)] = UInt32(streams.count)
        streams.append(BlockStream(ordinal: ordinal, rows: 0, rawBytes: 0, firstTime: time, lastTime: time))
        return streams.count - 1
    }

    /// The directory entry of a block of these rows that begins at `offset`.
    func entry(_ kind: BlockKind, offset: Int, storedBytes: Int, leadBytes: Int, headerChecksum: UInt32) -> BlockEntry {
        BlockEntry(
            kind: kind, offset: offset, storedBytes: storedBytes, leadBytes: leadBytes, headerChecksum: headerChecksum,
            rows: rows, tracedRows: tracedRows, rawBytes: UInt64(rawBytes), firstTime: firstTime, lastTime: lastTime,
            lowestSequence: lowestSequence, highestSequence: highestSequence, firstStream: 0, streamCount: 0)
    }

    /// Empties the tally and keeps its memory.
    mutating func reset() {
        for stream in streams { numberOf[Int(stream.ordinal)] = BlockTally.absent }
        streams.removeAll(keepingCapacity: true)
        traceHashes.removeAll(keepingCapacity: true)
        rows = 0
        tracedRows = 0
        rawBytes = 0
        lowestSequence = .max
        highestSequence = 0
    }
}
