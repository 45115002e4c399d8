public import Bytes
import Columns
import Files
import Model

/// A part without some of its rows, for deletions: blocks that lose none are copied as they are, the others encoded
/// anew, one at a time. Streams that lose their last row leave the part.
public enum PartRewriter {
    /// A block of the new part, its streams by ordinal of the old one.
    private struct Block {
        let piece: PartImage.Piece
        let entry: BlockEntry
        let streams: [BlockStream]
        let traceHashes: [UInt64]
    }

    /// - Parameters:
    ///   - part: stays open until the image is written.
    ///   - dropped: rows to leave out, ascending, by block; blocks without any are missing.
    /// - Returns: the part of the next generation that covers the same, or nil when no row is left.
    public static func rewrite(
        _ part: Part, dropping dropped: [Int: [Int]], configuration: PartConfiguration, id: Hash128, storeID: Hash128
    ) throws(PartError) -> PartImage? {
        var configuration = configuration
        configuration.fromLabelNames = part.fromLabelNames
        configuration.indexedNames = part.indexedNames
        var assembler = try PartAssembler(
            configuration: configuration, summary: try PartMerger.summary([part], id: id, storeID: storeID))
        var blocks: [Block] = []
        for (index, entry) in try part.directory().blocks.enumerated() {
            guard let rows = dropped[index], !rows.isEmpty else {
                blocks.append(try copied(part, index, entry, assembler.traces))
                continue
            }
            if rows.count < entry.rows {
                blocks += try rewritten(part, index, entry, without: rows, configuration, assembler.traces)
            }
        }
        if blocks.isEmpty { return nil }
        let old = try part.streams()
        var map = [UInt32](repeating: .max, count: old.count)
        var labels: [LabelSet] = []
        for block in blocks {
            let streams = block.streams.map { stream in
                var stream = stream
                let ordinal = Int(stream.ordinal)
                if map[ordinal] == .max {
                    map[ordinal] = UInt32(labels.count)
                    labels.append(old[ordinal].labels)
                }
                stream.ordinal = map[ordinal]
                return stream
            }
            assembler.add(block.piece, block.entry, streams: streams, traceHashes: block.traceHashes)
        }
        return try assembler.finish(streams: labels)
    }

    private static func copied(
        _ part: Part, _ index: Int, _ entry: BlockEntry, _ traces: TraceNames
    ) throws(PartError) -> Block {
        let hashes = try PartMerger.checkedTraces(part, index, entry, traces)
        return Block(
            piece: .copy(part.source, offset: entry.offset, count: entry.storedBytes), entry: entry,
            streams: [BlockStream](try part.directory().streams(of: index)), traceHashes: hashes)
    }

    private static func rewritten(
        _ part: Part, _ index: Int, _ entry: BlockEntry, without dropped: [Int], _ configuration: PartConfiguration,
        _ traces: TraceNames
    ) throws(PartError) -> [Block] {
        let rows = try part.readBlock(index, need: .rows).rows
        var columns = ColumnBlockBuilder()
        rows.read { entries, arena in
            var next = 0
            for row in 0..<entries.count {
                if next < dropped.count, dropped[next] == row {
                    next += 1
                    continue
                }
                let at = entries[row]
                columns.append(
                    time: at.time, stream: at.stream, sequence: entry.lowestSequence, line: arena.extracting(at.line),
                    metadata: arena.extracting(at.metadata), traces: traces)
            }
        }
        if entry.kind == .columns {
            var plan = ColumnPlan()
            do throws(ColumnError) {
                let made = try columns.encoded(
                    codec: configuration.codec, tracedNames: traces.names, plan: &plan, offset: 0,
                    trial: configuration.trial)
                return [block(made, columns.tally, like: entry)]
            } catch {
                // Rows that do not come back from columns are kept as rows.
            }
        }
        return try asRows(columns, entry, configuration, traces)
    }

    private static func asRows(
        _ columns: ColumnBlockBuilder, _ entry: BlockEntry, _ configuration: PartConfiguration, _ traces: TraceNames
    ) throws(PartError) -> [Block] {
        var blocks: [Block] = []
        var builder = BlockBuilder(rawBytes: configuration.blockRawBytes)
        func close() throws(PartError) {
            blocks.append(
                block(try builder.encoded(codec: configuration.codec, offset: 0), builder.tally, like: entry))
            builder.reset()
        }
        try columns.forEachRow { (time, stream, sequence, line, metadata) throws(PartError) in
            let size = line.count + metadata.count
            if builder.tally.rows > 0, builder.tally.rawBytes + size > configuration.blockRawBytes { try close() }
            builder.append(
                time: time, stream: stream, sequence: sequence, line: line, metadata: metadata, traces: traces)
        }
        if builder.tally.rows > 0 { try close() }
        return blocks
    }

    /// Sequences of single rows are not known any more: the block keeps the bounds that it had.
    private static func block(
        _ made: (bytes: [UInt8], entry: BlockEntry), _ tally: BlockTally, like old: BlockEntry
    ) -> Block {
        var entry = made.entry
        entry.lowestSequence = old.lowestSequence
        entry.highestSequence = old.highestSequence
        return Block(
            piece: .bytes(made.bytes), entry: entry, streams: tally.streams, traceHashes: tally.traceHashes)
    }
}
