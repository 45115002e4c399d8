public import Bytes

/// Few values of a column, each value as its number.
struct FewValues {
    var texts: [[UInt8]]
    /// Per value of the column.
    var numbers: [UInt8]
}

// How a block's counts are made: from the decoded block, when it has been compared with its rows.
extension ColumnBlockReader {
    /// Texts of all values of a counted column together, in bytes.
    private static let textBytes = 1_024
    /// Counts of a block before compression, in bytes: the smallest columns come first.
    private static let countBytes = 64 << 10
    private static let candidates = 512

    /// The block's counts as bytes to be stored, for `RowCounts`.
    public mutating func encodedCounts(codec: Codec) throws(ColumnError) -> [UInt8] {
        guard let (groups, groupOf) = try alike() else { return PackedSection.pack([0, 0], .none) }
        var raw: [UInt8] = []
        raw.appendVarint(groups.count)
        var previous: UInt32 = 0
        for group in groups {
            raw.appendVarint(UInt64(group.stream - previous))
            previous = group.stream
            raw.appendVarint(UInt64(group.shape))
            raw.appendVarint(UInt64(group.rows))
        }
        var bodies: [[UInt8]] = []
        for (name, node) in countable().prefix(Self.candidates) {
            guard let counts = try count(node, name, groups, groupOf) else { continue }
            bodies.append(Self.encoded(name, counts))
        }
        bodies.sort { ($0.count, $0.text) < ($1.count, $1.text) }
        var kept = 0
        var size = raw.count
        while kept < bodies.count, size + bodies[kept].count <= Self.countBytes {
            size += bodies[kept].count
            kept += 1
        }
        raw.appendVarint(kept)
        for body in bodies[..<kept] { raw.append(contentsOf: body) }
        return PackedSection.pack(raw, codec)
    }

    /// Columns of lines and metadata that can be counted, as far as the tree tells.
    private func countable() -> [(name: CountedColumn, node: Int)] {
        var found: [(name: CountedColumn, node: Int)] = []
        for (number, column) in tree.lineColumns.enumerated()
        where column.kind != .whole && tree.nodes[column.node].count > 0 {
            found.append((.line(number), column.node))
        }
        if hasWholeMetadata { return found }
        for column in tree.metadataColumns where column.kind == .metadata && tree.nodes[column.node].count > 0 {
            found.append((.metadata(column.name), column.node))
        }
        return found
    }

    /// Rows by stream and shape, and for each row the place of its group; nil where there are too many groups to be
    /// worth counting.
    mutating func alike() throws(ColumnError) -> (groups: [AlikeRows], groupOf: [UInt32])? {
        let streams = try streams()
        let shapes = try shapesOfLines()
        let shapeCount = tree.lines.shapes.count
        guard let most = streams.max(), Int(most) < ColumnLimits.rows else { return nil }
        let (size, overflow) = (Int(most) + 1).multipliedReportingOverflow(by: shapeCount)
        guard !overflow, size <= 1 << 20 else { return nil }
        var counts = [UInt32](repeating: 0, count: size)
        for row in streams.indices { counts[Int(streams[row]) * shapeCount + Int(shapes[row])] &+= 1 }
        var groups: [AlikeRows] = []
        for key in counts.indices where counts[key] > 0 {
            guard groups.count < RowCounts.groups else { return nil }
            let number = UInt32(groups.count)
            groups.append(
                AlikeRows(
                    stream: UInt32(key / shapeCount), shape: UInt16(truncatingIfNeeded: key % shapeCount),
                    rows: counts[key]))
            counts[key] = number
        }
        let groupOf = streams.indices.map { counts[Int(streams[$0]) * shapeCount + Int(shapes[$0])] }
        return (groups, groupOf)
    }

    /// The values of a column, if they are few and told without rebuilding texts.
    mutating func fewValues(of node: Int) throws(ColumnError) -> FewValues? {
        let column = tree.nodes[node]
        switch column.encoding {
        case .constant:
            guard column.text.count <= Self.textBytes else { return nil }
            return FewValues(texts: [column.text], numbers: [UInt8](repeating: 0, count: column.count))
        case .dictionary, .perStream, .perTrace:
            guard tree.nodes[column.child].count <= Self.textBytes else { return nil }
            return Self.fewValues(try values(of: node, at: nil))
        case .integer, .digits: return try fewNumbers(of: node)
        default: return nil
        }
    }

