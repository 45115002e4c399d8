import Bytes
public import Model

/// The text of a kind of line: constant pieces around holes, whose values stand in columns.
public struct LineShape: Sendable, Hashable {
    /// Constant texts, one more than holes.
    public let pieces: [[UInt8]]
    /// The column of lines that each hole takes its value from.
    public let columns: [Int]
    /// Whether the hole is the inside of a JSON string; else it is a JSON number or word.
    public let isString: [Bool]
    /// Of the pieces: shapes are looked up for each block, and are long.
    private let pieceHash: UInt64

    init(pieces: [[UInt8]], columns: [Int], isString: [Bool]) {
        self.pieces = pieces
        self.columns = columns
        self.isString = isString
        pieceHash = pieces.reduce(1) { Hash.hash64($1.span, seed: $0) }
    }

    public static func == (a: LineShape, b: LineShape) -> Bool {
        a.pieceHash == b.pieceHash && a.columns == b.columns && a.isString == b.isString && a.pieces == b.pieces
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(pieceHash)
        hasher.combine(columns.first)
        hasher.combine(columns.last)
    }
}

/// The values of one column, with their rows.
public struct ColumnContent: Sendable {
    public enum Values: Sendable {
        /// Each value is a plain decimal number, and this is exactly what its text says.
        case numbers([Double])
        /// Distinct texts, joined, with the end of each; which one each value is (nil: each its own).
        case texts(bytes: [UInt8], ends: [UInt32], indexes: [UInt32]?)
    }

    /// The row of each value, ascending; a row has two where a shape names one key twice.
    public let rows: [UInt32]
    public let values: Values

    public init(rows: [UInt32], values: Values) {
        self.rows = rows
        self.values = values
    }
}

// Questions to single columns: filters and aggregations need no rows for them.
extension ColumnBlockReader {
    /// All shapes of lines. Shape 0 is "as it is": one hole for the whole line.
    public mutating func lineShapes() -> [LineShape] {
        if let known = kept.shapes { return known }
        var numberOf = [Int](repeating: 0, count: tree.nodes.count)
        var isString = [Bool](repeating: false, count: tree.nodes.count)
        for (number, column) in tree.lineColumns.enumerated() {
            numberOf[column.node] = number
            isString[column.node] = column.kind == .string
        }
        let shapes = tree.lines.shapes.map { shape in
            LineShape(
                pieces: shape.pieces, columns: shape.slots.map { numberOf[$0] },
                isString: shape.slots.map { isString[$0] })
        }
        kept.shapes = shapes
        return shapes
    }

    /// The shape of each line.
    public mutating func lineShapeNumbers() throws(ColumnError) -> [UInt16] { try shapesOfLines() }

    /// All values of a column of lines.
    /// - Parameter asTexts: whether the texts of plain numbers are wanted.
    public mutating func lineColumn(_ column: Int, asTexts: Bool = false) throws(ColumnError) -> ColumnContent {
        guard tree.lineColumns.indices.contains(column) else { throw ColumnError("no column \(column)") }
        return try content(tree.lineColumns[column].node, asTexts: asTexts)
    }

    /// Names of metadata that some row has, other than rows whose metadata was kept whole.
    public var metadataNames: [[UInt8]] {
        tree.metadataColumns.filter { $0.kind == .metadata && tree.nodes[$0.node].count > 0 }.map(\.name)
    }

    /// Whether some rows' metadata was kept whole, so that only the rows tell its names.
    public var hasWholeMetadata: Bool {
        tree.metadataColumns.contains { $0.kind != .metadata && tree.nodes[$0.node].count > 0 }
    }

    /// All values of a metadata name.
    public mutating func metadataColumn(_ name: [UInt8], asTexts: Bool = false) throws(ColumnError) -> ColumnContent? {
        guard let column = metadataNode(name) else { return nil }
        return try content(column, asTexts: asTexts)
    }

