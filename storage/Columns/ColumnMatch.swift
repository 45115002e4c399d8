import Bytes

/// Marks per value of a column: 1 where it matches. Nil stands for no match at all.
typealias Marks = [UInt8]

/// A question to a column, answered once a search.
struct MatchQuestion: Hashable {
    let node: Int
    let place: MatchPlace
    let text: [UInt8]
}

extension ColumnBlockReader {
    /// Which values of a column have `text` at `place`; exact while there is effort left, and without rebuilding values
    /// where that can be avoided.
    mutating func marks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks? {
        guard mayMatch(node, place, text) else { return nil }
        let question = MatchQuestion(node: node, place: place, text: text)
        if let known = answers[question] { return known.isEmpty ? nil : known }
        guard !effort.isSpent else { return nil }
        effort.spend(tree.nodes[node].count + 64)
        let found: Marks?
        if tree.nodes[node].prefix.isEmpty && tree.nodes[node].suffix.isEmpty {
            found = try bareMarks(node, place, text)
        } else {
            found = try affixedMarks(node, place, text)
        }
        let marks = found.flatMap { $0.contains(1) ? $0 : nil }
        // What was given up halfway is no answer.
        if !effort.isSpent { answers.keep(marks ?? [], question) }
        return marks
    }

    /// False only when no value can match, from what the tree says alone.
    func mayMatch(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) -> Bool {
        guard tree.nodes[node].count > 0, covers(tree.textBytes[node], text) else { return false }
        switch tree.nodes[node].encoding {
        case .constant:
            let constant = tree.nodes[node].text
            return place.holds(for: text.span, in: constant.span, foldsCase: foldsCase)
        case .dictionary, .perStream, .perTrace: return mayMatch(tree.nodes[node].child, place, text)
        case .template, .lines: return true
        case .raw:
            let count = Int64(text.count)
            return count <= tree.nodes[node].numbers.most
                && (place != .whole || count >= tree.nodes[node].numbers.least)
        default:
            guard tree.nodes[node].prefix.isEmpty && tree.nodes[node].suffix.isEmpty else { return true }
            return mayBareMatch(tree.nodes[node], place, text)
        }
    }

    /// Whether texts of the bytes `set` may hold `text`; links as long as the needle are the needle.
    private func covers(_ set: ByteSet, _ text: [UInt8]) -> Bool {
        guard !foldsCase, isLineSearch, text.count == needle.text.count else {
            return set.covers(text, foldsCase: foldsCase)
        }
        return set.isSuperset(of: needle.bytes)
    }

    /// `mayMatch` for numbers, timestamps and hexadecimal between their affixes.
    private func mayBareMatch(_ column: ColumnNode, _ place: MatchPlace, _ text: [UInt8]) -> Bool {
        let set: ByteSet
        let longest: Int
        switch column.encoding {
        case .integer, .digits:
            set = ByteSet.digits
            longest = 19
        case .decimal, .address:
            set = ByteSet.decimals
            longest = 20
        case .hex, .uuid:
            set = ByteSet.hexadecimals
            longest = column.width
        default:
            var signs = ByteSet.digits
            for byte in [0x3a, column.spelling.separator, column.spelling.point] { signs.insert(byte) }
            set = signs
            longest = 20 + column.spelling.places
        }
        return text.count <= longest && covers(set, text)
    }

    /// A column with affixes is a shape with one hole.
    private mutating func affixedMarks(
        _ node: Int, _ place: MatchPlace, _ text: [UInt8]
    ) throws(ColumnError) -> Marks? {
        let column = tree.nodes[node]
        let straddles = Straddles(
            text, place, pieces: [column.prefix, column.suffix], holes: [tree.textBytes[node]],
            withinHoles: true, foldsCase: foldsCase)
        effort.spend(straddles.looks)
        guard !straddles.isOverflown else { return try materialMarks(node, place, text) }
        var result: Marks?
        for way in straddles.ways {
            guard let link = way.first else { return Marks(repeating: 1, count: column.count) }
            guard mayBareMatch(column, link.place, link.text) else { continue }
            if effort.isSpent { break }
            effort.spend(column.count)
            try Self.unite(&result, try bareMarks(node, link.place, link.text))
        }
        return result
    }

