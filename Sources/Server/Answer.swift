import Bytes
import Model
import NIOCore
import NIOHTTP1

/// A whole answer: status, headers and body.
struct Answer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: ByteBuffer
    /// The body instead of `body`, where it is made while it is sent.
    var stream: (any AnswerStream)?

    init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = ByteBuffer(bytes: body)
    }

    /// Plain text as Loki sends its errors: typed, and not to be sniffed as anything else.
    static func text(_ status: Int, _ text: String, retryAfterSeconds: Int? = nil) -> Answer {
        var answer = Answer(
            status: status,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")],
            body: [UInt8](text.utf8))
        if let retryAfterSeconds { answer.headers.append(("Retry-After", String(retryAfterSeconds))) }
        return answer
    }

    /// JSON of our own routes.
    static func json(_ status: Int, _ body: [UInt8], retryAfterSeconds: Int? = nil) -> Answer {
        var answer = Answer(
            status: status,
            headers: [("Content-Type", "application/json; charset=UTF-8"), ("X-Content-Type-Options", "nosniff")],
            body: body)
        if let retryAfterSeconds { answer.headers.append(("Retry-After", String(retryAfterSeconds))) }
        return answer
    }

    /// An empty answer.
    static func empty(_ status: Int) -> Answer { Answer(status: status) }

    /// The status by which a push tells that all went well: no body, no type.
    static let noContent = Answer.empty(204)
}
