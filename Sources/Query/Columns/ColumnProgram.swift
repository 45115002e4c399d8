internal import Bytes
internal import LogQL

/// The part of a pipeline that columns can answer: tests of the row's bytes, and label filters before and behind one
/// JSON parser, up to the first stage that needs the entry itself.
struct ColumnProgram: Sendable {
    struct Filter: Sendable {
        let condition: LabelCondition
        let isBehindParser: Bool
    }

    let lineTests: [LineTest]
    let rowTests: [MetadataTest]
    let filters: [Filter]
    /// The pipeline with nothing but its parser; nil when there is none.
    let parser: Pipeline?
    /// Tells parsers apart that make different labels of a line.
    let parserKey: [UInt8]
    /// Whether a row that passes the program has passed the whole pipeline, unchanged and without a fault.
    let isComplete: Bool

    /// - Parameter unwrap: filters behind it count as part of the program.
    init(_ pipeline: Pipeline, unwrap: UnwrapStage?) {
        lineTests = pipeline.lineTests
        rowTests = pipeline.rowTests
        var filters: [Filter] = []
        var parser: Pipeline?
        var parserKey: [UInt8] = [0]
        var isComplete = true
        stages: for stage in pipeline.stages {
            switch stage {
            case .json where parser == nil: parser = pipeline.reduced(to: stage)
            case .jsonPaths(let paths) where parser == nil:
                parser = pipeline.reduced(to: stage)
                parserKey = [1] + paths.key(pipeline.names)
            case .condition(let condition): filters.append(Filter(condition: condition, isBehindParser: parser != nil))
            default:
                isComplete = false
                break stages
            }
        }
        if isComplete, let unwrap {
            for condition in unwrap.conditions { filters.append(Filter(condition: condition, isBehindParser: true)) }
        }
        self.filters = filters
        self.parser = parser
        // A parser may pass over what nobody needs, faults included.
        parserKey.append(pipeline.needed.names == nil ? 1 : 0)
        for name in pipeline.needed.names ?? [] {
            parserKey.appendPrefixed(Array(pipeline.names.bytes[pipeline.names.range(name)]))
        }
        parserKey.append(0)
        self.parserKey = parserKey
        self.isComplete = isComplete
    }

    /// Names whose values the program looks at.
    var names: [UInt32] { Array(Set(filters.flatMap(\.condition.names))) }
}
