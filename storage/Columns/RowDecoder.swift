import Bytes
public import Model

extension ColumnBlockReader {
    /// All rows.
    public mutating func rows() throws(ColumnError) -> Rows {
        try decode(nil)
    }

    /// The rows with the given ascending indexes, without decoding what only others need.
    public mutating func rows(at indexes: [Int]) throws(ColumnError) -> Rows {
        var previous = -1
        for index in indexes {
            guard index > previous, index < rowCount else { throw ColumnError("row \(index) of \(rowCount)") }
            previous = index
        }
        return try decode(indexes)
    }

    private mutating func decode(_ chosen: [Int]?) throws(ColumnError) -> Rows {
        let count = chosen?.count ?? rowCount
        let times = try self.times()
        let streams = try self.streams()
        let lineIDs = try shapesOfLines()
        let metadataIDs = try shapesOfMetadata()
        // References of lines look up their rows here; with many rows whole columns cost less.
        if let chosen, chosen.count <= rowCount / 16 {
            chosenLines = chosenRows(chosen, ofMetadata: false, lineIDs)
        }
        defer { chosenLines = nil }
        var lineRows = chosenLines
        if let chosen, lineRows == nil { lineRows = chosenRows(chosen, ofMetadata: false, lineIDs) }
        let lines = try join(tree.lines, lineRows)
        var metadataRows: ChosenRows?
        if let chosen { metadataRows = chosenRows(chosen, ofMetadata: true, metadataIDs) }
        let pairs = try join(tree.metadata, metadataRows)
        let lineShapes = chosen.map { list in list.map { lineIDs[$0] } } ?? lineIDs
        let chosenPairs = chosen.map { list in list.map { metadataIDs[$0] } } ?? metadataIDs
        var uses = [Int](repeating: 0, count: tree.lines.shapes.count)
        for id in lineShapes { uses[Int(id)] += 1 }
        let plan = TextPlan(tree.lines, uses: uses) { tree.lines.shapes[$0].slots[$1] }
        let writer = PairWriter(tree, chosenPairs, pairs)
        var total = lines.textBytes &+ writer.bound(chosenPairs)
        for shape in uses.indices where uses[shape] > 0 { total &+= plan.pieceBytes(shape) &* uses[shape] }
        try source.charge((total, total < 0))
        guard total <= Int(UInt32.max) else { throw ColumnError("rows beyond 4 GiB") }
        let arena = AppendOnly<UInt8>(capacity: total)
        var lineEnds = [UInt32](repeating: 0, count: count)
        try plan.write(lineShapes, lines, to: arena) {
            lineEnds[$0] = UInt32(truncatingIfNeeded: arena.writtenCount)
        }
        var pairEnds = [UInt32](repeating: 0, count: count)
        let lineBytes = arena.writtenCount
        try writer.write(chosenPairs, to: arena) { pairEnds[$0] = UInt32(truncatingIfNeeded: arena.writtenCount) }
        arena.release()
        let entries = AppendOnly<RowEntry>(capacity: count)
        for index in 0..<count {
            let row = chosen?[index] ?? index
            var stream = streams[row]
            if let ordinals {
                guard Int(stream) < ordinals.count else { throw ColumnError("stream number out of range") }
                stream = ordinals[Int(stream)]
            }
            let start = index == 0 ? 0 : Int(lineEnds[index - 1])
            let pairStart = index == 0 ? lineBytes : Int(pairEnds[index - 1])
            entries.append(
                RowEntry(
                    time: times[row], stream: stream, lineOffset: start,
                    lineCount: Int(lineEnds[index]) - start, metadataOffset: pairStart,
                    metadataCount: Int(pairEnds[index]) - pairStart))
        }
        entries.release()
        return Rows(entries: entries, arena: arena, count: count)
    }

