internal import Bytes
internal import LogQL
internal import Model
public import Store

/// Compiles what deletions are about: a selector with stages, which means the entries that the query would show.
public struct LogRowFilters: RowFilterCompiler {
    private let options: QueryOptions

    public init(options: QueryOptions = QueryOptions()) {
        self.options = options
    }

    public func compile(_ query: String, demotedNames: [String]) throws(RowFilterError) -> any RowFilter {
        let expression: Expression
        do throws(ParseError) {
            expression = try Language(dialect: .loki, regexes: RegexEngine()).parse(query)
        } catch {
            throw RowFilterError(error.description)
        }
        guard case .log(let log) = expression else { throw RowFilterError("only log queries name entries") }
        do throws(QueryError) {
            var options = options
            options.demoted = demotedNames
            return LogRowFilter(try Planner(options: options).plan(log, range: .all))
        } catch {
            throw RowFilterError(error.message)
        }
    }
}

/// A compiled log query that tells which rows it selects.
struct LogRowFilter: RowFilter {
    private let plan: LogPlan

    init(_ plan: LogPlan) {
        self.plan = plan
    }

    var tests: [LabelTest] { plan.request.tests }
    var isDecidedByLabels: Bool { plan.pipeline.isEmpty }

    func matches(_ loaded: LoadedRows, in range: TimeRange, labels: (StreamID) -> LabelSet) -> [Int] {
        var candidates = CandidateRows()
        var runner = EntryRunner(plan.pipeline)
        var found: [Int] = []
        loaded.rows.read { entries, arena in
            candidates.find(loaded, entries, arena, range: range, pilot: isDecidedByLabels ? [] : plan.pilot)
            if isDecidedByLabels {
                found = candidates.rows.map { Int($0) }
                return
            }
            for row in candidates.rows {
                let entry = entries[Int(row)]
                guard plan.pipeline.passesFirst(arena, entry) else { continue }
                let stream = loaded.streams[Int(entry.stream)]
                if runner.run(arena, entry, stream: stream.index, streamLabels: { labels(stream) }) {
                    found.append(Int(row))
                }
            }
        }
        return found
    }
}
