import Access
import Bytes
import Errors
import LogQL
import Model
import Query
import Receive

/// `GET /api/v1/observability/logs`: log lines for people with curl, and one line with what stands around it.
struct ObservabilityLogs: Sendable {
    static let entriesLimit = 5000
    /// How far away the lines around a line may be.
    private static let contextNanoseconds = Nanoseconds.perDay
    /// Entries of one instant that are looked through for one of them.
    private static let instantLimit = 10_000

    let backend: Backend
    /// Lets a page ask for more entries than a Loki query may, by the entries of one instant that earlier pages showed.
    let executor: QueryExecutor

    var routes: [Route] {
        [
            ObservabilityRoute.make("logs") { try await list($0) },
            ObservabilityRoute.make("logs/{id}") { try await one($0) },
            ObservabilityRoute.make("logs/{id}/context") { try await around($0) },
        ]
    }

    // MARK: Pages

    private func list(_ call: Call) async throws -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let request = try LogsRequest(call.parameters, now: now)
        var shown: Set<String> = []
        if let instant = request.resumedInstant, request.skippedEntries > 0 {
            // The order of entries of one instant is stable, so the first of them are those that were shown.
            let range = TimeRange(start: max(instant, request.start), end: min(instant + 1, request.end))
            let (streams, _) = try await find(
                request.query, range, request.skippedEntries, isAscending: request.isAscending, call)
            shown = LogsPage(streams, request).ids
        }
        let range = TimeRange(start: request.start, end: request.end)
        let (streams, found) = try await find(
            request.query, range, request.limit + request.skippedEntries, isAscending: request.isAscending, call)
        var page = LogsPage(streams, request, shown: shown)
        page.name { backend.errorID(of: $0, call.identity) }
        page.scannedBytes = found.statistics.rawBytes
        page.warnings = found.warnings
        if request.countsAll, page.next != nil || request.resumedInstant != nil {
            var counts = LineCounts(backend, executor, call.identity)
            let whole = try LogsRequest.range(call.parameters, now: now)
            page.total = try await counts.total(request.query, in: TimeRange(start: whole.start, end: whole.end))
            page.scannedBytes += counts.scannedBytes
        }
        if request.contextLines > 0 {
            for line in page.lines {
                let sides = try await sides(of: line, "app", request.contextLines, request.contextLines, call)
                var member = [UInt8](",\"context\":".utf8)
                JSONValue.object([
                    ("before", .array(sides.before.map(\.json))), ("after", .array(sides.after.map(\.json))),
                ])
                .append(to: &member)
                page.context.append(member)
            }
        }
        page.tookMilliseconds = Int((Machine.monotonicNanoseconds() - began) / Nanoseconds.perMillisecond)
        return answer(page, request.format, now)
    }

    private func answer(_ page: LogsPage, _ format: LogsRequest.Format, _ now: Int64) -> Answer {
        switch format {
        case .json: .json(200, page.json(now: now))
        case .ndjson: Answer(status: 200, headers: [("Content-Type", "application/x-ndjson")], body: page.ndjson())
        case .csv: Answer(status: 200, headers: [("Content-Type", "text/csv; charset=utf-8")], body: page.csv())
        case .text: Answer(status: 200, headers: [("Content-Type", "text/plain; charset=utf-8")], body: page.text())
        }
    }

    private func find(
        _ query: String, _ range: TimeRange, _ limit: Int, isAscending: Bool, _ call: Call
    ) async throws -> (streams: [LogStream], answer: QueryAnswer) {
        let parameters = QueryParameters(
            range: range.start, range.end, limit: limit, direction: isAscending ? .forward : .backward,
            categorizesLabels: true, dialect: .dendro)
        let answer = try await executor.counted(query, parameters, call.identity, backend)
        guard case .streams(let streams) = answer.result else {
            throw ParameterError("q is a metric query; this route answers with lines")
        }
        return (streams, answer)
    }

    // MARK: One line

    private static let unknown = ErrorAnswers.observability(404, "there is no such log line", code: "not_found")

    private func one(_ call: Call) async throws -> Answer {
        guard let line = try await line(call.captures.first ?? "", call) else { return Self.unknown }
        return line.json.answer()
    }

    private func line(_ id: String, _ call: Call) async throws -> ShownLine? {
        guard let time = ShownLine.time(ofID: id), time < .max else { return nil }
        let (streams, _) = try await find(
            "{}", TimeRange(start: time, end: time + 1), Self.instantLimit, isAscending: true, call)
        guard var line = ShownLine.lines(streams, isAscending: true).first(where: { $0.id == id }) else { return nil }
        line.errorID = backend.errorID(of: line, call.identity)
        return line
    }

    /// The line at an instant that `isWanted`.
    func line(at time: Int64, _ call: Call, _ isWanted: (ShownLine) -> Bool) async throws -> ShownLine? {
        guard time < .max else { return nil }
        let (streams, _) = try await find(
            "{}", TimeRange(start: time, end: time + 1), 100, isAscending: true, call)
        return ShownLine.lines(streams, isAscending: true).first(where: isWanted)
    }

    private func around(_ call: Call) async throws -> Answer {
        let before = try ObservabilityParameters.whole(call.parameters, "before", 0...1000) ?? 20
        let after = try ObservabilityParameters.whole(call.parameters, "after", 0...1000) ?? 20
        let same = call.parameters.value("same") ?? "app"
        guard ["app", "trace", "stream"].contains(same) else {
            throw ParameterError("same is app, trace or stream, not '\(same)'")
        }
        let began = Machine.monotonicNanoseconds()
        guard let line = try await line(call.captures.first ?? "", call) else { return Self.unknown }
        let sides = try await sides(of: line, same, before, after, call)
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        return JSONValue.object([
            ("count", .int(sides.before.count + sides.after.count + 1)), ("log", line.json),
            ("before", .array(sides.before.map(\.json))), ("after", .array(sides.after.map(\.json))),
            ("timestamp", .time(backend.clock.nowNanoseconds())),
            ("stats", ["scanned_bytes": .int(sides.scannedBytes), "took_ms": .optional(took), "partial": false]),
        ]).answer()
    }

    private struct Sides {
        /// Both in order of time.
        var before: [ShownLine] = []
        var after: [ShownLine] = []
        var scannedBytes = 0
    }

    /// What stands before and after a line, within a day, in its app, trace or stream.
    private func sides(
        of line: ShownLine, _ same: String, _ before: Int, _ after: Int, _ call: Call
    ) async throws -> Sides {
        var sides = Sides()
        guard line.time < .max, let query = Self.selector(of: line, same) else { return sides }
        // Lines of the same instant: those in front of it, in the order of lists, are before it.
        let (instant, _) = try await find(
            query, TimeRange(start: line.time, end: line.time + 1), Self.instantLimit, isAscending: true, call)
        let beside = ShownLine.lines(instant, isAscending: true)
        let place = beside.firstIndex { $0.id == line.id } ?? 0
        sides.before = beside[..<place].suffix(before)
        sides.after = Array(beside.dropFirst(place + 1).prefix(after))
        if sides.before.count < before {
            let start = max(line.time.subtractingReportingOverflow(Self.contextNanoseconds).partialValue, 0)
            let (streams, answer) = try await find(
                query, TimeRange(start: min(start, line.time), end: line.time), before - sides.before.count,
                isAscending: false, call)
            sides.before = ShownLine.lines(streams, isAscending: false).reversed() + sides.before
            sides.scannedBytes += answer.statistics.rawBytes
        }
        if sides.after.count < after {
            let end = line.time.addingReportingOverflow(Self.contextNanoseconds)
            let (streams, answer) = try await find(
                query, TimeRange(start: line.time + 1, end: end.overflow ? .max : end.partialValue),
                after - sides.after.count, isAscending: true, call)
            sides.after += ShownLine.lines(streams, isAscending: true)
            sides.scannedBytes += answer.statistics.rawBytes
        }
        return sides
    }

    /// The lines that a line's neighbours are looked for among; nil if it has none: no trace to share.
    private static func selector(of line: ShownLine, _ same: String) -> String? {
        func matchers(_ pairs: [(name: String, value: String)]) -> String {
            "{" + pairs.map { "\($0.name)=\(LabelSet.quoted($0.value))" }.joined(separator: ", ") + "}"
        }
        switch same {
        case "stream": return matchers(line.labels.pairs)
        case "trace": return line.traceID.map { matchers([("trace_id", $0)]) }
        default:
            // Lines without an app have the neighbours of their stream.
            return line.labels.value(of: "app").map { matchers([("app", $0)]) } ?? matchers(line.labels.pairs)
        }
    }
}

extension Backend {
    /// The group that counts a line, or nil if it is no error or errors are not observed.
    func errorID(of line: ShownLine, _ identity: Identity) -> String? {
        errors?.id(
            of: line.entry.line, time: line.time, metadata: line.entry.metadata, labels: line.labels, identity.tenant)
    }
}
