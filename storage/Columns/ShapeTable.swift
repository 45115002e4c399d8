import Bytes

/// Texts with holes, each distinct one numbered; number 0 stands for "as it is".
struct ShapeTable {
    struct Shape {
        /// The constant texts around the holes: `holes + 1` of them.
        var pieces: [[UInt8]]
        var uses: Int
        /// Names the shape in a plan.
        var hash: UInt64
        var holes: Int { pieces.count - 1 }
        /// Nothing but one hole.
        var isBare: Bool { pieces.count == 2 && pieces[0].isEmpty && pieces[1].isEmpty }
    }

    /// Shapes beyond this count are not numbered.
    let limit: Int
    private(set) var shapes: [Shape] = [Shape(pieces: [[], []], uses: 0, hash: 0)]
    private var numbers: [UInt64: UInt32] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// The number of the shape that `value` has when `holes`, ascending slices of it, are cut out; nil when there are
    /// too many shapes or two unlike ones share a hash.
    @inline(__always)
    mutating func number(of value: Slice, holes: [Slice], seed: UInt64 = 0, in arena: borrowing ByteSpan) -> Int? {
        var hash: UInt64 = UInt64(holes.count) ^ seed
        var from = value.offset
        for hole in holes {
            hash = Hash.hash64(arena.extracting(from..<hole.offset), seed: hash)
            from = hole.offset + hole.count
        }
        let end = value.offset + value.count
        hash = Hash.hash64(arena.extracting(from..<end), seed: hash)
        if let number = numbers[hash] {
            guard matches(Int(number), value, holes, arena) else { return nil }
            shapes[Int(number)].uses += 1
            return Int(number)
        }
        guard shapes.count < limit else { return nil }
        var pieces: [[UInt8]] = []
        from = value.offset
        for hole in holes {
            pieces.append([UInt8](copying: arena.extracting(from..<hole.offset)))
            from = hole.offset + hole.count
        }
        pieces.append([UInt8](copying: arena.extracting(from..<end)))
        numbers[hash] = UInt32(shapes.count)
        shapes.append(Shape(pieces: pieces, uses: 1, hash: hash))
        return shapes.count - 1
    }

    private func matches(_ number: Int, _ value: Slice, _ holes: [Slice], _ arena: borrowing ByteSpan) -> Bool {
        guard shapes[number].holes == holes.count else { return false }
        var from = value.offset
        for index in 0..<holes.count {
            let piece = arena.extracting(from..<holes[index].offset)
            let known = shapes[number].pieces[index]
            guard piece.equals(known.span) else { return false }
            from = holes[index].offset + holes[index].count
        }
        let known = shapes[number].pieces[holes.count]
        return arena.extracting(from..<(value.offset + value.count)).equals(known.span)
    }

    mutating func countUse(of number: Int) {
        shapes[number].uses += 1
    }
}
