import Model
import Push
import Query
import Receive

/// How everything that goes wrong, and what becomes of a push, is told over HTTP. Loki's routes speak plain text,
/// ours JSON.
enum ErrorAnswers {
    // MARK: - Push

    /// The answer to a push whose valid entries are stored.
    static func stored(_ receipt: Receipt, _ result: ReceiveResult, as form: PushAnswerForm) -> Answer {
        switch form {
        case .loki:
            guard let text = result.lokiErrorText else { return .noContent }
            return .text(400, text + "\n")
        case .otlp(let form):
            let taken = receipt.acceptedRows + receipt.duplicateRows
            guard taken > 0 else { return otlp(400, result.lokiErrorText ?? "no record was taken") }
            let type = form == .json ? "application/json" : "application/x-protobuf"
            return Answer(status: 200, headers: [("Content-Type", type)], body: OTLPPush.answer(result, form))
        case .plain:
            let taken = receipt.acceptedRows + receipt.duplicateRows
            return .json(
                taken > 0 ? 200 : 400,
                PlainPush.receipt(accepted: receipt.acceptedRows, duplicates: receipt.duplicateRows, result: result))
        }
    }

    /// The answer to a push that was refused as a whole.
    static func refused(_ error: ReceiveError, as form: PushAnswerForm) -> Answer {
        switch form {
        case .loki: .text(error.status, error.message + "\n")
        case .plain: .json(error.status, PlainPush.receipt(refused: error))
        case .otlp: otlp(error.status, error.message)
        }
    }

    /// The answer to a push that may be tried again. Loki's clients retry 429 and 5xx and drop on any other 4xx.
    static func pushedBack(_ error: IngestError, as form: PushAnswerForm) -> Answer {
        switch error {
        case .overloaded(let seconds):
            return retry(429, "too many entries are waiting to be stored; try again", after: seconds, as: form)
        case .storageUnavailable(let reason, let seconds):
            if case .plain = form { return retry(507, "nothing can be stored: \(reason)", after: seconds, as: form) }
            return retry(503, "nothing can be stored: \(reason)", after: seconds, as: form)
        case .stopping:
            return retry(503, "the server is stopping", after: 1, as: form)
        }
    }

    static func retry(_ status: Int, _ text: String, after seconds: Int, as form: PushAnswerForm) -> Answer {
        switch form {
        case .loki: .text(status, text + "\n", retryAfterSeconds: max(1, seconds))
        case .plain: .json(status, detail(text, code: "try_again"), retryAfterSeconds: max(1, seconds))
        case .otlp: otlp(status, text, retryAfterSeconds: max(1, seconds))
        }
    }

    /// An error as exporters expect it. They try again on 429, 502, 503 and 504 and drop on any other 4xx.
    private static func otlp(_ status: Int, _ text: String, retryAfterSeconds: Int? = nil) -> Answer {
        var answer = Answer(
            status: status,
            headers: [("Content-Type", "application/octet-stream"), ("X-Content-Type-Options", "nosniff")],
            body: OTLPPush.status(text))
        if let retryAfterSeconds { answer.headers.append(("Retry-After", String(retryAfterSeconds))) }
        return answer
    }

    // MARK: - Requests before they reach a route

    /// A request that is too large to be read.
    static func tooLarge(limitBytes: Int) -> Answer {
        .text(413, "request body too large: message size too large than max (\(limitBytes))\n")
    }

    static let notFound = Answer.text(404, "404 page not found\n")

    // MARK: - Queries

    /// Parameters that cannot be read.
    static func parameter(_ error: ParameterError) -> Answer { .text(400, error.message) }

    /// A query without an answer. 4xx texts are shown to people by Grafana, so they say what to do.
    static func query(_ error: QueryError) -> Answer {
        .text(status(error), error.message, retryAfterSeconds: error.kind == .overloaded ? 1 : nil)
    }

    static func status(_ error: QueryError) -> Int {
        switch error.kind {
        case .parse, .invalid, .limit, .pipeline, .matching, .unsupported: 400
        case .timeout: 504
        case .cancelled: 499
        case .overloaded: 503
        case .failed: 500
        }
    }

    /// Whatever a route of Loki's threw.
    static func failed(_ error: any Error) -> Answer {
        switch error {
        case let error as ParameterError: parameter(error)
        case let error as QueryError: query(error)
        case is CancellationError: query(QueryError(.cancelled, "the request was cancelled by the client"))
        default: .text(500, "the request failed: \(error)")
        }
    }

    /// The same for our own routes.
    static func observability(_ status: Int, _ text: String, code: String) -> Answer {
        .json(status, detail(text, code: code))
    }

    /// `{"detail":"…","code":"…"}` with a newline.
    static func detail(_ text: String, code: String) -> [UInt8] {
        var out = [UInt8]("{\"detail\":".utf8)
        JSONText.append(text, to: &out)
        out.append(contentsOf: ",\"code\":".utf8)
        JSONText.append(code, to: &out)
        out.append(contentsOf: "}\n".utf8)
        return out
    }
}
