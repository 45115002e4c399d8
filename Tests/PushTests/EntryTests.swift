import Bytes
import Model
import Push
import Receive
import Testing

/// http-api 3.2 to 3.5, row by row.
@Suite struct EntryTests {
    private func entry(_ items: String) -> (status: Int, text: String) {
        answer("{\"streams\":[{\"stream\":{\"app\":\"x\"},\"values\":[\(items)]}]}")
    }

    @Test(arguments: [
        (#"["1795464000000000000","x"]"#, 204), (#"["1795464000000000000",""]"#, 204),
        (#"["1795464000000000000"]"#, 400),
        (#"[1795464000000000000,"x"]"#, 400), (#"["soon","x"]"#, 400), (#"["","x"]"#, 400), (#"["1.5","x"]"#, 400),
        (#"["99999999999999999999","x"]"#, 400), (#"["1795464000000000000",5]"#, 400), (#"[]"#, 400), (#"{}"#, 400),
        (#"["1795464000000000000","x",{"a":"b"}]"#, 204), (#"["1795464000000000000","x",{}]"#, 204),
        (#"["1795464000000000000","x",{"a":5}]"#, 400), (#"["1795464000000000000","x",{"a":{"b":"c"}}]"#, 400),
        (#"["1795464000000000000","x",{"a":null}]"#, 400), (#"["1795464000000000000","x",null]"#, 400),
        (#"["1795464000000000000","x","y"]"#, 400), (#"["1795464000000000000","x",{"a":"b"},[1,{}]]"#, 204),
        (#"["\u0031795464000000000000","x"]"#, 204), (#"["1795464000000000000","x"],"#, 400), (#""x""#, 400),
        (#"["1795464000000000000","x",{"":"b"}]"#, 400), (#"["1795464000000000000","x",{"__":"b"}]"#, 400),
    ])
    func entries(_ items: String, _ status: Int) {
        #expect(entry(items).status == status, "\(items)")
    }

    @Test func errorsNameThePlace() {
        let text = answer(#"{"streams":[{"stream":{},"values":[]},{"stream":{"a":"b"},"values":[["1","x"],["1",2]]}]}"#)
            .text
        #expect(text == "expected a string at byte 83 (streams[1].values[1])")
    }

    @Test(arguments: [
        (#"{"app":"x"}"#, #"{app="x", service_name="x"}"#), (#"{}"#, #"{service_name="unknown_service"}"#),
        (#"{"app":""}"#, #"{service_name="unknown_service"}"#),
        (#"{"_a1":"b"}"#, #"{_a1="b", service_name="unknown_service"}"#),
        (#"{"b":"1","a":"2"}"#, #"{a="2", b="1", service_name="unknown_service"}"#),
        (#"{"service_name":"s","app":"x"}"#, #"{app="x", service_name="s"}"#),
        (#"{"job":"j","name":"n"}"#, #"{job="j", name="n", service_name="n"}"#),
        (#"{"app":"a\"\u00e9\n"}"#, #"{app="a\"é\n", service_name="a\"é\n"}"#),
    ])
    func labels(_ labels: String, _ expected: String) throws {
        #expect(try readable(push(body(labels: labels)).batch).map(\.labels) == [expected])
    }

    @Test(arguments: [
        (#"{"app-x":"v"}"#, "couldn't parse labels: 1:5: parse error: unexpected character inside braces: '-'"),
        (#"{"app.x":"v"}"#, "couldn't parse labels: 1:5: parse error: unexpected character inside braces: '.'"),
        (#"{"é":"v"}"#, "couldn't parse labels: 1:2: parse error: unexpected character inside braces: 'é'"),
        (#"{"9x":"v"}"#, "couldn't parse labels: 1:2: parse error: unexpected character inside braces: '9'"),
        (#"{"a":"1","a":"2"}"#, #"stream '{a="2", service_name="unknown_service"}' has duplicate label name: 'a'"#),
    ])
    func refusedLabels(_ labels: String, _ text: String) {
        let got = answer(body(labels: labels))
        #expect(got.status == 400)
        #expect(got.text == text)
    }

    @Test(arguments: [#"{"a":5}"#, #"{"a":true}"#, #"{"a":null}"#, #"{"a":{"b":"c"}}"#, #""{a=\"b\"}""#, "[]", "5"])
    func labelsThatAreNoStrings(_ labels: String) throws {
        #expect(answer(body(labels: labels)).status == 400)
        #expect(throws: ReceiveError.self) { try push(body(labels: labels)) }
    }

    @Test func everyServiceNameSource() throws {
        for name in ServiceName.standardFields {
            let rows = try readable(push(body(labels: "{\"\(name)\":\"v\",\"other\":\"o\"}")).batch)
            #expect(rows[0].labels.contains("service_name=\"v\""))
        }
        var options = ReceiveOptions()
        options.serviceNameFields = []
        #expect(try readable(push(body(), options: options).batch)[0].labels == #"{app="x"}"#)
        #expect(
            answer(body(labels: "{}"), options: options).text == "error at least one label pair is required per stream")
    }

    @Test func keysInAnyOrderAndUnknownOnes() throws {
        let text = #"{"x":[{}],"streams":[{"values":[["1795464000000000000","l"]],"y":{},"stream":{"app":"x"}}],"z":1}"#
        #expect(try readable(push(text).batch).map(\.labels) == [#"{app="x", service_name="x"}"#])
        #expect(answer(#"{"streams":[{"stream":{},"stream":{}}]}"#).status == 400)
        #expect(answer(#"{"streams":[{"values":[],"values":[],"values":[]}]}"#).status == 400)
    }

    @Test func legacyForm() throws {
        let text = #"""
            {"streams":[{"labels":"{app=\"x\", level='warn'}","entries":[
            {"ts":"2026-11-23T19:05:37.123456789Z","line":"a"},
            {"line":"b","ts":"2026-11-23T20:05:38+01:00","structuredMetadata":[
            {"name":"user id","value":"u"},{"name":"e","value":""}]}
            ]},{"stream":{"app":"y"},"values":[["1795464000000000000","c"]]}]}
            """#
        #expect(
            try readable(push(text).batch) == [
                ReadableRow(
                    time: 1_795_460_737_123_456_789, line: "a", labels: #"{app="x", level="warn", service_name="x"}"#,
                    metadata: ["detected_level": "warn"]),
                ReadableRow(
                    time: 1_795_460_738_000_000_000, line: "b", labels: #"{app="x", level="warn", service_name="x"}"#,
                    metadata: ["detected_level": "warn", "user_id": "u"]),
                ReadableRow(
                    time: now, line: "c", labels: #"{app="y", service_name="y"}"#,
                    metadata: ["detected_level": "unknown"]),
            ])
        for entry in [
            #"{"ts":"x","line":""}"#, #"{"ts":"2026-11-23T19:05:37Z"}"#, #"{"line":"x"}"#, #"{"ts":5,"line":"x"}"#,
        ] {
            #expect(answer("{\"streams\":[{\"labels\":\"{}\",\"entries\":[\(entry)]}]}").status == 400)
        }
    }

    @Test func protobuf() throws {
        let bytes = message(
            labels: "{app=\"x\",b=`y`}",
            entries: [
                ((1_795_464_000, 5), "line", [("trace.id", "t"), ("b", ""), ("a", "1")]), ((1_795_463_999, 0), "", []),
            ])
        #expect(
            try readable(push(snappy(bytes), type: "application/x-protobuf").batch) == [
                ReadableRow(
                    time: now + 5, line: "line", labels: #"{app="x", b="y", service_name="x"}"#,
                    metadata: ["trace_id": "t", "a": "1", "detected_level": "unknown"], isTraced: true),
                ReadableRow(
                    time: now - 1_000_000_000, line: "", labels: #"{app="x", b="y", service_name="x"}"#,
                    metadata: ["detected_level": "unknown"]),
            ])
    }

    @Test(arguments: [
        (Int64.max, "too new"), (Int64.min, "too old"), (-1, "too old"), (0, "too old"), (9_223_372_036, "too new"),
    ])
    func protobufTimesBeyondReason(_ seconds: Int64, _ text: String) {
        let bytes = message(labels: "{app=\"x\"}", entries: [((seconds, 999_999_999), "line", [])])
        let got = answer(snappy(bytes), type: "application/x-protobuf")
        #expect(got.status == 400)
        #expect(got.text.contains(text))
    }

    @Test func metadataIsNormalisedSortedAndUnique() throws {
        let metadata = #"{"user id":"x","trace_id":"abc","a__b":"1","a.b":"2","9x":"n","B":"","bad":"q\u00e9"}"#
        let result = try push(body(metadata: metadata))
        let row = result.batch.rows[0]
        let pairs = LabelSet(canonical: [UInt8](result.batch.arena[row.metadata])).pairs
        #expect(pairs.map(\.name) == ["a_b", "bad", "detected_level", "key_9x", "trace_id", "user_id"])
        #expect(pairs[0].value == "2")
        #expect(LabelSet(pairs).encoded == [UInt8](result.batch.arena[row.metadata]))
        let invalid =
            Array(#"{"streams":[{"stream":{},"values":[["1795464000000000000","x",{"k":"a"#.utf8) + [0xff, 0xc3]
            + Array(#"b"}]]}]}"#.utf8)
        #expect(try readable(push(invalid).batch)[0].metadata["k"] == "a  b")
    }

    @Test(
        arguments: [
            // Labels, metadata, line, detected_level.
            (#"{"level":"WARNING"}"#, nil, "error", "warn"), (#"{"lvl":"x"}"#, nil, "error", "x"),
            (#"{"severity":"inf"}"#, nil, "error", "info"), (#"{"lvl":"debug","Level":"error"}"#, nil, "", "error"),
            (#"{"level":"info"}"#, #"{"level":"error"}"#, "", "info"),
            (#"{"level":"info"}"#, #"{"detected_level":"ERR"}"#, "", "error"),
            (#"{"a":"b"}"#, #"{"detected_level":"odd"}"#, "error", "odd"),
            (#"{"a":"b"}"#, #"{"severity":"Trace"}"#, "error", "trace"),
            (#"{"a":"b"}"#, #"{"lvl":"odd","severity":"warn"}"#, "error", "warn"),
            (#"{"a":"b"}"#, #"{"severity_number":"17"}"#, "info", "error"),
            (#"{"a":"b"}"#, #"{"severity_number":"0"}"#, "info", "unknown"),
            (#"{"a":"b"}"#, #"{"x":"y"}"#, "[ERROR] boom", "error"), (#"{"a":"b"}"#, nil, "[ERROR] boom", "error"),
            (#"{"a":"b","trace_id":"t"}"#, nil, "fatal", "fatal"), (#"{"a":"b"}"#, nil, "nothing", "unknown"),
        ] as [(String, String?, String, String)])
    func detectedLevel(_ labels: String, _ metadata: String?, _ line: String, _ level: String) throws {
        let rows = try readable(push(body(labels: labels, line: line, metadata: metadata)).batch)
        #expect(rows[0].metadata["detected_level"] == level)
        var options = ReceiveOptions()
        options.discoverLevels = false
        let plain = try readable(push(body(labels: labels, line: line, metadata: metadata), options: options).batch)
        #expect((plain[0].metadata["detected_level"] == nil) == !(metadata ?? "").contains("detected_level"))
    }

    @Test func highCardinalityLabelsBecomeMetadata() throws {
        let labels = #"{"app":"x","trace_id":"t1","traceID":"t2","span_id":"s","request_id":"r"}"#
        let rows = try readable(push(body(labels: labels, metadata: #"{"span_id":"own"}"#)).batch)
        #expect(rows[0].labels == #"{app="x", service_name="x"}"#)
        #expect(
            rows[0].metadata == [
                "trace_id": "t1", "traceID": "t2", "span_id": "own", "request_id": "r", "detected_level": "unknown",
            ])
        #expect(rows[0].isTraced)
        let streams = (0..<5000).map {
            "{\"stream\":{\"app\":\"x\",\"trace_id\":\"\($0)\"},\"values\":[[\"\(now)\",\"l\"]]}"
        }.joined(separator: ",")
        let many = try push("{\"streams\":[\(streams)]}")
        #expect(many.batch.streams.count == 1)
        #expect(many.batch.rows.count == 5000)
        var options = ReceiveOptions()
        options.highCardinality = ["app"]
        #expect(try readable(push(body(labels: labels), options: options).batch)[0].metadata["app"] == "x")
    }

    @Test func linesAreKeptByteForByte() throws {
        var random = Seeded(state: 7)
        var lines: [[UInt8]] = []
        var values: [[UInt8]] = []
        for number in 0..<300 {
            let line = (0..<Int.random(in: 0...90, using: &random)).map { _ in
                Array("ab\"\\\n\té😀/ ".unicodeScalars).randomElement(using: &random) ?? "a"
            }
            let text = String(String.UnicodeScalarView(line))
            lines.append(Array(text.utf8))
            values.append(Array("[\"\(now + Int64(number))\",\(JSONText.quoted(text))]".utf8))
        }
        let all =
            Array("{\"streams\":[{\"stream\":{},\"values\":[".utf8) + Array(values.joined(separator: [0x2c]))
            + Array("]}]}".utf8)
        let batch = try push(all).batch
        #expect(batch.rows.map { [UInt8](batch.arena[$0.line]) } == lines)
    }
}
