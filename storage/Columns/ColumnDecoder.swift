import Bytes

extension ColumnBlockReader {
    /// Values of a column at ascending positions, or all of them.
    mutating func values(of node: Int, at positions: [UInt32]?) throws(ColumnError) -> ColumnValues {
        let column = tree.nodes[node]
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
            try numbers(column, node, positions, count, into: &values)
        case .hex, .uuid: try hexadecimal(column, node, positions, count, into: &values)
        case .dictionary, .perStream, .perTrace:
            let numbers = try distinctNumbers(of: node)
            try pick(numbers, of: column.child, positions, count, into: &values)
        case .template: try templates(column, node, positions, count, into: &values)
        case .raw, .lines: try raw(column, node, positions, count, into: &values)
        }
        return values
    }

    /// For each value of a column with a dictionary, which distinct value it is.
    mutating func distinctNumbers(of node: Int) throws(ColumnError) -> [Int64] {
        let column = tree.nodes[node]
        let limit = Int64(tree.nodes[column.child].count)
        if column.encoding == .dictionary {
            let numbers = try integers(of: node)
            guard numbers.allSatisfy({ $0 >= 0 && $0 < limit }) else { throw ColumnError("dictionary number") }
            return numbers
        }
        let determinants = column.encoding == .perStream ? try streams() : try traces()
        guard let rows = try rows(of: node), determinants.count == rowCount else {
            throw ColumnError("column depends on rows that are not known")
        }
        try source.charge(rows.count.multipliedReportingOverflow(by: 8))
        var numbers = [Int64](repeating: 0, count: rows.count)
        var known: [Int32] = []
        var next: Int32 = 0
        for index in rows.indices {
            let wide = determinants[Int(rows[index])]
            guard wide >= 0, wide <= Int64(ColumnLimits.rows) else { throw ColumnError("determinant \(wide)") }
            let key = Int(wide)
            while known.count <= key { known.append(-1) }
            if known[key] < 0 {
                known[key] = next
                next += 1
            }
            numbers[index] = Int64(known[key])
        }
        guard Int64(next) <= limit else { throw ColumnError("too few values for streams or traces") }
        return numbers
    }

    private mutating func pick(
        _ numbers: [Int64], of child: Int, _ positions: [UInt32]?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        guard let positions else {
            values = try self.values(of: child, at: nil).flattened()
            values.indexes = numbers.map { UInt32(truncatingIfNeeded: $0) }
            return
        }
        var wanted = positions.map { UInt32(truncatingIfNeeded: numbers[Int($0)]) }
        wanted.sort()
        var unique: [UInt32] = []
        for number in wanted where unique.last != number { unique.append(number) }
        values = try self.values(of: child, at: unique).flattened()
        var places: [UInt32: UInt32] = [:]
        for (place, number) in unique.enumerated() { places[number] = UInt32(place) }
        values.indexes = positions.map { places[UInt32(truncatingIfNeeded: numbers[Int($0)])] ?? 0 }
    }

    private mutating func numbers(
        _ column: ColumnNode, _ node: Int, _ positions: [UInt32]?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        let numbers = try integers(of: node)
        let places = column.encoding == .decimal ? try source.integers(column.places) : []
        var offsets: [Int64] = []
        if column.encoding == .rowTime { offsets = try rowUnits(of: node) }
        let affixes = column.prefix.count + column.suffix.count
        try source.charge((affixes + 24).multipliedReportingOverflow(by: count))
        values.bytes.reserveCapacity(count * (affixes + 12))
        values.ends.reserveCapacity(count)
        let hasAffixes = affixes > 0
        var dates = DateText()
        for index in 0..<count {
            let at = positions.map { Int($0[index]) } ?? index
            let number = numbers[at]
            if hasAffixes { values.bytes.append(contentsOf: column.prefix) }
            switch column.encoding {
            case .integer: TypedValue.append(number, to: &values.bytes)
            case .digits: TypedValue.append(number, width: column.width, to: &values.bytes)
            case .decimal: try Self.append(number, places: places[at], to: &values.bytes)
            case .address: TypedValue.append(address: number, to: &values.bytes)
            default:
                let value = offsets.isEmpty ? number : number &+ offsets[at]
                guard value > .min / 4, value < .max / 4 * 3 else { throw ColumnError("timestamp out of range") }
                column.spelling.append(value, dates: &dates, to: &values.bytes)
            }
            if hasAffixes { values.bytes.append(contentsOf: column.suffix) }
            values.close()
        }
    }

    /// Times of the rows of a timestamp column, in its unit.
    mutating func rowUnits(of node: Int) throws(ColumnError) -> [Int64] {
        let times = try self.times()
        guard let rows = try rows(of: node) else { throw ColumnError("column depends on rows that are not known") }
        try source.charge(rows.count.multipliedReportingOverflow(by: 8))
        var unit: Int64 = 1
        for _ in tree.nodes[node].spelling.places..<9 { unit *= 10 }
        return rows.map { TimestampText.units(times[Int($0)], of: unit) }
    }

    private static func append(_ mantissa: Int64, places: Int64, to out: inout [UInt8]) throws(ColumnError) {
        guard places >= 0, places <= 18 else { throw ColumnError("decimal with \(places) places") }
        guard places > 0 else { return TypedValue.append(mantissa, to: &out) }
        var scale: UInt64 = 1
        for _ in 0..<places { scale *= 10 }
        if mantissa < 0 { out.append(0x2d) }
        TypedValue.append(Int64(mantissa.magnitude / scale & 0x7fff_ffff_ffff_ffff), to: &out)
        out.append(0x2e)
        TypedValue.append(Int64(mantissa.magnitude % scale), width: Int(places), to: &out)
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
        try source.charge((column.width + affixes).multipliedReportingOverflow(by: count))
        values.bytes.reserveCapacity((column.width + affixes) * count)
        let digits = TypedValue.hexDigits
        let isOdd = !isUUID && column.width & 1 == 1
        for index in 0..<count {
            let from = (positions.map { Int($0[index]) } ?? index) * size
            if affixes > 0 { values.bytes.append(contentsOf: column.prefix) }
            for place in 0..<size {
                if isUUID, place == 4 || place == 6 || place == 8 || place == 10 { values.bytes.append(0x2d) }
                let byte = blob[from + place]
                values.bytes.append(digits[Int(byte >> 4)])
                if !isOdd || place < size - 1 { values.bytes.append(digits[Int(byte & 15)]) }
            }
            if affixes > 0 { values.bytes.append(contentsOf: column.suffix) }
            values.close()
        }
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
        try source.charge(column.count.multipliedReportingOverflow(by: 4))
        if column.encoding == .lines { return try lineStarts(blob, count: column.count) }
        let lengths = try integers(of: node)
        var starts = [UInt32](repeating: 0, count: lengths.count + 1)
        var end = 0
        for index in lengths.indices {
            let length = lengths[index]
            guard length >= 0, length <= Int64(blob.count - end) else { throw ColumnError("raw length") }
            end += Int(length)
            starts[index + 1] = UInt32(truncatingIfNeeded: end)
        }
        guard end == blob.count else { throw ColumnError("raw column has bytes left over") }
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

extension ColumnValues {
    /// The same values without indexes, for use as distinct values of others.
    func flattened() -> ColumnValues {
        guard let indexes else { return self }
        var flat = ColumnValues()
        flat.bytes.reserveCapacity(totalBytes)
        for index in indexes {
            flat.bytes.append(bytes, distinct(Int(index)))
            flat.close()
        }
        return flat
    }
}
