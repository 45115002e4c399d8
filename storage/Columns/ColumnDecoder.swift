import Bytes

extension ColumnBlockReader {
    /// Values of a column at ascending positions, or all of them.
    mutating func values(of node: Int, at selection: Selection?) throws(ColumnError) -> ColumnValues {
        if selection == nil, let known = kept.values[node] { return known }
        let column = tree.nodes[node]
        let positions = selection?.places
        let count = positions?.count ?? column.count
        if let last = positions?.last, Int(last) >= column.count { throw ColumnError("too few values in a column") }
        var values = ColumnValues()
        guard count > 0 else { return values }
        try source.charge(count.multipliedReportingOverflow(by: 4))
        switch column.encoding {
        case .constant:
            values.bytes = column.text
            values.close()
            values.indexes = [UInt32](repeating: 0, count: count)
        case .integer, .digits, .decimal, .address, .timestamp, .rowTime:
            try numbers(column, node, selection, count, into: &values)
        case .hex, .uuid: try hexadecimal(column, node, positions, count, into: &values)
        case .dictionary, .perStream, .perTrace:
            try pick(try distinctNumbers(of: node, at: selection), of: column.child, selection != nil, into: &values)
        case .template: try templates(column, node, selection, count, into: &values)
        case .raw, .lines: try raw(column, node, positions, count, into: &values)
        }
        return values
    }

    /// For each value of a column with a dictionary, or some of them, which distinct value it is.
    mutating func distinctNumbers(of node: Int, at selection: Selection? = nil) throws(ColumnError) -> [UInt32] {
        let column = tree.nodes[node]
        let limit = tree.nodes[column.child].count
        if column.encoding == .dictionary {
            let all = try dictionaryNumbers(of: node)
            return selection.map { some in some.places.map { all[Int($0)] } } ?? all
        }
        let isOfStreams = column.encoding == .perStream
        var numbers: [UInt32]
        if let rows = selection?.rows, let known = try firstUses(node, isOfStreams: isOfStreams) {
            let determinants = isOfStreams ? try streams() : try traces()
            numbers = rows.map { UInt32(bitPattern: known[Int(determinants[Int($0)])]) }
        } else {
            numbers = try dependentNumbers(node, isOfStreams: isOfStreams)
            if let places = selection?.places { numbers = places.map { numbers[Int($0)] } }
        }
        guard numbers.allSatisfy({ $0 < limit }) else {
            throw ColumnError("too few values for streams or traces")
        }
        return numbers
    }

    /// Per stream or trace its number in order of first use among the rows that have the column; nil for columns that
    /// are not part of lines or metadata as such, and where enough is kept of others. -1 for those that are not used.
    private mutating func firstUses(_ node: Int, isOfStreams: Bool) throws(ColumnError) -> [Int32]? {
        let ids: [UInt16]
        var isMetadata = false
        switch tree.nodes[node].owner {
        case .lines: ids = try shapesOfLines()
        case .metadata:
            ids = try shapesOfMetadata()
            isMetadata = true
        default: return nil
        }
        var hasColumn = [Bool](repeating: false, count: shapeCount(ofMetadata: isMetadata))
        for use in users(ofMetadata: isMetadata).uses(of: node) { hasColumn[Int(use.shape)] = true }
        let key = FirstUseKey(isMetadata: isMetadata, isOfStreams: isOfStreams, hasColumn: hasColumn)
        if let known = kept.firstUses[key] { return known }
        guard kept.firstUses.count < KeptColumns.maximumFirstUses else { return nil }
        let determinants = isOfStreams ? try streams() : try traces()
        let largest = try self.largest(determinants)
        var known = [Int32](repeating: -1, count: largest + 1)
        var next: Int32 = 0
        for row in ids.indices where hasColumn[Int(ids[row])] {
            let determinant = Int(determinants[row])
            if known[determinant] < 0 {
                known[determinant] = next
                next += 1
            }
        }
        kept.firstUses[key] = known
        return known
    }

    private func largest(_ determinants: [UInt32]) throws(ColumnError) -> Int {
        guard determinants.count == rowCount, let most = determinants.max(), most <= UInt32(ColumnLimits.rows)
        else { throw ColumnError("column depends on rows that are not known") }
        return Int(most)
    }