    private mutating func chosenRows(_ chosen: [Int], ofMetadata isMetadata: Bool, _ ids: [UInt16]) -> ChosenRows {
        let known = places(ofMetadata: isMetadata, ids)
        let set = isMetadata ? tree.metadata : tree.lines
        return ChosenRows(set, ids: ids, known, chosen: chosen, nodes: tree.nodes.count)
    }

    /// Values of all columns that the chosen rows need, or all rows.
    private mutating func join(_ set: ShapeSet, _ chosen: ChosenRows?) throws(ColumnError) -> JoinedColumns {
        var parts: [(number: Int, values: ColumnValues)] = []
        if let chosen {
            for (node, selection) in chosen.selections(nodes: tree.nodes.count) {
                parts.append((node, try values(of: node, at: selection)))
            }
            return JoinedColumns(nodes: tree.nodes.count, parts)
        }
        var seen = [Bool](repeating: false, count: tree.nodes.count)
        for shape in set.shapes {
            for node in shape.slots where !seen[node] {
                seen[node] = true
                parts.append((node, try values(of: node, at: nil)))
            }
        }
        return JoinedColumns(nodes: tree.nodes.count, parts)
    }
}

/// Puts metadata together: pairs of names and values in their canonical encoding.
private struct PairWriter {
    private let columns: JoinedColumns
    /// Per shape that is used and hole the name with its length; empty for shape 0, whose value stands for itself.
    private var names: [[[UInt8]]]
    private var slots: [[Int]]

    /// - Parameter ids: the shapes of the rows that will be written.
    init(_ tree: ColumnTree, _ ids: [UInt16], _ joined: JoinedColumns) {
        columns = joined
        let shapes = tree.metadata.shapes
        names = [[[UInt8]]](repeating: [], count: shapes.count)
        slots = [[Int]](repeating: [], count: shapes.count)
        // Looking for the column of each hole would take as long as there are columns.
        var columnOf = [Int32](repeating: -1, count: tree.nodes.count)
        for (number, column) in tree.metadataColumns.enumerated() where column.kind == .metadata {
            columnOf[column.node] = Int32(truncatingIfNeeded: number)
        }
        var isKnown = [Bool](repeating: false, count: shapes.count)
        for id in ids where !isKnown[Int(id)] {
            isKnown[Int(id)] = true
            slots[Int(id)] = shapes[Int(id)].slots
            names[Int(id)] = slots[Int(id)].map { node in
                var name: [UInt8] = []
                if columnOf[node] >= 0 { name.appendPrefixed(tree.metadataColumns[Int(columnOf[node])].name) }
                return name
            }
        }
    }

    /// Bytes that the metadata of rows with these shapes takes at most.
    func bound(_ ids: [UInt16]) -> Int {
        let sizes = names.map { shape in shape.reduce(0) { $0 + $1.count + 5 } }
        var total = columns.textBytes
        for id in ids { total &+= sizes[Int(id)] }
        return total
    }

    func write(_ ids: [UInt16], to out: AppendOnly<UInt8>, close: (_ index: Int) -> Void) throws(ColumnError) {
        var next = columns.bases
        let texts = columns.bytes.span
        for index in ids.indices {
            let shape = Int(ids[index])
            for hole in slots[shape].indices {
                let node = slots[shape][hole]
                let place = next[node]
                guard place >= 0, place < columns.limits[node] else {
                    throw ColumnError("too few values in a metadata column")
                }
                next[node] = place + 1
                let value = columns.slices[place]
                let name = names[shape][hole]
                guard name.count + value.count + 5 <= out.freeCount else {
                    throw ColumnError("metadata longer than counted")
                }
                if !name.isEmpty {
                    out.append(name.span)
                    var rest = value.count
                    while rest >= 0x80 {
                        out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
                        rest >>= 7
                    }
                    out.append(UInt8(truncatingIfNeeded: rest))
                }
                out.append(texts, from: value.offset, count: value.count)
            }
            close(index)
        }
    }
}
