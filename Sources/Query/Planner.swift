internal import Bytes
internal import LogQL
internal import Model
internal import Store

/// A selector and stages, split into what storage tests, what the row's bytes decide and what stages do.
struct LogPlan: Sendable {
    var request: ScanRequest
    var pipeline: Pipeline
    /// Text that each wanted row contains, in line or metadata; empty if none is sure. Rows without it are passed over.
    var pilot: [UInt8]
}

/// Makes plans of queries.
struct Planner {
    let options: QueryOptions

    /// - Parameter names: names already known to the query; those of the stages are added.
    func plan(
        _ query: LogQuery, range: TimeRange, names: NameTable = NameTable(), needed: NeededLabels = .all
    ) throws(QueryError) -> LogPlan {
        let (tests, rowTests, demoted) = try split(query.selector)
        var query = query
        query.stages = demoted.map { .labelFilter(.text($0.matcher)) } + query.stages
        let pipeline = try Pipeline(query.stages, rowTests: rowTests, names: names, needed: needed)
        let traced = tracedValues(query, rowTests)
        var request = ScanRequest(range: range, tests: tests, tracedValues: traced)
        request.demotedTests = demoted.map(\.labelTest)
        return LogPlan(request: request, pipeline: pipeline, pilot: pilot(traced, pipeline))
    }

    /// Tests on stream labels, tests on the metadata of each entry, and tests on what was a label once.
    func split(
        _ selector: Selector
    ) throws(QueryError) -> (tests: [LabelTest], rowTests: [MetadataTest], demoted: [DemotedTest]) {
        var demoted: [DemotedTest] = []
        var tests: [LabelTest] = []
        var rowTests: [MetadataTest] = []
        for matcher in selector.matchers {
            let test = try TextTest(matcher, dotMatchesNewline: true)
            let name = [UInt8](text: matcher.name)
            if options.highCardinality.contains(matcher.name) {
                rowTests.append(MetadataTest(name: name, test: test))
            } else if options.demoted.contains(matcher.name) {
                demoted.append(DemotedTest(matcher: matcher, name: name, test: test))
            } else {
                tests.append(LabelTest(name: name, test: test))
            }
        }
        return (tests, rowTests, demoted)
    }

    /// Values of an indexed name of which each wanted entry carries one; nil if the query does not say.
    private func tracedValues(_ query: LogQuery, _ rowTests: [MetadataTest]) -> [[UInt8]]? {
        for test in rowTests where isTraced(test.name.text) {
            if let values = test.test.exactValues { return values }
        }
        for stage in query.stages {
            switch stage {
            case .lineFilter: continue
            case .labelFilter(let filter): if let values = tracedValues(filter) { return values }
            default: return nil
            }
        }
        return nil
    }

    private func tracedValues(_ filter: LabelFilter) -> [[UInt8]]? {
        switch filter {
        case .text(let matcher) where isTraced(matcher.name):
            return (try? TextTest(matcher, dotMatchesNewline: false))?.exactValues
        case .all(let filters):
            for filter in filters {
                if let values = tracedValues(filter) { return values }
            }
            return nil
        case .any(let filters):
            var all: [[UInt8]] = []
            for filter in filters {
                guard let values = tracedValues(filter) else { return nil }
                all += values
            }
            return all
        default: return nil
        }
    }

    /// Names that are metadata in every stream and known to the trace maplet.
    private func isTraced(_ name: String) -> Bool {
        options.indexed.contains(name) && options.highCardinality.contains(name)
    }

    private func pilot(_ traced: [[UInt8]]?, _ pipeline: Pipeline) -> [UInt8] {
        if let traced, traced.count == 1 { return traced[0] }
        for test in pipeline.rowTests {
            if let values = test.test.exactValues, values.count == 1 { return values[0] }
        }
        return pipeline.lineTests.map(\.pilot).max { $0.count < $1.count } ?? []
    }
}
