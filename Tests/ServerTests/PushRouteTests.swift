import Bytes
import Model
import NIOCore
import Testing

@testable import Server

@Suite struct PushRouteTests {
    private let sink = FakeSink()

    private func push(
        _ path: String, _ body: String, type: String? = "application/json", key: String? = nil
    ) async -> Answer {
        let routes = PushRoutes(backend: .fake(sink: sink), options: ServerOptions())
        let target = RoutePath(target: path, prefix: "")
        guard let route = PushRoute.at(target.path) else { return .empty(404) }
        let request = PushRequest(
            route: route.route, target: target, contentType: type, contentEncoding: nil, idempotencyKey: key,
            body: ByteBuffer(string: body))
        return await withCheckedContinuation { continuation in
            routes.respond(request) { continuation.resume(returning: $0) }
        }
    }

    private var now: Int64 { SystemClock().nowNanoseconds() }

    private func loki(_ stamp: Int64) -> String {
        "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"\(stamp)\",\"line\"]]}]}"
    }

    @Test(arguments: ["/loki/api/v1/push", "/api/prom/push"])
    func aLokiPushIsAnsweredWithNothing(path: String) async {
        let answer = await push(path, loki(now))
        #expect(answer.status == 204)
        #expect(answer.headers.isEmpty)
        #expect(answer.body.readableBytes == 0)
        #expect(sink.batches.count == 1)
    }

    @Test func validEntriesAreStoredBesideInvalidOnes() async {
        let body = "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"\(now)\",\"good\"],[\"1000\",\"old\"]]}]}"
        let answer = await push("/loki/api/v1/push", body)
        #expect(answer.status == 400)
        #expect(String(buffer: answer.body).contains("timestamp too old"))
        #expect(String(buffer: answer.body).hasSuffix("\n"))
        #expect(sink.batches.first?.rows.count == 1)
    }

    @Test(arguments: ["/api/v1/push", "/api/v1/logs"])
    func aPlainPushIsAnsweredWithAReceipt(path: String) async {
        let answer = await push(path, "{\"app\":\"a\",\"message\":\"x\"}", type: "application/x-www-form-urlencoded")
        #expect(answer.status == 200)
        #expect(String(buffer: answer.body).hasPrefix("{\"accepted\":1,\"duplicates\":0,\"rejected\":0,\"errors\":["))
    }

    @Test func aPlainPushWithoutEntriesIsRefused() async {
        #expect(await push("/api/v1/push", "{\"broken\"").status == 400)
        #expect(await push("/api/v1/push", "").status == 400)
        #expect(sink.batches.isEmpty)
    }

    @Test func onlyRequestsThatMayBeRepeatedCarryAKey() async {
        let stamp = now
        _ = await push("/loki/api/v1/push", loki(stamp))
        _ = await push("/loki/api/v1/push", loki(stamp))
        _ = await push("/loki/api/v1/push", loki(stamp + 1))
        _ = await push("/api/v1/push", "{\"app\":\"a\"}")
        _ = await push("/api/v1/push", "{\"app\":\"a\"}", key: "k1")
        _ = await push("/api/v1/push", "{\"app\":\"a\"}", key: "k2")
        let keys = sink.batches.map(\.key)
        #expect(keys.count == 6)
        #expect(keys[0] != nil && keys[0] == keys[1])
        #expect(keys[2] != keys[0])
        #expect(keys[3] == nil)
        #expect(keys[4] != nil && keys[5] != nil && keys[4] != keys[5])
    }

    @Test(arguments: [
        (IngestError.overloaded(retryAfterSeconds: 3), 429, 429, "3"),
        (.storageUnavailable(reason: "disk full", retryAfterSeconds: 5), 503, 507, "5"), (.stopping, 503, 503, "1"),
    ])
    func overloadAsksToTryAgain(error: IngestError, lokiStatus: Int, plainStatus: Int, seconds: String) async {
        sink.refuse(error)
        let lokiAnswer = await push("/loki/api/v1/push", loki(now))
        #expect(lokiAnswer.status == lokiStatus)
        #expect(lokiAnswer.headers.contains { $0.name == "Retry-After" && $0.value == seconds })
        let plainAnswer = await push("/api/v1/push", "{\"app\":\"a\"}")
        #expect(plainAnswer.status == plainStatus)
        #expect(plainAnswer.headers.contains { $0.name == "Retry-After" && $0.value == seconds })
    }
}
