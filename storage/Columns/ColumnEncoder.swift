import Bytes

/// The values of one column on their way into a block.
struct ColumnInput {
    var values: [Slice]
    /// The row of each value, ascending; nil where values are not one per row (dictionaries).
    var rows: [UInt32]?
    /// Names the column in the plan.
    var key: UInt64
    var depth = 0
    /// Per value, parts that are the value of another column in the same row; empty when there are none.
    var references = CrossReferences()
}

extension ColumnWriter {
    /// Writes a column in the smallest encoding that gives the same bytes back.
    mutating func column(_ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext) {
        let values = input.values
        countNodes(1)
        tree.appendVarint(values.count)
        guard let first = values.first else { return }
        if Self.isConstant(values, arena.extracting(first.range), arena) {
            tree.append(ColumnEncoding.constant.rawValue)
            tree.appendVarint(first.count)
            tree.append(span: arena.extracting(first.range))
            return
        }
        if let known = plan[input.key], let encoding = ColumnEncoding(rawValue: known.method) {
            var candidate = self.candidate
            if candidate.attempt(encoding, input, in: arena, context: context),
                known.covers(candidate.sizeBytes, count: values.count)
            {
                append(candidate)
                return remember(input.key, known.method, count: known.count, sizeBytes: known.sizeBytes)
            }
        }
        let (encoding, best) = trial(input, in: arena, context: context)
        append(best)
        remember(input.key, encoding.rawValue, count: values.count, sizeBytes: best.sizeBytes)
    }

    /// Builds the column in one encoding; false when that does not hold for all values.
    private mutating func attempt(
        _ encoding: ColumnEncoding, _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext
    ) -> Bool {
        switch encoding {
        case .constant: false
        case .perStream: dependent(.perStream, on: context.streams, input, in: arena, context: context)
        case .perTrace: dependent(.perTrace, on: context.traces, input, in: arena, context: context)
        case .dictionary:
            input.depth < ColumnLimits.depth && dictionary(input, in: arena, context: context, share: (2, 3))
        case .template: input.depth < ColumnLimits.depth && templates(input, in: arena, context: context)
        case .raw: raw(input.values, in: arena, key: input.key)
        case .lines: lines(input.values, in: arena)
        default: typed(input, in: arena, context: context) != nil
        }
    }

    /// Tries what may fit and keeps the smallest.
    private func trial(
        _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext
    ) -> (ColumnEncoding, ColumnWriter) {
        var best = candidate
        let values = input.values
        if best.dependent(.perStream, on: context.streams, input, in: arena, context: context) {
            return (.perStream, best)
        }
        if best.dependent(.perTrace, on: context.traces, input, in: arena, context: context) {
            return (.perTrace, best)
        }
        var winner: ColumnEncoding?
        if let typed = best.typed(input, in: arena, context: context) {
            if typed == .rowTime { return (typed, best) }
            winner = typed
        }
        func attempt(_ encoding: ColumnEncoding, _ other: consuming ColumnWriter) {
            if winner == nil || other.sizeBytes < best.sizeBytes {
                winner = encoding
                best = other
            }
        }
        let isDeep = input.depth >= ColumnLimits.depth
        var distinctCount = values.count
        if values.count >= 8, !isDeep {
            var other = candidate
            if other.dictionary(
                input, in: arena, context: context, share: winner == nil ? (3, 4) : (1, 2),
                distinctCount: &distinctCount)
            {
                attempt(.dictionary, other)
            }
        }
        if winner == nil || winner == .dictionary && distinctCount > max(values.count / 8, 64) {
            if !isDeep, values.count >= 24 {
                var other = candidate
                if other.templates(input, in: arena, context: context) { attempt(.template, other) }
            }
            var other = candidate
            _ = other.raw(values, in: arena, key: input.key)
            attempt(.raw, other)
            other = candidate
            if other.lines(values, in: arena) { attempt(.lines, other) }
        }
        return (winner ?? .raw, best)
    }

    private static func isConstant(
        _ values: [Slice], _ first: borrowing ByteSpan, _ arena: borrowing ByteSpan
    ) -> Bool {
        for value in values {
            guard value.count == first.count, arena.extracting(value.range).equals(first) else { return false }
        }
        return true
    }

    /// Lengths and one blob, with the set of bytes that occur.
    mutating func raw(_ values: [Slice], in arena: borrowing ByteSpan, key: UInt64) -> Bool {
        tree.append(ColumnEncoding.raw.rawValue)
        rawBody(values, in: arena, key: key)
        return true
    }

