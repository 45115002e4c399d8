import Bytes

/// Some values of a column: their places among its values, ascending, and the rows that they belong to.
struct Selection {
    var places: [UInt32]
    /// Nil for values that belong to no row, or whose rows are not known.
    var rows: [UInt32]?

    init(_ places: [UInt32], rows: [UInt32]? = nil) {
        self.places = places
        self.rows = rows
    }

    var count: Int { places.count }
}

/// Rows that are rebuilt at once, and how many lines of each shape come before each of them: from that follows the
/// place of a row's value in any column, without looking at the column.
struct ChosenRows {
    private let rows: [Int]
    /// Per chosen row and shape.
    private let before: [UInt32]
    private let shapeCount: Int
    /// Per node the shapes that have it, and how often.
    private let users: [[(shape: Int, count: UInt32)]]
    private let ids: [UInt16]

    init(_ set: ShapeSet, ids: [UInt16], ranks: ShapeRanks, chosen: [Int], nodes: Int) {
        rows = chosen
        self.ids = ids
        shapeCount = set.shapes.count
        var users = [[(shape: Int, count: UInt32)]](repeating: [], count: nodes)
        for (number, shape) in set.shapes.enumerated() {
            for node in shape.slots {
                if users[node].last?.shape == number {
                    users[node][users[node].count - 1].count += 1
                } else {
                    users[node].append((number, 1))
                }
            }
        }
        self.users = users
        var seen = [UInt32](repeating: 0, count: set.shapes.count)
        var before: [UInt32] = []
        before.reserveCapacity(chosen.count * shapeCount)
        var next = 0
        for row in chosen {
            ranks.advance(&seen, &next, to: row, ids)
            before.append(contentsOf: seen)
        }
        self.before = before
    }

    /// The values of each column that the chosen rows have.
    func selections(_ set: ShapeSet) -> [Selection] {
        var selections = users.map { _ in Selection([], rows: []) }
        for (index, row) in rows.enumerated() {
            var twins: [Int: UInt32] = [:]
            let shape = Int(ids[row])
            let slots = set.shapes[shape].slots
            let hasTwins = slots.contains { node in users[node].contains { $0.shape == shape && $0.count > 1 } }
            for node in slots {
                var place = self.place(of: node, chosen: index)
                if hasTwins {
                    place += twins[node, default: 0]
                    twins[node, default: 0] += 1
                }
                selections[node].places.append(place)
                selections[node].rows?.append(UInt32(truncatingIfNeeded: row))
            }
        }
        return selections
    }

    /// How many values of `node` come before chosen row number `index`.
    private func place(of node: Int, chosen index: Int) -> UInt32 {
        var place: UInt32 = 0
        for user in users[node] { place &+= before[index * shapeCount + user.shape] &* user.count }
        return place
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
        let shape = Int(ids[Int(row)])
        guard users[node].contains(where: { $0.shape == shape }) else { return nil }
        return place(of: node, chosen: low)
    }
}
