import Bytes
import Model

extension ColumnBlockReader {
    /// Indexes of the rows whose line contains `needle`, ascending. Exact; rebuilds no line but in shapes that name
    /// one key twice.
    public mutating func rows(containing needle: [UInt8]) throws(ColumnError) -> [Int] {
        guard !needle.isEmpty else { return Array(0..<rowCount) }
        guard let marks = try lineMarks(containing: needle) else { return [] }
        return marks.indices.filter { marks[$0] == 1 }
    }

    /// For each row 1 if its line contains `needle`, which must not be empty, else 0; nil when no line does.
    /// - Parameter ignoringCase: whether ASCII letters count in either case; the needle is in lower case then.
    public mutating func lineMarks(
        containing needle: [UInt8], ignoringCase: Bool = false
    ) throws(ColumnError) -> [UInt8]? {
        foldsCase = ignoringCase
        self.needle = SearchNeedle(needle, foldsCase: ignoringCase)
        defer { foldsCase = false }
        answers = [:]
        isLineSearch = true
        defer {
            isLineSearch = false
            answers = [:]
        }
        var found = Marks(repeating: 0, count: rowCount)
        for column in tree.lineColumns {
            guard let marks = try marks(column.node, .inside, needle), let rows = try rows(of: column.node) else {
                continue
            }
            for index in marks.indices where marks[index] == 1 { found[Int(rows[index])] = 1 }
        }
        for shape in tree.lines.shapes.indices.dropFirst() { try search(shape, needle, into: &found) }
        return found.contains(1) ? found : nil
    }

    /// Finds the needle in constant texts of a shape and across them and holes.
    private mutating func search(_ shape: Int, _ needle: [UInt8], into found: inout Marks) throws(ColumnError) {
        let entry = tree.lines.shapes[shape]
        guard entry.outline.mayTouch(self.needle) else { return }
        let straddles = Straddles(
            needle, .inside, pieces: entry.pieces, holes: entry.holeBytes, withinHoles: false, foldsCase: foldsCase)
        guard straddles.isOverflown || !straddles.ways.isEmpty else { return }
        let hasTwins = Set(entry.slots).count < entry.slots.count
        if straddles.isOverflown || hasTwins && !straddles.ways.contains(where: \.isEmpty) {
            return try searchLines(shape, needle, into: &found)
        }
        for way in straddles.ways {
            guard way.allSatisfy({ mayMatch(entry.slots[$0.hole], $0.place, $0.text) }) else { continue }
            guard let rows = try rowMarks(way, entry) else { continue }
            let ids = try shapesOfLines()
            for index in ids.indices where ids[index] == UInt16(shape) {
                found[index] |= rows.isEmpty ? 1 : rows[index]
            }
        }
    }

    /// Rows in which all conditions of a way hold, whatever their shape; empty for all rows.
    private mutating func rowMarks(_ way: [StraddleLink], _ entry: ShapeEntry) throws(ColumnError) -> Marks? {
        var result: Marks = []
        for link in way {
            let node = entry.slots[link.hole]
            guard let marks = try marks(node, link.place, link.text), let rows = try rows(of: node) else { return nil }
            var inRows = Marks(repeating: 0, count: rowCount)
            for index in marks.indices where marks[index] == 1 { inRows[Int(rows[index])] = 1 }
            result = result.isEmpty ? inRows : Self.intersected(result, inRows)
        }
        return result
    }

    /// Rebuilds the lines of a shape and looks at them.
    private mutating func searchLines(_ shape: Int, _ needle: [UInt8], into found: inout Marks) throws(ColumnError) {
        let ids = try shapesOfLines()
        let chosen = ids.indices.filter { ids[$0] == UInt16(shape) && found[$0] == 0 }
        let rows = try self.rows(at: chosen)
        rows.read { entries, arena in
            for (place, index) in chosen.enumerated()
            where MatchPlace.inside.holds(
                for: needle.span, in: arena.extracting(entries[place].line), foldsCase: foldsCase)
            {
                found[index] = 1
            }
        }
    }

    /// Indexes of the rows whose metadata has exactly `value` under `name`, ascending.
    public mutating func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ColumnError) -> [Int] {
        var found = Marks(repeating: 0, count: rowCount)
        for column in tree.metadataColumns {
            let rows: [UInt32]
            let marks: Marks
            switch column.kind {
            case .metadata:
                guard column.name == name, let known = try self.marks(column.node, .whole, value),
                    let all = try self.rows(of: column.node)
                else { continue }
                marks = known
                rows = all
            default:
                guard let all = try self.rows(of: column.node), !all.isEmpty else { continue }
                marks = try wholeMetadata(column.node, name, value)
                rows = all
            }
            for index in marks.indices where marks[index] == 1 { found[Int(rows[index])] = 1 }
        }
        return found.indices.filter { found[$0] == 1 }
    }

    /// Marks of metadata that was kept whole.
    private mutating func wholeMetadata(
        _ node: Int, _ name: [UInt8], _ value: [UInt8]
    ) throws(ColumnError) -> Marks {
        let values = try material(node).flattened()
        var marks = Marks(repeating: 0, count: values.count)
        for index in 0..<values.count {
            var cursor = PairCursor(values.distinct(index))
            while let pair = cursor.next(in: values.bytes.span) {
                if Array(values.bytes[pair.name]) == name, Array(values.bytes[pair.value]) == value { marks[index] = 1 }
            }
        }
        return marks
    }
}