    /// Marks of the values without their affixes.
    private mutating func bareMarks(
        _ node: Int, _ place: MatchPlace, _ text: [UInt8]
    ) throws(ColumnError) -> Marks? {
        // The node is not copied: it holds a dozen arrays.
        switch tree.nodes[node].encoding {
        case .constant:
            let constant = tree.nodes[node].text
            return place.holds(for: text.span, in: constant.span, foldsCase: foldsCase)
                ? Marks(repeating: 1, count: tree.nodes[node].count) : nil
        case .dictionary, .perStream, .perTrace:
            guard let distinct = try marks(tree.nodes[node].child, place, text) else { return nil }
            return try distinctNumbers(of: node).map { distinct[Int($0)] }
        case .template: return try templateMarks(node, place, text)
        case .raw, .lines: return try rawMarks(node, place, text)
        case .integer, .digits:
            if let known = try numberMarks(node, place, text) { return known }
        case .hex, .uuid:
            if let known = try hexadecimalMarks(node, place, text) { return known }
        case .decimal:
            if let known = try decimalMarks(node, place, text) { return known }
        case .timestamp, .rowTime:
            if let known = try timestampMarks(node, place, text) { return known }
        case .address: break
        }
        return try materialMarks(node, place, text, isBare: true)
    }

    /// Marks found by rebuilding the values.
    /// - Parameter isBare: whether values count without their affixes.
    mutating func materialMarks(
        _ node: Int, _ place: MatchPlace, _ text: [UInt8], isBare: Bool = false
    ) throws(ColumnError) -> Marks? {
        let values = try material(node)
        let column = tree.nodes[node]
        // Distinct values are looked at once, whatever their number of uses.
        var starts = [UInt32](repeating: 0, count: values.ends.count + 1)
        for index in values.ends.indices { starts[index + 1] = values.ends[index] }
        let skip = isBare ? (front: column.prefix.count, back: column.suffix.count) : (front: 0, back: 0)
        let distinct = TextMarks.find(
            text, place, in: values.bytes, starts: starts, skip: skip, foldsCase: foldsCase)
        guard let marks = distinct, let indexes = values.indexes else { return distinct }
        return indexes.map { marks[Int($0)] }
    }

    private mutating func rawMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks? {
        let column = tree.nodes[node]
        guard let entry = column.blob else { throw ColumnError("raw column without a stream") }
        let blob = try self.blob(of: node, entry)
        // Most needles are not there at all: then the lengths need not be looked at.
        effort.spend(blob.count >> 4)
        if !text.isEmpty, TextMarks.next(text, in: blob, from: 0, foldsCase) == nil { return nil }
        let behind = column.encoding == .lines ? 1 : 0
        return TextMarks.find(
            text, place, in: blob, starts: try starts(of: node, in: blob), skip: (0, behind), foldsCase: foldsCase)
    }

    static func unite(_ marks: inout Marks?, _ others: Marks?) throws(ColumnError) {
        guard let others else { return }
        guard var own = marks else {
            marks = others
            return
        }
        marks = nil
        guard own.count == others.count else { throw ColumnError("variables of one template differ in number") }
        for index in own.indices { own[index] |= others[index] }
        marks = own
    }
}

/// Search in joined texts.
enum TextMarks {
    /// Marks of the texts `bytes[starts[i] ..< starts[i + 1]]`, cut by `skip` at both ends, that have `needle` at
    /// `place`.
    static func find(
        _ needle: [UInt8], _ place: MatchPlace, in bytes: [UInt8], starts: [UInt32], skip: (front: Int, back: Int),
        foldsCase: Bool
    ) -> Marks? {
        let count = starts.count - 1
        var marks: Marks?
        if place == .inside, !needle.isEmpty {
            var from = 0
            var index = 0
            while let hit = next(needle, in: bytes, from: from, foldsCase) {
                index = last(in: starts, notAfter: hit, from: index)
                let start = Int(starts[index]) + skip.front
                if hit >= start, hit + needle.count <= Int(starts[index + 1]) - skip.back {
                    if marks == nil { marks = Marks(repeating: 0, count: count) }
                    marks?[index] = 1
                    from = max(Int(starts[index + 1]), hit + 1)
                } else {
                    from = hit + 1
                }
            }
            return marks
        }
        for index in 0..<count {
            let start = Int(starts[index]) + skip.front
            let end = max(Int(starts[index + 1]) - skip.back, start)
            if place.holds(for: needle.span, in: bytes.span.extracting(start..<end), foldsCase: foldsCase) {
                if marks == nil { marks = Marks(repeating: 0, count: count) }
                marks?[index] = 1
            }
        }
        return marks
    }

    /// Offset of the next occurrence of `needle`.
    static func next(_ needle: [UInt8], in bytes: [UInt8], from: Int, _ foldsCase: Bool) -> Int? {
        foldsCase
            ? ByteSearch.find(folded: needle.span, in: bytes.span, from: from)
            : ByteSearch.find(needle.span, in: bytes.span, from: from)
    }

    /// The last index whose start is not after `offset`, found by doubling steps from `from`.
    private static func last(in starts: [UInt32], notAfter offset: Int, from: Int) -> Int {
        var low = from
        var step = 1
        while low + step < starts.count - 1, Int(starts[low + step]) <= offset {
            low += step
            step *= 2
        }
        var high = min(low + step, starts.count - 1)
        while low + 1 < high {
            let middle = (low + high) / 2
            if Int(starts[middle]) <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
