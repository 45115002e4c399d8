/// Which shapes of a set use each node, and how often.
struct ShapeUsers: Sendable {
    struct Use: Sendable {
        let shape: UInt32
        var count: UInt32
    }

    /// Where the uses of each node begin, and where the last end.
    private let starts: [UInt32]
    private let all: [Use]
    /// Whether a shape has a node more than once.
    let hasTwins: [Bool]
    /// Per shape how many uses its nodes have: looking for the places of one row's values takes as many steps.
    let lookups: [Int]

    init(_ set: ShapeSet, nodes: Int) {
        var starts = [UInt32](repeating: 0, count: nodes + 1)
        var last = [Int32](repeating: -1, count: nodes)
        for (number, shape) in set.shapes.enumerated() {
            for node in shape.slots where last[node] != Int32(truncatingIfNeeded: number) {
                last[node] = Int32(truncatingIfNeeded: number)
                starts[node + 1] += 1
            }
        }
        for node in 0..<nodes { starts[node + 1] += starts[node] }
        var uses = [Use](repeating: Use(shape: 0, count: 0), count: Int(starts[nodes]))
        var hasTwins = [Bool](repeating: false, count: set.shapes.count)
        var lookups = [Int](repeating: 0, count: set.shapes.count)
        var next = starts
        for (number, shape) in set.shapes.enumerated() {
            for node in shape.slots {
                let at = Int(next[node])
                lookups[number] += Int(starts[node + 1] - starts[node])
                if at > Int(starts[node]), uses[at - 1].shape == UInt32(truncatingIfNeeded: number) {
                    uses[at - 1].count += 1
                    hasTwins[number] = true
                } else {
                    uses[at] = Use(shape: UInt32(truncatingIfNeeded: number), count: 1)
                    next[node] += 1
                }
            }
        }
        self.starts = starts
        all = uses
        self.hasTwins = hasTwins
        self.lookups = lookups
    }

    /// The shapes that have `node`, ascending.
    func uses(of node: Int) -> ArraySlice<Use> { all[Int(starts[node])..<Int(starts[node + 1])] }

    /// Whether a shape has `node` more than once.
    func occursTwice(_ node: Int) -> Bool {
        for use in uses(of: node) where use.count > 1 { return true }
        return false
    }

    /// How many values `node` has in texts whose shapes are counted in `seen`.
    func values(of node: Int, in seen: [UInt32]) -> UInt32 {
        var count: UInt32 = 0
        for use in uses(of: node) { count &+= seen[Int(use.shape)] &* use.count }
        return count
    }

    /// Memory held, in bytes.
    var sizeBytes: Int { all.count * 8 + starts.count * 4 + hasTwins.count * 9 + 128 }
}

/// What tells where a row's values lie in its columns, without looking at the columns.
struct ShapePlaces {
    let ranks: ShapeRanks
    let users: ShapeUsers
    /// Of all rows together.
    let values: Int
}
