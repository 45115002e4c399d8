internal import Bytes
internal import Columns
internal import LogQL
internal import Model
internal import Store

/// Answers a program for one column block after another: a verdict per row, from columns alone. For one lane.
struct ProgramRun {
    let program: ColumnProgram
    /// Names that are asked for: those of the filters, and what the caller groups by or unwraps.
    let names: [UInt32]
    private let texts: [[UInt8]]
    private var probe: ShapeProbe?
    private var streamNames = StreamNames()
    /// Of the block at hand: per shape the sources of `names`; nil where only the lines tell.
    private(set) var sources: [[LabelSource]?] = []
    private(set) var shapes: [LineShape] = []
    private var sourcesByShape: [LineShape: [LabelSource]?] = [:]
    private(set) var places: [NamePlace] = []
    private var shapeNumbers: [UInt16] = []
    /// What `ShapeSources` depend on, besides the block.
    private let noteKey: [UInt8]

    /// What a name can stand for in a block, besides what the parser finds.
    enum NamePlace {
        /// An index label of some streams, or of none.
        case index
        case metadata
        /// Stands in both, or may be renamed: only the entry tells.
        case unclear
    }

    init(_ pipeline: Pipeline, unwrap: UnwrapStage?, grouping: [UInt32]) {
        program = ColumnProgram(pipeline, unwrap: unwrap)
        var names = Set(program.names)
        names.formUnion(grouping)
        if let unwrap { names.insert(unwrap.name) }
        names.remove(NameTable.errorName)
        names.remove(NameTable.errorDetailsName)
        self.names = names.sorted()
        texts = self.names.map { [UInt8](pipeline.names.bytes[pipeline.names.range($0)]) }
        probe = program.parser.map { ShapeProbe($0) }
        noteKey = texts.reduce(into: program.parserKey) { $0.appendPrefixed($1) }
    }

    func position(_ name: UInt32) -> Int? { names.firstIndex(of: name) }

    func text(_ position: Int) -> [UInt8] { texts[position] }

    /// Whether a stream of the blocks so far has the name among its labels.
    func isIndexLabel(_ position: Int) -> Bool { streamNames.contains(texts[position]) }

    /// Whether the parser may set the label in some row of the block.
    func isParsed(_ position: Int) -> Bool {
        sources.contains { $0.map { $0[position] != .absent } ?? false }
    }

    /// The verdict on each row of the block within the range and the selected streams; nil when no row can pass.
    mutating func verdicts(
        _ columns: some RowColumns, _ range: TimeRange, first: Int64, last: Int64, labels: (StreamID) -> LabelSet
    ) throws(ScanError) -> RowVerdicts? {
        sources = []
        shapeNumbers = []
        guard try trigramsAllow(columns) else { return nil }
        var verdicts = RowVerdicts(Verdict.yes, count: columns.rowCount)
        for test in program.lineTests {
            guard let found = try verdict(of: test, columns) else { return nil }
            verdicts.intersect(found)
        }
        try restrict(&verdicts, columns, range, first, last)
        places = names.isEmpty ? [] : try namePlaces(columns, labels)
        for test in program.rowTests { verdicts.intersect(try verdict(of: test, columns)) }
        if program.parser != nil, !names.isEmpty { try readShapes(columns) }
        // Whether the parser fails depends on the shape: rows of unclear ones are unknown from here on.
        if program.parser != nil { doubtUnclearShapes(&verdicts) }
        for filter in program.filters {
            let condition = filter.condition
            if let change = condition.faultFilter {
                verdicts.map(change)
            } else if condition.dependsOnFaults {
                let found = try verdict(of: condition, filter.isBehindParser, columns, labels)
                // Exact where nothing has failed yet.
                for row in 0..<verdicts.count {
                    if verdicts[row] == Verdict.yes { verdicts[row] = found[row] }
                    if verdicts[row] == Verdict.faulty { verdicts[row] = Verdict.maybe }
                }
            } else {
                verdicts.intersect(try verdict(of: condition, filter.isBehindParser, columns, labels))
            }
        }
        return verdicts
    }

    private func trigramsAllow(_ columns: some RowColumns) throws(ScanError) -> Bool {
        for test in program.lineTests where test.pilot.count >= 3 {
            guard try columns.mayContain(test.pilot) else { return false }
        }
        return true
    }

    /// Takes out rows outside of the range or of streams that are not selected.
    private func restrict(
        _ verdicts: inout RowVerdicts, _ columns: some RowColumns, _ range: TimeRange, _ first: Int64, _ last: Int64
    ) throws(ScanError) {
        if !range.covers(first: first, last: last) {
            let times = try columns.times()
            for row in times.indices where !range.contains(times[row]) { verdicts[row] = Verdict.no }
        }
        let streams = columns.blockStreams
        if streams.contains(.none) {
            let isSelected = streams.map { Verdict.of($0 != .none) }
            verdicts.intersect(RowVerdicts(try columns.streamNumbers(), in: isSelected))
        }
    }

    // MARK: Lines and metadata

