import Bytes
import Grafana
import Model
import Query
import Store

/// Loki's routes on what is stored: statistics, volumes, labels and fields worth filtering by, patterns.
struct ExploreRoutes: Sendable {
    private static let root = "/loki/api/v1"
    private static let standardFields = 1000

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(Route.read, Self.root + "/index/stats") { try await statistics($0) },
            Route(Route.read, Self.root + "/index/volume") { try await volume($0, hasSteps: false) },
            Route(Route.read, Self.root + "/index/volume_range") { try await volume($0, hasSteps: true) },
            Route(Route.read, Self.root + "/detected_labels") { try await labels($0) },
            Route(Route.read, Self.root + "/detected_fields") { try await fields($0) },
            Route(Route.read, Self.root + "/detected_field/{name}/values") { try await values($0) },
            Route(Route.read, Self.root + "/patterns") { try await patterns($0) },
        ]
    }

    private func statistics(_ call: Call) async throws -> Answer {
        let range = try range(call)
        let statistics = try await executor.indexStatistics(
            range.query, TimeRange(start: range.start, end: range.end), source: backend.source(call))
        return .json(200, ExploreAnswerWriter.write(statistics))
    }

    private func volume(_ call: Call, hasSteps: Bool) async throws -> Answer {
        let range = try range(call)
        var request = VolumeRequest(range: TimeRange(start: range.start, end: range.end), selector: range.query)
        request.limit = try number(call, "limit", allowsZero: true).flatMap { $0 == 0 ? nil : $0 } ?? request.limit
        request.targetLabels = (call.parameters.value("targetLabels") ?? "").split(separator: ",").map(String.init)
        if let text = call.parameters.value("aggregateBy") {
            guard let grouping = VolumeRequest.Grouping(rawValue: text) else {
                throw ParameterError("invalid aggregation option")
            }
            request.grouping = grouping
        }
        if hasSteps { request.stepNanoseconds = range.stepNanoseconds }
        let answer = try await executor.volumes(request, source: backend.source(call))
        return await backend.scheduler.run(.query) { .json(200, QueryAnswerWriter.write(answer)) }
    }

    private func labels(_ call: Call) async throws -> Answer {
        let range = try range(call)
        let request = LabelsRequest(
            range: TimeRange(start: range.start, end: range.end),
            selectors: call.parameters.value("query").map { [$0] } ?? [])
        return .json(
            200, ExploreAnswerWriter.write(try await executor.detectedLabels(request, source: backend.source(call))))
    }

    private func fields(_ call: Call) async throws -> Answer {
        let request = try fieldsRequest(call)
        let fields = try await executor.detectedFields(request, source: backend.source(call))
        return .json(200, ExploreAnswerWriter.write(fields, limit: request.limit))
    }

    private func values(_ call: Call) async throws -> Answer {
        let request = try fieldsRequest(call)
        let values = try await executor.detectedValues(
            of: call.captures.first ?? "", request, source: backend.source(call))
        return .json(200, ExploreAnswerWriter.write(values: values, limit: request.limit))
    }

    private func patterns(_ call: Call) async throws -> Answer {
        let range = try range(call)
        let request = PatternsRequest(
            range: TimeRange(start: range.start, end: range.end), selector: range.query,
            stepNanoseconds: range.stepNanoseconds)
        return .json(200, ExploreAnswerWriter.write(try await executor.patterns(request, source: backend.source(call))))
    }

    private func fieldsRequest(_ call: Call) throws(ParameterError) -> FieldsRequest {
        let range = try range(call)
        var request = FieldsRequest(range: TimeRange(start: range.start, end: range.end), query: range.query)
        request.lineLimit = try number(call, "line_limit") ?? request.lineLimit
        let legacyLimit = try number(call, "field_limit")
        request.limit = try number(call, "limit") ?? legacyLimit ?? Self.standardFields
        return request
    }

    /// The range and step; what `limit` means is each route's own matter.
    private func range(_ call: Call) throws(ParameterError) -> RangeParameters {
        try RangeParameters(
            RequestParameters(call.parameters, without: "limit"), now: backend.clock.nowNanoseconds(),
            pointsLimit: backend.limits.queryPoints.value)
    }

    private func number(
        _ call: Call, _ name: String, allowsZero: Bool = false
    ) throws(ParameterError) -> Int? {
        guard let text = call.parameters.value(name) else { return nil }
        guard let number = Int(text) else {
            throw ParameterError("strconv.Atoi: parsing \(LabelSet.quoted(text)): invalid syntax")
        }
        if number < (allowsZero ? 0 : 1) { throw ParameterError("limit must be a positive value") }
        return number
    }
}
