import Bytes

extension ColumnBlockReader {
    /// Marks of a template column: constant texts, variables, and ways across both.
    mutating func templateMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks? {
        let count = tree.nodes[node].count
        guard let set = tree.nodes[node].template else { throw ColumnError("template without shapes") }
        effort.spend(set.shapes.count * 8)
        // Most shapes have no part in most needles: they are passed before anything of them is copied.
        let hasOutline = isLineSearch && place == .inside && text.count == needle.text.count
        var result: Marks?
        var foundShapes = 0
        for shape in set.shapes.indices {
            if hasOutline, shape > 0, !set.shapes[shape].outline.mayTouch(needle), !mayMatchHole(of: set, shape, text) {
                continue
            }
            if effort.isSpent { break }
            let ofUses: Marks?
            switch try shapeMarks(node, set, shape, place, text) {
            case .nowhere: continue
            case .everywhere: ofUses = nil
            case .marked(let found): ofUses = found
            // One look at all texts of the column answers for all templates.
            case .unclear: return try materialMarks(node, place, text)
            }
            foundShapes += 1
            // All are gathered where more than a few are wanted.
            let uses = foundShapes > 4 ? Array(try buckets(of: node)[shape]) : try places(of: shape, in: node)
            var marks = result ?? Marks(repeating: 0, count: count)
            result = nil
            if let ofUses {
                guard ofUses.count == uses.count else { throw ColumnError("too few values in a template") }
                for (next, index) in uses.enumerated() { marks[Int(index)] |= ofUses[next] }
            } else {
                for index in uses { marks[Int(index)] = 1 }
            }
            result = marks
        }
        return result
    }

    /// What is found in the texts of one template.
    private mutating func shapeMarks(
        _ node: Int, _ set: ShapeSet, _ shape: Int, _ place: MatchPlace, _ text: [UInt8]
    ) throws(ColumnError) -> TemplateFinding {
        let entry = set.shapes[shape]
        if shape == 0 { return TemplateFinding(try marks(entry.slots[0], place, text)) }
        if isLineSearch, place == .inside, text.count == needle.text.count, !entry.outline.mayTouch(needle) {
            return TemplateFinding(try holeMarks(node, entry, shape, text))
        }
        let straddles = Straddles(
            text, place, pieces: entry.pieces, holes: entry.holeBytes, withinHoles: true, foldsCase: foldsCase,
            needleBytes: isLineSearch && text.count == needle.text.count ? needle.bytes : nil)
        effort.spend(straddles.looks)
        if straddles.isOverflown { return .unclear }
        if straddles.isAlways { return .everywhere }
        var result: Marks?
        for way in straddles.ways {
            // What a reference means is a column of lines as well, and the search of lines asks that column itself.
            if isLineSearch, let first = way.first, first.place == .inside, entry.slots[first.hole] < 0 { continue }
            var all: Marks?
            var isPossible = true
            // A loop: a closure would copy the reader.
            for link in way where !mayMatchSlot(entry.slots[link.hole], link) { isPossible = false }
            for link in way where isPossible {
                guard let found = try slotMarks(entry.slots[link.hole], node, shape, link) else {
                    isPossible = false
                    continue
                }
                all = all.map { Self.intersected($0, found) } ?? found
            }
            if isPossible { try Self.unite(&result, all) }
        }
        return TemplateFinding(result)
    }

    /// Whether a variable of a shape may have the needle, as far as the tree tells.
    private func mayMatchHole(of set: ShapeSet, _ shape: Int, _ text: [UInt8]) -> Bool {
        for slot in set.shapes[shape].slots where slot >= 0 && mayMatch(slot, .inside, text) { return true }
        return false
    }

    /// Marks of the texts of one template that have the needle within one of their variables.
    private mutating func holeMarks(
        _ node: Int, _ entry: ShapeEntry, _ shape: Int, _ text: [UInt8]
    ) throws(ColumnError) -> Marks? {
        var result: Marks?
        for slot in entry.slots where slot >= 0 && mayMatch(slot, .inside, text) {
            try Self.unite(&result, try marks(slot, .inside, text))
        }
        return result
    }

    private func mayMatchSlot(_ slot: Int, _ link: StraddleLink) -> Bool {
        let number = -1 - slot
        guard slot < 0 else { return mayMatch(slot, link.place, link.text) }
        return number < tree.lineColumns.count && mayMatch(tree.lineColumns[number].node, link.place, link.text)
    }

    /// Marks of the values of one hole; those of a reference are looked up in the column that it means.
    private mutating func slotMarks(
        _ slot: Int, _ node: Int, _ shape: Int, _ link: StraddleLink
    ) throws(ColumnError) -> Marks? {
        if slot >= 0 { return try marks(slot, link.place, link.text) }
        let number = -1 - slot
        guard number < tree.lineColumns.count else { throw ColumnError("reference to no column") }
        let target = tree.lineColumns[number].node
        try checkReference(target)
        guard let found = try marks(target, link.place, link.text) else { return nil }
        let positions = try referencePositions(number, by: node, shape).positions
        effort.spend(positions.count)
        return positions.map { found[Int($0)] }
    }

    static func intersected(_ a: Marks, _ b: Marks) -> Marks {
        var result = a
        for index in 0..<min(a.count, b.count) { result[index] &= b[index] }
        return result
    }
}

/// What a search finds in the texts of one template.
private enum TemplateFinding {
    case nowhere
    case everywhere
    /// Per text, in order.
    case marked(Marks)
    /// The needle can lie in them in too many ways.
    case unclear

    init(_ marks: Marks?) {
        self = marks.map { TemplateFinding.marked($0) } ?? .nowhere
    }
}
