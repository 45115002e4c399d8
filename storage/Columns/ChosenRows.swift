/// Rows that are rebuilt at once, and the place of each of their values among those of its column.
struct ChosenRows {
    private let rows: [Int]
    /// Of the chosen rows.
    private var shapes: [Int] = []
    /// Where the places of each row's values begin, which come in the order of its shape's holes.
    private var starts: [Int] = []
    private var places: [UInt32] = []
    private let set: ShapeSet

    /// - Parameters:
    ///   - ids: the shape of every row.
    ///   - nodes: of the block's tree.
    init(_ set: ShapeSet, ids: [UInt16], _ known: ShapePlaces, chosen: [Int], nodes: Int) {
        rows = chosen
        self.set = set
        shapes.reserveCapacity(chosen.count)
        starts.reserveCapacity(chosen.count)
        // Where columns stand in many shapes, looking for places takes longer than counting all values once.
        var lookups = 0
        for row in chosen { lookups += known.users.lookups[Int(ids[row])] }
        if chosen.count > ids.count / 8 || lookups > known.values {
            countAll(ids, nodes: nodes)
        } else {
            lookUp(ids, known)
        }
    }

    /// Finds the places of each row by what comes before it of each shape.
    private mutating func lookUp(_ ids: [UInt16], _ known: ShapePlaces) {
        var seen = [UInt32](repeating: 0, count: set.shapes.count)
        var next = 0
        for row in rows {
            known.ranks.advance(&seen, &next, to: row, ids)
            let shape = Int(ids[row])
            shapes.append(shape)
            starts.append(places.count)
            let slots = set.shapes[shape].slots
            for hole in slots.indices {
                var place = known.users.values(of: slots[hole], in: seen)
                if known.users.hasTwins[shape] {
                    for other in 0..<hole where slots[other] == slots[hole] { place &+= 1 }
                }
                places.append(place)
            }
        }
    }

    /// Counts the values of every row up to the last chosen one.
    private mutating func countAll(_ ids: [UInt16], nodes: Int) {
        // Flat: every row passes here.
        var slots: [Int32] = []
        var firsts = [0]
        for shape in set.shapes {
            for node in shape.slots { slots.append(Int32(truncatingIfNeeded: node)) }
            firsts.append(slots.count)
        }
        var next = [UInt32](repeating: 0, count: nodes)
        var row = 0
        for chosen in rows {
            while row < chosen {
                let shape = Int(ids[row])
                for slot in firsts[shape]..<firsts[shape + 1] { next[Int(slots[slot])] &+= 1 }
                row += 1
            }
            let shape = Int(ids[row])
            shapes.append(shape)
            starts.append(places.count)
            for slot in firsts[shape]..<firsts[shape + 1] {
                let node = Int(slots[slot])
                places.append(next[node])
                next[node] &+= 1
            }
            row += 1
        }
    }

    /// The values of each column that the chosen rows have.
    /// - Parameter nodes: of the block's tree.
    func selections(nodes: Int) -> [(node: Int, selection: Selection)] {
        var numbers = [Int32](repeating: -1, count: nodes)
        var found: [(node: Int, selection: Selection)] = []
        for index in rows.indices {
            let row = UInt32(truncatingIfNeeded: rows[index])
            let slots = set.shapes[shapes[index]].slots
            for hole in slots.indices {
                let node = slots[hole]
                if numbers[node] < 0 {
                    numbers[node] = Int32(truncatingIfNeeded: found.count)
                    found.append((node, Selection([], rows: [])))
                }
                let number = Int(numbers[node])
                found[number].selection.places.append(places[starts[index] + hole])
                found[number].selection.rows?.append(row)
            }
        }
        return found
    }

    /// The place of the first value that `node` has in a chosen row; nil where it has none.
    func place(of node: Int, row: UInt32) -> UInt32? {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < Int(row) { low = middle + 1 } else { high = middle }
        }
        guard low < rows.count, rows[low] == Int(row) else { return nil }
        guard let hole = set.shapes[shapes[low]].slots.firstIndex(of: node) else { return nil }
        return places[starts[low] + hole]
    }
}
