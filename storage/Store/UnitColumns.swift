public import Bytes
import Chunks
public import Columns
import Model

/// An opened column block: questions that need no rows, and rebuilding of the rows that are wanted. For one thread.
public final class UnitColumns {
    /// By the ordinal that rows carry: the stream, or `StreamID.none` when the request's tests exclude it.
    public let streams: [StreamID]
    /// By the number that rows carry in `streamNumbers`: the stream, or `StreamID.none` when the tests exclude it.
    public let blockStreams: [StreamID]
    private let ordinals: [UInt32]
    private let unit: BlockUnit
    private var reader: ColumnBlockReader?
    private var hasCheckedNumbers = false
    /// Bytes of regions beside the columns that were read.
    private var regionBytes = 0
    /// Whether the reader may serve others after this: what has failed once is opened anew.
    private var isSound = true

    init(_ unit: BlockUnit) {
        self.unit = unit
        streams = unit.streams
        let ordinals = unit.contents.directory.streams(of: unit.index).map(\.ordinal)
        self.ordinals = ordinals
        blockStreams = unit.numberedStreams
    }

    deinit {
        guard isSound, let reader = reader.take() else { return }
        unit.cache.keep(reader, of: unit.contents, unit.index)
    }

    public var rowCount: Int { unit.rowCount }

    /// Bytes read from the file so far.
    public var storedBytesRead: Int { (reader?.storedBytesRead ?? 0) + regionBytes }

    /// Whether a line can contain `needle`, ASCII letters in either case; false is certain. Reads nothing else.
    public func mayContain(_ needle: [UInt8]) throws(ScanError) -> Bool {
        let part = unit.contents.part
        let known = try unit.guarded { () throws(PartError) in
            let size = { (set: TrigramSet?) in set?.memoryBytes ?? 0 }
            return try unit.cache.blocks.trigrams.region(unit.place, size: size) { () throws(PartError) in
                try part.trigrams(unit.index)
            }
        }
        guard let set = known.region else { return true }
        if known.isNew { regionBytes += set.encodedBytes }
        return set.mayContain(needle.span)
    }

    /// How many rows are alike; nil where that was not counted. Reads nothing else.
    public func rowCounts() throws(ScanError) -> RowCounts? {
        let part = unit.contents.part
        let known = try unit.guarded { () throws(PartError) in
            let size = { (counts: RowCounts?) in counts?.memoryBytes ?? 0 }
            return try unit.cache.blocks.counts.region(unit.place, size: size) { () throws(PartError) in
                try part.rowCounts(unit.index)
            }
        }
        guard let counts = known.region, !counts.groups.isEmpty else { return nil }
        if known.isNew { regionBytes += counts.encodedBytes }
        return counts
    }

    /// The block's rows by kind, if they are counted.
    /// - Parameter column: whose values matter; nil for none.
    public func rowKinds(by column: CountedColumn?) throws(ScanError) -> RowKinds? {
        if let known = unit.cache.blocks.kinds[unit.place, column] { return known }
        guard let counts = try rowCounts() else { return nil }
        do throws(ColumnError) {
            guard let kinds = try counts.kinds(by: column) else { return nil }
            unit.cache.blocks.kinds.keep(kinds, of: unit.place, column, sizeBytes: kinds.memoryBytes)
            return kinds
        } catch {
            throw unit.damage(error)
        }
    }

    /// Nanoseconds since 1970 of each row, ascending.
    public func times() throws(ScanError) -> [Int64] {
        try ask { (reader) throws(ColumnError) in try reader.times() }
    }

    /// For each row the place of its stream in `blockStreams`.
    public func streamNumbers() throws(ScanError) -> [UInt32] {
        let limit = blockStreams.count
        let isChecked = hasCheckedNumbers
        let numbers = try ask { (reader) throws(ColumnError) -> [UInt32] in
            let numbers = try reader.streams()
            if !isChecked, let most = numbers.max(), Int(most) >= limit {
                throw ColumnError("stream number out of range")
            }
            return numbers
        }
        hasCheckedNumbers = true
        return numbers
    }

    /// For each row 1 if its line contains `needle`, else 0; nil when no line does. Exact.
    /// - Parameter ignoringCase: whether ASCII letters count in either case; the needle is in lower case then.
    public func lineMarks(containing needle: [UInt8], ignoringCase: Bool) throws(ScanError) -> [UInt8]? {
        try ask { (reader) throws(ColumnError) in
            try reader.lineMarks(containing: needle, ignoringCase: ignoringCase)
        }
    }

    /// The rows whose lines pass a test, ascending, if `keep` was told of them not long ago. Reads nothing.
    public func knownRows(passing test: [UInt8]) -> [UInt16]? {
        unit.cache.blocks.answers[unit.place, test]
    }

    /// Answers with more rows are not kept.
    public static let mostKeptRows = 4096

    /// Keeps the rows whose lines pass a test, all of them and ascending, for the next who asks: rows of a block never
    /// change.
    public func keep(rows: [UInt16], passing test: [UInt8]) {
        guard rows.count <= UnitColumns.mostKeptRows else { return }
        unit.cache.blocks.answers.keep(rows, of: unit.place, test, sizeBytes: test.count + rows.count * 2 + 64)
    }

    /// What `keep(note:)` was given for the block not long ago.
    public func note(_ key: [UInt8]) -> (any Sendable)? {
        unit.cache.blocks.notes[unit.place, key]
    }

