import Access
import Bytes
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Query

/// The header by which a route tells the front handler its pattern; taken off before the answer leaves.
enum RouteHeader {
    static let name = "x-dendro-route"
}

/// A request as the routes behind the front handler see it: whole, its parameters taken apart.
struct Call: Sendable {
    let method: String
    let path: String
    /// Values of the path's `{…}` parts, decoded.
    let captures: [String]
    let headers: HTTPFields
    let parameters: RequestParameters
    /// The URL's parameters alone.
    let query: RequestParameters
    let traceID: String
    /// Who asks.
    let identity: Identity
    /// Whether the client runs on this machine.
    let isLocal: Bool
    /// The client's address, if known.
    var client = ""
    /// The body, unless it is a form.
    var body: [UInt8] = []

    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
}

/// A route: which methods and path it answers, and how.
struct Route: Sendable {
    let methods: Set<String>
    /// Parts between slashes; one that is `{…}` matches anything but nothing.
    let pattern: String
    /// Whether its bodies are never forms, whatever a client calls them: rules in YAML.
    var takesText: Bool { !methods.isDisjoint(with: ["POST", "PUT"]) && pattern.contains("/rules") }
    /// Under which the route is counted: `loki_api_v1_query_range`.
    let name: String
    let respond: @Sendable (Call) async throws -> Answer

    init(_ methods: Set<String>, _ pattern: String, _ respond: @escaping @Sendable (Call) async throws -> Answer) {
        self.methods = methods
        self.pattern = pattern
        self.respond = respond
        name = pattern.split(separator: "/").map { $0.filter { $0 != "{" && $0 != "}" } }.joined(separator: "_")
    }

    static let read: Set<String> = ["GET", "POST"]
    static let get: Set<String> = ["GET"]
}

/// All routes behind the front handler.
struct RouteTable: HTTPResponder {
    typealias Context = CallContext

    private let door: AuthDoor?
    private let running: RunningCalls
    private let compression = AnswerCompression()
    private let fixed: [String: Route]
    private let open: [(parts: [Substring], route: Route)]

    init(_ routes: [Route], door: AuthDoor? = nil, running: RunningCalls = RunningCalls()) {
        self.door = door
        self.running = running
        fixed = Dictionary(
            routes.filter { !$0.pattern.contains("{") }.map { ($0.pattern, $0) },
            uniquingKeysWith: { first, _ in first })
        open = routes.filter { $0.pattern.contains("{") }.map { ($0.pattern.split(separator: "/"), $0) }
    }

    /// The route at `path` and what its `{…}` parts match.
    func find(_ path: String) -> (route: Route, captures: [Substring])? {
        if let route = fixed[path] { return (route, []) }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for candidate in open where candidate.parts.count == parts.count {
            var captures: [Substring] = []
            let fits = zip(candidate.parts, parts).allSatisfy { wanted, part in
                guard wanted.hasPrefix("{") else { return wanted == part }
                captures.append(part)
                return !part.isEmpty
            }
            if fits { return (candidate.route, captures) }
        }
        return nil
    }

