import Bytes
import Model

extension ColumnBlockReader {
    /// Indexes of the rows whose line contains `needle`, ascending. Exact; rebuilds no line but in shapes that name
    /// one key twice, and where columns alone would not tell in less time.
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
        let front = Array(needle.prefix(SearchNeedle.maximumBytes))
        var findings = try lineFindings(of: front, foldsCase: ignoringCase)
        var isSure = !effort.isSpent && !findings.shapes.contains(LineMark.maybe)
        if front.count < needle.count {
            isSure = false
            for row in findings.rows.indices where findings.rows[row] == LineMark.yes {
                findings.rows[row] = LineMark.maybe
            }
        }
        if !isSure { try settle(&findings.rows, needle, foldsCase: ignoringCase) }
        return findings.rows.contains(LineMark.yes) ? findings.rows : nil
    }

    /// What columns and shapes say of a needle, which is no longer than `SearchNeedle.maximumBytes`.
    private mutating func lineFindings(of needle: [UInt8], foldsCase: Bool) throws(ColumnError) -> LineFindings {
        self.foldsCase = foldsCase
        self.needle = SearchNeedle(needle, foldsCase: foldsCase)
        effort = SearchEffort(limit: effortLimit)
        answers = KnownAnswers()
        isLineSearch = true
        defer {
            self.foldsCase = false
            isLineSearch = false
            answers = KnownAnswers()
        }
        var findings = LineFindings(rows: rowCount, shapes: tree.lines.shapes.count)
        for column in tree.lineColumns where !effort.isSpent {
            guard let marks = try marks(column.node, .inside, needle), let rows = try rows(of: column.node) else {
                continue
            }
            for index in marks.indices where marks[index] == 1 { findings.rows[Int(rows[index])] = LineMark.yes }
        }
        for shape in tree.lines.shapes.indices.dropFirst() {
            guard tree.lines.shapes[shape].outline.mayTouch(self.needle) else { continue }
            if effort.isSpent { break }
            try search(shape, into: &findings)
        }
        try answer(&findings)
        try spread(&findings)
        return findings
    }

    /// Finds the needle in constant texts of a shape and across them and holes.
    private mutating func search(_ shape: Int, into findings: inout LineFindings) throws(ColumnError) {
        let entry = tree.lines.shapes[shape]
        let straddles = Straddles(
            needle.text, .inside, pieces: entry.pieces, holes: entry.holeBytes, withinHoles: false,
            foldsCase: foldsCase)
        effort.spend(straddles.looks)
        if straddles.isAlways {
            findings.shapes[shape] = LineMark.yes
        } else if straddles.isOverflown {
            findings.shapes[shape] = LineMark.maybe
        } else {
            for way in straddles.ways where mayHold(way, entry) {
                if users(ofMetadata: false).hasTwins[shape] {
                    // Which of two values of a row stands in the hole is not known.
                    findings.shapes[shape] = LineMark.maybe
                    return
                }
                try ask(way, entry, shape, &findings)
            }
        }
    }

    /// Whether all conditions of a way may hold, as far as the tree tells.
    private func mayHold(_ way: [StraddleLink], _ entry: ShapeEntry) -> Bool {
        for link in way where !mayMatch(entry.slots[link.hole], link.place, link.text) { return false }
        return true
    }

    /// Ways with one condition are asked later, for all shapes at once; those with more are looked at here.
    private mutating func ask(
        _ way: [StraddleLink], _ entry: ShapeEntry, _ shape: Int, _ findings: inout LineFindings
    ) throws(ColumnError) {
        if way.count == 1 {
            effort.spend(256)
            let question = MatchQuestion(node: entry.slots[way[0].hole], place: way[0].place, text: way[0].text)
            return findings.ask(question, for: shape)
        }
        let ids = try shapesOfLines()
        var found: [UInt32] = []
        for (number, link) in way.enumerated() {
            let node = entry.slots[link.hole]
            guard let marks = try marks(node, link.place, link.text), let rows = try rows(of: node) else { return }
            effort.spend(marks.count)
            if number == 0 {
                for index in marks.indices where marks[index] == 1 && Int(ids[Int(rows[index])]) == shape {
                    found.append(rows[index])
                }
            } else {
                found = Self.common(found, rows, marks)
            }
            if found.isEmpty { return }
        }
        for row in found { findings.rows[Int(row)] = LineMark.yes }
    }

    /// Those of some rows whose value is marked.
    /// - Parameter rows: of the marked values; ascending, as `some` are.
    private static func common(_ some: [UInt32], _ rows: [UInt32], _ marks: Marks) -> [UInt32] {
        var common: [UInt32] = []
        var at = 0
        for row in some {
            while at < rows.count, rows[at] < row { at += 1 }
            if at < rows.count, rows[at] == row, marks[at] == 1 { common.append(row) }
        }
        return common
    }

    /// Answers the questions that shapes left.
    private mutating func answer(_ findings: inout LineFindings) throws(ColumnError) {
        guard !findings.questions.isEmpty else { return }
        let ids = try shapesOfLines()
        var isMeant = [Bool](repeating: false, count: findings.shapes.count)
        for (question, shapes) in findings.questions {
            guard let marks = try marks(question.node, question.place, question.text),
                let rows = try rows(of: question.node)
            else { continue }
            for shape in shapes { isMeant[shape] = true }
            for index in marks.indices where marks[index] == 1 {
                let row = Int(rows[index])
                if isMeant[Int(ids[row])] { findings.rows[row] = LineMark.yes }
            }
            for shape in shapes { isMeant[shape] = false }
        }
    }

    /// Gives rows what holds for all lines of their shape. Where columns were not asked all, nothing is a sure no.
    private mutating func spread(_ findings: inout LineFindings) throws(ColumnError) {
        if findings.shapes.contains(LineMark.yes) {
            let ofShape = findings.shapes.map { $0 == LineMark.yes ? LineMark.yes : LineMark.no }
            let ofRow = ByteLanes.lookUp(try shapesOfLines(), in: ofShape)
            ByteLanes.raise(&findings.rows, to: ofRow)
        }
        guard effort.isSpent || findings.shapes.contains(LineMark.maybe) else { return }
        let ids = try shapesOfLines()
        for row in ids.indices where findings.rows[row] == LineMark.no {
            if effort.isSpent || findings.shapes[Int(ids[row])] == LineMark.maybe {
                findings.rows[row] = LineMark.maybe
            }
        }
    }

    /// Puts the lines together of which columns did not tell, all at once, and looks at them.
    private mutating func settle(
        _ marks: inout Marks, _ needle: [UInt8], foldsCase: Bool
    ) throws(ColumnError) {
        let doubts = marks.indices.filter { marks[$0] == LineMark.maybe }
        guard !doubts.isEmpty else { return }
        let keptBefore = kept.sizeBytes
        // What needles have used so far must not keep a sound block from being put together once.
        let budgetBefore = source.refill()
        let lines = doubts.count == rowCount ? try rows() : try rows(at: doubts)
        lines.read { entries, arena in
            for place in doubts.indices {
                let isThere = MatchPlace.inside.holds(
                    for: needle.span, in: arena.extracting(entries[place].line), foldsCase: foldsCase)
                marks[doubts[place]] = isThere ? LineMark.yes : LineMark.no
            }
        }
        // The lines go: only what the reader keeps goes on counting, or many needles would use up what one block may.
        source.limit(to: budgetBefore - max(kept.sizeBytes - keptBefore, 0))
    }

    /// Indexes of the rows whose metadata has exactly `value` under `name`, ascending.
    public mutating func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ColumnError) -> [Int] {
        var found = Marks(repeating: 0, count: rowCount)
        for column in tree.metadataColumns {
            let rows: [UInt32]
            let marks: Marks
            switch column.kind {
            case .metadata:
                guard column.name == name, let known = try wholeMarks(column.node, value),
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

    /// Marks of the values that are `value`.
    private mutating func wholeMarks(_ node: Int, _ value: [UInt8]) throws(ColumnError) -> Marks? {
        effort = SearchEffort(limit: effortLimit)
        let isShort = value.count <= SearchNeedle.maximumBytes
        let marks =
            isShort
            ? try self.marks(node, .whole, value)
            : try self.marks(node, .front, Array(value.prefix(SearchNeedle.maximumBytes)))
        if !effort.isSpent, isShort || marks == nil { return marks }
        return try materialMarks(node, .whole, value)
    }

    /// Marks of metadata that was kept whole.
    private mutating func wholeMetadata(
        _ node: Int, _ name: [UInt8], _ value: [UInt8]
    ) throws(ColumnError) -> Marks {
        let values = try material(node)
        var marks = Marks(repeating: 0, count: values.ends.count)
        for index in values.ends.indices {
            var cursor = PairCursor(values.distinct(index))
            while let pair = cursor.next(in: values.bytes.span) {
                if values.bytes.span.extracting(pair.name).equals(name.span),
                    values.bytes.span.extracting(pair.value).equals(value.span)
                {
                    marks[index] = 1
                }
            }
        }
        guard let indexes = values.indexes else { return marks }
        return indexes.map { marks[Int($0)] }
    }
}
