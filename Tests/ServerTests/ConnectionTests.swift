import Logging
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

@testable import Server

/// A server on a free port with a fake backend, and raw bytes on its connections.
private struct Listening {
    let port: Int
    let group: ServiceGroup
    let task: Task<Void, any Error>

    static func start(_ backend: Backend, _ change: (inout ServerOptions) -> Void = { _ in }) async -> Listening {
        var options = ServerOptions()
        options.port = 0
        options.idleSeconds = 60
        options.lingerSeconds = 1
        change(&options)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        let service = HTTPService(
            backend: backend, options: options, logger: logger, group: .singletonMultiThreadedEventLoopGroup
        ) { continuation.yield($0) }
        let group = ServiceGroup(services: [service], logger: logger)
        let task = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        return Listening(port: await iterator.next() ?? 0, group: group, task: task)
    }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await task.result
    }

    /// Sends `pieces`, then reads until the server closes the connection.
    func exchange(_ pieces: [String], closing: Bool = true) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            for piece in pieces { try? await outbound.write(ByteBuffer(string: piece)) }
            var text = ""
            do {
                for try await buffer in inbound { text += String(buffer: buffer) }
            } catch {
                // A reset after the answer is as good as a close.
            }
            return text
        }
    }
}

@Suite struct ConnectionTests {
    private static let close = "Host: x\r\nConnection: close\r\n\r\n"

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let server = await Listening.start(.fake())
        let body = "{\"app\":\"a\"}"
        let text = try await server.exchange([
            "POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                + "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
                + "PUT /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                + "GET /nothing HTTP/1.1\r\n" + Self.close
        ])
        await server.stop()
        let statuses = text.matches(of: #/HTTP/1\.1 (\d+)/#).map { String($0.1) }
        #expect(statuses == ["200", "200", "405", "404"])
        #expect(text.contains("404 page not found\n"))
    }

    @Test(arguments: [
        ("garbage\r\n\r\n", "400"), ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        (
            "POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400"
        ),
        ("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"),
        ("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"),
        ("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400"),
        ("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx", "413"),
        ("POST /api/v1/push HTTP/1.1\r\nHost: x\r\nExpect: miracle\r\nContent-Length: 1\r\n\r\n", "417"),
    ])
    func hostileHeadsAreRefused(request: String, status: String) async throws {
        let server = await Listening.start(.fake())
        let text = try await server.exchange([request])
        let after = try await server.exchange(["GET /ready HTTP/1.1\r\n" + Self.close])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 \(status)"), "\(text)")
        #expect(text.matches(of: #/HTTP/1\.1 /#).count == 1)
        #expect(after.hasPrefix("HTTP/1.1 200"))
    }

    @Test func bodiesAreMeasuredWhileTheyArrive() async throws {
        var backend = Backend.fake()
        backend.limits.bodyBytes.value = 1000
        let server = await Listening.start(backend)
        let chunk = "190\r\n" + String(repeating: "x", count: 400) + "\r\n"
        let text = try await server.exchange([
            "POST /api/v1/push HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk,
            "0\r\n\r\n",
        ])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 413"))
        #expect(text.contains("request body too large"))
    }

    @Test func aClientThatAsksIsToldToGoOn() async throws {
        let server = await Listening.start(.fake())
        let text = try await server.exchange([
            "POST /api/v1/push HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n" + Self.close,
            "{\"app\":\"a\"}",
        ])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"))
    }

    @Test func longRequestLinesAreTaken() async throws {
        let server = await Listening.start(.fake())
        let query = String(repeating: "x", count: 200 << 10)
        let text = try await server.exchange(["GET /ready?query=\(query) HTTP/1.1\r\n" + Self.close])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 200"))
    }

    @Test func headersHaveALimit() async throws {
        let server = await Listening.start(.fake())
        let fields = String(repeating: "A: b\r\n", count: 200)
        let text = try await server.exchange(["GET /ready HTTP/1.1\r\n" + fields + Self.close])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 431"))
    }

    @Test func slowRequestsAreEnded() async throws {
        let server = await Listening.start(.fake()) {
            $0.headSeconds = 1
            $0.bodyPauseSeconds = 1
        }
        let head = try await server.exchange(["GET /rea"])
        let body = try await server.exchange(["POST /api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"])
        await server.stop()
        #expect(head == "")
        #expect(body.hasPrefix("HTTP/1.1 408"))
    }

