import Bytes

/// Columns joined for putting texts together: where each value of each of them lies in one run of bytes.
struct JoinedColumns {
    private(set) var bytes: [UInt8] = []
    private(set) var slices: [Slice] = []
    /// Per node, where its slices begin and end; -1 for nodes that were not joined.
    private(set) var bases: [Int]
    private(set) var limits: [Int]
    /// Sizes of all values together.
    private(set) var textBytes = 0

    init(nodes: Int, _ parts: [(number: Int, values: ColumnValues)]) {
        bases = [Int](repeating: -1, count: nodes)
        limits = [Int](repeating: -1, count: nodes)
        bytes.reserveCapacity(parts.reduce(32) { $0 + $1.values.bytes.count })
        slices.reserveCapacity(parts.reduce(0) { $0 + $1.values.count })
        for part in parts { append(part.values, as: part.number) }
        // So that the last values can be copied 32 bytes at once, too.
        for _ in 0..<32 { bytes.append(0) }
    }

    private mutating func append(_ values: ColumnValues, as number: Int) {
        bases[number] = slices.count
        let offset = bytes.count
        bytes.append(values.bytes, 0..<values.bytes.count)
        var start = offset
        if let indexes = values.indexes {
            var distinct: [Slice] = []
            distinct.reserveCapacity(values.ends.count)
            for end in values.ends {
                distinct.append(Slice(start, offset + Int(end) - start))
                start = offset + Int(end)
            }
            for index in indexes {
                let slice = distinct[Int(index)]
                textBytes &+= slice.count
                slices.append(slice)
            }
        } else {
            for end in values.ends {
                slices.append(Slice(start, offset + Int(end) - start))
                start = offset + Int(end)
            }
            textBytes &+= start - offset
        }
        limits[number] = slices.count
    }
}

/// One step of putting a text together: a constant text, then a value.
private struct TextStep {
    let piece: Slice
    /// Number among the joined columns, -1 after the last piece.
    let column: Int32
}

/// The steps of all shapes of a set, flat.
struct TextPlan {
    private var steps: [TextStep] = []
    private var starts: [Int] = [0]
    private var pieces: [UInt8] = []

    /// The bytes behind the pieces let the last of them be copied 32 bytes at once, too.
    /// - Parameters:
    ///   - uses: how often each shape occurs; those that do not are left out.
    ///   - column: for each slot the number of its values among the joined columns.
    init(_ set: ShapeSet, uses: [Int], column: (_ shape: Int, _ hole: Int) -> Int) {
        for number in set.shapes.indices {
            guard uses[number] > 0 else {
                starts.append(steps.count)
                continue
            }
            let shape = set.shapes[number]
            for hole in shape.slots.indices { append(shape.pieces[hole], column(number, hole)) }
            append(shape.pieces[shape.slots.count], -1)
            starts.append(steps.count)
        }
        pieces.append(contentsOf: [UInt8](repeating: 0, count: 32))
    }

    private mutating func append(_ piece: [UInt8], _ column: Int) {
        steps.append(TextStep(piece: Slice(pieces.count, piece.count), column: Int32(column)))
        pieces.append(contentsOf: piece)
    }

    /// Size of the constant texts of a shape.
    func pieceBytes(_ shape: Int) -> Int {
        steps[starts[shape]..<starts[shape + 1]].reduce(0) { $0 + $1.piece.count }
    }

    /// Appends the text of each shape in `ids`; every column's values are used in order. Calls `close` after each.
    func write(
        _ ids: [UInt16], _ columns: JoinedColumns, to out: AppendOnly<UInt8>, close: (_ index: Int) -> Void
    ) throws(ColumnError) {
        var next = columns.bases
        let limits = columns.limits.span
        let constants = pieces.span
        let texts = columns.bytes.span
        let slices = columns.slices.span
        let steps = steps.span
        let starts = starts.span
        for index in ids.indices {
            let shape = Int(ids[index])
            for number in starts[shape]..<starts[shape + 1] {
                let step = steps[number]
                guard step.piece.count <= out.freeCount else { throw ColumnError("values longer than counted") }
                out.append(constants, from: step.piece.offset, count: step.piece.count)
                let column = Int(step.column)
                guard column >= 0 else { continue }
                let place = next[column]
                guard place >= 0, place < limits[column] else { throw ColumnError("too few values in a column") }
                next[column] = place + 1
                let slice = slices[place]
                guard slice.count <= out.freeCount else { throw ColumnError("values longer than counted") }
                out.append(texts, from: slice.offset, count: slice.count)
            }
            close(index)
        }
    }
}

