import Bytes
import Model
import Push
import Receive
import Testing
import Wire

/// http-api 4: OpenTelemetry records to entries, in both forms.
@Suite struct OTLPTests {
    private static let json = "application/json"
    private static let proto = "application/x-protobuf"

    private func decode(
        _ body: [UInt8], type: String? = Self.json, encoding: String? = nil, options: ReceiveOptions = ReceiveOptions()
    ) throws -> ReceiveResult {
        try OTLPPush.decode(
            body: body.span, contentType: type, contentEncoding: encoding, options: options, now: now,
            arrival: ArrivalClock())
    }

    private func protobuf(_ json: [UInt8]) throws -> [UInt8] { try OTLPPush.protobuf(json: json.span, maxDepth: 64) }

    /// A request of one record; the parts are members of JSON objects.
    private func request(
        resource: String = "", scope: String = "", record: String = "", time: String? = "\"timeUnixNano\":\"\(now)\""
    ) -> [UInt8] {
        let members = [time, record.isEmpty ? nil : record].compactMap { $0 }.joined(separator: ",")
        return [UInt8](
            """
            {"resourceLogs":[{"scopeLogs":[{"logRecords":[{\(members)}],"scope":{\(scope)}}],
            "resource":{"attributes":[\(resource)]}}]}
            """.utf8)
    }

    private func text(_ key: String, _ value: String) -> String {
        "{\"key\":\"\(key)\",\"value\":{\"stringValue\":\"\(value)\"}}"
    }

    private func status(_ body: [UInt8], type: String? = Self.json, encoding: String? = nil) -> Int {
        do {
            return try decode(body, type: type, encoding: encoding).rejected == 0 ? 200 : 400
        } catch {
            return (error as? ReceiveError)?.status ?? 500
        }
    }

    @Test func logsOfThePythonSDK() throws {
        let body = try fixture("otlp/sdk-logs.json")
        let rows = readable(try decode(body).batch)
        let labels =
            #"{deployment_environment_name="prod", service_instance_id="4a0aff65-c9c2-4ead-b5b2-2846adcae743", "#
            + #"service_name="shop"}"#
        #expect(rows.map(\.line) == ["order placed", "boom"])
        #expect(rows.map(\.labels) == [labels, labels])
        #expect(rows.map(\.time) == [1_795_462_356_551_765_248, 1_795_462_356_551_964_160])
        #expect(rows.map(\.isTraced) == [true, true])
        let shared = [
            "telemetry_sdk_language": "python", "telemetry_sdk_name": "opentelemetry",
            "telemetry_sdk_version": "1.45.2", "service_version": "1.2.3", "scope_name": "demo", "flags": "3",
            "trace_id": "d88ac50f78922fbcdcb2b6b1fc8dd3c6", "span_id": "d06cd60f04a46be9",
            "code_file_path": "/srv/demo/c_otlp.py", "code_function_name": "<module>",
        ]
        let first = [
            "observed_timestamp": "1795462356551833780", "severity_number": "9", "severity_text": "INFO",
            "detected_level": "info", "order_id": "42", "amount": "9.5", "vip": "true", "tags": #"["a","b"]"#,
            "code_line_number": "23",
        ]
        #expect(rows[0].metadata == shared.merging(first) { $1 })
        #expect(rows[1].metadata["exception_type"] == "ZeroDivisionError")
        #expect(rows[1].metadata["exception_message"] == "division by zero")
        #expect(rows[1].metadata["exception_stacktrace"]?.hasSuffix("ZeroDivisionError: division by zero\n") == true)
        #expect(rows[1].metadata["detected_level"] == "error")
        let message = try protobuf(body)
        let zstd = try Codec.zstd.compress(message.span)
        let zlib = try Codec.zlib.compress(message.span)
        for (bytes, encoding) in [(message, nil), (message, "identity"), (zstd, "zstd"), (zlib, "deflate")] {
            #expect(try readable(decode(bytes, type: Self.proto, encoding: encoding).batch) == rows)
        }
    }

