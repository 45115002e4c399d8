internal import Bytes
internal import Columns
internal import Model
internal import Store

/// What a program asks of a block: of its rows, or of one row for each kind of rows that are alike.
protocol RowColumns {
    var rowCount: Int { get }
    /// By the ordinal that rows carry: the stream, or `StreamID.none`.
    var streams: [StreamID] { get }
    /// By the number in `streamNumbers`: the stream, or `StreamID.none`.
    var blockStreams: [StreamID] { get }
    func mayContain(_ needle: [UInt8]) throws(ScanError) -> Bool
    func times() throws(ScanError) -> [Int64]
    func streamNumbers() throws(ScanError) -> [UInt32]
    func lineMarks(containing needle: [UInt8], ignoringCase: Bool) throws(ScanError) -> [UInt8]?
    func knownRows(passing test: [UInt8]) -> [UInt16]?
    func keep(rows: [UInt16], passing test: [UInt8])
    func rows(_ rows: [UInt32], whoseLines pass: (borrowing ByteSpan) -> Bool) throws(ScanError) -> [UInt32]
    func lineShapes() throws(ScanError) -> [LineShape]
    func lineShapeNumbers() throws(ScanError) -> [UInt16]
    func lineColumn(_ column: Int, asTexts: Bool) throws(ScanError) -> ColumnContent
    func metadataNames() throws(ScanError) -> [[UInt8]]?
    func metadataColumn(_ name: [UInt8]) throws(ScanError) -> ColumnContent?
    func metadata(_ name: [UInt8], at rows: [Int]) throws(ScanError) -> (bytes: [UInt8], ranges: [Range<Int>?])
    func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ScanError) -> [Int]
}

extension UnitColumns: RowColumns {}

/// A block's rows by kind: one row for all that have the same stream, shape of line and value of one column. A program
/// that looks at nothing else says of it what it says of each of them.
struct AlikeColumns: RowColumns {
    private let unit: UnitColumns
    private let column: CountedColumn?
    private let texts: [[UInt8]]
    /// Per row the place of its value in `texts`; -1 for none.
    private let values: [Int32]
    private let numbers: [UInt32]
    private let shapes: [UInt16]
    /// How many rows each one stands for.
    let weights: [Int]

    /// - Parameter column: whose values matter; nil for none. Nil is made when they are not counted.
    init?(_ unit: UnitColumns, _ counts: RowCounts, by column: CountedColumn?) throws(ScanError) {
        self.unit = unit
        self.column = column
        guard let column else {
            texts = []
            values = []
            numbers = counts.groups.map(\.stream)
            shapes = counts.groups.map(\.shape)
            weights = counts.groups.map { Int($0.rows) }
            return
        }
        guard let known = try unit.valueCounts(column, of: counts) else { return nil }
        texts = known.texts
        values = known.runs.map(\.value)
        numbers = known.runs.map { counts.groups[Int($0.group)].stream }
        shapes = known.runs.map { counts.groups[Int($0.group)].shape }
        weights = known.runs.map { Int($0.rows) }
    }

    var rowCount: Int { weights.count }
    var streams: [StreamID] { unit.streams }
    var blockStreams: [StreamID] { unit.blockStreams }

    func streamNumbers() -> [UInt32] { numbers }
    func lineShapes() throws(ScanError) -> [LineShape] { try unit.lineShapes() }
    func lineShapeNumbers() -> [UInt16] { shapes }
    func metadataNames() throws(ScanError) -> [[UInt8]]? { try unit.metadataNames() }

    func lineColumn(_ number: Int, asTexts: Bool) throws(ScanError) -> ColumnContent {
        guard column == .line(number) else { throw AlikeColumns.notCounted }
        return content
    }

    func metadataColumn(_ name: [UInt8]) throws(ScanError) -> ColumnContent? {
        if column == .metadata(name) { return content }
        // A name that no row has, or one that was not counted.
        guard try unit.metadataNames()?.contains(name) == false else { throw AlikeColumns.notCounted }
        return nil
    }

    func metadata(_ name: [UInt8], at rows: [Int]) throws(ScanError) -> (bytes: [UInt8], ranges: [Range<Int>?]) {
        guard column == .metadata(name) else { throw AlikeColumns.notCounted }
        var bytes: [UInt8] = []
        let places = texts.map { text -> Range<Int> in
            bytes += text
            return (bytes.count - text.count)..<bytes.count
        }
        return (bytes, rows.map { values[$0] < 0 ? nil : places[Int(values[$0])] })
    }

    func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ScanError) -> [Int] {
        guard let content = try metadataColumn(name), let wanted = texts.firstIndex(of: value) else { return [] }
        return content.rows.map { Int($0) }.filter { values[$0] == Int32(wanted) }
    }

    /// Rows with a value, and which one.
    private var content: ColumnContent {
        var bytes: [UInt8] = []
        var ends: [UInt32] = []
        for text in texts {
            bytes += text
            ends.append(UInt32(bytes.count))
        }
        var rows: [UInt32] = []
        var indexes: [UInt32] = []
        for row in values.indices where values[row] >= 0 {
            rows.append(UInt32(row))
            indexes.append(UInt32(values[row]))
        }
        return ColumnContent(rows: rows, values: .texts(bytes: bytes, ends: ends, indexes: indexes))
    }

    // What only single rows tell: not asked of programs that `counted` lets through.
    func mayContain(_ needle: [UInt8]) throws(ScanError) -> Bool { throw AlikeColumns.notCounted }
    func times() throws(ScanError) -> [Int64] { throw AlikeColumns.notCounted }
    func lineMarks(containing needle: [UInt8], ignoringCase: Bool) throws(ScanError) -> [UInt8]? {
        throw AlikeColumns.notCounted
    }

    func knownRows(passing test: [UInt8]) -> [UInt16]? { nil }
    func keep(rows: [UInt16], passing test: [UInt8]) {}
    func rows(_ rows: [UInt32], whoseLines pass: (borrowing ByteSpan) -> Bool) throws(ScanError) -> [UInt32] {
        throw AlikeColumns.notCounted
    }

    private static let notCounted = ScanError("a block's counts do not tell what was asked of them")
}
