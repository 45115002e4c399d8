// What a reader has decoded and keeps, so that it can serve more than one piece of work.
extension ColumnBlockReader {
    /// Makes a reader that has served ready for the next piece of work: what it may decode is counted anew.
    public mutating func renew() {
        answers = KnownAnswers()
        ordinals = nil
        chosenLines = nil
        source.renew()
    }

    /// Lets go of what was decoded, the dearest to keep first, until at most `limitBytes` are held.
    public mutating func shed(to limitBytes: Int) {
        answers = KnownAnswers()
        if keptBytes > limitBytes { kept.dropTexts() }
        if keptBytes > limitBytes { kept.dropPositions() }
        if keptBytes > limitBytes { kept.dropColumns() }
    }

    /// Memory held beside the head, about, in bytes.
    public var keptBytes: Int { kept.sizeBytes }
}

/// Decoded numbers, texts and positions of one block.
struct KeptColumns: Sendable {
    var times: [Int64]?
    var streams: [UInt32]?
    var traces: [UInt32]?
    var lineShapes: [UInt16]?
    var metadataShapes: [UInt16]?
    /// Per stream or trace its number in order of first use among the rows that have a column; for so many columns of
    /// unlike rows at most.
    var firstUses: [FirstUseKey: [Int32]] = [:]
    static let maximumFirstUses = 64
    /// Tables that number streams and traces for one column after the other.
    var streamTable: DeterminantNumbers?
    var traceTable: DeterminantNumbers?
    var integers: [Int: [Int64]] = [:]
    /// Values of plain decimal numbers.
    var doubles: [Int: [Double]] = [:]
    var shapes: [LineShape]?
    var templates: [Int: [UInt16]] = [:]
    var dictionaries: [Int: [UInt32]] = [:]
    /// Numbers of columns whose values belong to streams or traces.
    var dependents: [Int: [UInt32]] = [:]
    var blobs: [Int: [UInt8]] = [:]
    /// Where the texts of a blob begin.
    var starts: [Int: [UInt32]] = [:]
    var rows: [Int: [UInt32]] = [:]
    /// The rows of each column that all rows have.
    var allRows: [UInt32]?
    /// Rows by shape.
    var lineBuckets: ShapeBuckets?
    var metadataBuckets: ShapeBuckets?
    var lineUsers: ShapeUsers?
    var metadataUsers: ShapeUsers?
    var lineRanks: ShapeRanks?
    var metadataRanks: ShapeRanks?
    var templateRanks: [Int: ShapeRanks] = [:]
    var buckets: [Int: ShapeBuckets] = [:]
    var positions: [ReferenceKey: [UInt32]] = [:]
    var values: [Int: ColumnValues] = [:]

    var sizeBytes: Int {
        var size = 2048 + (times?.count ?? 0) * 8 + ((streams?.count ?? 0) + (traces?.count ?? 0)) * 4
        size += ((lineShapes?.count ?? 0) + (metadataShapes?.count ?? 0)) * 2
        size += (allRows?.count ?? 0) * 4 + (streamTable?.sizeBytes ?? 0) + (traceTable?.sizeBytes ?? 0)
        for known in [lineBuckets, metadataBuckets] { size += known?.sizeBytes ?? 0 }
        for known in [lineUsers, metadataUsers] { size += known?.sizeBytes ?? 0 }
        for known in [lineRanks, metadataRanks] { size += known?.sizeBytes ?? 0 }
        for known in templateRanks.values { size += known.sizeBytes }
        for (key, known) in firstUses { size += known.count * 4 + key.hasColumn.count + 128 }
        for known in integers.values { size += known.count * 8 + 64 }
        for known in doubles.values { size += known.count * 8 + 64 }
        for known in templates.values { size += known.count * 2 + 64 }
        for known in [dictionaries, dependents, starts, rows] {
            for numbers in known.values { size += numbers.count * 4 + 64 }
        }
        for known in blobs.values { size += known.count + 64 }
        for known in buckets.values { size += known.sizeBytes }
        for known in positions.values { size += known.count * 4 + 64 }
        for known in values.values {
            size += known.bytes.count + (known.ends.count + (known.indexes?.count ?? 0)) * 4 + 128
        }
        return size
    }

    /// Texts that were rebuilt: the largest, and made of the rest.
    mutating func dropTexts() {
        values = [:]
        positions = [:]
    }

    /// What follows from numbers that stay.
    mutating func dropPositions() {
        rows = [:]
        allRows = nil
        lineBuckets = nil
        metadataBuckets = nil
        firstUses = [:]
        streamTable = nil
        traceTable = nil
        buckets = [:]
        starts = [:]
        dependents = [:]
    }

    /// All but what almost every question needs.
    mutating func dropColumns() {
        integers = [:]
        doubles = [:]
        templates = [:]
        templateRanks = [:]
        dictionaries = [:]
        blobs = [:]
    }
}
