public import Bytes
public import Columns
public import Model

/// Makes a part of rows that come in order. Blocks are compressed as they fill. For one thread.
public final class PartWriter {
    private var assembler: PartAssembler
    private var builder: BlockBuilder
    private var columns = ColumnBlockBuilder()
    private var streams: [LabelSet] = []
    private var ordinals: [LabelSet: UInt32] = [:]
    private var lastTime = Int64.min
    private var lastSequence: UInt64 = 0
    private let traces: TraceNames
    private let blockRawBytes: Int
    private let blockRows: Int
    private let isColumnar: Bool
    /// What won in earlier column blocks: set it before the first row, take it after `finish`.
    public var plan = ColumnPlan()
    /// Why blocks became row blocks though columns were wanted: one sentence each.
    public private(set) var refusals: [String] = []

    /// - Parameters:
    ///   - coverage: the WAL sequences whose rows (of this tenant and day) are in the part.
    ///   - inputs: parts that this one replaces, for a part made of others.
    ///   - isUnclean: rows were not checked against older parts for equal ones.
    public init(
        configuration: PartConfiguration, id: Hash128, storeID: Hash128, tenant: TenantID, day: Day, generation: UInt32,
        coverage: Coverage, inputs: [Hash128] = [], isUnclean: Bool = false
    ) throws(PartError) {
        assembler = try PartAssembler(
            configuration: configuration,
            summary: PartSummary(
                id: id, storeID: storeID, tenant: tenant, day: day, generation: generation, coverage: coverage,
                inputs: inputs, isUnclean: isUnclean))
        traces = assembler.traces
        isColumnar = configuration.kind == .columns
        blockRawBytes = isColumnar ? PartLimits.columnBlockRawBytes : configuration.blockRawBytes
        blockRows = configuration.blockRows
        builder = BlockBuilder(rawBytes: isColumnar ? 0 : min(configuration.blockRawBytes, 1 << 20))
    }

    /// Says how much will be appended in all, so that the memory of blocks need not grow step by step.
    public func expect(rows: Int, rawBytes: Int) {
        guard isColumnar, rows > 0, rawBytes >= 0 else { return }
        let block = min(rows, blockRows)
        // Blocks of several differ in size: a little more than the mean.
        let mean = rawBytes / rows &* block
        let bytes = rows > block ? mean &+ mean / 8 : rawBytes
        columns.reserve(rows: block, bytes: min(bytes, blockRawBytes))
    }

    /// The ordinal of the stream with these labels, new or known.
    public func intern(_ labels: LabelSet) -> UInt32 {
        if let known = ordinals[labels] { return known }
        let ordinal = UInt32(streams.count)
        streams.append(labels)
        ordinals[labels] = ordinal
        return ordinal
    }

    /// Adds a row. Rows must come by time, those of equal time by sequence.
    /// - Parameters:
    ///   - time: nanoseconds since 1970-01-01 UTC.
    ///   - stream: an ordinal from `intern`.
    ///   - sequence: WAL sequence of the record that the row came with.
    ///   - metadata: canonical pairs.
    public func append(
        time: Int64, stream: UInt32, sequence: UInt64, line: borrowing ByteSpan, metadata: borrowing ByteSpan
    ) throws(PartError) {
        guard time > lastTime || (time == lastTime && sequence >= lastSequence) || isEmpty else {
            throw PartError.notWritable(
                reason: "row (\(time), \(sequence)) comes after (\(lastTime), \(lastSequence)): out of order")
        }
        guard Int(stream) < streams.count else {
            throw PartError.notWritable(reason: "stream \(stream) of \(streams.count) is unknown")
        }
        let size = line.count + metadata.count
        guard size <= PartLimits.rowBytes else {
            throw PartError.notWritable(reason: "row of \(size) bytes, at most \(PartLimits.rowBytes)")
        }
        let tally = isColumnar ? columns.tally : builder.tally
        if tally.rows > 0 && (tally.rawBytes + size > blockRawBytes || tally.rows >= blockRows) { try closeBlock() }
        if isColumnar {
            columns.append(
                time: time, stream: stream, sequence: sequence, line: line, metadata: metadata, traces: traces)
        } else {
            builder.append(
                time: time, stream: stream, sequence: sequence, line: line, metadata: metadata, traces: traces)
        }
        lastTime = time
        lastSequence = sequence
    }

    private var isEmpty: Bool {
        builder.tally.rows == 0 && columns.tally.rows == 0 && assembler.directory.blocks.isEmpty
    }

    private func closeBlock() throws(PartError) {
        isColumnar ? try closeColumnBlock() : try closeRowBlock()
    }

    private func closeRowBlock() throws(PartError) {
        let block = try builder.encoded(codec: assembler.configuration.codec, offset: assembler.offset)
        assembler.add(
            .bytes(block.bytes), block.entry, streams: builder.tally.streams, traceHashes: builder.tally.traceHashes)
        builder.reset()
    }

    private func closeColumnBlock() throws(PartError) {
        do throws(ColumnError) {
            let block = try columns.encoded(
                codec: assembler.configuration.codec, tracedNames: traces.names, plan: &plan, offset: assembler.offset,
                trial: assembler.configuration.trial)
            assembler.add(
                .bytes(block.bytes), block.entry, streams: columns.tally.streams,
                traceHashes: columns.tally.traceHashes)
        } catch {
            refusals.append("block \(assembler.directory.blocks.count) is kept as rows: \(error)")
            try keepAsRows()
        }
        columns.reset()
    }

    /// Rows that do not come back from columns, as row blocks.
    private func keepAsRows() throws(PartError) {
        let limit = assembler.configuration.blockRawBytes
        try columns.forEachRow { (time, stream, sequence, line, metadata) throws(PartError) in
            let size = line.count + metadata.count
            if builder.tally.rows > 0 && builder.tally.rawBytes + size > limit { try closeRowBlock() }
            builder.append(
                time: time, stream: stream, sequence: sequence, line: line, metadata: metadata, traces: traces)
        }
        if builder.tally.rows > 0 { try closeRowBlock() }
    }

    /// The finished part; the writer is used up. Throws when there are no rows.
    public func finish() throws(PartError) -> PartImage {
        if builder.tally.rows > 0 || columns.tally.rows > 0 { try closeBlock() }
        return try assembler.finish(streams: streams)
    }
}
