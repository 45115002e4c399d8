import Bytes
import LogQL
import Model
import Query

/// What `/api/v1/query` is asked for.
struct QueryRequest: Sendable {
    enum Format: String, CaseIterable, Sendable {
        case ndjson, csv, text, json

        var contentType: String {
            switch self {
            case .ndjson: "application/x-ndjson"
            case .csv: "text/csv; charset=utf-8"
            case .text: "text/plain; charset=utf-8"
            case .json: "application/json; charset=UTF-8"
            }
        }
    }

    /// Entries of a JSON answer where no limit is given; the other formats have none.
    private static let jsonLimit = 100

    let text: String
    let expression: Expression
    let format: Format
    var parameters: QueryParameters
    /// Entries in all; nil for as many as there are.
    let limit: Int?
    /// Where an earlier answer ended.
    let position: EntryPosition?
    /// Labels that become columns of CSV.
    let columns: [String]
    let explains: Bool

    init(_ call: Call, _ executor: QueryExecutor, now: Int64, pointsLimit: Int) throws {
        let given = call.parameters
        text = given.first("query") ?? given.first("q") ?? ""
        expression = try executor.parse(text, dialect: .dendro)
        format = try QueryRequest.format(given.value("format"), accept: call.header("Accept"))
        explains = QueryRequest.isSet(given.value("explain"))
        columns = (given.value("fields") ?? "").split(separator: ",").map { String($0.filter { $0 != " " }) }
        if expression.isMetric {
            parameters = try QueryRequest.numbers(given, now, pointsLimit)
            (limit, position) = (nil, nil)
        } else {
            let bounds = try TimeParameters.bounds(given, now: now)
            if bounds.end < bounds.start { throw ParameterError("end lies before start") }
            parameters = QueryParameters(range: bounds.start, bounds.end)
            parameters.direction = try QueryRequest.isForward(given) ? .forward : .backward
            limit =
                given.value("limit") == nil
                ? (format == .json ? QueryRequest.jsonLimit : nil) : try TimeParameters.limit(given)
            position = try given.value("cursor").map { text throws(ParameterError) in try QueryRequest.cursor(text) }
        }
        parameters.dialect = .dendro
        parameters.client = call.client
    }

    static func isSet(_ text: String?) -> Bool { text == "1" || text == "true" }

    /// Metric queries without a range are asked for one moment.
    private static func numbers(
        _ given: RequestParameters, _ now: Int64, _ pointsLimit: Int
    ) throws(ParameterError) -> QueryParameters {
        guard ["start", "end", "since", "step"].contains(where: { given.value($0) != nil }) else {
            let time = try given.value("time").map { text throws(ParameterError) in
                try TimeParameters.time(text, name: "time")
            }
            return QueryParameters(instant: time ?? now)
        }
        return try RangeParameters(given, now: now, pointsLimit: pointsLimit).forExecutor
    }

    private static func isForward(_ given: RequestParameters) throws(ParameterError) -> Bool {
        switch given.value("order") {
        case nil: return try RangeParameters.direction(given)
        case "asc": return true
        case "desc": return false
        case let other?: throw ParameterError("order is asc or desc, not '\(other)'")
        }
    }

    private static func format(_ name: String?, accept: String?) throws(ParameterError) -> Format {
        if let name {
            if let format = Format(rawValue: name) { return format }
            throw ParameterError("format is ndjson, csv, text or json, not '\(name)'")
        }
        for part in (accept ?? "").lowercased().split(separator: ",") {
            switch part.prefix(while: { $0 != ";" }).filter({ $0 != " " }) {
            case "application/x-ndjson": return .ndjson
            case "text/csv": return .csv
            case "text/plain": return .text
            case "application/json": return .json
            default: continue
            }
        }
        return .ndjson
    }

    private static func cursor(_ text: String) throws(ParameterError) -> EntryPosition {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "q", let time = Int64(parts[1]), let count = Int(parts[2]), count > 0,
            count <= 1 << 30
        else { throw ParameterError("the cursor is not one that this server gave out") }
        return EntryPosition(time: time, count: count)
    }
}

extension EntryPosition {
    /// The position as clients send it back.
    var cursor: String { "q_\(time)_\(count)" }
}
