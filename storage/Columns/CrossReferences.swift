import Bytes

/// A part of a text that is the value of another column in the same row.
struct CrossReference {
    let part: Slice
    /// Number of the other column among the columns of lines.
    let column: UInt32
}

/// For each value of a column, the parts of it that other columns hold already: a message often repeats fields.
struct CrossReferences {
    /// References of value `i` are `all[starts[i] ..< starts[i + 1]]`, in order of place; none at all when empty.
    private(set) var all: [CrossReference] = []
    private var starts: [UInt32] = []
    /// Columns that are referred to.
    private(set) var columns: [Int] = []

    var isEmpty: Bool { all.isEmpty }

    /// None.
    init() {}

    func range(_ index: Int) -> Range<Int> {
        isEmpty ? 0..<0 : Int(starts[index])..<Int(starts[index + 1])
    }

    /// Looks for values of the columns `found` in those of `own`.
    fileprivate init(of own: ValueColumn, in columns: [ValueColumn], _ found: [Int], _ arena: borrowing ByteSpan) {
        var next = [Int](repeating: 0, count: found.count)
        var parts: [CrossReference] = []
        starts.reserveCapacity(own.values.count + 1)
        starts.append(0)
        for index in own.values.indices {
            parts.removeAll(keepingCapacity: true)
            let row = own.rows[index]
            for (order, column) in found.enumerated() {
                while next[order] < columns[column].rows.count, columns[column].rows[next[order]] < row {
                    next[order] += 1
                }
                let place = next[order]
                guard place < columns[column].rows.count, columns[column].rows[place] == row,
                    let part = Self.part(columns[column].values[place], of: own.values[index], in: arena, beside: parts)
                else { continue }
                parts.append(CrossReference(part: part, column: UInt32(column)))
            }
            if parts.count > 1 { parts.sort { $0.part.offset < $1.part.offset } }
            all.append(contentsOf: parts)
            starts.append(UInt32(all.count))
        }
        if !all.isEmpty { self.columns = found }
    }

    private static let shortestPart = 2
    /// Of longer values the front is searched for: a search takes as long as text and value multiplied.
    private static let frontBytes = 256
    /// Places at which the value stands, but not as a word of its own, that are passed.
    private static let maximumTries = 64

    /// Where `value` stands in `text` as a word of its own, beside what is taken.
    fileprivate static func part(
        _ value: Slice, of text: Slice, in arena: borrowing ByteSpan, beside taken: [CrossReference]
    ) -> Slice? {
        guard value.count >= shortestPart, value.count < text.count else { return nil }
        let bytes = arena.extracting(text.range)
        let front = Slice(value.offset, min(value.count, frontBytes))
        var from = 0
        for _ in 0..<maximumTries {
            guard let at = ByteSearch.find(arena.extracting(front.range), in: bytes, from: from) else { return nil }
            let end = at + value.count
            guard end <= bytes.count else { return nil }
            let isWord = (at == 0 || !isWordByte(bytes[at - 1])) && (end == bytes.count || !isWordByte(bytes[end]))
            let isFree = !taken.contains {
                text.offset + at < $0.part.offset + $0.part.count && $0.part.offset < text.offset + end
            }
            if isWord && isFree {
                let isWhole =
                    value.count == front.count || bytes.extracting(at..<end).equals(arena.extracting(value.range))
                if isWhole { return Slice(text.offset + at, value.count) }
            }
            from = at + 1
        }
        return nil
    }

    @inline(__always)
    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || byte >= 0x80
    }
}

/// Finds out which columns of a block refer to which, in few enough that the work does not grow with their square.
struct ReferenceSearch {
    /// Columns that have references themselves and so cannot be referred to.
    private var referring: Set<Int> = []
    private var referred: Set<Int> = []
    /// Columns in which values of others may still be looked for.
    private var columnsLeft: Int

    private static let sampleCount = 64
    private static let shortestText = 10
    /// Columns whose values are looked for in those of one column.
    static let maximumSources = 16
    /// Where there are more, so many of the nearest are looked for in few texts, and in the front of these alone.
    private static let maximumProbed = 256
    private static let probes = 4
    private static let probeTries = 16
    private static let probedBytes = 1_024

