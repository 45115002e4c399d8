import LogQL
import Model
import NIOHTTP1
import Query

/// Which form the messages of a live tail have.
enum TailForm: Sendable, Hashable {
    case streams
    /// That of the old path.
    case legacy

    /// The tail at `path`, or nil, with the name under which it is counted.
    static func at(_ path: String) -> (form: TailForm, name: String)? {
        switch path {
        case "/loki/api/v1/tail": (.streams, "loki_api_v1_tail")
        case "/api/prom/tail": (.legacy, "api_prom_tail")
        default: nil
        }
    }
}

/// What a client asks of a live tail, checked as far as it is before the connection becomes a WebSocket.
struct TailRequest: Sendable {
    var form: TailForm
    var expression: Expression
    /// Entries of the past to begin with, at most.
    var limit: Int
    /// Nanoseconds since 1970 from which on they are taken.
    var start: Int64
    /// How long entries are held back for others to come.
    var delayNanoseconds: Int64
    var encodingFlags: [String]

    /// Longest delay, in seconds.
    static let delayLimit = 5

    var categorizes: Bool { encodingFlags.contains("categorize-labels") }

    /// - Throws: `ParameterError` or `QueryError`, whose texts are those of the 400.
    init(
        _ form: TailForm, _ head: HTTPRequestHead, _ target: RoutePath, executor: QueryExecutor, now: Int64
    ) throws {
        self.form = form
        let parameters = try RequestParameters(query: target.query)
        expression = try executor.parse(parameters.first("query") ?? "")
        limit = try TimeParameters.limit(parameters)
        let hourAgo = now.subtractingReportingOverflow(Nanoseconds.perHour).partialValue
        start = try parameters.value("start").map { try TimeParameters.time($0, name: "start") } ?? hourAgo
        var delay = 0
        if let text = parameters.value("delay_for") {
            guard let seconds = Int(text) else {
                throw ParameterError("strconv.Atoi: parsing \(LabelSet.quoted(text)): invalid syntax")
            }
            delay = seconds
        }
        guard delay <= TailRequest.delayLimit else {
            throw ParameterError("delay_for can't be greater than \(TailRequest.delayLimit)")
        }
        guard delay >= 0 else { throw ParameterError("delay_for can't be less than 0") }
        delayNanoseconds = Int64(delay) * Nanoseconds.perSecond
        encodingFlags = QueryRoutes.list(head.headers.first(name: "X-Loki-Response-Encoding-Flags"))
    }

    /// Whether a request asks for a WebSocket.
    static func asksForUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    }

    /// The answer to a request that does not.
    static let badRequest: Answer = {
        var answer = Answer.text(400, "Bad Request\n")
        answer.headers.append(("Sec-Websocket-Version", "13"))
        return answer
    }()
}
