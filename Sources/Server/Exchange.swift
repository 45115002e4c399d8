import Access
import Bytes
import NIOCore
import NIOHTTP1

/// One request on a connection, from its head to the end of its answer.
struct Exchange {
    let head: HTTPRequestHead
    let target: RoutePath
    let push: (route: PushRoute, name: String)?
    let tail: (form: TailForm, name: String)?
    let traceID: String
    let keepAlive: Bool
    /// Who asks, once that is known.
    var identity = Identity.anybody
    let started = Machine.monotonicNanoseconds()
    /// Largest acceptable body.
    let bodyLimitBytes: Int
    var body = ByteBuffer()
    var receivedBytes = 0
    /// Of the body budget.
    var budgetBytes = 0
    var status = 0
    var sentBytes = 0
    /// The route's pattern as the router found it.
    var route = "other"

    init(head: HTTPRequestHead, prefix: String, pushLimitBytes: Int, formLimitBytes: Int) {
        self.head = head
        target = RoutePath(target: head.uri, prefix: prefix)
        push = PushRoute.at(target.path)
        tail = TailForm.at(target.path)
        keepAlive = head.isKeepAlive
        traceID = TraceID.of(
            traceparent: head.headers.first(name: "traceparent"), traceID: head.headers.first(name: "x-trace-id"))
        bodyLimitBytes = push == nil ? formLimitBytes : pushLimitBytes
    }

    /// Why the request is refused on sight of its head, or nil.
    var refusal: Answer? {
        let headers = head.headers
        if head.version.major != 1 { return .text(505, "only HTTP/1.0 and HTTP/1.1 are spoken here\n") }
        if head.version.minor >= 1, headers["host"].count != 1 {
            return .text(400, "a request needs exactly one Host header\n")
        }
        let codings = headers["transfer-encoding"]
        let lengths = headers["content-length"]
        if !codings.isEmpty, codings.count != 1 || codings[0].lowercased() != "chunked" || !lengths.isEmpty {
            return .text(400, "Transfer-Encoding can only be \"chunked\", and without Content-Length\n")
        }
        if lengths.count > 1 { return .text(400, "more than one Content-Length\n") }
        if let length = declaredBytes, length > bodyLimitBytes {
            return ErrorAnswers.tooLarge(limitBytes: bodyLimitBytes)
        }
        if let expectation = headers.first(name: "expect"), expectation.lowercased() != "100-continue" {
            return .text(417, "Expect can only be 100-continue\n")
        }
        return nil
    }

    /// Whether the request carries what says who asks.
    var showsWhoAsks: Bool { head.headers.contains(name: "authorization") || identity.tokenID != nil }

    /// What says who asks.
    var authRequest: AuthRequest {
        var request = AuthRequest(
            authorization: head.headers.first(name: "authorization"),
            tenant: head.headers.first(name: "x-scope-orgid"),
            origin: head.method == .OPTIONS ? nil : head.headers.first(name: "origin"),
            host: head.headers.first(name: "host"))
        if tail != nil, let parameters = try? RequestParameters(query: target.query) {
            request.parameterToken = parameters.value("token")
        }
        return request
    }

    /// Adds a piece of the body: the first is kept as it is, room for the rest is made with a view to the declared
    /// size.
    mutating func append(_ piece: ByteBuffer) {
        guard body.readableBytes > 0 else { return body = piece }
        if body.writableBytes < piece.readableBytes {
            let expected = min(declaredBytes ?? 0, bodyLimitBytes)
            // A declaration costs nothing: it never reserves more than was received already, or 1 MiB.
            body.reserveCapacity(
                max(body.readableBytes + piece.readableBytes, min(expected, max(1 << 20, body.readableBytes * 2))))
        }
        body.writeImmutableBuffer(piece)
    }

    /// A push, or asked by one of dendro's own commands: what the server's own lines tell nothing of.
    var isOwn: Bool { push != nil || head.headers.first(name: "user-agent")?.hasPrefix("dendro/") == true }

    /// The body's size as declared, if it was.
    var declaredBytes: Int? { head.headers.first(name: "content-length").flatMap { Int($0) } }

    /// Whether the client waits for a go-ahead before it sends its body.
    var awaitsGoAhead: Bool {
        head.version.minor >= 1 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
    }

    /// How a refusal on the way to a push route is told.
    var pushAnswerForm: PushAnswerForm {
        push?.route.answerForm(contentType: head.headers.first(name: "content-type")) ?? .loki
    }

    /// The request for the push routes.
    func pushRequest(_ route: PushRoute) -> PushRequest {
        PushRequest(
            route: route, target: target, contentType: head.headers.first(name: "content-type"),
            contentEncoding: head.headers.first(name: "content-encoding"),
            idempotencyKey: head.headers.first(name: "idempotency-key"),
            timeZone: head.headers.first(name: "x-dendro-time-zone"), identity: identity, body: body)
    }
}