    /// The pair of http-api 16.
    @Test func recordOfTheReference() throws {
        let body = request(
            resource: [text("service.name", "otlpsvc"), text("k8s.pod.name", "pod-1"), text("host.name", "h1")]
                .joined(separator: ","),
            scope: #""name":"lib","version":"1.0""#,
            record: """
                "body":{"stringValue":"hello otlp"},"severityNumber":17,"severityText":"ERROR",
                "observedTimeUnixNano":\(now + 5),"traceId":"5B8EFFF798038103D269B633813FC60C",
                "spanId":"eee19b7ec3c1b174","attributes":[\(text("http.method", "GET")),
                {"key":"m","value":{"kvlistValue":{"values":[{"key":"x","value":{"kvlistValue":{"values":[
                \(text("y", "z"))]}}}]}}}]
                """)
        let row = try #require(readable(try decode(body).batch).first)
        #expect(row.labels == #"{k8s_pod_name="pod-1", service_name="otlpsvc"}"#)
        #expect(row.line == "hello otlp")
        #expect(
            row.metadata == [
                "detected_level": "error", "host_name": "h1", "http_method": "GET", "m_x_y": "z",
                "observed_timestamp": "\(now + 5)", "severity_number": "17", "severity_text": "ERROR",
                "span_id": "eee19b7ec3c1b174", "trace_id": "5b8efff798038103d269b633813fc60c", "scope_name": "lib",
                "scope_version": "1.0",
            ])
    }

    @Test(
        arguments: [
            (#"{"stringValue":"as it is"}"#, "as it is"), (#"{"intValue":"42"}"#, "42"), (#"{"intValue":-7}"#, "-7"),
            (#"{"intValue":"-9223372036854775808"}"#, "-9223372036854775808"),
            (#"{"doubleValue":1.0}"#, "1"), (#"{"doubleValue":0.25}"#, "0.25"), (#"{"doubleValue":"NaN"}"#, "NaN"),
            (#"{"boolValue":true}"#, "true"), (#"{"boolValue":false}"#, "false"),
            (#"{"bytesValue":"aGVsbG8="}"#, "aGVsbG8="),
            (#"{"arrayValue":{"values":[{"intValue":"1"},{},{"stringValue":"a\"b"}]}}"#, #"[1,null,"a\"b"]"#),
            (#"{"arrayValue":{}}"#, "[]"),
            (#"{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":1.5}}]}}"#, #"{"a":1.5}"#),
            ("{}", ""), ("null", ""),
        ])
    func bodies(_ value: String, _ line: String) throws {
        let row = try #require(readable(try decode(request(record: "\"body\":\(value)")).batch).first)
        #expect(row.line == line)
    }

    @Test(
        arguments: [
            ("TRACE", 1, "trace"), ("DEBUG4", 8, "debug"), ("INFO", 9, "info"), ("WARN2", 14, "warn"),
            ("ERROR", 17, "error"), ("FATAL4", 24, "fatal"),
        ])
    func severities(_ name: String, _ number: Int, _ level: String) throws {
        for text in ["\(number)", "\"SEVERITY_NUMBER_\(name)\""] {
            let row = try #require(
                readable(try decode(request(record: "\"severityNumber\":\(text)")).batch).first)
            #expect(row.metadata == ["severity_number": "\(number)", "detected_level": level])
        }
    }

    @Test func timesOfRecords() throws {
        let observed = try decode(request(record: "\"observedTimeUnixNano\":\"\(now - 1)\"", time: nil))
        #expect(readable(observed.batch).map(\.time) == [now - 1])
        #expect(readable(observed.batch).map(\.metadata) == [["detected_level": "unknown"]])
        #expect(observed.everyEntryHadTimestamp)
        let none = try decode(request(time: nil))
        #expect(readable(none.batch).map(\.time) == [now])
        #expect(!none.everyEntryHadTimestamp)
        let far = try decode(request(time: "\"timeUnixNano\":\"18446744073709551615\""))
        #expect(far.rejectedByReason == [.tooNew: 1])
    }

    @Test func laterNamesWinAndZeroesStayOut() throws {
        let body = request(
            resource: text("a.b", "resource"), scope: "\"attributes\":[\(text("c", "scope"))]",
            record: """
                "attributes":[\(text("a.b", "record")),\(text("c", "record")),\(text("d", "record"))],
                "flags":0,"traceId":"00000000000000000000000000000000","spanId":"","droppedAttributesCount":2
                """)
        let row = try #require(readable(try decode(body).batch).first)
        #expect(
            row.metadata == [
                "a_b": "resource", "c": "scope", "d": "record", "dropped_attributes_count": "2",
                "detected_level": "unknown",
            ])
        #expect(row.labels == #"{service_name="unknown_service"}"#)
    }

    @Test func envelopes() throws {
        let body = request(record: "\"body\":{\"stringValue\":\"x\"}")
        #expect(status(body, type: "application/json; charset=utf-8") == 200)
        #expect(try status(protobuf(body), type: "Application/X-Protobuf;v=1") == 200)
        for type in [nil, "", "text/plain", "application/jsonx"] { #expect(status(body, type: type) == 400) }
        #expect(status(body, encoding: "br") == 400)
        #expect(status(body, encoding: "zstd") == 400)
        #expect(status(body, encoding: "lz4") == 400)
        for empty in ["{}", #"{"resourceLogs":[]}"#, #"{"resourceLogs":[{"scopeLogs":[{}]}]}"#] {
            #expect(status([UInt8](empty.utf8)) == 422)
        }
        #expect(status([], type: Self.proto) == 422)
        for bad in [
            "", "[]", "{", #"{"resourceLogs":1}"#, #"{"resourceLogs":[]} x"#, #"{"resourceLogs":[{"scopeLogs":"#,
        ] { #expect(status([UInt8](bad.utf8)) == 400) }
        for bad in [#""traceId":"xyz""#, #""timeUnixNano":"12x""#, #""severityNumber":"LOUD""#, #""body":"text""#] {
            #expect(status(request(record: bad)) == 400)
        }
    }

    @Test func whatInflatesTooFarIsRefused() throws {
        var options = ReceiveOptions()
        options.limits.inflatedBytes.value = 1 << 20
        var refused: [Int?] = []
        let zeroes = [UInt8](repeating: 0, count: 8 << 20)
        for codec in [(Codec.zstd, "zstd"), (Codec.zlib, "deflate")] {
            let bomb = try codec.0.compress(zeroes.span)
            do {
                _ = try decode(bomb, type: Self.proto, encoding: codec.1, options: options)
            } catch {
                refused.append((error as? ReceiveError)?.status)
            }
        }
        #expect(refused == [413, 413])
    }

    @Test func nestingIsBounded() throws {
        var json = "{\"intValue\":1}"
        for _ in 0..<200 { json = "{\"arrayValue\":{\"values\":[\(json)]}}" }
        #expect(status(request(record: "\"body\":\(json)")) == 400)
        // The same in protobuf, where nothing but our own count ends it.
        var value: [UInt8] = []
        for _ in 0..<2000 {
            var list: [UInt8] = []
            ProtobufWriter.append(1, bytes: value, to: &list)
            value = []
            ProtobufWriter.append(5, bytes: list, to: &value)
        }
        var record: [UInt8] = []
        ProtobufWriter.append(5, bytes: value, to: &record)
        var message = record
        for number in [2, 2, 1] {
            var outer: [UInt8] = []
            ProtobufWriter.append(number, bytes: message, to: &outer)
            message = outer
        }
        #expect(status(message, type: Self.proto) == 400)
    }

    @Test func tooMuchMetadataIsRefusedByRecord() throws {
        var options = ReceiveOptions()
        options.limits.metadataPairs.value = 3
        let many = (0..<9).map { text("k\($0)", "v") }.joined(separator: ",")
        let result = try decode(request(record: "\"attributes\":[\(many)]"), options: options)
        #expect(result.rejectedByReason == [.metadataTooMany: 1])
        let long = String(repeating: "n", count: 70_000)
        let deep = (0..<50).map { _ in text("leaf", "v") }.joined(separator: ",")
        let bytes = try decode(
            request(record: "\"attributes\":[{\"key\":\"\(long)\",\"value\":{\"kvlistValue\":{\"values\":[\(deep)]}}}]")
        )
        #expect(bytes.rejectedByReason == [.metadataTooLarge: 1])
    }

    @Test func partialSuccessSaysWhatWasRefused() throws {
        let good = #"{"timeUnixNano":"\#(now)","body":{"stringValue":"good"}}"#
        let old = #"{"timeUnixNano":"1000000000","body":{"stringValue":"old"}}"#
        let result = try decode(
            [UInt8](#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[\#(good),\#(old),\#(old)]}]}]}"#.utf8))
        #expect(readable(result.batch).map(\.line) == ["good"])
        let json = OTLPPush.answer(result, .json).text
        #expect(json.hasPrefix(#"{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"2 errors like: entry"#))
        let proto = OTLPPush.answer(result, .protobuf)
        #expect(proto.first == 0x0a)
        #expect(Array(proto[2..<5]) != [])
        #expect(proto.text.contains("timestamp too old"))
        let clean = try decode(request())
        #expect(OTLPPush.answer(clean, .protobuf).isEmpty)
        #expect(OTLPPush.answer(clean, .json).text == #"{"partialSuccess":{}}"#)
        #expect(OTLPPush.status("why") == [0x12, 3, 0x77, 0x68, 0x79])
    }

    /// Whatever comes, it is taken or refused, never a crash.
    @Test func damagedRequests() throws {
        let message = try protobuf(try fixture("otlp/sdk-logs.json"))
        var random = Seeded(state: 7)
        for _ in 0..<3000 {
            var damaged = message
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random)) }
            let got = status(damaged, type: Self.proto)
            #expect([200, 400, 413, 422].contains(got))
        }
    }
}
