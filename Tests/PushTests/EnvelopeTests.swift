import Bytes
import Model
import Push
import Receive
import Testing

/// http-api 3.1: media types, encodings, empty requests; and the captured requests of real clients.
@Suite struct EnvelopeTests {
    @Test(
        arguments: [
            (nil, 400, "mime: no media type"), ("", 400, "mime: no media type"), ("application/json", 204, ""),
            ("application/json; charset=utf-8", 204, ""), ("Application/JSON;charset=UTF-8", 204, ""),
            ("text/plain", 400, "snappy: corrupt input"), ("application/x-protobuf", 400, "snappy: corrupt input"),
            ("application/x-www-form-urlencoded", 400, "snappy: corrupt input"),
        ] as [(String?, Int, String)])
    func mediaTypes(_ type: String?, _ status: Int, _ text: String) {
        let got = answer([UInt8](body().utf8), type: type)
        #expect(got.status == status)
        #expect(got.text == text)
    }

    @Test func compressedBodies() throws {
        let json = [UInt8](body().utf8)
        let zlib = try Codec.zlib.compress(json.span)
        let proto = snappy(message(labels: "{app=\"x\"}", entries: [((1_795_464_000, 0), "line", [])]))
        let expected = readable(try push(json).batch)
        for (bytes, type, encoding) in [
            (json, "application/json", nil), (json, "application/json", "snappy"),
            (json, "application/json", "identity"),
            (zlib, "application/json", "deflate"),
            (Array(zlib.dropFirst(2).dropLast(4)), "application/json", "deflate"),
            (proto, "application/x-protobuf", nil), (proto, "application/x-protobuf", "snappy"),
            (proto, "any/thing", nil),
            (try Codec.zlib.compress(proto.span), "application/x-protobuf", "deflate"),
        ] as [([UInt8], String, String?)] {
            let result = try push(bytes, type: type, encoding: encoding)
            #expect(readable(result.batch) == expected)
            #expect(result.lokiErrorText == nil)
        }
        let unknown = answer(json, encoding: "br")
        #expect(unknown.status == 400)
        #expect(unknown.text == "Content-Encoding \"br\" not supported")
        #expect(answer(json, encoding: "gzip").status == 400)
    }

    @Test(arguments: [
        ("", 400, "EOF"), (" \n", 400, "EOF"), ("{}", 422, ""), ("null", 422, ""), ("{\"streams\":[]}", 422, ""),
        ("{\"streams\":null}", 422, ""), ("{\"other\":[1]}", 422, ""), ("[]", 400, ""), ("{", 400, ""), ("\0", 400, ""),
        ("{\"streams\":[{}]}", 204, ""), ("{\"streams\":[{\"stream\":{\"app\":\"x\"}}]}", 204, ""),
        ("{\"streams\":[{\"stream\":{\"app\":\"x\"},\"values\":[]}]}", 204, ""),
        ("{\"streams\":[{\"stream\":null,\"values\":null}]}", 204, ""), ("{\"streams\":[null]}", 400, ""),
        ("{\"streams\":{}}", 400, ""), ("{\"streams\":[]} x", 400, ""), ("{\"streams\":[],\"streams\":[]}", 400, ""),
    ])
    func emptyRequests(_ text: String, _ status: Int, _ message: String) {
        let got = answer(text)
        #expect(got.status == status)
        if !message.isEmpty { #expect(got.text == message) }
        if status == 422 { #expect(got.text == "error at least one valid stream is required for ingestion") }
    }

    @Test func emptyProtobuf() {
        #expect(answer([], type: "application/x-protobuf").text == "snappy: corrupt input")
        #expect(answer(snappy([]), type: "application/x-protobuf").status == 422)
    }

    @Test func capturedRequests() throws {
        let traced = try push(fixture("loki-push/logging-loki-trace-label.json"))
        #expect(
            readable(traced.batch) == [
                ReadableRow(
                    time: 1_795_460_513_074_355_712, line: "user logged in",
                    labels: #"{app="shop", logger="demo", service_name="shop", severity="info"}"#,
                    metadata: ["trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "detected_level": "info"], isTraced: true
                )
            ])
        let unicode = try push(fixture("loki-push/logging-loki-unicode.json"))
        #expect(readable(unicode.batch).map(\.line) == ["payment failed \"quoted\" 中文 \n second line"])
        let legacy = try push(fixture("loki-push/logging-loki-legacy.json"))
        #expect(
            readable(legacy.batch) == [
                ReadableRow(
                    time: 1_795_460_513_081_079_000, line: "old format",
                    labels: #"{app="shop", logger="demo0", service_name="shop", severity="warning"}"#,
                    metadata: ["detected_level": "warn"])
            ])
        let promtail = try push(fixture("loki-push/promtail.snappy"), type: "application/x-protobuf")
        #expect(
            readable(promtail.batch).map(\.labels)
                == ["info", "error"].map {
                    "{app=\"shop\", filename=\"/var/log/demo/app.log\", job=\"app\", level=\"\($0)\", "
                        + "service_name=\"shop\"}"
                })
        #expect(
            readable(promtail.batch).allSatisfy {
                $0.isTraced && $0.metadata["trace_id"] != nil && $0.line.hasSuffix("\"}")
            })
        let curl = try push(fixture("curl/push.json"))
        #expect(readable(curl.batch).map(\.metadata) == [["trace_id": "abc", "detected_level": "info"]])
        #expect(answer(try fixture("curl/form-type.json"), type: "application/x-www-form-urlencoded").status == 400)
    }

    @Test func capturedPlainRequests() throws {
        let arrival = ArrivalClock()
        let gzip = try fixture("curl/line.ndjson.gz")
        let line = try PlainPush.decode(
            body: gzip.span, queryLabels: [], contentEncoding: "gzip", options: ReceiveOptions(), now: now,
            arrival: arrival)
        #expect(readable(line.batch).map(\.line) == [#"{"app":"shop","level":"error","trace_id":"abc","message":"x"}"#])
        let chunked = try fixture("curl/chunked.ndjson")
        let lines = try PlainPush.decode(
            body: chunked.span, queryLabels: [], contentEncoding: nil, options: ReceiveOptions(), now: now,
            arrival: arrival)
        #expect(lines.batch.rows.count == 5)
    }
}
