import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Turns a connection that speaks HTTP into one that speaks WebSocket.
enum TailUpgrade {
    /// The headers of the 101, or an error if the request's own are not right.
    static func headers(_ head: HTTPRequestHead, _ channel: any Channel) -> EventLoopFuture<HTTPHeaders> {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededFuture(()) })
        return upgrader.buildUpgradeResponse(
            channel: channel, upgradeRequest: head, initialResponseHeaders: HTTPHeaders())
    }

    /// Replaces what speaks HTTP before `front` by what speaks WebSocket, and puts `tail` behind it. Handlers behind
    /// `front` stay: nothing reaches them any more but the connection's end.
    static func swap(_ front: FrontHandler, for tail: TailHandler, _ pipeline: ChannelPipeline) {
        let handlers = pipeline.syncOperations
        let parts: [ChannelHandlerContext?] = [
            try? handlers.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self),
            try? handlers.context(handlerType: HTTPServerPipelineHandler.self),
            try? handlers.context(handlerType: NIOHTTPResponseHeadersValidator.self),
            try? handlers.context(handlerType: HTTPResponseEncoder.self),
        ]
        for part in parts { if let part { handlers.removeHandler(context: part, promise: nil) } }
        do {
            try handlers.addHandlers(
                [
                    WebSocketFrameEncoder(),
                    ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: TailHandler.clientFrameBytes)), tail,
                ], position: .before(front))
        } catch {
            pipeline.close(mode: .all, promise: nil)
        }
    }
}
