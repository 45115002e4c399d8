/// The rows of a block by kind: one for all that have the same stream, shape of line and value of a column. In the form
/// in which rows are asked.
public struct RowKinds: Sendable {
    /// Per kind the number of its stream in the block.
    public let streams: [UInt32]
    /// Per kind the shape of its lines.
    public let shapes: [UInt16]
    /// How many rows are of each kind.
    public let weights: [UInt32]
    /// The values of the column; none where none was asked for.
    public let texts: [[UInt8]]
    /// Per kind the place of its value in `texts`; -1 for none.
    public let values: [Int32]
    /// The kinds that have a value, and which.
    public let content: ColumnContent

    /// Kinds by stream and shape alone.
    init(_ counts: RowCounts) {
        streams = counts.groups.map(\.stream)
        shapes = counts.groups.map(\.shape)
        weights = counts.groups.map(\.rows)
        texts = []
        values = []
        content = ColumnContent(rows: [], values: .texts(bytes: [], ends: [], indexes: []))
    }

    /// - Parameter known: of `counts`.
    init(_ counts: RowCounts, _ known: ValueCounts) {
        let runs = known.runs
        streams = runs.map { counts.groups[Int($0.group)].stream }
        shapes = runs.map { counts.groups[Int($0.group)].shape }
        weights = runs.map(\.rows)
        texts = known.texts
        values = runs.map(\.value)
        var bytes: [UInt8] = []
        let ends = texts.map { text -> UInt32 in
            bytes += text
            return UInt32(bytes.count)
        }
        var rows: [UInt32] = []
        var indexes: [UInt32] = []
        for (kind, run) in runs.enumerated() where run.value >= 0 {
            rows.append(UInt32(kind))
            indexes.append(UInt32(run.value))
        }
        content = ColumnContent(rows: rows, values: .texts(bytes: bytes, ends: ends, indexes: indexes))
    }

    /// Memory held, about, in bytes.
    public var memoryBytes: Int {
        weights.count * 10 + values.count * 12 + texts.reduce(512) { $0 + 2 * $1.count + 48 }
    }
}

extension RowCounts {
    /// The block's rows by kind.
    /// - Parameter column: whose values matter; nil for none.
    /// - Returns: nil when they are not counted.
    public func kinds(by column: CountedColumn?) throws(ColumnError) -> RowKinds? {
        guard let column else { return RowKinds(self) }
        return try values(of: column).map { RowKinds(self, $0) }
    }
}
