import Bytes

extension ColumnBlockReader {
    /// Marks of packed hexadecimal values; nil when this needle needs their text.
    mutating func hexadecimalMarks(_ node: Int, _ place: MatchPlace, _ text: [UInt8]) throws(ColumnError) -> Marks?? {
        let column = tree.nodes[node]
        var nibbles: [UInt8] = []
        for byte in text {
            let nibble = TypedValue.nibble(byte)
            guard nibble < 16 else { return column.encoding == .hex ? .some(nil) : .none }
            nibbles.append(nibble)
        }
        guard nibbles.count >= 3, let entry = column.blob else { return .none }
        let isUUID = column.encoding == .uuid
        let size = isUUID ? 16 : (column.width + 1) / 2
        let blob = try self.blob(of: node, entry)
        effort.spend(blob.count >> 4)
        guard size.multipliedReportingOverflow(by: column.count) == (blob.count, false), !isUUID || column.width == 36
        else { throw ColumnError("hexadecimal column of \(blob.count) bytes") }
        let question = NibbleQuestion(
            nibbles: nibbles, place: place, groups: isUUID ? NibbleQuestion.uuidGroups : [0..<column.width],
            size: size)
        return .some(question.marks(in: blob, count: column.count))
    }
}

/// Search for half bytes in packed values of one size.
private struct NibbleQuestion {
    let nibbles: [UInt8]
    let place: MatchPlace
    /// Runs of digits, between dashes.
    let groups: [Range<Int>]
    /// Bytes of a value.
    let size: Int

    static let uuidGroups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]

    /// Places at which the needle's first half byte may stand.
    private var starts: [Int] {
        var starts: [Int] = []
        for group in groups where group.count >= nibbles.count {
            for start in group.lowerBound...(group.upperBound - nibbles.count) { starts.append(start) }
        }
        guard let last = groups.last?.upperBound else { return [] }
        return starts.filter { start in
            (!place.beginsAtStart || start == 0) && (!place.reachesEnd || start + nibbles.count == last)
                && (place != .whole || groups.count == 1)
        }
    }

    func marks(in blob: [UInt8], count: Int) -> Marks? {
        var marks: Marks?
        let starts = self.starts
        for isOdd in [false, true] where starts.contains(where: { ($0 & 1 == 1) == isOdd }) {
            // By place: values of zeros alone are hit everywhere.
            var isAllowed = [Bool](repeating: false, count: size * 2)
            for start in starts where (start & 1 == 1) == isOdd { isAllowed[start] = true }
            // Whole bytes of the needle at this alignment; a half byte may stick out at either end.
            let skipped = isOdd ? 1 : 0
            var bytes: [UInt8] = []
            var at = skipped
            while at + 1 < nibbles.count {
                bytes.append(nibbles[at] << 4 | nibbles[at + 1])
                at += 2
            }
            var from = 0
            while let hit = ByteSearch.find(bytes.span, in: blob.span, from: from) {
                let index = hit / size
                let start = (hit - index * size) * 2 - skipped
                if start >= 0, isAllowed[start], agrees(blob, index * size, start) {
                    if marks == nil { marks = Marks(repeating: 0, count: count) }
                    marks?[index] = 1
                    from = (index + 1) * size
                } else {
                    from = hit + 1
                }
            }
        }
        return marks
    }

    private func agrees(_ blob: [UInt8], _ base: Int, _ start: Int) -> Bool {
        for index in nibbles.indices {
            let place = start + index
            guard place >> 1 < size else { return false }
            let byte = blob[base + place >> 1]
            let nibble = place & 1 == 0 ? byte >> 4 : byte & 15
            if nibble != nibbles[index] { return false }
        }
        return true
    }
}
