import NIOCore
import NIOSSL
import NIOTLS

/// Ends a connection whose handshake takes too long, and leaves the pipeline once it is done.
final class TLSHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limitSeconds: Int
    private var deadline: Scheduled<Void>?

    init(limitSeconds: Int) {
        self.limitSeconds = limitSeconds
    }

    /// Puts TLS in front of everything else.
    static func add(_ certificates: TLSCertificates, limitSeconds: Int, to pipeline: ChannelPipeline) throws {
        let handlers = pipeline.syncOperations
        try handlers.addHandler(NIOSSLServerHandler(context: certificates.context))
        try handlers.addHandler(TLSHandshake(limitSeconds: limitSeconds))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .seconds(Int64(limitSeconds))) {
            bound.value.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.handshakeCompleted) = event as? TLSUserEvent {
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }
}
