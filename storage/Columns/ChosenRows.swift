/// Which shapes of a set use each node, and how often.
struct ShapeUsers: Sendable {
    private struct Use: Sendable {
        let shape: UInt32
        var count: UInt32
    }

    /// Where the uses of each node begin, and where the last end.
    private var starts: [Int] = [0]
    private var uses: [Use] = []
    /// Whether a shape has a node more than once.
    private(set) var hasTwins: [Bool]

    init(_ set: ShapeSet, nodes: Int) {
        var users = [[Use]](repeating: [], count: nodes)
        hasTwins = [Bool](repeating: false, count: set.shapes.count)
        for (number, shape) in set.shapes.enumerated() {
            for node in shape.slots {
                if let last = users[node].last, last.shape == number {
                    users[node][users[node].count - 1].count += 1
                    hasTwins[number] = true
                } else {
                    users[node].append(Use(shape: UInt32(truncatingIfNeeded: number), count: 1))
                }
            }
        }
        for user in users {
            uses += user
            starts.append(uses.count)
        }
    }

    /// How many values `node` has in texts whose shapes are counted in `seen`.
    func values(of node: Int, in seen: [UInt32]) -> UInt32 {
        var count: UInt32 = 0
        for use in uses[starts[node]..<starts[node + 1]] { count &+= seen[Int(use.shape)] &* use.count }
        return count
    }

    /// Memory held, in bytes.
    var sizeBytes: Int { uses.count * 8 + starts.count * 8 + hasTwins.count + 64 }
}

/// What tells where a row's values lie in its columns, without looking at the columns.
struct ShapePlaces: Sendable {
    let ranks: ShapeRanks
    let users: ShapeUsers

    var sizeBytes: Int { ranks.sizeBytes + users.sizeBytes }
}

/// Rows that are rebuilt at once, and the place of each of their values among those of its column.
struct ChosenRows {
    private let rows: [Int]
    /// Of the chosen rows.
    private var shapes: [Int] = []
    /// Where the places of each row's values begin, which come in the order of its shape's holes.
    private var starts: [Int] = []
    private var places: [UInt32] = []
    private let set: ShapeSet

    init(_ set: ShapeSet, ids: [UInt16], _ known: ShapePlaces, chosen: [Int]) {
        rows = chosen
        self.set = set
        shapes.reserveCapacity(chosen.count)
        starts.reserveCapacity(chosen.count)
        var seen = [UInt32](repeating: 0, count: set.shapes.count)
        var next = 0
        for row in chosen {
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
