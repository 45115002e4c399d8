internal import Bytes
internal import Model

/// Series keys of `by (…)` where no stage touches labels: what the stream gives is encoded once, the rest is read from
/// the row's metadata in place.
struct DirectKeys {
    private let names: [[UInt8]]
    /// For each stream where its pieces begin, + 1; 0 while unknown.
    private var starts: [UInt32] = []
    /// For each stream and name the encoded pair within `bytes`; empty where the stream lacks the name.
    private var pieces: [Range<Int>] = []
    private var bytes: [UInt8] = []
    /// For each name the value in the row's metadata.
    private var found: [Range<Int>]

    private static let absent = -1 ..< -1

    /// Nil where this way is not exact: names that metadata gets only by its clash with a label.
    init?(_ names: [[UInt8]]) {
        let suffix = [UInt8](text: "_extracted")
        if names.contains(where: { $0.count >= suffix.count && $0.suffix(suffix.count) == suffix[...] }) { return nil }
        self.names = names
        found = [Range<Int>](repeating: DirectKeys.absent, count: names.count)
    }

    /// Replaces `key` by that of a row of the stream.
    mutating func build(
        stream: UInt32, labels: () -> LabelSet, _ arena: borrowing ByteSpan, _ metadata: Range<Int>,
        into key: inout [UInt8]
    ) {
        let index = Int(stream)
        while starts.count <= index { starts.append(0) }
        if starts[index] == 0 { add(index, labels()) }
        let start = Int(starts[index]) - 1
        key.removeAll(keepingCapacity: true)
        if !metadata.isEmpty { readMetadata(start, arena, metadata) }
        for position in names.indices {
            let piece = pieces[start + position]
            if !piece.isEmpty {
                key.append(bytes, piece)
            } else if !metadata.isEmpty, found[position].lowerBound >= 0 {
                key.appendVarint(names[position].count)
                key.append(contentsOf: names[position])
                key.appendVarint(found[position].count)
                key.append(span: arena.extracting(found[position]))
            }
        }
    }

    private mutating func readMetadata(_ start: Int, _ arena: borrowing ByteSpan, _ metadata: Range<Int>) {
        for position in found.indices { found[position] = DirectKeys.absent }
        var cursor = PairCursor(metadata)
        while let pair = cursor.next(in: arena) {
            for position in names.indices where names[position].count == pair.name.count {
                guard pieces[start + position].isEmpty else { continue }
                let name = names[position]
                if arena.extracting(pair.name).equals(name.span) { found[position] = pair.value }
            }
        }
    }

    private mutating func add(_ index: Int, _ labels: LabelSet) {
        starts[index] = UInt32(pieces.count + 1)
        let span = labels.encoded.span
        for name in names {
            let start = bytes.count
            if let value = LabelSet.range(of: name.span, in: span, 0..<labels.encoded.count) {
                bytes.appendPrefixed(name)
                bytes.appendVarint(value.count)
                bytes.append(span: span.extracting(value))
            }
            pieces.append(start..<bytes.count)
        }
    }
}
