import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Observe

/// A connection: large reads, HTTP/1.1 with pipelining, the front handler, and Hummingbird behind it.
struct ConnectionChannel: HTTPChannelHandler {
    typealias Value = Caller

    /// A request line must take a LogQL text of 128 KiB, percent-encoded in part.
    static let headLimitBytes = 1 << 20
    static let headerFieldsLimit = 100

    let responder: Responder
    let front: FrontHandler.Parts
    /// Nil where connections are not encrypted.
    let certificates: TLSCertificates?

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.setOption(.recvAllocator, value: ReadBuffers())
            // One read, then the next connection: bodies that pour in must not keep the others waiting.
            .flatMap { channel.setOption(.maxMessagesPerRead, value: 1) }
            .flatMap { channel.setOption(.tcpOption(.tcp_nodelay), value: 1) }
            .flatMapThrowing {
                let options = front.options
                if let certificates {
                    try TLSHandshake.add(certificates, limitSeconds: options.headSeconds, to: channel.pipeline)
                }
                let promise = channel.eventLoop.makePromise(of: Caller.Spoken?.self)
                try channel.pipeline.syncOperations.addHandler(
                    Doorman(
                        limitSeconds: options.idleSeconds, connections: front.log.metrics.requests.connections,
                        promise: promise, build: speakHTTP))
                return Caller(channel: channel, spoken: promise.futureResult)
            }
    }

    /// Adds what speaks HTTP to the end of a connection's pipeline; on its event loop.
    private func speakHTTP(on channel: any Channel) throws -> Caller.Spoken {
        let pipeline = channel.pipeline.syncOperations
        let handler = FrontHandler(front, clientAddress: channel.remoteAddress?.ipAddress ?? "-")
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = Self.headLimitBytes
        limits.maxHeaderListSize = Self.headLimitBytes
        limits.maxHeaderFieldCount = Self.headerFieldsLimit
        try pipeline.addHandler(ArrivalObserver(handler, eventLoop: channel.eventLoop))
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: false, withOutboundHeaderValidation: true,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
        try pipeline.addHandler(handler)
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: certificates != nil))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    func handle(value: Value, logger: Logger) async {
        guard let spoken = try? await value.spoken.get() else { return }
        await handleHTTP(asyncChannel: spoken, logger: logger)
    }
}

/// Tells the front handler that bytes came, before they make up a request head: so a head that drips in is noticed.
final class ArrivalObserver: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let front: NIOLoopBound<FrontHandler>

    init(_ front: FrontHandler, eventLoop: any EventLoop) {
        self.front = NIOLoopBound(front, eventLoop: eventLoop)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        front.value.bytesArrived()
        context.fireChannelRead(data)
    }
}
