internal import Bytes
public import LogQL
public import Model
public import Store

/// Runs queries: parse, plan, scan on the worker threads, aggregate, answer.
///
///     let answer = try await executor.run(text, QueryParameters(range: start, end), source: store)
public final class QueryExecutor: Sendable {
    let scheduler: any WorkScheduler
    let limits: Limits
    private let fixedOptions: QueryOptions
    private let demotedNames: @Sendable () -> [String]
    var options: QueryOptions {
        var options = fixedOptions
        options.demoted = demotedNames().filter { !options.highCardinality.contains($0) }
        return options
    }
    /// Memory that all queries of this executor hold together.
    let memory: SharedMemory

    /// - Parameter demotedNames: labels that newer entries carry as metadata, as of now.
    public init(
        scheduler: any WorkScheduler, limits: Limits = Limits(), options: QueryOptions = QueryOptions(),
        demotedNames: @escaping @Sendable () -> [String] = { [] }
    ) {
        self.scheduler = scheduler
        self.limits = limits
        fixedOptions = options
        self.demotedNames = demotedNames
        memory = SharedMemory(limitBytes: limits.allQueriesMemoryBytes.value)
    }

    /// Reads a query's text; the error carries the position.
    public func parse(_ text: String, dialect: Dialect = .loki) throws(QueryError) -> Expression {
        do throws(ParseError) {
            return try Language(dialect: dialect, regexes: RegexEngine()).parse(text)
        } catch {
            throw QueryError(.parse, error.description)
        }
    }

    /// Runs a query given as text.
    public func run(
        _ text: String, _ parameters: QueryParameters, source: any RecentData
    ) async throws(QueryError) -> QueryAnswer {
        try await run(try parse(text, dialect: parameters.dialect), parameters, source: source)
    }

    /// Runs a parsed query. Cancelling the calling task ends the query within a unit's time.
    public func run(
        _ expression: Expression, _ parameters: QueryParameters, source: any RecentData
    ) async throws(QueryError) -> QueryAnswer {
        let began = Machine.monotonicNanoseconds()
        let coordinator = Coordinator(executor: self, parameters: parameters, source: source)
        var answer = try await coordinator.answer(expression)
        answer.statistics.executionNanoseconds = Machine.monotonicNanoseconds() - began
        answer.categorizesLabels = parameters.categorizesLabels
        return answer
    }
}
