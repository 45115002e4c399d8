import Bytes

/// A column of which a block keeps how often each of its values occurs.
public enum CountedColumn: Hashable, Sendable {
    /// A column of lines, by its number in `LineShape.columns`.
    case line(Int)
    /// A name of metadata.
    case metadata([UInt8])
}

/// Rows of a block that are alike.
public struct AlikeRows: Hashable, Sendable {
    /// Number of their stream in the block.
    public let stream: UInt32
    /// The shape of their lines.
    public let shape: UInt16
    public let rows: UInt32
}

/// How often each value of a column occurs among rows that are alike otherwise.
public struct ValueCounts: Hashable, Sendable {
    public struct Run: Hashable, Sendable {
        /// Place in `RowCounts.groups`.
        public let group: UInt32
        /// Place of the value in `texts`; -1 where rows have none.
        public let value: Int32
        public let rows: UInt32
    }

    public let texts: [[UInt8]]
    /// In order of groups; those of a group add up to its rows.
    public let runs: [Run]
}

/// How many rows of a block have the same stream and shape of line, and of these the same value of a column, for
/// columns of few values: enough to count rows by such values without reading the block. Every row that is counted
/// once stands for all rows of its kind, so that questions to rows can be asked of them as well.
public struct RowCounts: Sendable {
    private struct Column: Sendable {
        let name: CountedColumn
        let texts: [[UInt8]]
        /// Its counts within `raw`.
        let body: Range<Int>
    }

    /// By stream, then shape.
    public let groups: [AlikeRows]
    private let columns: [Column]
    private let raw: [UInt8]
    /// Size of the stored form, in bytes.
    public let encodedBytes: Int

    /// Distinct values that a column has at most: with "none" they make the bits of a 32-bit set.
    static let values = 31
    static let groups = 4_096
    /// Size before compression, in bytes.
    static let rawBytes = 1 << 20

    /// Memory held, about, in bytes.
    public var memoryBytes: Int {
        groups.count * MemoryLayout<AlikeRows>.stride + raw.count + columns.count * 128 + encodedBytes / 4 + 128
    }

    /// The columns whose values are counted.
    public var names: [CountedColumn] { columns.map(\.name) }

    public func has(_ column: CountedColumn) -> Bool { columns.contains { $0.name == column } }

    /// Reads what `ColumnBlockReader.encodedCounts` made.
    public init(_ encoded: [UInt8]) throws(ColumnError) {
        encodedBytes = encoded.count
        do throws(ReadError) {
            raw = try PackedSection.unpack(encoded, limitBytes: RowCounts.rawBytes)
            var reader = ByteReader(raw)
            groups = try RowCounts.groups(&reader)
            var columns: [Column] = []
            for _ in 0..<(try reader.count(limit: ColumnLimits.columns)) {
                columns.append(try RowCounts.column(&reader))
            }
            self.columns = columns
            guard reader.isAtEnd else { throw ReadError("bytes left over", at: reader.offset) }
        } catch {
            throw ColumnError("counts: \(error)")
        }
    }

    private static func groups(_ reader: inout ByteReader) throws(ReadError) -> [AlikeRows] {
        var groups: [AlikeRows] = []
        var stream = 0
        for _ in 0..<(try reader.count(limit: RowCounts.groups)) {
            let at = reader.offset
            stream += try reader.count(limit: ColumnLimits.rows - stream)
            let shape = try reader.count(limit: ColumnLimits.shapes)
            let rows = try reader.count(limit: ColumnLimits.rows)
            if let last = groups.last, last.stream == UInt32(stream), shape <= Int(last.shape) {
                throw ReadError("groups out of order", at: at)
            }
            guard rows > 0 else { throw ReadError("group of no rows", at: at) }
            groups.append(AlikeRows(stream: UInt32(stream), shape: UInt16(shape), rows: UInt32(rows)))
        }
        return groups
    }

    private static func column(_ reader: inout ByteReader) throws(ReadError) -> Column {
        let at = reader.offset
        let name: CountedColumn
        switch try reader.byte() {
        case 0: name = .line(try reader.count(limit: ColumnLimits.columns))
        case 1: name = .metadata(try reader.prefixed())
        default: throw ReadError("unknown kind of column", at: at)
        }
        var texts: [[UInt8]] = []
        for _ in 0..<(try reader.count(limit: RowCounts.values)) { texts.append(try reader.prefixed()) }
        return Column(name: name, texts: texts, body: try reader.prefixedRange())
    }

    /// The counts of a column, if they are kept.
    public func values(of column: CountedColumn) throws(ColumnError) -> ValueCounts? {
        guard let known = columns.first(where: { $0.name == column }) else { return nil }
        var reader = ByteReader(raw, known.body)
        var runs: [ValueCounts.Run] = []
        runs.reserveCapacity(groups.count * 2)
        do throws(ReadError) {
            for (place, group) in groups.enumerated() {
                let at = reader.offset
                var left = UInt64(try reader.count(limit: Int(UInt32.max)))
                guard left > 0, left >> UInt64(known.texts.count + 1) == 0 else {
                    throw ReadError("set of values \(left)", at: at)
                }
                var rows = Int(group.rows)
                while left != 0 {
                    let bit = left.trailingZeroBitCount
                    left &= left - 1
                    let own = left == 0 ? rows : try reader.count(limit: rows)
                    guard own > 0 else { throw ReadError("value of no rows", at: at) }
                    rows -= own
                    runs.append(
                        ValueCounts.Run(group: UInt32(place), value: Int32(bit) - 1, rows: UInt32(own)))
                }
            }
            guard reader.isAtEnd else { throw ReadError("bytes left over", at: reader.offset) }
        } catch {
            throw ColumnError("counts of \(column): \(error)")
        }
        return ValueCounts(texts: known.texts, runs: runs)
    }
}