    /// The values of a metadata name for some rows.
    /// - Parameter rows: ascending.
    /// - Returns: joined texts, and for each of `rows` its value's range, nil where it has none.
    public mutating func metadata(
        _ name: [UInt8], at rows: [Int]
    ) throws(ColumnError) -> (bytes: [UInt8], ranges: [Range<Int>?]) {
        guard let node = metadataNode(name), let all = try self.rows(of: node) else {
            return ([], [Range<Int>?](repeating: nil, count: rows.count))
        }
        if all.count == rowCount, isOncePerRow(node, ofMetadata: true) {
            // Values are numbered as rows are.
            let places = rows.map { UInt32(truncatingIfNeeded: $0) }
            let values = try self.values(of: node, at: Selection(places, rows: places))
            return (values.bytes, rows.indices.map { values.range($0) })
        }
        var positions: [UInt32] = []
        var hasValue = [Bool](repeating: false, count: rows.count)
        var at = 0
        for (place, row) in rows.enumerated() {
            while at < all.count, Int(all[at]) < row { at += 1 }
            guard at < all.count, Int(all[at]) == row else { continue }
            hasValue[place] = true
            positions.append(UInt32(truncatingIfNeeded: at))
        }
        let present = rows.indices.filter { hasValue[$0] }.map { UInt32(truncatingIfNeeded: rows[$0]) }
        let values = try self.values(of: node, at: Selection(positions, rows: present))
        var next = 0
        let ranges = hasValue.map { isThere -> Range<Int>? in
            guard isThere else { return nil }
            defer { next += 1 }
            return values.range(next)
        }
        return (values.bytes, ranges)
    }

    private func metadataNode(_ name: [UInt8]) -> Int? {
        tree.metadataColumns.first { $0.kind == .metadata && $0.name == name && tree.nodes[$0.node].count > 0 }?.node
    }

    private mutating func content(_ node: Int, asTexts: Bool) throws(ColumnError) -> ColumnContent {
        guard tree.nodes[node].count > 0 else {
            return ColumnContent(rows: [], values: .texts(bytes: [], ends: [], indexes: nil))
        }
        guard let rows = try self.rows(of: node) else { throw ColumnError("column without rows") }
        if !asTexts, let numbers = try plainNumbers(node) {
            return ColumnContent(rows: rows, values: .numbers(numbers))
        }
        let values = try material(node)
        return ColumnContent(
            rows: rows, values: .texts(bytes: values.bytes, ends: values.ends, indexes: values.indexes))
    }

    /// The numbers of a node, for something that is kept in their place.
    private mutating func passingIntegers(of node: Int) throws(ColumnError) -> [Int64] {
        if let known = kept.integers[node] { return known }
        return try source.integers(tree.nodes[node].numbers)
    }

    private mutating func passingPlaces(of node: Int) throws(ColumnError) -> [Int64] {
        if let known = kept.integers[-1 - node] { return known }
        return try source.integers(tree.nodes[node].places)
    }

    /// The values as numbers, if all of them are plain decimal ones; nil where a double cannot be proven to be what the
    /// text says.
    private mutating func plainNumbers(_ node: Int) throws(ColumnError) -> [Double]? {
        if let known = kept.doubles[node] { return known }
        let column = tree.nodes[node]
        guard column.prefix.isEmpty, column.suffix.isEmpty else { return nil }
        var numbers: [Double]
        switch column.encoding {
        case .integer: numbers = try passingIntegers(of: node).map { Double($0) }
        case .decimal:
            // Mantissa and power of ten are exact doubles: one division rounds as reading the text does.
            let bound: Int64 = 1 << 53
            guard column.numbers.least >= -bound, column.numbers.most <= bound,
                column.numbers.most >= column.numbers.least
            else { return nil }
            let places = try passingPlaces(of: node)
            let mantissas = try passingIntegers(of: node)
            var powers = [1.0]
            for _ in 0..<18 { powers.append((powers.last ?? 1) * 10) }
            numbers = [Double](repeating: 0, count: mantissas.count)
            for index in numbers.indices {
                guard places[index] >= 0, places[index] < powers.count else { throw ColumnError("decimal places") }
                numbers[index] = Double(mantissas[index]) / powers[Int(places[index])]
            }
        default: return nil
        }
        kept.doubles[node] = numbers
        return numbers
    }
}

extension ColumnBlockReader {
    /// Time and stream of each row, with empty lines and metadata.
    /// - Parameter ordinals: what the block's stream numbers stand for.
    public mutating func timesOnly(ordinals: [UInt32]) throws(ColumnError) -> Rows {
        let times = try times()
        let numbers = try streams()
        let entries = AppendOnly<RowEntry>(capacity: rowCount)
        for row in 0..<rowCount {
            guard Int(numbers[row]) < ordinals.count else { throw ColumnError("stream number out of range") }
            entries.append(
                RowEntry(
                    time: times[row], stream: ordinals[Int(numbers[row])], lineOffset: 0, lineCount: 0,
                    metadataOffset: 0, metadataCount: 0))
        }
        entries.release()
        return Rows(entries: entries, arena: AppendOnly<UInt8>(capacity: 0), count: rowCount)
    }
}
