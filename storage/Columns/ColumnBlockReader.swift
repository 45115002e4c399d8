import Bytes

/// Reads one block: whole, some rows, or nothing but times and streams. What was decoded is kept for the next question.
/// A reader serves one piece of work at a time; `renew` it before the next.
public struct ColumnBlockReader: Sendable {
    let tree: ColumnTree
    /// Rows in the block.
    public let rowCount: Int
    /// What the block's stream numbers stand for in rebuilt rows; nil for the numbers themselves.
    public var ordinals: [UInt32]?
    var source: StreamReader
    /// What was decoded so far.
    var kept = KeptColumns()
    /// The rows that are being rebuilt, if they are few.
    var chosenLines: ChosenRows?
    /// What the search under way asked already; no marks: none.
    var answers = KnownAnswers()
    /// What the search under way may still look at, and what each may.
    var effort = SearchEffort(limit: 0)
    var effortLimit: Int
    /// The search under way asks every column of lines for the needle: references need not be followed for that.
    var isLineSearch = false
    /// The needle of the search under way.
    var needle = SearchNeedle([], foldsCase: false)
    /// The search under way takes ASCII letters in either case.
    var foldsCase = false

    /// Parses the head; decompresses nothing else.
    /// - Parameter limitBytes: raw size of lines and metadata that the block may have at most.
    public init(head: [UInt8], streams: [UInt8], limitBytes: Int) throws(ColumnError) {
        let head = try ColumnHead(head)
        guard head.streamBytes == streams.count else { throw ColumnError("column streams end early") }
        try self.init(head, .bytes(streams), limitBytes)
    }

    /// The same over streams that are read when they are needed.
    public init(head: ColumnHead, source: any StreamSource, limitBytes: Int) throws(ColumnError) {
        try self.init(head, .source(source), limitBytes)
    }

    private init(_ head: ColumnHead, _ region: StreamReader.Region, _ limitBytes: Int) throws(ColumnError) {
        tree = head.tree
        rowCount = head.rows
        effortLimit = SearchEffort.limit(rows: head.rows)
        // Working memory beside the text itself: numbers and positions of every column.
        let work = head.rows.multipliedReportingOverflow(by: 1024)
        let limit = max(limitBytes, 0).multipliedReportingOverflow(by: 8)
        guard !work.overflow, !limit.overflow else { throw ColumnError("block beyond the limits") }
        source = StreamReader(
            tree: head.tree.bytes, region: region, regionBytes: head.streamBytes,
            budgetBytes: limit.partialValue.addingReportingOverflow(work.partialValue + 1 << 22).partialValue)
    }

    /// Nanoseconds since 1970 of each row.
    public mutating func times() throws(ColumnError) -> [Int64] {
        if let known = kept.times { return known }
        let times = try source.integers(tree.times)
        kept.times = times
        return times
    }

    /// Stream ordinal of each row.
    public mutating func streams() throws(ColumnError) -> [UInt32] {
        if let known = kept.streams { return known }
        let streams = try source.numbers(tree.streamNumbers, below: 1 << 32)
        kept.streams = streams
        return streams
    }

    /// The number of each row's traced value.
    mutating func traces() throws(ColumnError) -> [UInt32] {
        if let known = kept.traces { return known }
        let traces = try source.numbers(tree.traces, below: 1 << 32)
        kept.traces = traces
        return traces
    }

    /// The shape of each line.
    mutating func shapesOfLines() throws(ColumnError) -> [UInt16] {
        if let known = kept.lineShapes { return known }
        let ids = try shapeNumbers(tree.lines)
        kept.lineShapes = ids
        return ids
    }

    /// The shape of each row's metadata.
    mutating func shapesOfMetadata() throws(ColumnError) -> [UInt16] {
        if let known = kept.metadataShapes { return known }
        let ids = try shapeNumbers(tree.metadata)
        kept.metadataShapes = ids
        return ids
    }

    /// Bytes of the streams region that were read so far, and what they decompressed to.
    public var storedBytesRead: Int { source.storedBytesRead }
    public var rawBytesRead: Int { source.rawBytesRead }

    /// The shape of each value; every column of the set has as many values as the shapes use.
    mutating func shapeNumbers(_ set: ShapeSet) throws(ColumnError) -> [UInt16] {
        let numbers = try source.numbers(set.ids, below: min(set.shapes.count, Int(UInt16.max)))
        var uses = [Int](repeating: 0, count: set.shapes.count)
        Self.count(numbers, into: &uses)
        var counts: [Int: Int] = [:]
        for (shape, entry) in set.shapes.enumerated() {
            for slot in entry.slots where slot >= 0 { counts[slot, default: 0] += uses[shape] }
        }
        for (node, count) in counts where tree.nodes[node].count != count {
            throw ColumnError("column of \(tree.nodes[node].count) values, \(count) are used")
        }
        return numbers.map { UInt16(truncatingIfNeeded: $0) }
    }

