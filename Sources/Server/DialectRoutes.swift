import Bytes
import Grafana
import LogQL
import Model
import NIOCore
import Query
import Store

/// Dendro's own query routes: its dialect, streamed answers, and a look at what runs.
struct DialectRoutes: Sendable {
    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(Route.read, "/api/v1/query") { call in try await described { try await query(call) } },
            Route(Route.get, "/api/v1/queries") { _ in list() },
            Route(["DELETE"], "/api/v1/queries/{id}") { cancel($0) },
        ]
    }

    /// Answers faults in the way of our own routes.
    private func described(_ work: () async throws -> Answer) async throws -> Answer {
        do {
            return try await work()
        } catch let error as ParameterError {
            return ErrorAnswers.observability(400, error.message, code: "invalid_parameter")
        } catch let error as QueryError {
            return ErrorAnswers.observability(ErrorAnswers.status(error), error.message, code: error.kind.rawValue)
        }
    }

    private func query(_ call: Call) async throws -> Answer {
        let request = try QueryRequest(
            call, executor, now: backend.clock.nowNanoseconds(), pointsLimit: backend.limits.queryPoints.value)
        guard case .log(let log) = request.expression else { return try await numbers(request, call) }
        if request.explains { return try await explain(request, log, call) }
        let stream = LineStream(request, log, source: backend.source(call), backend: backend, executor: executor)
        // Faults that show before the first line become a status.
        try await stream.begin()
        var answer = Answer(status: 200, headers: [("Content-Type", request.format.contentType)])
        answer.headers.append(("Trailer", LineStream.cursorHeader))
        answer.stream = stream
        return answer
    }

    private func explain(_ request: QueryRequest, _ log: LogQuery, _ call: Call) async throws -> Answer {
        let explanation = try executor.explain(request.expression, request.parameters)
        var parameters = request.parameters
        parameters.limit = min(request.limit ?? .max, backend.limits.queryEntries.value)
        var bare = log
        bare.resultSteps = []
        let answer = try await executor.counted(bare, parameters, call.identity, backend)
        return ExplainAnswer.answer(explanation, answer, asText: request.format == .text)
    }

    private func numbers(_ request: QueryRequest, _ call: Call) async throws -> Answer {
        let answer = try await executor.counted(request.text, request.parameters, call.identity, backend)
        if request.explains {
            let explanation = try executor.explain(request.expression, request.parameters)
            return ExplainAnswer.answer(explanation, answer, asText: request.format == .text)
        }
        let format = request.format
        return await backend.scheduler.run(.query) {
            if format == .json { return .json(200, QueryAnswerWriter.write(answer)) }
            return Answer(
                status: 200, headers: [("Content-Type", format.contentType)],
                body: SampleText.write(answer, format))
        }
    }

    // MARK: What runs

    private func list() -> Answer {
        var out = [UInt8]("{\"queries\":[".utf8)
        for (index, query) in executor.resources.running.all.enumerated() {
            if index > 0 { out.append(0x2c) }
            out.append(contentsOf: "{\"id\":\"\(query.number)\",\"query\":".utf8)
            JSONText.append(query.text, to: &out)
            out.append(contentsOf: ",\"client\":".utf8)
            JSONText.append(query.client, to: &out)
            out.append(contentsOf: ",\"state\":\"\(query.waits ? "waiting" : "running")\"".utf8)
            out.append(contentsOf: ",\"age_ms\":\(query.ageNanoseconds / Nanoseconds.perMillisecond)".utf8)
            out.append(contentsOf: ",\"scanned_bytes\":\(query.scannedBytes)}".utf8)
        }
        out.append(contentsOf: "]}\n".utf8)
        return .json(200, out)
    }

    private func cancel(_ call: Call) -> Answer {
        guard let number = call.captures.first.flatMap({ UInt64($0) }), executor.resources.running.cancel(number) else {
            return ErrorAnswers.observability(404, "there is no such query", code: "not_found")
        }
        return .noContent
    }
}

/// Samples of metric queries, one a line.
enum SampleText {
    static func write(_ answer: QueryAnswer, _ format: QueryRequest.Format) -> [UInt8] {
        let series: [Series]
        switch answer.result {
        case .matrix(let all), .vector(let all): series = all
        case .scalar(let sample): series = [Series(labels: LabelSet([]), samples: [sample])]
        case .streams: series = []
        }
        var out: [UInt8] = []
        if format == .csv { out.append(contentsOf: "timestamp,labels,value\r\n".utf8) }
        for one in series {
            for sample in one.samples { append(sample, one.labels, format, to: &out) }
        }
        if format == .ndjson, !answer.warnings.isEmpty {
            out.append(contentsOf: "{\"warnings\":".utf8)
            LineText.append(list: answer.warnings, to: &out)
            out.append(contentsOf: "}\n".utf8)
        }
        return out
    }

    private static func append(
        _ sample: Sample, _ labels: LabelSet, _ format: QueryRequest.Format, to out: inout [UInt8]
    ) {
        let time = RFC3339.format(sample.time)
        var value: [UInt8] = []
        NumberText.append(sample.value, to: &value)
        switch format {
        case .csv:
            out.append(contentsOf: time.utf8)
            out.append(0x2c)
            LineText.append(cell: [UInt8](labels.description.utf8), to: &out)
            out.append(0x2c)
            out += value
            out.append(contentsOf: "\r\n".utf8)
        case .text:
            out.append(contentsOf: "\(time) \(labels) ".utf8)
            out += value
            out.append(0x0a)
        case .ndjson, .json:
            out.append(contentsOf: "{\"timestamp\":\"\(time)\",\"labels\":".utf8)
            LineText.append(labels: labels, to: &out)
            // As text, since JSON has no infinities.
            out.append(contentsOf: ",\"value\":\"".utf8)
            out += value
            out.append(contentsOf: "\"}\n".utf8)
        }
    }
}