    /// Numbers of a column's values by the order in which their streams or traces are first used in it.
    private mutating func dependentNumbers(_ node: Int, isOfStreams: Bool) throws(ColumnError) -> [UInt32] {
        if let known = kept.dependents[node] { return known }
        let determinants = isOfStreams ? try streams() : try traces()
        var isOnce = false
        if case .lines = tree.nodes[node].owner, try shapesOfLines().count == rowCount {
            isOnce = isOncePerRow(node, ofMetadata: false)
        }
        var rows: [UInt32] = []
        if !isOnce {
            guard let own = try self.rows(of: node) else {
                throw ColumnError("column depends on rows that are not known")
            }
            rows = own
        }
        var numbers: [UInt32] = []
        numbers.reserveCapacity(isOnce ? rowCount : rows.count)
        var table = try takeTable(determinants, isOfStreams)
        table.begin()
        if isOnce {
            for determinant in determinants { numbers.append(table.number(of: Int(determinant))) }
        } else {
            for row in rows { numbers.append(table.number(of: Int(determinants[Int(row)]))) }
        }
        if isOfStreams { kept.streamTable = table } else { kept.traceTable = table }
        try source.charge(numbers.count.multipliedReportingOverflow(by: 4))
        kept.dependents[node] = numbers
        return numbers
    }

    /// The table is taken out of what is kept, or every number would copy it.
    private mutating func takeTable(
        _ determinants: [UInt32], _ isOfStreams: Bool
    ) throws(ColumnError) -> DeterminantNumbers {
        let known = isOfStreams ? kept.streamTable.take() : kept.traceTable.take()
        if let known { return known }
        return DeterminantNumbers(largest: try largest(determinants))
    }

    private mutating func pick(
        _ numbers: [UInt32], of child: Int, _ isSome: Bool, into values: inout ColumnValues
    ) throws(ColumnError) {
        guard isSome else {
            values = try self.values(of: child, at: nil)
            values.pick(numbers)
            return
        }
        var unique = numbers
        unique.sort()
        var last = 0
        for index in unique.indices.dropFirst() where unique[index] != unique[last] {
            last += 1
            unique[last] = unique[index]
        }
        unique.removeLast(max(unique.count - last - 1, 0))
        values = try self.values(of: child, at: Selection(unique))
        values.pick(
            numbers.map { number in
                var low = 0
                var high = unique.count - 1
                while low < high {
                    let middle = (low + high) / 2
                    if unique[middle] < number { low = middle + 1 } else { high = middle }
                }
                return UInt32(truncatingIfNeeded: low)
            })
    }

