import Access
import Bytes
import Grafana
import LogQL
import Model
import Observe
import Query
import Store

/// Loki's query routes.
struct QueryRoutes: Sendable {
    private static let root = "/loki/api/v1"
    private static let plainJSON = [(name: "Content-Type", value: "application/json; charset=utf-8")]

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(Route.read, Self.root + "/query_range") { try await range($0) },
            Route(Route.read, Self.root + "/query") { try await instant($0) },
            Route(Route.read, Self.root + "/format_query") { format($0) },
        ]
    }

    private func range(_ call: Call) async throws -> Answer {
        let range = try RangeParameters(
            call.parameters, now: backend.clock.nowNanoseconds(), pointsLimit: backend.limits.queryPoints.value)
        return try await run(range.query, range.forExecutor, call)
    }

    private func instant(_ call: Call) async throws -> Answer {
        let time = try call.parameters.value("time").map { try TimeParameters.time($0, name: "time") }
        var parameters = QueryParameters(instant: time ?? backend.clock.nowNanoseconds())
        parameters.limit = try TimeParameters.limit(call.parameters)
        parameters.direction = try RangeParameters.direction(call.parameters) ? .forward : .backward
        return try await run(call.parameters.first("query") ?? "", parameters, call)
    }

    private func run(_ text: String, _ parameters: QueryParameters, _ call: Call) async throws -> Answer {
        let flags = QueryRoutes.list(call.header("X-Loki-Response-Encoding-Flags"))
        var parameters = parameters
        parameters.categorizesLabels = flags.contains("categorize-labels")
        parameters.allowsPartialSeries = QueryRoutes.source(call) == "grafana-lokiexplore-app"
        parameters.client = call.client
        let answer = try await executor.counted(text, parameters, call.identity, backend)
        if QueryRequest.isSet(call.parameters.value("explain")) {
            let explanation = try executor.explain(try executor.parse(text), parameters)
            return ExplainAnswer.answer(
                explanation, answer, asText: call.header("Accept")?.lowercased().hasPrefix("text/plain") == true)
        }
        return await backend.scheduler.run(.query) {
            .json(200, QueryAnswerWriter.write(answer, encodingFlags: flags))
        }
    }

    private func format(_ call: Call) -> Answer {
        do throws(QueryError) {
            let expression = try executor.parse(call.parameters.first("query") ?? "")
            var out = [UInt8]("{\"status\":\"success\",\"data\":".utf8)
            JSONText.append(expression.formatted, to: &out)
            out.append(contentsOf: "}\n".utf8)
            return Answer(status: 200, headers: Self.plainJSON, body: out)
        } catch {
            var out = [UInt8]("{\"status\":\"invalid-query\",\"error\":".utf8)
            JSONText.append(error.message, to: &out)
            out.append(contentsOf: "}\n".utf8)
            return Answer(status: 400, headers: Self.plainJSON, body: out)
        }
    }

    /// The parts of a comma list.
    static func list(_ text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    }

    /// Which program asks, by `X-Query-Tags: Source=…`.
    private static func source(_ call: Call) -> String? {
        list(call.header("X-Query-Tags")).first { $0.lowercased().hasPrefix("source=") }.map { String($0.dropFirst(7)) }
    }
}

extension RangeParameters {
    /// The same for the query side.
    var forExecutor: QueryParameters {
        QueryParameters(
            range: start, end, stepNanoseconds: stepNanoseconds, limit: limit,
            direction: isForward ? .forward : .backward, intervalNanoseconds: intervalNanoseconds)
    }
}

extension QueryExecutor {
    /// Runs a query and counts what it cost.
    func counted(
        _ text: String, _ parameters: QueryParameters, _ identity: Identity, _ backend: Backend
    ) async throws(QueryError) -> QueryAnswer {
        try await counting(backend) { () async throws(QueryError) in
            try await run(text, parameters, source: backend.source(for: identity))
        }
    }

    /// The same for a log query that was read already.
    func counted(
        _ query: LogQuery, _ parameters: QueryParameters, _ identity: Identity, _ backend: Backend
    ) async throws(QueryError) -> QueryAnswer {
        try await counting(backend) { () async throws(QueryError) in
            try await run(.log(query), parameters, source: backend.source(for: identity))
        }
    }

    /// The same for any query that was read already.
    func counted(
        _ query: Expression, _ parameters: QueryParameters, _ identity: Identity, _ backend: Backend
    ) async throws(QueryError) -> QueryAnswer {
        try await counting(backend) { () async throws(QueryError) in
            try await run(query, parameters, source: backend.source(for: identity))
        }
    }

    private func counting(
        _ backend: Backend, _ work: () async throws(QueryError) -> QueryAnswer
    ) async throws(QueryError) -> QueryAnswer {
        let metrics = backend.metrics.queries
        metrics.queries.add()
        do throws(QueryError) {
            let answer = try await work()
            metrics.count(answer.statistics)
            return answer
        } catch {
            metrics.failures.add()
            throw error
        }
    }
}

extension QueryMetrics {
    /// Counts what a query, or a page of one, cost.
    func count(_ cost: QueryStatistics) {
        storedBytes.add(cost.storedBytes)
        rawBytes.add(cost.rawBytes)
        lines.add(cost.rows)
        blocksConsidered.add(cost.blocksConsidered)
        blocksPruned.add(cost.blocksPruned)
        blocksRead.add(cost.blocksRead)
    }
}
