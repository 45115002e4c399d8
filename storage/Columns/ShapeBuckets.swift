import Bytes

/// The values of a set of shapes, gathered by shape.
struct ShapeBuckets: Sendable {
    private let starts: [Int]
    private let order: [UInt32]

    /// Memory held, in bytes.
    var sizeBytes: Int { starts.count * 8 + order.count * 4 + 64 }

    /// - Parameter ids: the shape of each value, all below `shapes`.
    init(_ ids: [UInt16], shapes: Int) {
        var starts = [Int](repeating: 0, count: shapes + 1)
        var order = [UInt32](repeating: 0, count: ids.count)
        ShapeBuckets.count(ids, into: &starts)
        for shape in 0..<shapes { starts[shape + 1] += starts[shape] }
        var next = starts
        ShapeBuckets.gather(ids, &next, into: &order)
        self.starts = starts
        self.order = order
    }

    // Through spans: one check of ownership for all values instead of one for each.
    private static func count(_ ids: [UInt16], into starts: inout [Int]) {
        let ids = ids.span
        var starts = starts.mutableSpan
        for index in ids.indices { starts[Int(ids[index]) + 1] &+= 1 }
    }

    private static func gather(_ ids: [UInt16], _ next: inout [Int], into order: inout [UInt32]) {
        let ids = ids.span
        var next = next.mutableSpan
        var order = order.mutableSpan
        for index in ids.indices {
            let shape = Int(ids[index])
            order[next[shape]] = UInt32(truncatingIfNeeded: index)
            next[shape] &+= 1
        }
    }

    /// Indexes of the values of one shape, ascending, where those of others are not wanted.
    static func places(of shape: Int, in ids: [UInt16]) -> [UInt32] {
        ByteLanes.places(of: UInt16(truncatingIfNeeded: shape), in: ids)
    }

    /// Indexes of the values of `shape`, ascending.
    subscript(shape: Int) -> ArraySlice<UInt32> { order[starts[shape]..<starts[shape + 1]] }
}