    private mutating func numbers(
        _ column: ColumnNode, _ node: Int, _ selection: Selection?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        let positions = selection?.places
        let numbers = try integers(of: node, at: positions)
        var places: [Int64] = []
        if column.encoding == .decimal {
            places = try self.places(of: node, at: positions)
        }
        var offsets: [Int64] = []
        if column.encoding == .rowTime { offsets = try rowUnits(of: node, at: selection) }
        let affixes = column.prefix.count + column.suffix.count
        // No number or timestamp is longer than 32 bytes.
        try source.charge((affixes + 32).multipliedReportingOverflow(by: count))
        let out = AppendOnly<UInt8>(capacity: (affixes + 32) * count)
        var ends = [UInt32](repeating: 0, count: count)
        var dates = DateText()
        for index in 0..<count {
            let number = numbers[index]
            if affixes > 0 { out.append(column.prefix.span) }
            switch column.encoding {
            case .integer: NumberText.append(number, to: out)
            case .digits: NumberText.append(number, width: column.width, to: out)
            case .decimal: try NumberText.append(number, places: places[index], to: out)
            case .address: NumberText.append(address: number, to: out)
            default:
                let value = offsets.isEmpty ? number : number &+ offsets[index]
                guard value > .min / 4, value < .max / 4 * 3 else { throw ColumnError("timestamp out of range") }
                column.spelling.append(value, dates: &dates, to: out)
            }
            if affixes > 0 { out.append(column.suffix.span) }
            ends[index] = UInt32(truncatingIfNeeded: out.writtenCount)
        }
        values.ends = ends
        values.bytes = out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) }
    }

    /// Times of the rows of a timestamp column, in its unit.
    mutating func rowUnits(of node: Int, at selection: Selection? = nil) throws(ColumnError) -> [Int64] {
        let times = try self.times()
        var unit: Int64 = 1
        for _ in tree.nodes[node].spelling.places..<9 { unit *= 10 }
        if let rows = selection?.rows { return rows.map { TimestampText.units(times[Int($0)], of: unit) } }
        guard let rows = try rows(of: node) else { throw ColumnError("column depends on rows that are not known") }
        try source.charge(rows.count.multipliedReportingOverflow(by: 8))
        guard let places = selection?.places else { return rows.map { TimestampText.units(times[Int($0)], of: unit) } }
        return places.map { TimestampText.units(times[Int(rows[Int($0)])], of: unit) }
    }

    private mutating func hexadecimal(
        _ column: ColumnNode, _ node: Int, _ positions: [UInt32]?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        guard let entry = column.blob else { throw ColumnError("hexadecimal column without a stream") }
        let blob = try self.blob(of: node, entry)
        let isUUID = column.encoding == .uuid
        guard !isUUID || column.width == 36 else { throw ColumnError("uuid of \(column.width) bytes") }
        let size = isUUID ? 16 : (column.width + 1) / 2
        guard size.multipliedReportingOverflow(by: column.count) == (blob.count, false) else {
            throw ColumnError("hexadecimal column of \(blob.count) bytes")
        }
        let affixes = column.prefix.count + column.suffix.count
        let room = (column.width + affixes + 1).multipliedReportingOverflow(by: count)
        try source.charge(room)
        let out = AppendOnly<UInt8>(capacity: room.partialValue)
        let pairs = TypedValue.hexPairs
        let dropped = !isUUID && column.width & 1 == 1 ? 1 : 0
        var ends = [UInt32](repeating: 0, count: count)
        for index in 0..<count {
            let from = (positions.map { Int($0[index]) } ?? index) * size
            if affixes > 0 { out.append(column.prefix.span) }
            if isUUID {
                NumberText.append(uuid: blob.span, from: from, pairs: pairs.span, to: out)
            } else {
                NumberText.append(hex: blob.span, from: from, count: size - dropped, pairs: pairs.span, to: out)
                if dropped > 0 { out.append(word: pairs[Int(blob[from + size - 1])], count: 1) }
            }
            if affixes > 0 { out.append(column.suffix.span) }
            ends[index] = UInt32(truncatingIfNeeded: out.writtenCount)
        }
        values.ends = ends
        values.bytes = out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) }
    }

    private mutating func raw(
        _ column: ColumnNode, _ node: Int, _ positions: [UInt32]?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        guard let entry = column.blob else { throw ColumnError("raw column without a stream") }
        let blob = try self.blob(of: node, entry)
        let starts = try self.starts(of: node, in: blob)
        let behind = column.encoding == .lines ? 1 : 0
        guard positions != nil || behind > 0 else {
            values.bytes = blob
            values.ends = Array(starts.dropFirst())
            return
        }
        for index in 0..<count {
            let at = positions.map { Int($0[index]) } ?? index
            values.bytes.append(blob, Int(starts[at])..<(Int(starts[at + 1]) - behind))
            values.close()
        }
        try source.charge((values.bytes.count, false))
    }

    /// Where each value of a column of text begins in its blob, and the blob's end.
    mutating func starts(of node: Int, in blob: [UInt8]) throws(ColumnError) -> [UInt32] {
        let column = tree.nodes[node]
        if let known = kept.starts[node] { return known }
        try source.charge(column.count.multipliedReportingOverflow(by: 4))
        if column.encoding == .lines {
            let starts = try lineStarts(blob, count: column.count)
            kept.starts[node] = starts
            return starts
        }
        let lengths = try source.integers(column.numbers)
        var starts = [UInt32](repeating: 0, count: lengths.count + 1)
        var end = 0
        for index in lengths.indices {
            let length = lengths[index]
            guard length >= 0, length <= Int64(blob.count - end) else { throw ColumnError("raw length") }
            end += Int(length)
            starts[index + 1] = UInt32(truncatingIfNeeded: end)
        }
        guard end == blob.count else { throw ColumnError("raw column has bytes left over") }
        kept.starts[node] = starts
        return starts
    }

    private func lineStarts(_ blob: [UInt8], count: Int) throws(ColumnError) -> [UInt32] {
        var starts: [UInt32] = [0]
        starts.reserveCapacity(count + 1)
        var from = 0
        while let end = ByteSearch.find(byte: 0x0a, in: blob.span, from: from) {
            from = end + 1
            starts.append(UInt32(truncatingIfNeeded: from))
        }
        guard starts.count == count + 1, from == blob.count else { throw ColumnError("text without all line feeds") }
        return starts
    }
}
