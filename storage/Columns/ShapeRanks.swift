/// How many values of each shape come before certain places of a sequence of shapes: counting begins near the place
/// that is asked for, not at the start.
struct ShapeRanks: Sendable {
    private let shapes: Int
    /// Per mark and shape.
    private let counts: [UInt32]
    private static let stepBits = 10

    /// - Parameter ids: the shape of each value, all below `shapes`.
    init(_ ids: [UInt16], shapes: Int) {
        self.shapes = shapes
        var counts: [UInt32] = []
        counts.reserveCapacity((ids.count >> ShapeRanks.stepBits + 1) * shapes)
        var seen = [UInt32](repeating: 0, count: shapes)
        var start = 0
        while start < ids.count {
            counts.append(contentsOf: seen)
            let end = min(start + 1 << ShapeRanks.stepBits, ids.count)
            ShapeRanks.count(ids, start..<end, into: &seen)
            start = end
        }
        self.counts = counts
    }

    private static func count(_ ids: [UInt16], _ range: Range<Int>, into seen: inout [UInt32]) {
        let ids = ids.span
        var seen = seen.mutableSpan
        for index in range { seen[Int(ids[index])] &+= 1 }
    }

    /// Moves `seen`, the counts before place `next`, on to `place`, which is no lower and below the number of values.
    func advance(_ seen: inout [UInt32], _ next: inout Int, to place: Int, _ ids: [UInt16]) {
        let mark = place >> ShapeRanks.stepBits
        if next < mark << ShapeRanks.stepBits {
            let from = mark * shapes
            for shape in 0..<shapes { seen[shape] = counts[from + shape] }
            next = mark << ShapeRanks.stepBits
        }
        while next < place {
            seen[Int(ids[next])] &+= 1
            next += 1
        }
    }

    /// Memory held, in bytes.
    var sizeBytes: Int { counts.count * 4 + 64 }
}