    func respond(to request: Request, context: CallContext) async throws -> Response {
        let target = RoutePath(target: request.head.path ?? "/", prefix: "")
        let found = find(target.path)
        let identity: Identity
        switch judge(request, found?.route) {
        case .success(let known): identity = known
        case .failure(let denial):
            return ErrorAnswers.denied(denial, path: target.path).response(route: found?.route.name ?? "other")
        }
        guard let (route, captures) = found else { return ErrorAnswers.notFound.response(route: "other") }
        guard route.methods.contains(request.method.rawValue) else {
            return Answer.empty(405).response(route: route.name)
        }
        let body = try await request.body.collect(upTo: .max)
        // curl calls every body a form.
        let first = body.readableBytesView.first
        let isForm =
            request.headers[.contentType]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true
            && first != 0x7b && first != 0x5b && !route.takesText
        let call: Call
        do throws(ParameterError) {
            var decoded: [String] = []
            for capture in captures {
                decoded.append(try RequestParameters.decoded(capture.utf8, plusIsSpace: false))
            }
            call = Call(
                method: request.method.rawValue, path: target.path, captures: decoded, headers: request.headers,
                parameters: try RequestParameters(query: target.query, form: isForm ? String(buffer: body) : ""),
                query: try RequestParameters(query: target.query),
                traceID: HTTPField.Name("x-trace-id").flatMap { request.headers[$0] } ?? "",
                identity: identity,
                isLocal: AdminRoutes.isLoopback(context.channel.remoteAddress),
                client: context.channel.remoteAddress?.ipAddress ?? "",
                body: isForm ? [] : [UInt8](body.readableBytesView))
        } catch {
            return ErrorAnswers.parameter(error).response(route: route.name)
        }
        do {
            let answer = try await untilGone(context.channel) { try await route.respond(call) }
            if answer.stream != nil { return response(answer, route, context.channel) }
            return compression.packed(
                answer.response(route: route.name), answer.body, acceptEncoding: request.headers[.acceptEncoding])
        } catch {
            return ErrorAnswers.failed(error).response(route: route.name)
        }
    }
}

extension RouteTable {
    /// Who asks for a path, before anything of the request but its head is looked at.
    func judge(_ request: AuthRequest, path: String, method: String = "GET") -> Result<Identity, Denial> {
        if PushRoute.at(path) != nil || TailForm.at(path) != nil {
            return door?.judge(request, need: AuthRules.need(path)) ?? .success(.anybody)
        }
        return door?.judge(request, need: find(path).map { AuthRules.need($0.route.pattern, method: method) })
            ?? .success(.anybody)
    }

    private func judge(_ request: Request, _ route: Route?) -> Result<Identity, Denial> {
        guard let door else { return .success(.anybody) }
        let asking = AuthRequest(
            authorization: request.headers[.authorization],
            tenant: HTTPField.Name("X-Scope-OrgID").flatMap { request.headers[$0] },
            origin: request.headers[.origin], host: request.head.authority)
        return door.judge(asking, need: route.map { AuthRules.need($0.pattern, method: request.method.rawValue) })
    }

    /// Runs `work` so that it is cancelled when its client goes away.
    private func untilGone<R: Sendable>(
        _ channel: any Channel, _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        let work = Task { try await body() }
        let connection = ObjectIdentifier(channel)
        let number = running.begin(connection) { work.cancel() }
        defer { running.end(connection, number) }
        if !channel.isActive { work.cancel() }
        return try await work.value
    }

    /// The answer as Hummingbird sends it; a streamed body is made as the client takes it.
    private func response(_ answer: Answer, _ route: Route, _ channel: any Channel) -> Response {
        var response = answer.response(route: route.name)
        guard let stream = answer.stream else { return response }
        response.body = ResponseBody { writer in
            while let piece = try await untilGone(channel, { try await stream.next() }) {
                if piece.readableBytes > 0 { try await writer.write(piece) }
            }
            var trailers = HTTPFields()
            for trailer in await stream.trailers() {
                if let name = HTTPField.Name(trailer.name) { trailers[name] = trailer.value }
            }
            try await writer.finish(trailers.isEmpty ? nil : trailers)
        }
        return response
    }
}

/// What Hummingbird hands to routes, with the connection.
struct CallContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

extension Answer {
    /// This answer for Hummingbird to send.
    func response(route: String) -> Response {
        var fields = HTTPFields()
        for header in headers {
            if let name = HTTPField.Name(header.name) { fields.append(HTTPField(name: name, value: header.value)) }
        }
        if let name = HTTPField.Name(RouteHeader.name) { fields.append(HTTPField(name: name, value: route)) }
        return Response(
            status: HTTPResponse.Status(code: status), headers: fields, body: ResponseBody(byteBuffer: body))
    }
}
