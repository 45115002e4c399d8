import Bytes

// Which bytes the texts of each column can have at all: most parts of most needles are ruled out by that alone.
extension ColumnTree {
    /// Per node the bytes that its texts are made of.
    func alphabets() -> [ByteSet] {
        var sets = [ByteSet](repeating: .all, count: nodes.count)
        // Children stand behind their parents. References are known in the second round: what they point at has none.
        for node in nodes.indices.reversed() { sets[node] = alphabet(node, sets) }
        for node in nodes.indices where isReferring[node] { sets[node] = alphabet(node, sets) }
        return sets
    }

    /// The bytes of the values in a hole.
    func alphabet(ofSlot slot: Int, _ sets: [ByteSet]) -> ByteSet {
        if slot >= 0 { return sets[slot] }
        let number = -1 - slot
        guard number < lineColumns.count, lineColumns[number].node >= 0 else { return .all }
        return sets[lineColumns[number].node]
    }

    private func alphabet(_ node: Int, _ sets: [ByteSet]) -> ByteSet {
        let column = nodes[node]
        var set: ByteSet
        switch column.encoding {
        case .constant: set = ByteSet(of: column.text.span)
        case .integer, .digits: set = .digits
        case .decimal, .address: set = .decimals
        case .hex, .uuid: set = .hexadecimals
        case .timestamp, .rowTime:
            set = .digits
            for byte in [0x3a, column.spelling.separator, column.spelling.point] { set.insert(byte) }
        case .dictionary, .perStream, .perTrace: set = column.count > 0 ? sets[column.child] : ByteSet()
        case .raw, .lines: set = column.bytes ?? .all
        case .template:
            set = ByteSet()
            for shape in column.template?.shapes ?? [] {
                for piece in shape.pieces { set.formUnion(ByteSet(of: piece.span)) }
                for slot in shape.slots { set.formUnion(alphabet(ofSlot: slot, sets)) }
            }
        }
        set.formUnion(ByteSet(of: column.prefix.span))
        set.formUnion(ByteSet(of: column.suffix.span))
        return set
    }
}
