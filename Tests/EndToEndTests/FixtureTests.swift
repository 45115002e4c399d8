import Bytes
import Foundation
import Push
import Testing

/// Requests of real clients, as they were captured, against the real binary. Only their timestamps are moved to today.
@Suite(.serialized) struct FixtureTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private let server: ServerProcess

    init() throws {
        server = try ServerProcess()
        try server.start()
    }

    /// A fixture with its timestamps moved to a moment ago: the captured fractions stay, and must not lie in the
    /// future.
    private func fixture(_ name: String) throws -> String {
        let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
        let now = Date(timeIntervalSinceNow: -5)
        let seconds = String(Int(now.timeIntervalSince1970))
        let format = ISO8601DateFormatter()
        return text.replacing(#/"1795\d{6}(\d{9})"/#) { "\"\(seconds)\($0.1)\"" }
            .replacing(#/"2026-11-23T\d\d:\d\d:\d\d\.(\d+)\+00:00"/#) {
                "\"" + format.string(from: now).dropLast() + ".\($0.1)+00:00\""
            }
    }

    @Test(arguments: [
        ("loki-push/logging-loki-legacy.json", "{logger=\"demo0\"}", "old format"),
        (
            "loki-push/logging-loki-trace-label.json", "{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"}",
            "user logged in"
        ),
        (
            "loki-push/logging-loki-unicode.json", "{severity=\"error\"} |= `中文`",
            "payment failed \"quoted\" 中文 \n second line"
        ),
        ("curl/push.json", "{app=\"shop\"} | trace_id=\"abc\"", "hello"),
    ])
    func pushesAreFound(name: String, query: String, line: String) throws {
        let reply = try server.push(try fixture(name), "/loki/api/v1/push")
        #expect(reply.status == 204, "\(reply.text)")
        #expect(try server.lines(query) == [line])
        #expect(try server.request("POST", "/flush").status == 204)
        #expect(try server.lines(query) == [line])
    }

    @Test func compressedProtobufOfPromtailIsTaken() throws {
        let body = [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent("loki-push/promtail.snappy")))
        let reply = try server.request(
            "POST", "/loki/api/v1/push", headers: [("Content-Type", "application/x-protobuf")], body: body)
        // Its timestamps lie where they lay: taken while they are young, else refused for their age and nothing else.
        #expect(reply.status == 204 || reply.text.contains("timestamp too"), "\(reply.status) \(reply.text)")
    }

    @Test func linesOfCurlAreFound() throws {
        let lines = try fixture("curl/chunked.ndjson")
        #expect(try server.push(lines).text.hasPrefix("{\"accepted\":5,"))
        #expect(try server.lines("{app=\"shop\"}").sorted() == lines.split(separator: "\n").map(String.init).sorted())
        let packed = [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent("curl/line.ndjson.gz")))
        let reply = try server.request("POST", "/api/v1/push", headers: [("Content-Encoding", "gzip")], body: packed)
        #expect(reply.status == 200)
        #expect(try server.lines("{trace_id=\"abc\"}").count == 1)
    }

    @Test func anEmptyPushIsRefused() throws {
        #expect(try server.push(try fixture("curl/form-type.json"), "/loki/api/v1/push").status == 422)
    }

    /// The OpenTelemetry SDK's requests: logs are stored; traces and metrics are no logs, and are told so.
    @Test func requestsOfTheOpenTelemetrySDK() throws {
        let logs = [UInt8](try fixture("otlp/sdk-logs.json").utf8)
        let json = [("Content-Type", "application/json")]
        let reply = try server.request("POST", "/v1/logs", headers: json, body: logs)
        #expect(reply.status == 200, "\(reply.text)")
        #expect(reply.text == "{\"partialSuccess\":{}}")
        let message = try OTLPPush.protobuf(json: logs.span, maxDepth: 64)
        let packed = try Codec.zstd.compress(message.span)
        let again = try server.request(
            "POST", "/otlp/v1/logs",
            headers: [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "zstd")], body: packed)
        #expect(again.status == 200, "\(again.text)")
        #expect(again.body.isEmpty)
        #expect(
            try server.lines("{service_name=\"shop\"} | scope_name=\"demo\"").sorted() == ["boom", "order placed"])
        #expect(
            try server.lines("{trace_id=\"d88ac50f78922fbcdcb2b6b1fc8dd3c6\"} | detected_level=\"error\"") == ["boom"])
        for (name, path) in [("sdk-traces", "/v1/traces"), ("sdk-metrics", "/v1/metrics")] {
            let body = [UInt8](try fixture("otlp/\(name).json").utf8)
            #expect(try server.request("POST", path, headers: json, body: body).status == 404)
        }
        let refused = try server.request("POST", "/otlp/v1/logs", headers: json, body: [UInt8]("[]".utf8))
        #expect(refused.status == 400)
        #expect(refused.body.first == 0x12)
    }
}
