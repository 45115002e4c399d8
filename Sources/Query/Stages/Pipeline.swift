internal import Bytes
internal import LogQL
internal import Model

/// One step of a pipeline, compiled.
enum PipelineStage: Sendable {
    /// Behind a stage that changes the line; all others run first.
    case lineTest(LineTest)
    case json
    case jsonPaths(JSONPathStage)
    case logfmt(LogfmtStage)
    case regexp(RegexpStage)
    case pattern(PatternStage)
    case unpack
    case condition(LabelCondition)
    case lineFormat(Template)
    case labelFormat(LabelFormatStage)
    case decolorize
    case drop(SelectionStage)
    case keep(SelectionStage)
}

/// A test of one metadata value of the entry: selectors on high-cardinality names (absent is the empty text).
struct MetadataTest: Sendable {
    let name: [UInt8]
    let test: TextTest

    func passes(_ arena: borrowing ByteSpan, _ range: Range<Int>) -> Bool {
        let value = LabelSet.range(of: name.span, in: arena, range)
        return test.matches(arena.extracting(value ?? range.lowerBound..<range.lowerBound))
    }
}

/// What entries pass on their way from the row to the answer: tests on the row's bytes, then stages on its labels.
struct Pipeline: Sendable {
    let rowTests: [MetadataTest]
    let lineTests: [LineTest]
    private(set) var stages: [PipelineStage]
    /// Names of the query.
    let names: NameTable
    var needed = NeededLabels.all

    /// Whether every row passes, unchanged.
    var isEmpty: Bool { rowTests.isEmpty && lineTests.isEmpty && stages.isEmpty }

    /// Removes stages that cannot be seen in the result: parsers when no label is needed, `drop __error__` when nothing
    /// before it can fail.
    mutating func removeIdleStages() {
        var canFail = false
        stages.removeAll { stage in
            switch stage {
            case .json, .jsonPaths, .logfmt, .regexp, .pattern:
                if needed.isNone { return true }
                canFail = true
                return false
            case .drop(let selection):
                let isIdle = selection.names.allSatisfy {
                    $0 == NameTable.errorName || $0 == NameTable.errorDetailsName
                }
                return isIdle && !canFail
            case .lineTest, .decolorize: return false
            default:
                canFail = true
                return false
            }
        }
    }

    /// Compiles the stages of a query. Line filters run first, unless a stage before them changes the line.
    init(
        _ stages: [Stage], rowTests: [MetadataTest], names start: NameTable, needed: NeededLabels = .all
    ) throws(QueryError) {
        var names = start
        var tests: [LineTest] = []
        var compiled: [PipelineStage] = []
        var isRewritten = false
        for stage in stages {
            if case .lineFilter(let filter) = stage {
                let test = try LineTest(filter)
                isRewritten ? compiled.append(.lineTest(test)) : tests.append(test)
                continue
            }
            compiled.append(try Pipeline.compile(stage, &names))
            switch stage {
            case .lineFormat, .unpack, .decolorize: isRewritten = true
            default: break
            }
        }
        self.rowTests = rowTests
        // Cheap tests first; their order cannot be seen.
        lineTests = tests.filter { !$0.pilot.isEmpty } + tests.filter { $0.pilot.isEmpty }
        self.stages = compiled
        self.names = names
        self.needed = needed
    }

    /// The pipeline with one of its stages alone.
    func reduced(to stage: PipelineStage) -> Pipeline {
        var reduced = self
        reduced.stages = [stage]
        return reduced
    }

    private static func compile(_ stage: Stage, _ names: inout NameTable) throws(QueryError) -> PipelineStage {
        switch stage {
        case .lineFilter(let filter): .lineTest(try LineTest(filter))
        case .json(let extractions) where extractions.isEmpty: .json
        case .json(let extractions): .jsonPaths(JSONPathStage(extractions, &names))
        case .logfmt(let parser): .logfmt(LogfmtStage(parser, &names))
        case .regexp(let text): .regexp(try RegexpStage(text, &names))
        case .pattern(let pattern): .pattern(PatternStage(pattern, &names))
        case .unpack: .unpack
        case .labelFilter(let filter): .condition(try LabelCondition(filter, &names))
        case .lineFormat(let text): .lineFormat(try Template(text, stage: stage))
        case .labelFormat(let items): .labelFormat(try LabelFormatStage(items, stage: stage, &names))
        case .decolorize: .decolorize
        case .drop(let selections): .drop(try SelectionStage(selections, &names))
        case .keep(let selections): .keep(try SelectionStage(selections, &names))
        }
    }

    /// Whether the row passes the tests on its bytes.
    @inline(__always)
    func passesFirst(_ arena: borrowing ByteSpan, _ row: RowEntry) -> Bool {
        if !lineTests.isEmpty {
            let line = arena.extracting(row.line)
            for index in lineTests.indices where !lineTests[index].passes(line) { return false }
        }
        for index in rowTests.indices where !rowTests[index].passes(arena, row.metadata) { return false }
        return true
    }
}

/// Runs entries through the stages of a pipeline; holds what they need from entry to entry.
struct EntryRunner {
    let pipeline: Pipeline
    var labels: EntryLabels
    /// The line where a stage has changed it.
    private(set) var rewritten: [UInt8] = []
    private(set) var isRewritten = false
    private var scratch: [UInt8] = []
    private var offsets: [Int64] = []
    private var json = JSONStage()
    private var unpack = UnpackStage()
    private var templates = TemplateRunner()

    init(_ pipeline: Pipeline) {
        self.pipeline = pipeline
        labels = EntryLabels(names: pipeline.names)
    }

    /// Sets up the labels of a row and runs all stages; false if one of them drops it.
    mutating func run(
        _ arena: borrowing ByteSpan, _ row: RowEntry, stream: UInt32, streamLabels: () -> LabelSet
    ) -> Bool {
        labels.begin(stream: stream, labels: streamLabels)
        labels.addMetadata(arena, row.metadata)
        templates.beginEntry()
        isRewritten = false
        for index in pipeline.stages.indices {
            let passed: Bool
            if isRewritten {
                let line = rewritten
                passed = apply(pipeline.stages[index], line.span, row.time)
            } else {
                passed = apply(pipeline.stages[index], arena.extracting(row.line), row.time)
            }
            if !passed { return false }
        }
        return true
    }

    private mutating func apply(_ stage: PipelineStage, _ line: borrowing ByteSpan, _ time: Int64) -> Bool {
        switch stage {
        case .lineTest(let test): return test.passes(line)
        case .json: json.run(line, &labels, pipeline.needed)
        case .jsonPaths(let stage): stage.run(line, &labels, pipeline.needed)
        case .logfmt(let stage): stage.run(line, &labels, pipeline.needed, &scratch)
        case .regexp(let stage): stage.run(line, &labels, pipeline.needed, &offsets)
        case .pattern(let stage): stage.run(line, &labels, pipeline.needed)
        case .unpack: if unpack.run(line, &labels, &scratch) { useScratch() }
        case .condition(let condition): return condition.holds(&labels)
        case .lineFormat(let template):
            scratch.removeAll(keepingCapacity: true)
            if templates.run(template, line, time, &labels, into: &scratch) { useScratch() }
        case .labelFormat(let stage): stage.run(line, time, &labels, &templates)
        case .decolorize:
            if Decolorize.isNeeded(line) {
                Decolorize.run(line, into: &scratch)
                useScratch()
            }
        case .drop(let stage): stage.drop(&labels)
        case .keep(let stage): stage.keep(&labels)
        }
        return true
    }

    private mutating func useScratch() {
        swap(&rewritten, &scratch)
        isRewritten = true
    }
}
