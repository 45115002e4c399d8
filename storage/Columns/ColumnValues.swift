import Bytes

/// Decoded values of a column, joined.
struct ColumnValues: Sendable {
    var bytes: [UInt8] = []
    /// End of each distinct value; value `i` begins where `i - 1` ends.
    var ends: [UInt32] = []
    /// Which distinct value each value is; each its own when nil.
    var indexes: [UInt32]?

    var count: Int { indexes?.count ?? ends.count }

    @inline(__always)
    func range(_ index: Int) -> Range<Int> {
        if let indexes { return distinct(Int(indexes[index])) }
        return distinct(index)
    }

    @inline(__always)
    func distinct(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }

    @inline(__always)
    mutating func close() {
        ends.append(UInt32(truncatingIfNeeded: bytes.count))
    }

    /// Turns these values into those with some numbers among them. None is copied: texts that many values share would
    /// take as much memory as there are values.
    mutating func pick(_ numbers: [UInt32]) {
        guard let known = indexes else {
            indexes = numbers
            return
        }
        indexes = numbers.map { known[Int($0)] }
    }
}
