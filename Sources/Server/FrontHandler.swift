import Access
import Bytes
import Logging
import Model
import NIOCore
import NIOHTTP1
import Observe

/// The first to see a request: it takes the whole body within its limits and time, answers pushes itself and hands
/// everything else on, one request at a time. It also gives each request its trace id, logs it, and ends connections
/// that are idle or too slow: a slow client holds its connection and nothing else.
///
/// All of it runs on the connection's event loop.
final class FrontHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// What all connections share.
    struct Parts: Sendable {
        let options: ServerOptions
        let pushLimitBytes: Int
        let pushRoutes: PushRoutes
        let tailRoutes: TailRoutes
        let crossOrigin: CrossOrigin
        let routes: RouteTable
        let budget: BodyBudget
        let log: AccessLog
        let running: RunningCalls
    }

    private enum Phase {
        /// No request under way.
        case idle
        /// A head came; its body is being received.
        case receiving
        /// The whole request is with a route.
        case answering
        /// The answer was sent before the request was whole: what still comes is thrown away until the connection ends.
        case draining
        /// The connection has become a WebSocket; this handler only sees its end.
        case upgraded
        case closed
    }

    private let parts: Parts
    private let clientAddress: String
    private var phase = Phase.idle
    private var exchange: Exchange?
    private var closesAfterAnswer = false
    private var isHeadArriving = false
    private var deadline = NIODeadline.distantFuture
    private var timer: RepeatedTask?
    private var lastWrite: EventLoopFuture<Void>?
    private var bodyEnd = NIODeadline.distantFuture

    init(_ parts: Parts, clientAddress: String) {
        self.parts = parts
        self.clientAddress = clientAddress
    }

    // MARK: - The connection

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard timer == nil else { return }
        parts.log.metrics.requests.connections.add(1)
        setDeadline(seconds: parts.options.idleSeconds)
        startTimer(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if phase != .closed {
            if timer != nil { parts.log.metrics.requests.connections.add(-1) }
            if phase == .answering { parts.running.cancel(ObjectIdentifier(context.channel)) }
            if phase == .answering || phase == .receiving { finish(status: 499) }
        }
        phase = .closed
        timer?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(ChannelEvent.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        guard phase == .answering else { return context.close(promise: nil) }
        // Most likely the client is gone. One that only sends no more gets its answer, if that does not take long.
        closesAfterAnswer = true
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(50)) {
            let (handler, context) = bound.value
            if handler.phase == .answering { handler.parts.running.cancel(ObjectIdentifier(context.channel)) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, phase == .idle || phase == .receiving else {
            if phase != .draining { context.close(promise: nil) }
            return
        }
        if error == .invalidEOFState { return context.close(promise: nil) }
        let answer: Answer =
            error == .headerOverflow
            ? .text(431, "the request's headers are too large or too many\n")
            : .text(400, "this is not an HTTP request that can be understood: \(error)\n")
        refuse(context, answer)
    }

    // MARK: - The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let piece): receive(piece, context)
        case .end:
            if phase == .receiving { dispatch(context) } else if phase == .draining { closeAfterFlush(context) }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard phase == .idle else { return }
        let exchange = Exchange(
            head: head, prefix: parts.options.prefix, pushLimitBytes: parts.pushLimitBytes,
            formLimitBytes: parts.options.formBytes)
        self.exchange = exchange
        phase = .receiving
        isHeadArriving = false
        closesAfterAnswer = !exchange.keepAlive
        bodyEnd = .now() + .seconds(Int64(parts.options.bodySeconds))
        setDeadline(seconds: parts.options.bodyPauseSeconds)
        if let refusal = exchange.refusal { return refuse(context, refusal) }
        if parts.crossOrigin.preflight(head) == nil {
            switch parts.routes.judge(
                exchange.authRequest, path: exchange.target.path, method: exchange.head.method.rawValue)
            {
            case .success(let identity): self.exchange?.identity = identity
            case .failure(let denial):
                return refuse(context, ErrorAnswers.denied(denial, path: exchange.target.path))
            }
        }
        if exchange.awaitsGoAhead {
            let goAhead = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(goAhead)), promise: nil)
        }
    }

    private func receive(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        guard phase == .receiving, var exchange else { return }
        self.exchange = nil  // held once, so that the body's bytes are appended in place
        exchange.receivedBytes += piece.readableBytes
        let wanted = max(0, exchange.receivedBytes - BodyBudget.freeBytes) - exchange.budgetBytes
        let isTooLarge = exchange.receivedBytes > exchange.bodyLimitBytes
        let hasRoom = !isTooLarge && parts.budget.take(wanted)
        if hasRoom {
            exchange.budgetBytes += max(0, wanted)
            exchange.append(piece)
        }
        self.exchange = exchange
        if isTooLarge { return refuse(context, ErrorAnswers.tooLarge(limitBytes: exchange.bodyLimitBytes)) }
        if !hasRoom {
            let form = exchange.pushAnswerForm
            return refuse(context, ErrorAnswers.pushedBack(.overloaded(retryAfterSeconds: 1), as: form))
        }
        deadline = min(.now() + .seconds(Int64(parts.options.bodyPauseSeconds)), bodyEnd)
    }

    private func dispatch(_ context: ChannelHandlerContext) {
        guard let exchange else { return }
        phase = .answering
        deadline = .distantFuture
        parts.log.metrics.requests.underWay.add(1)
        if let answer = parts.crossOrigin.preflight(exchange.head) { return send(answer, context) }
        if let tail = exchange.tail { return begin(tail.form, tail.name, exchange, context) }
        guard let push = exchange.push else { return forward(exchange, context) }
        guard push.route.allows(exchange.head.method.rawValue) else { return send(.empty(405), context) }
        let request = exchange.pushRequest(push.route)
        self.exchange?.body = ByteBuffer()
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: eventLoop)
        parts.pushRoutes.respond(request) { answer in
            if eventLoop.inEventLoop {
                bound.value.handler.send(answer, bound.value.context)
            } else {
                eventLoop.execute { bound.value.handler.send(answer, bound.value.context) }
            }
        }
    }

    /// Makes a live tail of the connection, or refuses.
    private func begin(_ form: TailForm, _ name: String, _ exchange: Exchange, _ context: ChannelHandlerContext) {
        self.exchange?.route = name
        let request: TailRequest
        switch parts.tailRoutes.examine(exchange.head, exchange.target, form) {
        case .refused(let answer): return send(answer, context)
        case .accepted(let accepted): request = accepted
        }
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        TailUpgrade.headers(exchange.head, context.channel).whenComplete { headers in
            let (handler, context) = bound.value
            guard handler.phase == .answering else { return }
            switch headers {
            case .success(let headers): handler.upgrade(headers, request, context)
            case .failure: handler.send(TailRequest.badRequest, context)
            }
        }
    }

    private func upgrade(_ headers: HTTPHeaders, _ request: TailRequest, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        if let exchange { head.headers.replaceOrAdd(name: "X-Trace-ID", value: exchange.traceID) }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let routes = parts.tailRoutes
        let identity = exchange?.identity ?? .anybody
        let tail = TailHandler(stallSeconds: parts.options.tailStallSeconds) { socket in
            Task { await TailSession(routes: routes, request: request, identity: identity, socket: socket).run() }
        }
        let bound = NIOLoopBound((handler: self, tail: tail, context: context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            // Not from within the decoder that is to be replaced.
            bound.value.context.eventLoop.execute {
                let (handler, tail, context) = bound.value
                if handler.phase != .closed { TailUpgrade.swap(handler, for: tail, context.pipeline) }
            }
        }
        finish(status: 101)
        phase = .upgraded
    }

    /// Hands a whole request to the routes behind.
    private func forward(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        var head = exchange.head
        head.uri = exchange.target.target
        head.headers.replaceOrAdd(name: "x-trace-id", value: exchange.traceID)
        head.headers.remove(name: "expect")
        self.exchange?.body = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(.head(head)))
        if exchange.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(exchange.body))) }
        context.fireChannelRead(wrapInboundOut(.end(nil)))
        context.fireChannelReadComplete()
    }

    // MARK: - The answer

    /// An answer of the routes behind passes by.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            exchange?.status = Int(head.status.code)
            if let route = head.headers.first(name: RouteHeader.name) {
                exchange?.route = route
                head.headers.remove(name: RouteHeader.name)
            }
            decorate(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body(let piece):
            exchange?.sentBytes += piece.readableBytes
            context.write(data, promise: promise)
        case .end:
            let written = promise ?? context.eventLoop.makePromise()
            // The next pipelined request may come in from within this write: be ready for it first.
            lastWrite = written.futureResult
            let isLast = answered()
            context.write(data, promise: written)
            if isLast { closeAfterFlush(context) }
        }
    }

    /// Sends a whole answer of our own.
    private func send(_ answer: Answer, _ context: ChannelHandlerContext) {
        guard phase == .answering || phase == .receiving, let exchange else { return }
        var head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status),
            headers: HTTPHeaders(answer.headers.map { ($0.name, $0.value) }))
        if answer.status != 204 { head.headers.add(name: "Content-Length", value: String(answer.body.readableBytes)) }
        self.exchange?.status = answer.status
        self.exchange?.sentBytes = answer.body.readableBytes
        if let push = exchange.push { self.exchange?.route = push.name }
        decorate(&head)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if answer.body.readableBytes > 0, exchange.head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        lastWrite = written.futureResult
        let isLast = answered()
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        if isLast { closeAfterFlush(context) }
    }

    /// Answers before the request is whole, and ends the connection once the client has had time to read it.
    private func refuse(_ context: ChannelHandlerContext, _ answer: Answer) {
        closesAfterAnswer = true
        if exchange == nil {
            let head = HTTPRequestHead(version: .http1_1, method: .RAW(value: "-"), uri: "-")
            exchange = Exchange(head: head, prefix: "", pushLimitBytes: 0, formLimitBytes: 0)
            phase = .receiving
        }
        send(answer, context)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(Int64(parts.options.lingerSeconds))) {
            bound.value.close(promise: nil)
        }
    }

    private func decorate(_ head: inout HTTPResponseHead) {
        let isPrivate = exchange?.showsWhoAsks == true
        SecurityHeaders.add(to: &head.headers, status: Int(head.status.code), isPrivate: isPrivate)
        if let exchange {
            head.headers.replaceOrAdd(name: "X-Trace-ID", value: exchange.traceID)
            parts.crossOrigin.decorate(&head.headers, origin: exchange.head.headers.first(name: "origin"))
        }
        if closesAfterAnswer { head.headers.replaceOrAdd(name: "Connection", value: "close") }
    }

    /// Notes that the answer is complete; true when the connection is to end with it.
    private func answered() -> Bool {
        let wasWhole = phase == .answering
        finish(status: nil)
        phase = closesAfterAnswer ? .draining : .idle
        isHeadArriving = false
        setDeadline(seconds: closesAfterAnswer ? parts.options.answerSeconds : parts.options.idleSeconds)
        return closesAfterAnswer && wasWhole
    }

    private func closeAfterFlush(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        guard let lastWrite else { return context.close(promise: nil) }
        lastWrite.whenComplete { _ in bound.value.close(promise: nil) }
    }

    private func finish(status: Int?) {
        guard let exchange else { return }
        self.exchange = nil
        parts.budget.giveBack(exchange.budgetBytes)
        if phase == .answering { parts.log.metrics.requests.underWay.add(-1) }
        parts.log.record(
            AccessLog.Entry(
                traceID: exchange.traceID, method: exchange.head.method.rawValue, path: exchange.target.path,
                route: exchange.route, status: status ?? exchange.status, clientAddress: clientAddress,
                receivedBytes: exchange.receivedBytes, sentBytes: exchange.sentBytes,
                nanoseconds: Int(Machine.monotonicNanoseconds() &- exchange.started), isOwn: exchange.isOwn))
    }

    // MARK: - Time

    /// Bytes arrived that may not make up a head yet.
    func bytesArrived() {
        guard phase == .idle, !isHeadArriving else { return }
        isHeadArriving = true
        setDeadline(seconds: parts.options.headSeconds)
    }

    private func setDeadline(seconds: Int) {
        deadline = .now() + .seconds(Int64(seconds))
    }

    /// Looks at the deadline now and then: cheaper than a timer a request, and exact enough for a slow client.
    private func startTimer(_ context: ChannelHandlerContext) {
        let options = parts.options
        let shortest = min(options.headSeconds, options.bodyPauseSeconds, options.bodySeconds, options.idleSeconds)
        let tick = TimeAmount.seconds(Int64(max(1, shortest)))
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in
            bound.value.handler.timePassed(bound.value.context)
        }
    }

    private func timePassed(_ context: ChannelHandlerContext) {
        guard phase != .closed, NIODeadline.now() >= deadline else { return }
        if phase == .receiving || isHeadArriving { parts.log.metrics.requests.timeouts.add() }
        // Only a request whose head was read can be answered; a dripping head just ends.
        if phase == .receiving { return refuse(context, .text(408, "the request took too long to arrive\n")) }
        context.close(promise: nil)
    }
}
