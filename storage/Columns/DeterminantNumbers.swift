/// Numbers streams, or traces, in order of first use among the rows of a column; for one column of a block after the
/// other, without a fresh table for each: a block can have more columns, and more streams, than rows to spare.
struct DeterminantNumbers: Sendable {
    /// Per stream or trace the round in which it was numbered last, in the high half, and its number.
    private var entries: [UInt64]
    private var round: UInt64 = 0
    private var next: UInt64 = 0

    /// - Parameter largest: stream or trace.
    init(largest: Int) {
        entries = [UInt64](repeating: 0, count: largest + 1)
    }

    /// Begins with another column.
    mutating func begin() {
        if round == UInt64(UInt32.max) {
            entries = [UInt64](repeating: 0, count: entries.count)
            round = 0
        }
        round += 1
        next = 0
    }

    /// The number of a stream or trace, new or known.
    @inline(__always)
    mutating func number(of determinant: Int) -> UInt32 {
        let known = entries[determinant]
        if known >> 32 == round { return UInt32(truncatingIfNeeded: known) }
        let number = next
        entries[determinant] = round << 32 | number
        next += 1
        return UInt32(truncatingIfNeeded: number)
    }

    /// Memory held, in bytes.
    var sizeBytes: Int { entries.count * 8 + 64 }
}

/// The tables for a block that is being written; a column takes one out, or its numbers would be copied.
final class DeterminantTables {
    private var streams: DeterminantNumbers?
    private var traces: DeterminantNumbers?

    /// - Parameter determinants: of all rows, none below 0.
    func take(_ encoding: ColumnEncoding, of determinants: [Int64]) -> DeterminantNumbers {
        let known = encoding == .perStream ? streams.take() : traces.take()
        return known ?? DeterminantNumbers(largest: Int(determinants.max() ?? 0))
    }

    func put(_ table: DeterminantNumbers, _ encoding: ColumnEncoding) {
        if encoding == .perStream { streams = table } else { traces = table }
    }
}