    private func verdict(of test: MetadataTest, _ columns: some RowColumns) throws(ScanError) -> RowVerdicts {
        let exact = test.test.exactValues
        return try metadataVerdicts(test.name, columns, exact) { Verdict.of(test.test.matches($0 ?? [])) }
    }

    /// - Parameter exact: the only values that pass, if known.
    private func metadataVerdicts(
        _ name: [UInt8], _ columns: some RowColumns, _ exact: [[UInt8]]?, _ verdict: ([UInt8]?) -> UInt8
    ) throws(ScanError) -> RowVerdicts {
        let count = columns.rowCount
        guard try columns.metadataNames() != nil else { return RowVerdicts(Verdict.maybe, count: count) }
        if let exact {
            var verdicts = RowVerdicts(Verdict.no, count: count)
            for value in exact {
                for row in try columns.rows(whereMetadata: name, equals: value) { verdicts[row] = Verdict.yes }
            }
            return verdicts
        }
        var verdicts = RowVerdicts(verdict(nil), count: count)
        guard let content = try columns.metadataColumn(name) else { return verdicts }
        content.apply(to: &verdicts, shapes: nil, verdict: { verdict($0) }, number: nil)
        return verdicts
    }

    // MARK: Label filters

    private func verdict(
        of condition: LabelCondition, _ isBehindParser: Bool, _ columns: some RowColumns,
        _ labels: (StreamID) -> LabelSet
    ) throws(ScanError) -> RowVerdicts {
        switch condition {
        case .all(let conditions):
            var all = RowVerdicts(Verdict.yes, count: columns.rowCount)
            for one in conditions { all.intersect(try verdict(of: one, isBehindParser, columns, labels)) }
            return all
        case .any(let conditions):
            var any = RowVerdicts(Verdict.no, count: columns.rowCount)
            for one in conditions { any.orElse(try verdict(of: one, isBehindParser, columns, labels)) }
            return any
        default: return try leafVerdict(condition, isBehindParser, columns, labels)
        }
    }

    private func leafVerdict(
        _ condition: LabelCondition, _ isBehindParser: Bool, _ columns: some RowColumns,
        _ labels: (StreamID) -> LabelSet
    ) throws(ScanError) -> RowVerdicts {
        let count = columns.rowCount
        guard let name = condition.names.first else { return RowVerdicts(Verdict.maybe, count: count) }
        if name == NameTable.errorName || name == NameTable.errorDetailsName {
            return RowVerdicts(condition.verdict(nil), count: count)
        }
        guard let position = position(name) else { return RowVerdicts(Verdict.maybe, count: count) }
        let unparsed = try unparsedVerdict(condition, position, columns, labels)
        guard isBehindParser, program.parser != nil else { return unparsed }
        return try parsedVerdict(condition, position, columns, unparsed)
    }

    /// The verdict where no parser sets the label.
    private func unparsedVerdict(
        _ condition: LabelCondition, _ position: Int, _ columns: some RowColumns, _ labels: (StreamID) -> LabelSet
    ) throws(ScanError) -> RowVerdicts {
        let count = columns.rowCount
        switch places[position] {
        case .unclear: return RowVerdicts(Verdict.maybe, count: count)
        case .metadata:
            var exact: [[UInt8]]?
            if case .text(_, let test) = condition { exact = test.exactValues }
            return try metadataVerdicts(texts[position], columns, exact) { condition.verdict($0) }
        case .index:
            guard streamNames.contains(texts[position]) else {
                return RowVerdicts(condition.verdict(nil), count: count)
            }
            let byNumber = columns.blockStreams.map { stream -> UInt8 in
                guard stream != .none else { return Verdict.no }
                return condition.verdict(labels(stream).value(of: texts[position]))
            }
            guard let first = byNumber.first, byNumber.contains(where: { $0 != first }) else {
                return RowVerdicts(byNumber.first ?? Verdict.maybe, count: count)
            }
            return RowVerdicts(try columns.streamNumbers(), in: byNumber)
        }
    }

    /// The verdict behind the parser, by the shape of each line.
    private func parsedVerdict(
        _ condition: LabelCondition, _ position: Int, _ columns: some RowColumns, _ unparsed: RowVerdicts
    ) throws(ScanError) -> RowVerdicts {
        // Per shape its verdict, and whether it is that of the unparsed row.
        var byShape = [UInt8](repeating: Verdict.maybe, count: sources.count)
        var isUnparsed = [Bool](repeating: false, count: sources.count)
        var shapesOf: [LabelSource: [Int]] = [:]
        for shape in sources.indices {
            guard let source = sources[shape]?[position] else { continue }
            switch source {
            case .absent: isUnparsed[shape] = true
            case .constant(let text): byShape[shape] = condition.verdict(text)
            case .column: shapesOf[source, default: []].append(shape)
            }
        }
        if isUnparsed.contains(true), let common = unparsed.common {
            for shape in byShape.indices where isUnparsed[shape] { byShape[shape] = common }
            isUnparsed = []
        }
        let shapeNumbers = shapeNumbers
        var verdicts = RowVerdicts(shapeNumbers, in: byShape)
        if isUnparsed.contains(true) {
            for row in shapeNumbers.indices where isUnparsed[Int(shapeNumbers[row])] { verdicts[row] = unparsed[row] }
        }
        for (source, shapes) in shapesOf {
            guard case .column(let number, let isString) = source else { continue }
            let content = try columns.lineColumn(number, asTexts: false)
            content.apply(
                to: &verdicts, shapes: shapeFilter(shapes, of: number, columns),
                verdict: { JSONValue.label($0, isString: isString).map { condition.verdict($0) } ?? Verdict.maybe },
                number: condition.numberVerdict())
        }
        return verdicts
    }