extension ColumnBlockReader {
    /// Values put together from templates and variables.
    mutating func templates(
        _ column: ColumnNode, _ node: Int, _ selection: Selection?, _ count: Int, into values: inout ColumnValues
    ) throws(ColumnError) {
        guard let set = column.template else { throw ColumnError("template without shapes") }
        let all = try templateNumbers(of: node)
        let ids = selection.map { some in some.places.map { all[Int($0)] } } ?? all
        let parts = selection.map { TemplateParts($0, all, ranksOfTemplate(node, all), shapes: set.shapes.count) }
        // Every hole of every template that occurs has values of its own, numbered in order of holes.
        var firsts = [Int](repeating: 0, count: set.shapes.count)
        var found: [(number: Int, values: ColumnValues)] = []
        var next = 0
        var uses = [Int](repeating: 0, count: set.shapes.count)
        for id in ids { uses[Int(id)] += 1 }
        for shape in set.shapes.indices where uses[shape] > 0 {
            firsts[shape] = next
            for slot in set.shapes[shape].slots {
                let part =
                    slot >= 0
                    ? try self.values(of: slot, at: parts?[shape])
                    : try referenced(-1 - slot, by: node, shape, at: parts?[shape])
                found.append((next, part))
                next += 1
            }
        }
        let columns = JoinedColumns(nodes: next, found)
        var total = columns.textBytes
        let plan = TextPlan(set, uses: uses) { shape, hole in firsts[shape] + hole }
        for shape in set.shapes.indices where uses[shape] > 0 { total &+= plan.pieceBytes(shape) &* uses[shape] }
        try source.charge((total, total < 0))
        let out = AppendOnly<UInt8>(capacity: total)
        values.ends = [UInt32](repeating: 0, count: count)
        try plan.write(ids, columns, to: out) { values.ends[$0] = UInt32(truncatingIfNeeded: out.writtenCount) }
        values.bytes = out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) }
    }

    /// Values of another column of lines in the rows of a template.
    private mutating func referenced(
        _ number: Int, by node: Int, _ shape: Int, at selection: Selection?
    ) throws(ColumnError) -> ColumnValues {
        if let rows = selection?.rows, let chosenLines, number < tree.lineColumns.count {
            let target = tree.lineColumns[number].node
            try checkReference(target)
            var places: [UInt32] = []
            for row in rows {
                guard let place = chosenLines.place(of: target, row: row) else {
                    throw ColumnError("reference to a missing value")
                }
                places.append(place)
            }
            return try values(of: target, at: Selection(places, rows: rows))
        }
        let (target, positions) = try referencePositions(number, by: node, shape)
        guard let places = selection?.places else { return try values(of: target, at: Selection(positions)) }
        return try values(of: target, at: Selection(places.map { positions[Int($0)] }))
    }

    /// The node of a column of lines that a template refers to, and for each use of the template the value's place
    /// in it.
    mutating func referencePositions(
        _ number: Int, by node: Int, _ shape: Int
    ) throws(ColumnError) -> (target: Int, positions: [UInt32]) {
        guard number < tree.lineColumns.count else { throw ColumnError("reference to no column") }
        let target = tree.lineColumns[number].node
        try checkReference(target)
        let all = try self.positions(of: node, in: target)
        let uses = try buckets(of: node)[shape]
        let positions = uses.map { all[Int($0)] }
        guard !positions.contains(.max) else { throw ColumnError("reference to a missing value") }
        return (target, positions)
    }

    /// Columns that are referred to have no references themselves: following one ends after one step.
    func checkReference(_ target: Int) throws(ColumnError) {
        if tree.isReferring[target] { throw ColumnError("reference to a column with references") }
    }
}

/// Some values of a column of templates: for each template that they have, which of its uses.
private struct TemplateParts {
    /// Per template its place in `selections`, -1 for those that do not occur.
    private var numbers: [Int32]
    private var selections: [Selection] = []

    init(_ selection: Selection, _ ids: [UInt16], _ ranks: ShapeRanks, shapes: Int) {
        numbers = [Int32](repeating: -1, count: shapes)
        var used = [UInt32](repeating: 0, count: shapes)
        var next = 0
        for (index, place) in selection.places.enumerated() {
            ranks.advance(&used, &next, to: Int(place), ids)
            let shape = Int(ids[Int(place)])
            if numbers[shape] < 0 {
                numbers[shape] = Int32(truncatingIfNeeded: selections.count)
                selections.append(Selection([], rows: selection.rows == nil ? nil : []))
            }
            let number = Int(numbers[shape])
            selections[number].places.append(used[shape])
            if let rows = selection.rows { selections[number].rows?.append(rows[index]) }
        }
    }

    subscript(shape: Int) -> Selection {
        numbers[shape] < 0 ? Selection([]) : selections[Int(numbers[shape])]
    }
}
