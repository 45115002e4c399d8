import Access
import Bytes
import LogQL
import Model
import Query
import Receive
import Store

/// What log lines are made of: `logs/fields` and `logs/patterns`.
struct LogShapes: Sendable {
    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] {
        [
            ObservabilityRoute.make("logs/fields") { try await fields($0) },
            ObservabilityRoute.make("logs/patterns") { try await patterns($0) },
        ]
    }

    private func fields(_ call: Call) async throws -> Answer {
        let began = Machine.monotonicNanoseconds()
        let now = backend.clock.nowNanoseconds()
        let bounds = try LogsRequest.range(call.parameters, now: now)
        var request = FieldsRequest(
            range: TimeRange(start: bounds.start, end: bounds.end), query: try LogsQuery.text(call.parameters))
        request.dialect = .dendro
        request.lineLimit = try ObservabilityParameters.whole(call.parameters, "lines", 1...5000) ?? 1000
        request.limit = try ObservabilityParameters.whole(call.parameters, "limit", 1...1000) ?? 200
        let source = backend.source(call)
        if let name = call.parameters.value("field") {
            let values = try await executor.detectedValues(of: name, request, source: source)
            return document(
                [("field", .text(name)), ("values", .array(values.map { .text($0) }))], values.count, began, now)
        }
        let found = try await executor.detectedFields(request, source: source)
        let fields = found.map { field -> JSONValue in
            [
                "name": .text(field.name), "type": .text(field.type.rawValue), "cardinality": .int(field.cardinality),
                "parsers": .array(field.parsers.map { .text($0) }),
                "path": .array(field.jsonPath.map { .text($0) }),
            ]
        }
        return document(
            [("fields", .array(fields)), ("sampled_lines", .int(request.lineLimit))], fields.count, began, now)
    }

    private func patterns(_ call: Call) async throws -> Answer {
        let began = Machine.monotonicNanoseconds()
        let now = backend.clock.nowNanoseconds()
        let bounds = try LogsRequest.range(call.parameters, now: now)
        let range = TimeRange(start: max(bounds.start, 0), end: bounds.end)
        let step = try ObservabilityParameters.whole(call.parameters, "step_s", 1...31_536_000) ?? 60
        var request = PatternsRequest(
            range: range, selector: call.parameters.value("q") ?? LogsQuery.selector(call.parameters),
            stepNanoseconds: Int64(step) * Nanoseconds.perSecond)
        request.allowsAll = true
        let levels = try LevelNames.wanted(call.parameters)
        let limit = try ObservabilityParameters.whole(call.parameters, "limit", 1...1000) ?? 50
        let answer = try await executor.patterns(request, source: backend.source(call))
        let wanted = answer.patterns.filter { pattern in levels.map { $0.contains(pattern.level) } ?? true }
        let patterns = wanted.prefix(limit).map { pattern -> JSONValue in
            [
                "pattern": .text(pattern.text), "level": .text(LevelNames.name(pattern.level)),
                "count": .int(pattern.counts.reduce(0) { $0 + $1.lines }),
                "series": .array(pattern.counts.map { ["t": .time($0.time), "count": .int($0.lines)] }),
            ]
        }
        return document(
            [("patterns", .array(patterns)), ("warnings", .array(answer.warnings.map { .text($0) }))], wanted.count,
            began,
            now, shown: patterns.count)
    }

    private func document(
        _ members: [(name: String, value: JSONValue)], _ total: Int, _ began: Int64, _ now: Int64, shown: Int? = nil
    ) -> Answer {
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        return JSONValue.object(
            [("count", .int(shown ?? total)), ("total", .int(total)), ("next", nil)] + members + [
                ("timestamp", .time(now)),
                ("stats", ["scanned_bytes": 0, "took_ms": .optional(took), "partial": false]),
            ]
        ).answer()
    }
}