    init(columns: Int = 512) {
        columnsLeft = columns
    }

    /// The parts of a column's values that other columns hold.
    mutating func references(
        of number: Int, in columns: [ValueColumn], _ arena: borrowing ByteSpan
    ) -> CrossReferences {
        let own = columns[number]
        guard columnsLeft > 0, !referred.contains(number), own.values.count >= ReferenceSearch.sampleCount else {
            return CrossReferences()
        }
        var sample: [Int] = []
        var length = 0
        for step in 0..<ReferenceSearch.sampleCount {
            let index = step * own.values.count / ReferenceSearch.sampleCount
            sample.append(index)
            length += own.values[index].count
        }
        guard length >= ReferenceSearch.shortestText * ReferenceSearch.sampleCount else { return CrossReferences() }
        columnsLeft -= 1
        let found = candidates(sources(number, sample, columns, arena), sample, own, columns, arena)
        guard !found.isEmpty else { return CrossReferences() }
        let references = CrossReferences(of: own, in: columns, found, arena)
        if !references.isEmpty {
            referring.insert(number)
            referred.formUnion(references.columns)
        }
        return references
    }

    /// The columns that are worth a closer look, ascending: all that there are, or those that a few texts have most
    /// often, the nearest of them.
    private func sources(
        _ number: Int, _ sample: [Int], _ columns: [ValueColumn], _ arena: borrowing ByteSpan
    ) -> [Int] {
        var nearest: [Int] = []
        for distance in 1..<max(columns.count, 2) {
            for side in 0..<2 {
                let column = side == 0 ? number - distance : number + distance
                guard columns.indices.contains(column), !referring.contains(column),
                    columns[column].values.count >= ReferenceSearch.sampleCount
                else { continue }
                nearest.append(column)
            }
            if nearest.count >= ReferenceSearch.maximumProbed { break }
        }
        guard nearest.count > ReferenceSearch.maximumSources else { return nearest.sorted() }
        let own = columns[number]
        var ranked: [(column: Int, hits: Int, order: Int)] = []
        for (order, column) in nearest.enumerated() {
            var hits = 0
            var probes = 0
            for attempt in 0..<ReferenceSearch.probeTries where probes < ReferenceSearch.probes {
                // Here and there in the sample, for not all rows have the column.
                let index = sample[attempt * 13 % sample.count]
                let text = own.values[index]
                let front = Slice(text.offset, min(text.count, ReferenceSearch.probedBytes))
                guard let place = columns[column].place(of: own.rows[index]) else { continue }
                probes += 1
                let value = columns[column].values[place]
                if CrossReferences.part(value, of: front, in: arena, beside: []) != nil { hits += 1 }
            }
            ranked.append((column, hits, order))
        }
        ranked.sort { ($1.hits, $0.order) < ($0.hits, $1.order) }
        return ranked.prefix(ReferenceSearch.maximumSources).map(\.column).sorted()
    }

    /// Columns whose values are found in most of a sample of rows that have both, longest values first.
    private func candidates(
        _ sources: [Int], _ sample: [Int], _ own: ValueColumn, _ columns: [ValueColumn], _ arena: borrowing ByteSpan
    ) -> [Int] {
        var found: [(column: Int, length: Int)] = []
        for column in sources {
            var both = 0
            var hits = 0
            var partBytes = 0
            for index in sample {
                guard let place = columns[column].place(of: own.rows[index]) else { continue }
                both += 1
                let value = columns[column].values[place]
                if let part = CrossReferences.part(value, of: own.values[index], in: arena, beside: []) {
                    hits += 1
                    partBytes += part.count
                }
            }
            if hits >= 6, hits * 10 >= both * 6, partBytes >= hits * 3 {
                found.append((column, partBytes / hits))
            }
        }
        return found.sorted { $0.length > $1.length }.map(\.column)
    }
}

extension ValueColumn {
    /// Index of the first value that belongs to `row`.
    func place(of row: UInt32) -> Int? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low] == row ? low : nil
    }
}
