import Access
import Bytes
import Grafana
import Model
import Query

/// Loki's routes on labels and series, in the present and in the legacy form.
struct LabelRoutes: Sendable {
    private static let root = "/loki/api/v1"
    private static let legacyRoot = "/api/prom"

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(Route.read, Self.root + "/labels") { .json(200, LabelAnswerWriter.writeValues(try await names($0))) },
            Route(Route.read, Self.root + "/label") { .json(200, LabelAnswerWriter.writeValues(try await names($0))) },
            Route(Route.read, Self.root + "/label/{name}/values") {
                .json(200, LabelAnswerWriter.writeValues(try await values($0)))
            },
            Route(Route.read, Self.root + "/series") { try await series($0) },
            Route(Route.read, Self.legacyRoot + "/label") {
                .json(200, LabelAnswerWriter.writeLegacyValues(try await names($0)))
            },
            Route(Route.read, Self.legacyRoot + "/label/{name}/values") {
                .json(200, LabelAnswerWriter.writeLegacyValues(try await values($0)))
            },
            Route(Route.read, Self.legacyRoot + "/series") { try await series($0) },
            Route(Route.read, Self.legacyRoot + "/query") { try await legacyQuery($0) },
        ]
    }

    private func names(_ call: Call) async throws -> [String] {
        let request = try request(call)
        let source = backend.source(call)
        var names = try await executor.labelNames(request, source: source)
        guard !call.identity.isUnbounded else { return names }
        // Names that others' labels have made metadata are no business of a token for a part.
        for name in backend.allDemotedNames() where names.contains(name) {
            if try await executor.labelValues(name, request, source: source).isEmpty { names.removeAll { $0 == name } }
        }
        return names
    }

    private func values(_ call: Call) async throws -> [String] {
        try await executor.labelValues(call.captures.first ?? "", try request(call), source: backend.source(call))
    }

    private func series(_ call: Call) async throws -> Answer {
        let request = LabelsRequest(range: try range(call), selectors: call.parameters.all("match[]", "match"))
        return .json(
            200, LabelAnswerWriter.writeSeries(try await executor.series(request, source: backend.source(call))))
    }

    /// Log queries only; `regexp` is one more line filter.
    private func legacyQuery(_ call: Call) async throws -> Answer {
        let range = try RangeParameters(
            call.parameters, now: backend.clock.nowNanoseconds(), pointsLimit: backend.limits.queryPoints.value)
        var text = range.query
        if let pattern = call.parameters.value("regexp") { text += " |~ " + LabelSet.quoted(pattern) }
        let answer = try await executor.counted(text, range.forExecutor, call.identity, backend)
        guard case .streams(let streams) = answer.result else {
            throw ParameterError("legacy endpoints only support log queries")
        }
        return .json(200, LabelAnswerWriter.writeLegacyStreams(streams, answer.statistics))
    }

    private func request(_ call: Call) throws(ParameterError) -> LabelsRequest {
        let selectors = call.parameters.value("query").map { [$0] } ?? []
        // Unlike entries and series, labels of an entry at the very end belong to the answer, as in the reference.
        var range = try range(call)
        range.end = range.end.addingReportingOverflow(range.end == .max ? 0 : 1).partialValue
        return LabelsRequest(range: range, selectors: selectors)
    }

    private func range(_ call: Call) throws(ParameterError) -> TimeRange {
        let bounds = try TimeParameters.bounds(call.parameters, now: backend.clock.nowNanoseconds())
        if bounds.end < bounds.start {
            throw ParameterError("end timestamp must not be before or equal to start time")
        }
        return TimeRange(start: bounds.start, end: bounds.end)
    }
}