    /// Keeps something that was worked out about the block and takes time to work out again: blocks never change.
    /// - Parameter sizeBytes: memory that it holds, about.
    public func keep(note: any Sendable, _ key: [UInt8], sizeBytes: Int) {
        unit.cache.blocks.notes.keep(note, of: unit.place, key, sizeBytes: sizeBytes + key.count + 32)
    }

    /// Those of some rows, ascending, whose lines pass; they are rebuilt.
    public func rows(_ rows: [UInt32], whoseLines pass: (borrowing ByteSpan) -> Bool) throws(ScanError) -> [UInt32] {
        let loaded = try load(at: rows.map { Int($0) })
        return loaded.rows.read { entries, arena in
            rows.indices.filter { pass(arena.extracting(entries[$0].line)) }.map { rows[$0] }
        }
    }

    /// The shapes of lines; shape 0 is "as it is".
    public func lineShapes() throws(ScanError) -> [LineShape] {
        try ask { (reader) throws(ColumnError) in reader.lineShapes() }
    }

    /// The shape of each line.
    public func lineShapeNumbers() throws(ScanError) -> [UInt16] {
        try ask { (reader) throws(ColumnError) in try reader.lineShapeNumbers() }
    }

    /// All values of a column of lines.
    /// - Parameter asTexts: whether the texts of plain numbers are wanted.
    public func lineColumn(_ column: Int, asTexts: Bool = false) throws(ScanError) -> ColumnContent {
        try ask { (reader) throws(ColumnError) in try reader.lineColumn(column, asTexts: asTexts) }
    }

    /// Names of metadata in the block; nil when only the rows tell all of them.
    public func metadataNames() throws(ScanError) -> [[UInt8]]? {
        try ask { (reader) throws(ColumnError) in reader.hasWholeMetadata ? nil : reader.metadataNames }
    }

    /// All values of a metadata name.
    public func metadataColumn(_ name: [UInt8]) throws(ScanError) -> ColumnContent? {
        try ask { (reader) throws(ColumnError) in try reader.metadataColumn(name, asTexts: true) }
    }

    /// The values of a metadata name for some rows, ascending: joined texts, and for each row the range of its value.
    public func metadata(
        _ name: [UInt8], at rows: [Int]
    ) throws(ScanError) -> (bytes: [UInt8], ranges: [Range<Int>?]) {
        try ask { (reader) throws(ColumnError) in try reader.metadata(name, at: rows) }
    }

    /// Indexes of the rows whose metadata has exactly `value` under `name`, ascending.
    public func rows(whereMetadata name: [UInt8], equals value: [UInt8]) throws(ScanError) -> [Int] {
        try ask { (reader) throws(ColumnError) in try reader.rows(whereMetadata: name, equals: value) }
    }

    /// The rows with the given indexes, ascending, rebuilt.
    public func load(at rows: [Int]) throws(ScanError) -> LoadedRows {
        let loaded = try ask { (reader) throws(ColumnError) in
            reader.ordinals = ordinals
            return rows.count == reader.rowCount ? try reader.rows() : try reader.rows(at: rows)
        }
        return LoadedRows(
            rows: loaded, isSorted: true, streams: streams, hidden: [], storedBytes: 0,
            rawBytes: loaded.arena.releasedCount)
    }

    private func ask<R>(_ body: (inout ColumnBlockReader) throws(ColumnError) -> R) throws(ScanError) -> R {
        if reader == nil {
            reader = unit.cache.readers.take(unit.place)
        }
        if reader == nil {
            reader = try unit.guarded { () throws(PartError) in
                let part = unit.contents.part
                let size = { (head: ColumnHead) in head.memoryBytes }
                let head = try unit.cache.blocks.heads.region(unit.place, size: size) { () throws(PartError) in
                    try part.columnHead(unit.index)
                }
                return try part.openColumns(unit.index, head: head.region)
            }
        }
        // Taken out while it works: a copy of the reader would copy what it keeps.
        guard var open = reader.take() else { throw ScanError("a row block has no columns") }
        defer { reader = open }
        do throws(ColumnError) {
            return try body(&open)
        } catch {
            isSound = false
            throw unit.damage(error)
        }
    }
}

extension BlockUnit {
    func columns() throws(ScanError) -> UnitColumns? {
        contents.directory.blocks[index].kind == .columns ? UnitColumns(self) : nil
    }

    var place: BlockPlace { BlockPlace(part: contents.part.summary.id, block: index) }

    /// By the number that rows carry in the block: the stream, or `StreamID.none` when the tests exclude it.
    var numberedStreams: [StreamID] {
        contents.directory.streams(of: index).map { Int($0.ordinal) < streams.count ? streams[Int($0.ordinal)] : .none }
    }

    /// Runs `body`; an error marks the part as damaged and is told once.
    func guarded<R>(_ body: () throws(PartError) -> R) throws(ScanError) -> R {
        do throws(PartError) {
            return try body()
        } catch {
            throw ScanError(cache.damage(part, error))
        }
    }

    /// Notes that the block's columns cannot be read.
    func damage(_ error: ColumnError) -> ScanError {
        let offset = contents.directory.blocks[index].offset
        return ScanError(
            cache.damage(
                part,
                .damaged(
                    file: part.summary.key, region: "block \(index) columns", offset: offset, reason: error.description)
            ))
    }
}
