import Bytes

/// Values of a column split into templates and variables.
struct TemplateSplit {
    var shapes = ShapeTable(limit: 1 << 16)
    /// Per value its shape.
    var numbers: [UInt32]
    /// Variables of value `i` are `variables[starts[i] ..< starts[i + 1]]`.
    var variables: [Slice] = []
    var starts: [UInt32] = []
    /// Per shape, for each hole: 0, or 1 and the number of the column that it refers to.
    var slots: [[UInt32]] = [[0]]

    init(_ input: ColumnInput, rules: TextTokens.Rules, in arena: borrowing ByteSpan) {
        let values = input.values
        numbers = [UInt32](repeating: 0, count: values.count)
        starts.reserveCapacity(values.count + 1)
        starts.append(0)
        var tokens = TextTokens(rules: rules)
        var holes: [UInt32] = []
        for index in values.indices {
            tokens.clear()
            var seed: UInt64 = 0
            let references = input.references.range(index)
            holes.removeAll(keepingCapacity: true)
            if references.isEmpty {
                tokens.split(values[index], in: arena)
            } else {
                var from = values[index].offset
                for number in references {
                    let reference = input.references.all[number]
                    tokens.split(Slice(from, reference.part.offset - from), in: arena)
                    while holes.count < tokens.variables.count { holes.append(0) }
                    tokens.append(reference.part)
                    holes.append(reference.column + 1)
                    seed = Hash.mix(seed ^ UInt64(holes.count) << 32 ^ UInt64(reference.column), 0xd6e8_feb8_6659_fd93)
                    from = reference.part.offset + reference.part.count
                }
                tokens.split(Slice(from, values[index].offset + values[index].count - from), in: arena)
            }
            var number = shapes.number(of: values[index], holes: tokens.variables, seed: seed, in: arena) ?? 0
            if number == slots.count || !input.references.isEmpty {
                while holes.count < tokens.variables.count { holes.append(0) }
            }
            if number == slots.count { slots.append(holes) }
            // Equal hashes of unlike references: such a value stays loose.
            if number > 0, !input.references.isEmpty, slots[number] != holes { number = 0 }
            numbers[index] = UInt32(number)
            variables.append(contentsOf: tokens.variables)
            starts.append(UInt32(variables.count))
        }
    }
}
