import Bytes

/// Splits text into constant and variable tokens: words with digits, what follows `=`, and quoted spans are variable.
struct TextTokens {
    /// Which signs make the next token variable.
    struct Rules: Sendable {
        var quotes: Bool
        var equals: Bool
    }

    let rules: Rules
    private(set) var variables: [Slice] = []
    /// 1: part of a word; 2: digit.
    private let classes: [UInt8]

    init(rules: Rules) {
        self.rules = rules
        var classes = [UInt8](repeating: 0, count: 256)
        for byte in 0..<256 {
            switch UInt8(byte) {
            case 0x30...0x39: classes[byte] = 3
            case 0x41...0x5a, 0x61...0x7a, 0x5f, 0x2d, 0x2e, 0x80...: classes[byte] = 1
            default: break
            }
        }
        self.classes = classes
    }

    mutating func clear() {
        variables.removeAll(keepingCapacity: true)
    }

    /// A part that is variable whatever it looks like.
    mutating func append(_ part: Slice) {
        variables.append(part)
    }

    /// Appends the variables of `value`; what stands between them is its template.
    mutating func split(_ value: Slice, in arena: borrowing ByteSpan) {
        let end = value.offset + value.count
        var at = value.offset
        while at < end, variables.count < ColumnLimits.variables {
            let byte = arena[at]
            if byte == 0x22 && rules.quotes {
                var close = at + 1
                while close < end && arena[close] != 0x22 { close += 1 }
                guard close < end else { return }
                if close > at + 1 { variables.append(Slice(at + 1, close - at - 1)) }
                at = close + 1
                continue
            }
            guard classes[Int(byte)] != 0 else {
                at += 1
                continue
            }
            let start = at
            if classes[Int(byte)] & 2 != 0, let size = Self.timestamp(at, end, in: arena) {
                variables.append(Slice(at, size))
                at += size
                continue
            }
            var seen: UInt8 = rules.equals && start > value.offset && arena[start - 1] == 0x3d ? 2 : 0
            while at < end {
                let kind = classes[Int(arena[at])]
                if kind == 0 { break }
                seen |= kind
                at += 1
            }
            guard seen & 2 != 0 else { continue }
            var stop = at
            while stop > start, arena[stop - 1] == 0x2e || arena[stop - 1] == 0x2d { stop -= 1 }
            if stop > start { variables.append(Slice(start, stop - start)) }
        }
    }

    /// Size of the timestamp, fraction included, that begins at `at`: date and time of day are one number.
    private static func timestamp(_ at: Int, _ end: Int, in arena: borrowing ByteSpan) -> Int? {
        guard end - at >= 19, arena[at + 4] == 0x2d, arena[at + 7] == 0x2d, arena[at + 13] == 0x3a,
            TimestampText(arena.extracting(at..<(at + 19))) != nil
        else { return nil }
        var stop = at + 19
        if stop + 1 < end, arena[stop] == 0x2e || arena[stop] == 0x2c, arena[stop + 1] &- 0x30 < 10 {
            stop += 1
            while stop < end, stop < at + 29, arena[stop] &- 0x30 < 10 { stop += 1 }
        }
        return stop - at
    }
}

extension ColumnWriter {
    /// Templates with one column per variable; template 0 holds values that fit none. False when they are no help.
    mutating func templates(_ input: ColumnInput, in arena: borrowing ByteSpan, context: RowContext) -> Bool {
        let values = input.values
        let rules = TextTokens.Rules(
            quotes: Self.share(of: 0x22, values, arena) > 0.5, equals: Self.share(of: 0x3d, values, arena) > 0.5)
        let threshold = max(4, values.count / 4000)
        let split = TemplateSplit(input, rules: rules, in: arena)
        let shapes = split.shapes.shapes
        var final = [Int64](repeating: 0, count: shapes.count)
        var kept: [Int] = []
        var covered = 0
        let byUse = shapes.indices.dropFirst().sorted { shapes[$0].uses > shapes[$1].uses }
        // The columns of one text leave room for those of others, and for what lies under them.
        var room = nodesLeft / 8
        for number in byUse.prefix(ColumnLimits.templates) where shapes[number].uses >= threshold {
            room -= shapes[number].holes + 1
            guard room >= 0 else { break }
            kept.append(number)
            covered += shapes[number].uses
            final[number] = Int64(kept.count)
        }
        guard covered * 2 >= values.count, !kept.isEmpty else { return false }
        if kept.count == 1, shapes[kept[0]].isBare { return false }
        tree.append(ColumnEncoding.template.rawValue)
        write(split, final, kept, input, in: arena, context: context)
        return true
    }

    private mutating func write(
        _ split: TemplateSplit, _ final: [Int64], _ kept: [Int], _ input: ColumnInput, in arena: borrowing ByteSpan,
        context: RowContext
    ) {
        var columns: [[ColumnInput]] = []
        for number in kept {
            let shape = split.shapes.shapes[number]
            let key = Hash.mix(input.key ^ shape.hash, 0x2545_f491_4f6c_dd1d)
            var holes: [ColumnInput] = []
            for hole in 0..<shape.holes {
                var values: [Slice] = []
                if split.slots[number][hole] == 0 { values.reserveCapacity(shape.uses) }
                holes.append(
                    ColumnInput(
                        values: values, rows: input.rows == nil ? nil : [], key: key &+ UInt64(hole) &* 0x51ed,
                        depth: input.depth + 1))
            }
            columns.append(holes)
        }
        var loose: [Slice] = []
        var ids = [Int64](repeating: 0, count: input.values.count)
        for index in input.values.indices {
            let number = Int(split.numbers[index])
            let id = Int(final[number])
            ids[index] = Int64(id)
            guard id > 0 else {
                loose.append(input.values[index])
                continue
            }
            let start = Int(split.starts[index])
            for hole in columns[id - 1].indices where split.slots[number][hole] == 0 {
                columns[id - 1][hole].values.append(split.variables[start + hole])
                if let rows = input.rows { columns[id - 1][hole].rows?.append(rows[index]) }
            }
        }
        tree.appendVarint(kept.count)
        // One more for texts as they are.
        countNodes(1)
        for number in kept {
            countNodes(1 + split.slots[number].count(where: { $0 != 0 }))
            let shape = split.shapes.shapes[number]
            tree.appendVarint(shape.holes)
            for piece in shape.pieces { tree.appendPrefixed(piece) }
            for slot in split.slots[number] { tree.appendVarint(Int(slot)) }
        }
        integers(ids, key: input.key &+ 0x41)
        tree.appendVarint(loose.count)
        if !loose.isEmpty { rawBody(loose, in: arena, key: input.key &+ 0x51) }
        for (holes, number) in zip(columns, kept) {
            for hole in holes.indices where split.slots[number][hole] == 0 {
                column(holes[hole], in: arena, context: context)
            }
        }
    }

    /// Share of a sample of values that hold `byte`.
    private static func share(of byte: UInt8, _ values: [Slice], _ arena: borrowing ByteSpan) -> Double {
        let step = max(1, values.count / 256)
        var hits = 0
        var seen = 0
        for index in stride(from: 0, to: values.count, by: step) {
            seen += 1
            if ByteSearch.find(byte: byte, in: arena.extracting(values[index].range)) != nil { hits += 1 }
        }
        return Double(hits) / Double(max(seen, 1))
    }
}
