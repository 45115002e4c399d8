import Bytes
import LogQL
import Model
import Query

/// `GET /api/v1/observability/logs`: log lines for people with curl.
struct ObservabilityLogs: Sendable {
    static let entriesLimit = 5000

    let backend: Backend
    /// Lets a page ask for more entries than a Loki query may, by the entries of one instant that earlier pages showed.
    let executor: QueryExecutor

    var routes: [Route] {
        [
            Route(Route.get, "/api/v1/observability/logs") { call in
                do {
                    return try await answer(call)
                } catch let error as ParameterError {
                    return ErrorAnswers.observability(400, error.message, code: "invalid_parameter")
                } catch let error as QueryError {
                    return ErrorAnswers.observability(
                        ErrorAnswers.status(error), error.message, code: error.kind.rawValue)
                }
            }
        ]
    }

    private func answer(_ call: Call) async throws -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let request = try LogsRequest(call.parameters, now: now)
        var shown: Set<String> = []
        if let instant = request.resumedInstant, request.skippedEntries > 0 {
            // The order of entries of one instant is stable, so the first of them are those that were shown.
            let range = (start: max(instant, request.start), end: min(instant + 1, request.end))
            let (streams, _) = try await find(request, range, limit: request.skippedEntries, call)
            shown = LogsPage(streams, request).ids
        }
        let limit = request.limit + request.skippedEntries
        let (streams, found) = try await find(request, (request.start, request.end), limit: limit, call)
        var page = LogsPage(streams, request, shown: shown)
        page.tookMilliseconds = Int((Machine.monotonicNanoseconds() - began) / Nanoseconds.perMillisecond)
        page.scannedBytes = found.statistics.rawBytes
        page.warnings = found.warnings
        switch request.format {
        case .json: return .json(200, page.json(now: now))
        case .ndjson:
            return Answer(status: 200, headers: [("Content-Type", "application/x-ndjson")], body: page.ndjson())
        case .text:
            return Answer(status: 200, headers: [("Content-Type", "text/plain; charset=utf-8")], body: page.text())
        }
    }

    private func find(
        _ request: LogsRequest, _ range: (start: Int64, end: Int64), limit: Int, _ call: Call
    ) async throws -> (streams: [LogStream], answer: QueryAnswer) {
        let parameters = QueryParameters(
            range: range.start, range.end, limit: limit, direction: request.isAscending ? .forward : .backward,
            categorizesLabels: true, dialect: .dendro)
        let answer = try await executor.counted(request.query, parameters, call.identity, backend)
        guard case .streams(let streams) = answer.result else {
            throw ParameterError("q is a metric query; this route answers with lines")
        }
        return (streams, answer)
    }
}

/// What is asked for, as a query.
struct LogsRequest: Sendable {
    enum Format: String, CaseIterable {
        case json, ndjson, text
    }

    let query: String
    var start: Int64
    var end: Int64
    let limit: Int
    let isAscending: Bool
    let format: Format
    /// The instant at which an earlier page ended, and how many of its entries were shown.
    private(set) var resumedInstant: Int64?
    private(set) var skippedEntries = 0

    init(_ parameters: RequestParameters, now: Int64) throws(ParameterError) {
        query = try LogsRequest.query(parameters)
        end =
            try parameters.value("end").map { text throws(ParameterError) in
                try ObservabilityParameters.instant(text, name: "end")
            } ?? now.addingReportingOverflow(1).partialValue
        if let text = parameters.value("start") {
            start = try ObservabilityParameters.instant(text, name: "start")
        } else {
            guard let since = TimeParameters.prometheusDuration(parameters.value("since") ?? "1h") else {
                throw ParameterError("since is a duration such as 15m, 24h or 7d")
            }
            let from = min(end, now).subtractingReportingOverflow(since)
            start = from.overflow ? .min : from.partialValue
        }
        limit = try TimeParameters.limit(parameters)
        if limit > ObservabilityLogs.entriesLimit {
            throw ParameterError("limit is at most \(ObservabilityLogs.entriesLimit)")
        }
        switch parameters.value("order") ?? "desc" {
        case "asc": isAscending = true
        case "desc": isAscending = false
        case let other: throw ParameterError("order is asc or desc, not '\(other)'")
        }
        guard let format = Format(rawValue: parameters.value("format") ?? "json") else {
            throw ParameterError("format is json, ndjson or text")
        }
        self.format = format
        if let text = parameters.value("cursor") { try resume(text) }
        if end < start { throw ParameterError("end lies before start") }
    }

    /// Goes on where the page that gave out the cursor `text` ended: at its last instant, behind what it showed of it.
    private mutating func resume(_ text: String) throws(ParameterError) {
        let parts = text.split(separator: "_")
        guard parts.count == 3, parts[0] == "c", let time = Int64(parts[1]), let count = Int(parts[2]),
            (0...ObservabilityLogs.entriesLimit * 2).contains(count), time < .max
        else { throw ParameterError("the cursor is not one that this server gave out") }
        if isAscending { start = max(start, time) } else { end = min(end, time + 1) }
        (resumedInstant, skippedEntries) = (time, count)
    }

    /// The query in LogQL: `q` if it is one, else a search for its text; the other parameters as further conditions.
    private static func query(_ parameters: RequestParameters) throws(ParameterError) -> String {
        let q = parameters.value("q") ?? ""
        var matchers: [String] = []
        for (parameter, label) in [("app", "app"), ("env", "env"), ("trace_id", "trace_id")] {
            if let value = parameters.value(parameter) { matchers.append("\(label)=\(LabelSet.quoted(value))") }
        }
        var text: String
        if q.hasPrefix("{") {
            text = q + matchers.map { " | " + $0 }.joined()
        } else {
            text = "{" + matchers.joined(separator: ", ") + "}"
            if q.hasPrefix("|") || q.hasPrefix("!=") || q.hasPrefix("!~") {
                text += " " + q
            } else if !q.isEmpty {
                text += " |= " + LabelSet.quoted(q)
            }
        }
        if let levels = try LevelNames.wanted(parameters) {
            text += " | detected_level=~" + LabelSet.quoted(levels.joined(separator: "|"))
        }
        return text
    }
}

/// Level names of the observability routes and the normalised ones they stand for.
enum LevelNames {
    private static let ascending: [[String]] = [
        ["trace"], ["debug"], ["info"], ["warn"], ["error"], ["critical", "fatal"],
    ]

    /// The normalised levels that `level` (exactly) and `min_level` (this or graver) ask for; nil for all.
    static func wanted(_ parameters: RequestParameters) throws(ParameterError) -> [String]? {
        if let text = parameters.value("min_level"), let rank = try rank(text) {
            return ascending[rank...].flatMap { $0 }
        }
        guard let text = parameters.value("level"), let rank = try rank(text) else { return nil }
        return ascending[rank]
    }

    private static func rank(_ text: String) throws(ParameterError) -> Int? {
        switch text.lowercased() {
        case "all", "*": return nil
        case "trace", "trc": return 0
        case "debug", "dbg": return 1
        case "info", "inf", "information", "notice": return 2
        case "warn", "warning", "wrn": return 3
        case "error", "err": return 4
        case "critical", "fatal", "crit", "alert", "emerg", "emergency", "panic": return 5
        default:
            throw ParameterError("level is one of ALL, TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL, not '\(text)'")
        }
    }
}
