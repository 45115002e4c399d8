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

    private static let sampleCount = 64
    private static let shortestText = 10
    private static let shortestPart = 2

    /// Looks for values of other columns in those of column `number`.
    /// - Parameter referring: columns that have references themselves and so cannot be referred to.
    init(of number: Int, in columns: [ValueColumn], referring: Set<Int>, _ arena: borrowing ByteSpan) {
        let own = columns[number]
        guard own.values.count >= CrossReferences.sampleCount else { return }
        let found = Self.candidates(number, columns, referring, arena)
        guard !found.isEmpty else { return }
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

    /// Columns whose values are found in most of a sample of rows that have both, longest values first.
    private static func candidates(
        _ number: Int, _ columns: [ValueColumn], _ referring: Set<Int>, _ arena: borrowing ByteSpan
    ) -> [Int] {
        let own = columns[number]
        var sample: [Int] = []
        var length = 0
        for step in 0..<sampleCount {
            let index = step * own.values.count / sampleCount
            sample.append(index)
            length += own.values[index].count
        }
        guard length >= shortestText * sampleCount else { return [] }
        var found: [(column: Int, length: Int)] = []
        for column in columns.indices
        where column != number && !referring.contains(column) && columns[column].values.count >= sampleCount {
            var both = 0
            var hits = 0
            var partBytes = 0
            for index in sample {
                guard let place = columns[column].place(of: own.rows[index]) else { continue }
                both += 1
                if let part = part(columns[column].values[place], of: own.values[index], in: arena, beside: []) {
                    hits += 1
                    partBytes += part.count
                }
            }
            if hits >= 6, hits * 10 >= both * 6, partBytes >= hits * 3 {
                found.append((column, partBytes / hits))
            }
        }
        return found.sorted { $0.length > $1.length }.prefix(16).map(\.column)
    }

    /// Where `value` stands in `text` as a word of its own, beside what is taken.
    private static func part(
        _ value: Slice, of text: Slice, in arena: borrowing ByteSpan, beside taken: [CrossReference]
    ) -> Slice? {
        guard value.count >= shortestPart, value.count < text.count else { return nil }
        let bytes = arena.extracting(text.range)
        var from = 0
        while let at = ByteSearch.find(arena.extracting(value.range), in: bytes, from: from) {
            let end = at + value.count
            let isWord = (at == 0 || !isWordByte(bytes[at - 1])) && (end == bytes.count || !isWordByte(bytes[end]))
            let isFree = !taken.contains {
                text.offset + at < $0.part.offset + $0.part.count && $0.part.offset < text.offset + end
            }
            if isWord && isFree { return Slice(text.offset + at, value.count) }
            from = at + 1
        }
        return nil
    }

    @inline(__always)
    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || byte >= 0x80
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