    private static func count(_ numbers: [UInt32], into uses: inout [Int]) {
        let numbers = numbers.span
        var uses = uses.mutableSpan
        for index in numbers.indices { uses[Int(numbers[index])] &+= 1 }
    }

    /// The template of each value of a template column.
    mutating func templateNumbers(of node: Int) throws(ColumnError) -> [UInt16] {
        if let known = kept.templates[node] { return known }
        guard let template = tree.nodes[node].template else { throw ColumnError("template without shapes") }
        let numbers = try shapeNumbers(template)
        kept.templates[node] = numbers
        return numbers
    }

    /// Numbers of a column with a dictionary, all of them below the count of distinct values.
    mutating func dictionaryNumbers(of node: Int) throws(ColumnError) -> [UInt32] {
        if let known = kept.dictionaries[node] { return known }
        let column = tree.nodes[node]
        let numbers = try source.numbers(column.numbers, below: tree.nodes[column.child].count)
        kept.dictionaries[node] = numbers
        return numbers
    }

    /// Values of a column of numbers, or lengths of a raw one.
    mutating func integers(of node: Int) throws(ColumnError) -> [Int64] {
        if let known = kept.integers[node] { return known }
        let numbers = try source.integers(tree.nodes[node].numbers)
        kept.integers[node] = numbers
        return numbers
    }

    /// The numbers of some values of a node; places ascending, below its count.
    mutating func integers(of node: Int, at places: [UInt32]?) throws(ColumnError) -> [Int64] {
        guard let places else { return try integers(of: node) }
        if let known = kept.integers[node] { return places.map { known[Int($0)] } }
        let column = tree.nodes[node]
        // A second question to the same column is likely where many values are wanted.
        guard places.count * 8 < column.count else {
            let all = try integers(of: node)
            return places.map { all[Int($0)] }
        }
        return try integers(column.numbers, key: node, at: places)
    }

    /// Decimal places of some values of a node, or of all.
    mutating func places(of node: Int, at places: [UInt32]?) throws(ColumnError) -> [Int64] {
        // Kept under a number that no node has.
        if let known = kept.integers[-1 - node] { return places.map { some in some.map { known[Int($0)] } } ?? known }
        if let places { return try integers(tree.nodes[node].places, key: -1 - node, at: places) }
        let all = try source.integers(tree.nodes[node].places)
        kept.integers[-1 - node] = all
        return all
    }

    /// Some integers; the stored form, from which single ones can be had, is kept under `key`.
    private mutating func integers(
        _ entry: IntegerEntry, key: Int, at places: [UInt32]
    ) throws(ColumnError) -> [Int64] {
        switch entry.mode {
        case .packed, .planes:
            guard let stream = entry.stream else { break }
            return try StreamReader.integers(entry, try blob(of: key, stream), at: places)
        case .constant where entry.stream == nil: return [Int64](repeating: entry.least, count: places.count)
        default: break
        }
        let all = try source.integers(entry)
        if key >= 0 { kept.integers[key] = all }
        return places.map { all[Int($0)] }
    }

    /// Places of the values of one template of a template column, ascending.
    mutating func places(of shape: Int, in node: Int) throws(ColumnError) -> [UInt32] {
        if let known = kept.buckets[node] { return Array(known[shape]) }
        return ShapeBuckets.places(of: shape, in: try templateNumbers(of: node))
    }

    /// Values of a template column by template.
    mutating func buckets(of node: Int) throws(ColumnError) -> ShapeBuckets {
        if let known = kept.buckets[node] { return known }
        let ids = try templateNumbers(of: node)
        let buckets = ShapeBuckets(ids, shapes: tree.nodes[node].template?.shapes.count ?? 0)
        try source.charge((ids.count * 4, false))
        kept.buckets[node] = buckets
        return buckets
    }

    /// The stream of a raw or hexadecimal column, kept.
    mutating func blob(of node: Int, _ entry: StreamEntry) throws(ColumnError) -> [UInt8] {
        if let known = kept.blobs[node] { return known }
        let blob = try source.bytes(entry)
        kept.blobs[node] = blob
        return blob
    }

    /// All values of a column, kept.
    mutating func material(_ node: Int) throws(ColumnError) -> ColumnValues {
        if let known = kept.values[node] { return known }
        let values = try self.values(of: node, at: nil)
        kept.values[node] = values
        return values
    }
}