    private static func fewValues(_ values: ColumnValues) -> FewValues? {
        var few = FewValues(texts: [], numbers: [])
        var numberOf: [UInt8] = []
        var size = 0
        for distinct in values.ends.indices {
            let text = Array(values.bytes[values.distinct(distinct)])
            if let known = few.texts.firstIndex(of: text) {
                numberOf.append(UInt8(known))
                continue
            }
            size += text.count
            guard few.texts.count < RowCounts.values, size <= textBytes else { return nil }
            numberOf.append(UInt8(few.texts.count))
            few.texts.append(text)
        }
        guard let indexes = values.indexes else { return FewValues(texts: few.texts, numbers: numberOf) }
        few.numbers = indexes.map { numberOf[Int($0)] }
        return few
    }

    private mutating func fewNumbers(of node: Int) throws(ColumnError) -> FewValues? {
        let integers = try integers(of: node)
        var known: [Int64] = []
        var firstPlaces: [UInt32] = []
        var numbers = [UInt8](repeating: 0, count: integers.count)
        var last = 0
        for place in integers.indices {
            let value = integers[place]
            if last >= known.count || known[last] != value {
                if let found = known.firstIndex(of: value) {
                    last = found
                } else {
                    guard known.count < RowCounts.values else { return nil }
                    last = known.count
                    known.append(value)
                    firstPlaces.append(UInt32(truncatingIfNeeded: place))
                }
            }
            numbers[place] = UInt8(last)
        }
        let texts = try values(of: node, at: Selection(firstPlaces))
        return FewValues(texts: texts.ends.indices.map { Array(texts.bytes[texts.distinct($0)]) }, numbers: numbers)
    }

    /// Counts of a column by group, the most frequent values first.
    private static func counted(
        _ values: FewValues, _ rows: [UInt32], _ groups: [AlikeRows], _ groupOf: [UInt32]
    ) -> ValueCounts {
        let width = values.texts.count
        var counts = [UInt32](repeating: 0, count: groups.count * width)
        var totals = [Int](repeating: 0, count: width)
        for place in rows.indices {
            let number = Int(values.numbers[place])
            counts[Int(groupOf[Int(rows[place])]) * width + number] &+= 1
            totals[number] &+= 1
        }
        let order = totals.indices.filter { totals[$0] > 0 }.sorted { (totals[$0], $1) > (totals[$1], $0) }
        var runs: [ValueCounts.Run] = []
        for (place, group) in groups.enumerated() {
            let own = order.map { counts[place * width + $0] }
            let none = group.rows &- own.reduce(0, &+)
            if none > 0 { runs.append(ValueCounts.Run(group: UInt32(place), value: -1, rows: none)) }
            for number in own.indices where own[number] > 0 {
                runs.append(ValueCounts.Run(group: UInt32(place), value: Int32(number), rows: own[number]))
            }
        }
        return ValueCounts(texts: order.map { values.texts[$0] }, runs: runs)
    }

    /// One column: {u8 0, varint number | u8 1, bytes name}, varint n, n texts, bytes body. The body is per group
    /// {varint set of values, bit 0 for "none"; per value but the last varint rows}.
    private static func encoded(_ name: CountedColumn, _ counts: ValueCounts) -> [UInt8] {
        var body: [UInt8] = []
        var start = 0
        while start < counts.runs.count {
            var end = start
            var set: UInt64 = 0
            while end < counts.runs.count, counts.runs[end].group == counts.runs[start].group {
                set |= 1 << UInt64(counts.runs[end].value + 1)
                end += 1
            }
            body.appendVarint(set)
            for run in counts.runs[start..<(end - 1)] { body.appendVarint(UInt64(run.rows)) }
            start = end
        }
        var out: [UInt8] = []
        switch name {
        case .line(let number):
            out.append(0)
            out.appendVarint(number)
        case .metadata(let name):
            out.append(1)
            out.appendPrefixed(name)
        }
        out.appendVarint(counts.texts.count)
        for text in counts.texts { out.appendPrefixed(text) }
        out.appendPrefixed(body)
        return out
    }

    /// Counts of a column that has few values, each row at most one.
    private mutating func count(
        _ node: Int, _ name: CountedColumn, _ groups: [AlikeRows], _ groupOf: [UInt32]
    ) throws(ColumnError) -> ValueCounts? {
        var isMetadata = false
        if case .metadata = name { isMetadata = true }
        guard !users(ofMetadata: isMetadata).occursTwice(node), let values = try fewValues(of: node),
            let rows = try rows(of: node), rows.count == values.numbers.count
        else { return nil }
        return Self.counted(values, rows, groups, groupOf)
    }

    /// Whether the block's rows are what its counts say.
    public mutating func confirms(_ counts: RowCounts) throws(ColumnError) -> Bool {
        if counts.groups.isEmpty { return counts.names.isEmpty }
        guard let (groups, groupOf) = try alike(), groups == counts.groups else { return false }
        let known = countable()
        for name in counts.names {
            guard let column = known.first(where: { $0.name == name }),
                try count(column.node, name, groups, groupOf) == counts.values(of: name)
            else { return false }
        }
        return true
    }
}
