/// The values of a set of shapes, gathered by shape.
struct ShapeBuckets: Sendable {
    private let starts: [Int]
    private let order: [UInt32]

    /// Memory held, in bytes.
    var sizeBytes: Int { starts.count * 8 + order.count * 4 + 64 }

    /// - Parameter ids: the shape of each value, all below `shapes`.
    init(_ ids: [UInt16], shapes: Int) {
        var starts = [Int](repeating: 0, count: shapes + 1)
        for id in ids { starts[Int(id) + 1] += 1 }
        for shape in 0..<shapes { starts[shape + 1] += starts[shape] }
        var next = starts
        var order = [UInt32](repeating: 0, count: ids.count)
        for index in ids.indices {
            let shape = Int(ids[index])
            order[next[shape]] = UInt32(truncatingIfNeeded: index)
            next[shape] += 1
        }
        self.starts = starts
        self.order = order
    }

    /// Indexes of the values of `shape`, ascending.
    subscript(shape: Int) -> ArraySlice<UInt32> { order[starts[shape]..<starts[shape + 1]] }
}
