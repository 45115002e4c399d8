public import Bytes
public import Model

/// A block of rows as columns: encoding and decoding as a whole.
public enum ColumnBlock {
    /// An encoded block: two regions, stored one behind the other; each of them and every stream carries its checksum.
    public struct Encoded: Sendable {
        /// Prefix and column tree: all that is needed to know what lies where.
        public let head: [UInt8]
        /// The values.
        public let streams: [UInt8]

        public var sizeBytes: Int { head.count + streams.count }
    }

    /// Encodes rows that are sorted by time.
    /// - Parameters:
    ///   - tracedNames: metadata names whose value other columns may depend on.
    ///   - plan: what won in the block before; takes in what wins in this one.
    public static func encode(
        _ rows: [RowEntry], arena: borrowing ByteSpan, tracedNames: [[UInt8]], codec: Codec, plan: inout ColumnPlan
    ) throws(ColumnError) -> Encoded {
        guard rows.count <= ColumnLimits.rows else { throw ColumnError("\(rows.count) rows in one block") }
        var writer = ColumnWriter(codec: codec, plan: plan)
        var metadata = MetadataColumns(tracedNames: tracedNames, expected: rows.count)
        var traces = ValueTable(expected: rows.count / 4)
        var context = RowContext(
            times: [Int64](repeating: 0, count: rows.count), streams: [Int64](repeating: 0, count: rows.count),
            traces: [Int64](repeating: 0, count: rows.count))
        var hasTraces = false
        for index in rows.indices {
            let value = metadata.add(rows[index], index, in: arena)
            hasTraces = hasTraces || value != nil
            context.traces[index] = Int64(traces.number(value ?? Slice(0, 0), in: arena, limit: .max) ?? 0)
            context.times[index] = rows[index].time
            context.streams[index] = Int64(rows[index].stream)
        }
        if !hasTraces { context.traces = [] }

        writer.integers(context.times, key: 0x71)
        writer.integers(context.streams, key: 0x72)
        writer.tree.append(hasTraces ? 1 : 0)
        writer.integers(context.traces, key: 0x73, isFirstUseOrder: true)
        // Dependence on streams makes tables as long as the largest number.
        if rows.contains(where: { Int($0.stream) > ColumnLimits.rows }) { context.streams = [] }
        metadata.write(to: &writer, in: arena, context: context)
        LineColumns(rows, in: arena).write(to: &writer, in: arena, context: context)
        guard ColumnLimits.writtenNodes - writer.nodesLeft <= ColumnLimits.nodes else {
            throw ColumnError("columns within columns of one block: more than \(ColumnLimits.nodes)")
        }
        plan.learn(writer.choices)
        return Encoded(
            head: try BlockHead.encode(tree: writer.tree, rows: rows.count, streamBytes: writer.streams.count, codec),
            streams: writer.streams)
    }

    /// Decodes all rows of a block, and counts them; the counts are encoded for `RowCounts`.
    /// - Parameter limitBytes: raw size of lines and metadata that the block may have at most.
    public static func decodeCounting(
        _ encoded: Encoded, codec: Codec, limitBytes: Int
    ) throws(ColumnError) -> (rows: Rows, counts: [UInt8]) {
        var reader = try ColumnBlockReader(head: encoded.head, streams: encoded.streams, limitBytes: limitBytes)
        let rows = try reader.rows()
        reader.renew()
        return (rows, try reader.encodedCounts(codec: codec))
    }

    /// Decodes all rows of a block.
    /// - Parameter limitBytes: raw size of lines and metadata that the block may have at most.
    public static func decode(_ encoded: Encoded, limitBytes: Int) throws(ColumnError) -> Rows {
        var reader = try ColumnBlockReader(head: encoded.head, streams: encoded.streams, limitBytes: limitBytes)
        return try reader.rows()
    }
}
