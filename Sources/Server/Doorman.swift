import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Observe

/// A connection, and what speaks HTTP on it once it has said something.
struct Caller: ServerChildChannelValue {
    typealias Spoken = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let channel: any Channel
    /// Nil when the connection ended without a byte.
    let spoken: EventLoopFuture<Spoken?>
}

/// Waits for the first bytes of a connection and builds what speaks HTTP only then: a connection that says nothing
/// costs its socket and this. On the connection's event loop.
final class Doorman: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limitSeconds: Int
    private let connections: Counter
    private let build: (any Channel) throws -> Caller.Spoken
    /// Nil once it has been told.
    private var promise: EventLoopPromise<Caller.Spoken?>?
    private var deadline: Scheduled<Void>?

    /// - Parameters:
    ///   - limitSeconds: how long it waits for a byte.
    ///   - connections: counts the connection while it waits.
    ///   - promise: learns what was built; nil when the connection ended before.
    ///   - build: adds what speaks HTTP to the end of the pipeline.
    init(
        limitSeconds: Int, connections: Counter, promise: EventLoopPromise<Caller.Spoken?>,
        build: @escaping (any Channel) throws -> Caller.Spoken
    ) {
        self.limitSeconds = limitSeconds
        self.connections = connections
        self.promise = promise
        self.build = build
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connections.add(1)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(limitSeconds))) {
            bound.value.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { tell(nil) }

    func channelInactive(context: ChannelHandlerContext) {
        tell(nil)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard promise != nil else { return context.fireChannelRead(data) }
        do {
            tell(try build(context.channel))
        } catch {
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        let isInputClosed = (event as? ChannelEvent).map { $0 == .inputClosed } ?? false
        if promise != nil, isInputClosed || event is ChannelShouldQuiesceEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func tell(_ spoken: Caller.Spoken?) {
        guard let promise else { return }
        self.promise = nil
        deadline?.cancel()
        deadline = nil
        connections.add(-1)
        promise.succeed(spoken)
    }
}
