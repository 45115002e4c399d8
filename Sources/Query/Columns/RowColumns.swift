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
    func note(_ key: [UInt8]) -> (any Sendable)?
    func keep(note: any Sendable, _ key: [UInt8], sizeBytes: Int)
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
    private let kinds: RowKinds

    /// - Parameter column: whose values matter; nil for none. Nil is made when they are not counted.
    init?(_ unit: UnitColumns, by column: CountedColumn?) throws(ScanError) {
        guard let kinds = try unit.rowKinds(by: column) else { return nil }
        self.unit = unit
        self.column = column
        self.kinds = kinds
    }

    /// How many rows each one stands for.
    var weights: [UInt32] { kinds.weights }

    var rowCount: Int { kinds.weights.count }
    var streams: [StreamID] { unit.streams }
    var blockStreams: [StreamID] { unit.blockStreams }

    func streamNumbers() -> [UInt32] { kinds.streams }
    func lineShapes() throws(ScanError) -> [LineShape] { try unit.lineShapes() }
    func lineShapeNumbers() -> [UInt16] { kinds.shapes }
    func metadataNames() throws(ScanError) -> [[UInt8]]? { try unit.metadataNames() }

    func lineColumn(_ number: Int, asTexts: Bool) throws(ScanError) -> ColumnContent {
        guard column == .line(number) else { throw AlikeColumns.notCounted }
        return kinds.content
    }

    func metadataColumn(_ name: [UInt8]) throws(ScanError) -> ColumnContent? {
        if column == .metadata(name) { return kinds.content }
        // A name that no row has, or one that was not counted.
        guard try unit.metadataNames()?.contains(name) == false else { throw AlikeColumns.notCounted }
        return nil
    }

    func metadata(_ name: [UInt8], at rows: [Int]) throws(ScanError) -> (bytes: [UInt8], ranges: [Range<Int>?]) {
        guard column == .metadata(name), case .texts(let bytes, let ends, _) = kinds.content.values else {
            throw AlikeColumns.notCounted
        }
        let ranges = rows.map { row -> Range<Int>? in
            let value = Int(kinds.values[row])
            return value < 0 ? nil : (value == 0 ? 0 : Int(ends[value - 1]))..<Int(ends[value])
        }
        return (bytes, ranges)
    }

    func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ScanError) -> [Int] {
        guard let content = try metadataColumn(name), let wanted = kinds.texts.firstIndex(of: value) else { return [] }
        return content.rows.map { Int($0) }.filter { kinds.values[$0] == Int32(wanted) }
    }

    func note(_ key: [UInt8]) -> (any Sendable)? { unit.note(key) }
    func keep(note: any Sendable, _ key: [UInt8], sizeBytes: Int) { unit.keep(note: note, key, sizeBytes: sizeBytes) }

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
