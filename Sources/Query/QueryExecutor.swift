internal import Bytes
public import LogQL
public import Model
public import Store

/// Runs queries: parse, wait for a turn, plan, scan on the worker threads, aggregate, answer.
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
    /// What this executor shares with others.
    public let resources: QueryResources

    /// Memory that all queries hold together.
    var memory: SharedMemory { resources.memory }

    /// - Parameters:
    ///   - resources: those of another executor to share them, or nil for new ones.
    ///   - demotedNames: labels that newer entries carry as metadata, as of now.
    public init(
        scheduler: any WorkScheduler, limits: Limits = Limits(), options: QueryOptions = QueryOptions(),
        resources: QueryResources? = nil, demotedNames: @escaping @Sendable () -> [String] = { [] }
    ) {
        self.scheduler = scheduler
        self.limits = limits
        fixedOptions = options
        self.demotedNames = demotedNames
        self.resources = resources ?? QueryResources(limits: limits)
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
        let expression = try parse(text, dialect: parameters.dialect)
        let query = resources.running.begin(text, client: parameters.client)
        defer { resources.running.end(query) }
        return try await run(expression, parameters, source: source, as: query)
    }

    /// Runs a parsed query. Cancelling the calling task ends the query within a unit's time.
    public func run(
        _ expression: Expression, _ parameters: QueryParameters, source: any RecentData
    ) async throws(QueryError) -> QueryAnswer {
        let query = resources.running.begin(expression.description, client: parameters.client)
        defer { resources.running.end(query) }
        return try await run(expression, parameters, source: source, as: query)
    }

    private func run(
        _ expression: Expression, _ parameters: QueryParameters, source: any RecentData, as query: RunningQuery
    ) async throws(QueryError) -> QueryAnswer {
        let began = Machine.monotonicNanoseconds()
        var answer = try await inTurn(query, parameters, source) { (coordinator) async throws(QueryError) in
            try await coordinator.answer(expression)
        }
        answer.statistics.executionNanoseconds = Machine.monotonicNanoseconds() - began
        answer.statistics.queueNanoseconds = query.queueNanoseconds
        answer.categorizesLabels = parameters.categorizesLabels
        return answer
    }

    /// Entries of a log query behind a position, in order; its result steps are left to the caller.
    public func page(
        _ log: LogQuery, _ parameters: QueryParameters, after position: EntryPosition?, source: any RecentData,
        as query: RunningQuery
    ) async throws(QueryError) -> EntryPage {
        try await inTurn(query, parameters, source) { (coordinator) async throws(QueryError) in
            try await coordinator.page(log, after: position)
        }
    }

    /// Waits for a turn and runs `work`. One that finds the memory of all queries taken begins again when there may be
    /// some, until the time of a query is over.
    private func inTurn<R: Sendable>(
        _ query: RunningQuery, _ parameters: QueryParameters, _ source: any RecentData,
        _ work: @Sendable (Coordinator) async throws(QueryError) -> R
    ) async throws(QueryError) -> R {
        let began = Machine.monotonicNanoseconds()
        do throws(QueryError) {
            return try await taking(resources.turns, query, parameters, source, work)
        } catch {
            guard error.kind == .overloaded else { throw error }
        }
        while true {
            do throws(QueryError) {
                return try await taking(resources.secondTurns, query, parameters, source, work)
            } catch {
                let seconds = (Machine.monotonicNanoseconds() - began) / Nanoseconds.perSecond
                let limit = limits.querySeconds.value
                guard error.kind == .overloaded, limit <= 0 || seconds < Int64(limit) else { throw error }
            }
            do { try await Task.sleep(for: .milliseconds(20)) } catch { throw QueryError.cancelled }
        }
    }

    private func taking<R: Sendable>(
        _ turns: QueryTurns, _ query: RunningQuery, _ parameters: QueryParameters, _ source: any RecentData,
        _ work: @Sendable (Coordinator) async throws(QueryError) -> R
    ) async throws(QueryError) -> R {
        query.setWaits(true)
        // The number alone: the query would hold itself.
        query.attach { [number = query.number] in turns.leave(number, .ended) }
        defer { query.detach() }
        try await turns.take(query.number, seconds: limits.querySeconds.value)
        defer { turns.giveBack() }
        query.setWaits(false)
        return try await work(Coordinator(executor: self, parameters: parameters, source: source, query: query))
    }
}