    /// The shapes whose rows count among those that have a column of lines; nil for all.
    func shapeFilter(_ wanted: [Int], of column: Int, _ columns: some RowColumns) -> ShapeFilter? {
        var isWanted = [Bool](repeating: false, count: shapes.count)
        for shape in wanted { isWanted[shape] = true }
        let isWhole = shapes.indices.allSatisfy { isWanted[$0] || !shapes[$0].columns.contains(column) }
        return isWhole ? nil : ShapeFilter(numbers: shapeNumbers, isWanted: isWanted)
    }

    // MARK: Shapes and names

    private mutating func readShapes(_ columns: some RowColumns) throws(ScanError) {
        shapeNumbers = try columns.lineShapeNumbers()
        shapes = try columns.lineShapes()
        sources = try shapeSources(columns).sources
        // Where a name is taken the parser renames its label, or hides one of the entry's: the entry tells.
        let taken = names.indices.filter { isTaken($0) }
        if taken.isEmpty { return }
        for shape in sources.indices where taken.contains(where: { sources[shape]?[$0] != .absent }) {
            sources[shape] = nil
        }
    }

    /// What the parser makes of the shapes of a block; kept for the next who asks, for that takes longer than all else.
    mutating func shapeSources(_ columns: some RowColumns) throws(ScanError) -> ShapeSources {
        if let known = columns.note(noteKey) as? ShapeSources { return known }
        let found = ShapeSources(try columns.lineShapes().enumerated().map { $0 == 0 ? nil : sources(of: $1) })
        columns.keep(note: found, noteKey, sizeBytes: found.memoryBytes)
        return found
    }

    /// Most blocks have the same shapes.
    private mutating func sources(of shape: LineShape) -> [LabelSource]? {
        if let known = sourcesByShape[shape] { return known }
        let found = probe?.sources(shape, names)
        if sourcesByShape.count < 4096 { sourcesByShape[shape] = .some(found) }
        return found
    }

    private func isTaken(_ position: Int) -> Bool {
        if case .index = places[position] { return streamNames.contains(texts[position]) }
        return true
    }

    private func doubtUnclearShapes(_ verdicts: inout RowVerdicts) {
        guard !sources.isEmpty else { return verdicts.intersect(RowVerdicts(Verdict.maybe, count: verdicts.count)) }
        guard sources.contains(where: { $0 == nil }) else { return }
        // No row is faulty yet: that takes a label filter, and they come after this.
        verdicts.intersect(RowVerdicts(shapeNumbers, in: sources.map { $0 == nil ? Verdict.maybe : Verdict.yes }))
    }

    private mutating func namePlaces(
        _ columns: some RowColumns, _ labels: (StreamID) -> LabelSet
    ) throws(ScanError) -> [NamePlace] {
        streamNames.add(columns.streams, labels)
        let metadataNames = try columns.metadataNames()
        let suffix = [UInt8](text: "_extracted")
        return texts.map { text in
            let isExtracted = text.count >= suffix.count && text.suffix(suffix.count) == suffix[...]
            let isIndex = streamNames.contains(text)
            guard let metadataNames, !isExtracted else { return .unclear }
            let isMetadata = metadataNames.contains(text)
            if isIndex && isMetadata { return .unclear }
            return isMetadata ? .metadata : .index
        }
    }

    /// The shape of each row, if the program looks at shapes.
    var rowShapes: [UInt16] { shapeNumbers }
}

/// Names of the index labels of all streams met so far.
private struct StreamNames {
    private var names: Set<[UInt8]> = []
    private var isKnown: [Bool] = []

    mutating func add(_ streams: [StreamID], _ labels: (StreamID) -> LabelSet) {
        for stream in streams where stream != .none {
            let index = Int(stream.index)
            while isKnown.count <= index { isKnown.append(false) }
            if isKnown[index] { continue }
            isKnown[index] = true
            let encoded = labels(stream).encoded
            var cursor = PairCursor(0..<encoded.count)
            while let pair = cursor.next(in: encoded.span) { names.insert([UInt8](encoded[pair.name])) }
        }
    }

    func contains(_ name: [UInt8]) -> Bool { names.contains(name) }
}

extension LabelSet {
    /// The value of the label `name`, or nil.
    func value(of name: [UInt8]) -> [UInt8]? {
        LabelSet.range(of: name.span, in: encoded.span, 0..<encoded.count).map { [UInt8](encoded[$0]) }
    }
}
