import Access
import Bytes
import LogQL
import Model
import Query
import Receive
import Requests

/// `GET /api/v1/observability/traces/{trace_id}`: all that is known of one id, in order of time, with the gaps between.
struct TraceRoutes: Sendable {
    /// Longest id, in bytes.
    private static let idLimit = 128
    private static let standardGapMilliseconds = 1000

    let backend: Backend
    let executor: QueryExecutor

    var routes: [Route] { [ObservabilityRoute.make("traces/{trace_id}") { try await trace($0) }] }

    private func trace(_ call: Call) async throws -> Answer {
        let began = Machine.monotonicNanoseconds()
        let now = backend.clock.nowNanoseconds()
        let id = call.captures.first ?? ""
        guard id.utf8.count <= Self.idLimit else {
            throw ParameterError("a trace id has at most \(Self.idLimit) bytes")
        }
        let limit =
            try ObservabilityParameters.whole(call.parameters, "limit", 1...ObservabilityLogs.entriesLimit) ?? 1000
        let least =
            try ObservabilityParameters.whole(call.parameters, "gap_ms", 0...86_400_000) ?? Self.standardGapMilliseconds
        // All that is kept, unless a range is given: the index of ids makes that cheap.
        let bounds = try LogsRequest.range(call.parameters, now: now, since: 3650 * Nanoseconds.perDay)
        let range = TimeRange(start: max(bounds.start, 0), end: bounds.end)
        var found = Found()
        for query in Self.queries(id, searchesText: call.parameters.value("since") != nil) {
            found = try await find(query, range, limit, call)
            if !found.lines.isEmpty { break }
        }
        if found.lines.isEmpty {
            return ErrorAnswers.observability(404, "nothing is known of trace '\(id)'", code: "not_found")
        }
        for index in found.lines.indices {
            found.lines[index].errorID = backend.errorID(of: found.lines[index], call.identity)
        }
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        return document(id, found, leastGap: Int64(least) * Nanoseconds.perMillisecond, limit: limit, now, took)
            .answer()
    }

    /// How an id may be stored, most likely first. Lines that only mention it are looked for where a range bounds that.
    private static func queries(_ id: String, searchesText: Bool) -> [String] {
        var queries: [String] = []
        for text in [id, id.lowercased(), id.uppercased()] {
            let query = "{trace_id=\(LabelSet.quoted(text))}"
            if !queries.contains(query) { queries.append(query) }
        }
        queries.append("{traceID=\(LabelSet.quoted(id))}")
        queries.append("{} | traceId=\(LabelSet.quoted(id))")
        if searchesText { queries.append("{} |= \(LabelSet.quoted(id))") }
        return queries
    }

    private struct Found {
        var lines: [ShownLine] = []
        var scannedBytes = 0
        var warnings: [String] = []
    }

    private func find(_ query: String, _ range: TimeRange, _ limit: Int, _ call: Call) async throws -> Found {
        let parameters = QueryParameters(
            range: range.start, range.end, limit: limit, direction: .forward, categorizesLabels: true, dialect: .dendro)
        let answer = try await executor.counted(query, parameters, call.identity, backend)
        guard case .streams(let streams) = answer.result else { return Found() }
        return Found(
            lines: ShownLine.lines(streams, isAscending: true), scannedBytes: answer.statistics.rawBytes,
            warnings: answer.warnings)
    }

    /// A line and what it is about.
    private struct Step {
        let line: ShownLine
        let request: SlowRequest?
        let isError: Bool
    }

    private func document(
        _ id: String, _ found: Found, leastGap: Int64, limit: Int, _ now: Int64, _ took: Double
    ) -> JSONValue {
        var reader = LineRequests()
        let errorLevels = LevelNames.errors
        let steps = found.lines.map { line in
            Step(
                line: line,
                request: reader.request(
                    time: line.time, line: line.entry.line, metadata: line.entry.metadata,
                    app: line.labels.value(of: "app") ?? "unknown"),
                isError: line.errorID != nil
                    || errorLevels.contains(line.entry.metadata.value(of: "detected_level") ?? ""))
        }
        let first = found.lines.first?.time ?? 0
        let last = found.lines.last?.time ?? 0
        var timeline: [JSONValue] = []
        var gaps: [JSONValue] = []
        for (index, step) in steps.enumerated() {
            let gap = index == 0 ? 0 : step.line.time - steps[index - 1].line.time
            let kind = step.isError ? "error" : step.request == nil ? "log" : "request"
            timeline.append([
                "kind": .text(kind), "timestamp": .time(step.line.time), "log_id": .text(step.line.id),
                "app": .optional(step.line.labels.value(of: "app")),
                "offset_ms": Self.milliseconds(step.line.time - first),
                "gap_ms": Self.milliseconds(gap),
            ])
            guard index > 0, gap >= leastGap else { continue }
            gaps.append([
                "from": .time(steps[index - 1].line.time), "to": .time(step.line.time),
                "gap_ms": Self.milliseconds(gap),
                "after": .text(steps[index - 1].line.id), "before": .text(step.line.id),
            ])
        }
        let errors = steps.filter(\.isError).map { step in
            JSONValue.object([
                ("timestamp", .time(step.line.time)), ("error_id", .optional(step.line.errorID)),
                ("app", .optional(step.line.labels.value(of: "app"))), ("log_id", .text(step.line.id)),
                ("message", .text(step.line.message)),
            ])
        }
        let requests = steps.compactMap { step in
            step.request.map { SlowRequestRoutes.request($0).adding("log_id", .text(step.line.id)) }
        }
        return [
            "trace_id": .text(id), "count": .int(steps.count), "total": .int(steps.count),
            "total_is_estimate": .bool(steps.count >= limit), "timestamp": .time(now), "start": .time(first),
            "end": .time(last), "duration_ms": Self.milliseconds(last - first),
            "apps": .array(Set(steps.compactMap { $0.line.labels.value(of: "app") }).sorted().map { .text($0) }),
            "logs": .array(steps.map(\.line.json)), "errors": .array(errors), "requests": .array(requests), "spans": [],
            "timeline": .array(timeline), "gaps": .array(gaps),
            "stats": [
                "scanned_bytes": .int(found.scannedBytes), "took_ms": .optional(took),
                "partial": .bool(!found.warnings.isEmpty),
            ],
        ]
    }

    private static func milliseconds(_ nanoseconds: Int64) -> JSONValue {
        .optional(Double(nanoseconds) / Double(Nanoseconds.perMillisecond))
    }
}
