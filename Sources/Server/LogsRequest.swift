import Bytes
import Model

/// What `/api/v1/observability/logs` and the routes below it are asked for, as a query.
struct LogsRequest: Sendable {
    enum Format: String, CaseIterable {
        case json, ndjson, csv, text
    }

    /// Lines around each line of a page, on either side, and how many lines such a page may have.
    static let contextLimit = 20
    static let contextPageLimit = 100

    let query: String
    var start: Int64
    var end: Int64
    let limit: Int
    let isAscending: Bool
    let format: Format
    /// Fields that are shown; nil for all.
    let columns: [String]?
    /// Lines shown before and after each.
    let contextLines: Int
    /// Whether all lines are counted where a page does not hold them.
    let countsAll: Bool
    /// The instant at which an earlier page ended, and how many of its entries were shown.
    private(set) var resumedInstant: Int64?
    private(set) var skippedEntries = 0

    init(_ parameters: RequestParameters, now: Int64) throws(ParameterError) {
        query = try LogsQuery.text(parameters)
        (start, end) = try LogsRequest.range(parameters, now: now)
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
            throw ParameterError("format is json, ndjson, csv or text")
        }
        self.format = format
        columns = parameters.value("fields").map { QueryRoutes.list($0) }
        contextLines = try ObservabilityParameters.whole(parameters, "context", 0...LogsRequest.contextLimit) ?? 0
        if contextLines > 0, limit > LogsRequest.contextPageLimit {
            throw ParameterError("with context, limit is at most \(LogsRequest.contextPageLimit)")
        }
        countsAll = QueryRequest.isSet(parameters.value("total"))
        if let text = parameters.value("cursor") { try resume(text) }
        if end < start { throw ParameterError("end lies before start") }
    }

    /// From `start` or `since` up to `end`, which is not part of it.
    static func range(
        _ parameters: RequestParameters, now: Int64, since standard: Int64 = Nanoseconds.perHour
    ) throws(ParameterError) -> (start: Int64, end: Int64) {
        let end =
            try parameters.value("end").map { text throws(ParameterError) in
                try ObservabilityParameters.instant(text, name: "end")
            } ?? now.addingReportingOverflow(1).partialValue
        if let text = parameters.value("start") {
            return (try ObservabilityParameters.instant(text, name: "start"), end)
        }
        var since = standard
        if let text = parameters.value("since") {
            guard let length = TimeParameters.prometheusDuration(text) else {
                throw ParameterError("since is a duration such as 15m, 24h or 7d")
            }
            since = length
        }
        let from = min(end, now).subtractingReportingOverflow(since)
        return (from.overflow ? .min : from.partialValue, end)
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
}

/// Parameters that say which lines are wanted, as LogQL.
enum LogsQuery {
    /// Names under which lines, or their metadata, carry what a parameter asks for.
    private static let fields: [(parameter: String, names: [String])] = [
        ("path", ["path", "url", "request_path", "http_path", "context_path", "record_extra_path"]),
        ("status", ["status_code", "status", "http_status", "http_status_code"]),
        ("logger", ["logger", "logger_name", "name", "record_name", "scope_name"]),
    ]

    /// `q` if it is a query, else a search for its text; the other parameters as further conditions.
    static func text(_ parameters: RequestParameters) throws(ParameterError) -> String {
        let q = parameters.value("q") ?? ""
        var text = selector(parameters, isPart: q.hasPrefix("{"))
        if q.hasPrefix("{") {
            text = q + text
        } else if q.hasPrefix("|") || q.hasPrefix("!=") || q.hasPrefix("!~") {
            text += " " + q
        } else if !q.isEmpty {
            text += " |= " + LabelSet.quoted(q)
        }
        if let levels = try LevelNames.wanted(parameters) {
            text += " | detected_level=~" + LabelSet.quoted(levels.joined(separator: "|"))
        }
        let conditions = conditions(parameters)
        if !conditions.isEmpty { text += " | json | logfmt" + conditions.map { " | " + $0 }.joined() }
        return text
    }

    /// The selector that `app`, `env` and `trace_id` make.
    /// - Parameter isPart: whether they follow another selector, as filters.
    static func selector(_ parameters: RequestParameters, isPart: Bool = false) -> String {
        let matchers = ["app", "env", "trace_id"].compactMap { name in
            parameters.value(name).map { "\(name)=\(LabelSet.quoted($0))" }
        }
        return isPart ? matchers.map { " | " + $0 }.joined() : "{" + matchers.joined(separator: ", ") + "}"
    }

    private static func conditions(_ parameters: RequestParameters) -> [String] {
        fields.compactMap { parameter, names in
            guard let value = parameters.value(parameter) else { return nil }
            var test = "=" + LabelSet.quoted(value)
            // 5xx: any of the class.
            if parameter == "status", value.lowercased().hasSuffix("xx"), let digit = value.first, digit.isNumber {
                test = "=~" + LabelSet.quoted("\(digit)..")
            }
            return (names.map { $0 + test } + [nested(names, value, isClass: test.hasPrefix("=~"))])
                .joined(separator: " or ")
        }
    }
}

extension LogsQuery {
    /// The same for access lines that loguru wrote, whose message is JSON as text: `{"path": "/orders/17", …}`.
    fileprivate static func nested(_ names: [String], _ value: String, isClass: Bool) -> String {
        let test = isClass ? "\"?\(value.prefix(1))[0-9]{2}" : "\"?" + escaped(value)
        let pattern = "(?s)[{].*\"(\(names.joined(separator: "|")))\": ?\(test)[\",}].*"
        return "record_message=~" + LabelSet.quoted(pattern)
    }

    /// Text that a regular expression matches as it is, or with escaped slashes as some writers of JSON have them.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { pattern, character in
            if character == "/" { pattern += "\\\\?" }
            if "\\.+*?()|[]{}^$".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
    }
}

/// Level names of the observability routes and the normalised ones they stand for.
enum LevelNames {
    private static let ascending: [[String]] = [
        ["trace"], ["debug"], ["info"], ["warn"], ["error"], ["critical", "fatal"],
    ]
    private static let shown = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

    /// The normalised levels that `level` (exactly) and `min_level` (this or graver) ask for; nil for all.
    static func wanted(_ parameters: RequestParameters) throws(ParameterError) -> [String]? {
        if let text = parameters.value("min_level"), let rank = try rank(text) {
            return ascending[rank...].flatMap { $0 }
        }
        guard let text = parameters.value("level"), let rank = try rank(text) else { return nil }
        return ascending[rank]
    }

    /// The normalised levels of errors.
    static var errors: [String] { ascending[4...].flatMap { $0 } }

    /// The name under which figures show a normalised level.
    static func name(_ level: String) -> String {
        ascending.firstIndex { $0.contains(level) }.map { shown[$0] } ?? level.uppercased()
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
