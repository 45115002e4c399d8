import Access
import Bytes
import Model
import Receive

/// What of a request says who asks, wherever it is looked at.
struct AuthRequest {
    var authorization: String?
    /// Of the URL, where a client cannot send headers: WebSockets of browsers.
    var parameterToken: String?
    var tenant: String?
    /// Set by browsers: the page that the request comes from. Nil for OPTIONS, which changes nothing.
    var origin: String?
    var host: String?
}

/// Decides who may do what. Asked twice for most requests: by the front handler before a body is read, and by the
/// routes behind it, which rely on nobody.
struct AuthDoor: Sendable {
    let access: AccessControl
    let clock: any WallClock
    let crossOrigin: CrossOrigin

    /// Who asks for a route with this need, if that is allowed.
    /// - Parameter need: nil for paths that are no route: they tell nothing to somebody without a token.
    func judge(_ request: AuthRequest, need: Need?) -> Result<Identity, Denial> {
        if need == .nothing { return .success(.anybody) }
        let token = request.authorization.flatMap { Credential.token(authorization: $0) } ?? request.parameterToken
        let identity: Identity
        switch access.identity(token: token, tenant: request.tenant, now: clock.nowNanoseconds()) {
        case .success(let known): identity = known
        case .failure(let denial): return .failure(denial)
        }
        guard let need else { return .success(identity) }
        if let denial = identity.denial(of: need) { return .failure(denial) }
        if need != .read, need != .figures, comesFromElsewhere(request) { return .failure(.otherOrigin) }
        return .success(identity)
    }

    /// Whether a page of another site has made a browser send this. A browser sends small requests without asking, with
    /// the password that it keeps for us, and no page but our own may change anything by that.
    private func comesFromElsewhere(_ request: AuthRequest) -> Bool {
        guard let origin = request.origin, crossOrigin.allowed(origin) == nil else { return false }
        guard let separator = origin.firstRange(of: "://") else { return true }
        return String(origin[separator.upperBound...]).lowercased() != request.host?.lowercased()
    }
}

extension ErrorAnswers {
    /// The answer to a request that is turned away, in the form of the path it was sent to.
    static func denied(_ denial: Denial, path: String) -> Answer {
        if let push = PushRoute.at(path) { return denied(denial, as: push.route.answerForm(contentType: nil)) }
        return denied(denial, as: path.hasPrefix("/api/v1/") ? .plain : .loki)
    }

    static func denied(_ denial: Denial, as form: PushAnswerForm) -> Answer {
        let status = denial.asksForToken ? 401 : 403
        var answer: Answer
        switch form {
        case .loki: answer = .text(status, denial.text + "\n")
        case .plain: answer = .json(status, detail(denial.text, code: status == 401 ? "unauthorized" : "forbidden"))
        case .otlp: answer = refused(ReceiveError(status: status, message: denial.text), as: form)
        }
        if status == 401 {
            answer.headers.append(("WWW-Authenticate", "Bearer realm=\"dendro\""))
            answer.headers.append(("WWW-Authenticate", "Basic realm=\"dendro\", charset=\"UTF-8\""))
        }
        return answer
    }

    /// The answer to a push beyond what its token may send in a second.
    static func throttled(_ identity: Identity, lines: Int, bytes: Int, after seconds: Int, as form: PushAnswerForm)
        -> Answer
    {
        let limits = [(identity.linesPerSecond, "lines/sec"), (identity.bytesPerSecond, "bytes/sec")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        let text =
            "ingestion rate limit exceeded for \(identity.description) (limit: \(limits)) while attempting to ingest "
            + "'\(lines)' lines totaling '\(bytes)' bytes, reduce log volume or raise the limit"
        return retry(429, text, after: seconds, as: form)
    }
}
