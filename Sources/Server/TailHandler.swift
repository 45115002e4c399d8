import Model
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The WebSocket end of a live tail: frames out, pings, and the end. What clients send is ignored but for their close.
/// All of it runs on the connection's event loop.
final class TailHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Largest frame taken from a client: it has nothing to say.
    static let clientFrameBytes = 16 << 10
    private static let pingInterval = TimeAmount.seconds(1)

    private let begin: (TailSocket) -> Task<Void, Never>
    private let stallLimit: TimeAmount
    private var work: Task<Void, Never>?
    private var pings: RepeatedTask?
    /// When the message began that the client has not taken yet.
    private var writeBegan: NIODeadline?
    private var isClosing = false

    /// - Parameters:
    ///   - stallSeconds: how long a client may leave a message lie before it is cut off.
    ///   - begin: starts the work that sends messages; it is cancelled when the connection ends.
    init(stallSeconds: Int, begin: @escaping (TailSocket) -> Task<Void, Never>) {
        stallLimit = .seconds(Int64(stallSeconds))
        self.begin = begin
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: Self.pingInterval, delay: Self.pingInterval) { _ in
            bound.value.handler.secondPassed(bound.value.context)
        }
        work = begin(TailSocket(bound, context.eventLoop))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        work?.cancel()
        work = nil
        pings?.cancel()
        pings = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .connectionClose: close(context, code: .normalClosure, reason: "")
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            if context.channel.isWritable { context.writeAndFlush(wrapOutboundOut(pong), promise: nil) }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(context, code: .protocolError, reason: "not a WebSocket frame that can be understood")
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            close(context, code: .goingAway, reason: "the server is stopping")
        } else if case .some(ChannelEvent.inputClosed) = event as? ChannelEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func secondPassed(_ context: ChannelHandlerContext) {
        if let writeBegan, NIODeadline.now() - writeBegan > stallLimit { return context.close(promise: nil) }
        guard context.channel.isWritable, !isClosing else { return }
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())), promise: nil)
    }

    /// Sends a text message; the future tells when the client's socket has taken it.
    fileprivate func send(_ text: [UInt8], _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        guard !isClosing, context.channel.isActive else {
            return context.eventLoop.makeFailedFuture(ChannelError.alreadyClosed)
        }
        writeBegan = .now()
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.writeBegan = nil }
        let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(bytes: text))
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
        return promise.futureResult
    }

    /// Says why it ends, and ends the connection.
    fileprivate func close(_ context: ChannelHandlerContext, code: WebSocketErrorCode, reason: String) {
        guard !isClosing else { return }
        isClosing = true
        end()
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        data.writeBytes(Self.shortened(reason))
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: data)))
            .whenComplete { _ in bound.value.close(promise: nil) }
        // A client that takes nothing any more does not take this either.
        context.eventLoop.scheduleTask(in: .seconds(2)) { bound.value.close(promise: nil) }
    }

    /// As much of a reason as a close frame has room for: 123 bytes.
    static func shortened(_ reason: String) -> [UInt8] {
        var text = Substring(reason)
        while text.utf8.count > 123 { text.removeLast() }
        return [UInt8](text.utf8)
    }
}

/// The sending side of a tail, for use from anywhere.
struct TailSocket: Sendable {
    private let bound: NIOLoopBound<(handler: TailHandler, context: ChannelHandlerContext)>
    private let eventLoop: any EventLoop

    init(
        _ bound: NIOLoopBound<(handler: TailHandler, context: ChannelHandlerContext)>, _ eventLoop: any EventLoop
    ) {
        self.bound = bound
        self.eventLoop = eventLoop
    }

    /// Sends a text message, and waits until the client's socket has taken it.
    func send(_ text: [UInt8]) async throws {
        try await eventLoop.flatSubmit { [bound] in bound.value.handler.send(text, bound.value.context) }.get()
    }

    /// Ends the tail with a reason.
    func close(_ code: WebSocketErrorCode, _ reason: String) {
        eventLoop.execute { [bound] in bound.value.handler.close(bound.value.context, code: code, reason: reason) }
    }
}