    /// One blob with a line feed behind each value; false when values hold some.
    private mutating func lines(_ values: [Slice], in arena: borrowing ByteSpan) -> Bool {
        var blob: [UInt8] = []
        blob.reserveCapacity(values.reduce(values.count) { $0 + $1.count })
        for value in values {
            let text = arena.extracting(value.range)
            guard ByteSearch.find(byte: 0x0a, in: text) == nil else { return false }
            blob.append(span: text)
            blob.append(0x0a)
        }
        tree.append(ColumnEncoding.lines.rawValue)
        self.blob(blob)
        return true
    }

    /// What follows the encoding's byte of a raw column.
    mutating func rawBody(_ values: [Slice], in arena: borrowing ByteSpan, key: UInt64) {
        var blob: [UInt8] = []
        blob.reserveCapacity(values.reduce(0) { $0 + $1.count })
        for value in values { blob.append(span: arena.extracting(value.range)) }
        integers(values.map { Int64($0.count) }, key: key &+ 0x11)
        self.blob(blob)
    }

    /// Text, with the set of bytes that occur in it.
    private mutating func blob(_ text: [UInt8]) {
        if text.count >= 256 {
            tree.append(1)
            ByteSet(of: text.span).append(to: &tree)
        } else {
            tree.append(0)
        }
        stream(text)
    }

    /// Distinct values and a number for each; false when more than `share` of the values are distinct.
    private mutating func dictionary(
        _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext, share: (Int, Int)
    ) -> Bool {
        var distinctCount = 0
        return dictionary(input, in: arena, context: context, share: share, distinctCount: &distinctCount)
    }

    private mutating func dictionary(
        _ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext, share: (Int, Int),
        distinctCount: inout Int
    ) -> Bool {
        let values = input.values
        let limit = values.count * share.0 / share.1
        // Mostly distinct values show early: look at a prefix before hashing all.
        var table = ValueTable(expected: min(values.count, 1024))
        var numbers = [Int64](repeating: 0, count: values.count)
        for index in values.indices {
            guard let number = table.number(values[index], in: arena, limit: limit) else { return false }
            numbers[index] = Int64(number)
            if index == 4096, values.count > 16384, table.values.count * share.1 > 4096 * share.0 * 5 / 4 {
                return false
            }
        }
        distinctCount = table.values.count
        tree.append(ColumnEncoding.dictionary.rawValue)
        integers(numbers, key: input.key &+ 0x21, isFirstUseOrder: true)
        let child = ColumnInput(
            values: table.values, rows: nil, key: Hash.mix(input.key, 0x9e37_79b9_7f4a_7c15), depth: input.depth + 1)
        column(child, in: arena, context: context)
        return true
    }

    /// One value per stream or per trace, if each of them always has the same: the column costs one value each.
    private mutating func dependent(
        _ encoding: ColumnEncoding, on determinants: [Int64], _ input: ColumnInput, in arena: borrowing ByteSpan,
        context: RowContext
    ) -> Bool {
        guard let rows = input.rows, !determinants.isEmpty, input.values.count >= 16 else { return false }
        var table = context.tables.take(encoding, of: determinants)
        let found = Self.distinct(input.values, in: arena, rows: rows, by: determinants, &table)
        context.tables.put(table, encoding)
        guard let distinct = found else { return false }
        tree.append(encoding.rawValue)
        let child = ColumnInput(
            values: distinct, rows: nil, key: Hash.mix(input.key, 0xc2b2_ae3d_27d4_eb4f), depth: input.depth + 1)
        column(child, in: arena, context: context)
        return true
    }

    /// The first value of each determinant in order of first use, or nil if one has two or they are too many.
    private static func distinct(
        _ values: [Slice], in arena: borrowing ByteSpan, rows: [UInt32], by determinants: [Int64],
        _ table: inout DeterminantNumbers
    ) -> [Slice]? {
        var distinct: [Slice] = []
        let limit = values.count / 2
        table.begin()
        for index in values.indices {
            let number = Int(table.number(of: Int(determinants[Int(rows[index])])))
            let value = values[index]
            if number == distinct.count {
                guard distinct.count < limit else { return nil }
                distinct.append(value)
                continue
            }
            let known = distinct[number]
            guard known.count == value.count,
                known.offset == value.offset || arena.extracting(known.range).equals(arena.extracting(value.range))
            else { return nil }
        }
        return distinct
    }
}