    @Test func bodiesShareABudget() async throws {
        let server = await Listening.start(.fake()) { $0.bodyBudgetBytes = 1000 }
        let large = String(repeating: " ", count: 200 << 10)
        let refused = try await server.exchange([
            "POST /loki/api/v1/push HTTP/1.1\r\nHost: x\r\nContent-Length: \(large.utf8.count)\r\n\r\n" + large
        ])
        let small = try await server.exchange([
            "POST /api/v1/push HTTP/1.1\r\nContent-Length: 11\r\n" + Self.close + "{\"app\":\"a\"}"
        ])
        await server.stop()
        #expect(refused.hasPrefix("HTTP/1.1 429"))
        #expect(refused.contains("Retry-After: 1"))
        #expect(small.hasPrefix("HTTP/1.1 200"))
    }

    @Test func traceIdsComeBack() async throws {
        let server = await Listening.start(.fake())
        let text = try await server.exchange(["GET /ready HTTP/1.1\r\nX-Trace-ID: abc-1\r\n" + Self.close])
        await server.stop()
        #expect(text.contains("X-Trace-ID: abc-1\r\n"))
        #expect(!text.lowercased().contains("x-dendro-route"))
    }

    @Test func theServerSaysWhyItIsNotReady() async throws {
        let server = await Listening.start(.fake(operations: FakeOperations(refusal: "disk full")))
        let ready = try await server.exchange(["GET /ready HTTP/1.1\r\n" + Self.close])
        let live = try await server.exchange(["GET /health/live HTTP/1.1\r\n" + Self.close])
        await server.stop()
        #expect(ready.hasPrefix("HTTP/1.1 503") && ready.contains("disk full"))
        #expect(live.hasPrefix("HTTP/1.1 200"))
    }

    @Test func workForAGoneClientIsGivenUp() async throws {
        let operations = FakeOperations(isSlow: true)
        let server = await Listening.start(.fake(operations: operations))
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: server.port).get()
        try await channel.writeAndFlush(ByteBuffer(string: "GET /flush HTTP/1.1\r\nHost: x\r\n\r\n"))
        let deadline = ContinuousClock.now + .seconds(20)
        while operations.flushes.load(ordering: .relaxed) == 0, .now < deadline { await Task.yield() }
        try await channel.close()
        while operations.cancelledFlushes.load(ordering: .relaxed) == 0, .now < deadline { await Task.yield() }
        await server.stop()
        #expect(operations.cancelledFlushes.load(ordering: .relaxed) == 1)
    }

    @Test(arguments: [
        "GET /ready", "GET /nothing", "GET /config", "GET /metrics", "DELETE /ready", "GET /loki/api/v1/labels",
        "GET /loki/api/v1/query_range?query=%3Cscript%3E", "GET /%3Cscript%3Ealert(1)%3C/script%3E", "GET /%zz",
        "GET /loki/api/v1/tail", "POST /loki/api/v1/push", "POST /api/v1/push", "GET /api/v1/observability/logs",
    ])
    func browsersOnlyShowAnswers(request: String) async throws {
        let server = await Listening.start(.fake())
        let text = try await server.exchange([
            request + " HTTP/1.1\r\nAuthorization: Bearer x\r\nContent-Length: 0\r\n" + Self.close
        ])
        await server.stop()
        let head = text[..<(text.firstRange(of: "\r\n\r\n")?.lowerBound ?? text.endIndex)].lowercased()
        #expect(head.contains("\r\nx-content-type-options: nosniff"))
        #expect(head.contains("\r\ncontent-security-policy: default-src 'none'"))
        #expect(head.contains("\r\nx-frame-options: deny"))
        #expect(head.contains("\r\nreferrer-policy: no-referrer"))
        #expect(head.contains("\r\ncache-control: no-store"))
        #expect(!head.contains("text/html"))
        for name in ["x-content-type-options", "content-security-policy", "cache-control"] {
            #expect(head.ranges(of: "\r\n" + name + ":").count == 1, "\(name) in \(head)")
        }
    }

    @Test func prefixesAreTakenOff() async throws {
        let server = await Listening.start(.fake()) { $0.prefix = "/logs" }
        let text = try await server.exchange(["GET /logs/ready HTTP/1.1\r\n" + Self.close])
        await server.stop()
        #expect(text.hasPrefix("HTTP/1.1 200"))
    }
}
