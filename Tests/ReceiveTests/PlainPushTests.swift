import Bytes
import Model
import Receive
import Testing

@Suite struct PlainPushTests {
    @Test func oneObject() throws {
        let line =
            #"{"app":"shop","level":"ERROR","env":"prod","trace_id":"abc","ts":"2026-11-23T19:59:00.5Z","msg":"x"}"#
        let result = try plain(" \n" + line + "\n")
        #expect(
            readable(result.batch) == [
                ReadableRow(
                    time: now - 59_500_000_000, line: line,
                    labels: #"{app="shop", env="prod", level="error", service_name="shop"}"#,
                    metadata: ["trace_id": "abc", "detected_level": "error"], isTraced: true)
            ])
        #expect(result.everyEntryHadTimestamp)
        #expect(result.rejected == 0 && result.unreadableTimestamps == 0)
        #expect(metadataNames(result.batch) == [["detected_level", "trace_id"]])
    }

    @Test func anObjectOverSeveralLines() throws {
        let text = "{\n  \"app\": \"shop\",\n  \"list\": [\n    {\"a\": 1}\n  ]\n}"
        #expect(try readable(plain(text + "\n\n").batch).map(\.line) == [text])
        for count in 0..<text.utf8.count {
            let cut = Array(text.utf8.prefix(count))
            #expect(status { try plain(cut) } == 400 || allRejected(cut))
        }
    }

    private func allRejected(_ body: [UInt8]) -> Bool {
        guard let result = try? plain(body) else { return true }
        return result.batch.isEmpty && result.rejected > 0
    }

    @Test func arrays() throws {
        let result = try plain(#"[ {"app":"a"} , 5,{"app":"b", "x":[1,2]},"s",null,[] ]"#)
        #expect(readable(result.batch).map(\.line) == [#"{"app":"a"}"#, #"{"app":"b", "x":[1,2]}"#])
        #expect(result.rejected == 4)
        #expect(result.rejections.map(\.index) == [1, 3, 4, 5])
        #expect(result.rejectedByReason == [.malformed: 4])
    }

    @Test(arguments: [#"[{"app":"a"},{"app":"#, "[", "[{}", #"[{"a":1},]"#, #"[{"a":1}] x"#, #"[{"a":1} {"b":2}]"#])
    func brokenArraysAreRefusedWhole(_ body: String) {
        #expect(status { try plain(body) } == 400)
    }

    @Test func linesOfObjects() throws {
        let body =
            "\n{\"app\":\"a\"}\r\n\n{\"app\":\"b\"\n  {\"n\":1}  \nnot json\n{\"s\":\"a\tb\"}\n"
            + "{\"app\":\"c\"} x\n{\"app\":\"d\"}"
        let result = try plain(body)
        #expect(readable(result.batch).map(\.line) == ["{\"app\":\"a\"}", "  {\"n\":1}  ", "{\"app\":\"d\"}"])
        #expect(result.rejections.map(\.index) == [1, 3, 4, 5])
        #expect(result.rejections[0].message == "line 4: JSON ends early at byte 10 of the line")
        #expect(result.rejections[1].message == "line 6: not a JSON object at byte 0 of the line")
        #expect(result.rejections[2].message == "line 7: control character in a string at byte 7 of the line")
        #expect(
            result.rejections[3].message == "line 8: unexpected text after the JSON document at byte 12 of the line")
    }

    @Test func aBrokenFirstLineDoesNotHideTheOthers() throws {
        let result = try plain("{\"app\":\"a\n{\"app\":\"b\"}\n")
        #expect(readable(result.batch).map(\.line) == ["{\"app\":\"b\"}"])
        #expect(result.rejections.map(\.index) == [0])
    }

    @Test func plainText() throws {
        let result = try plain(
            "first\r\nsecond error\n\nlast", query: [("app", "shop"), ("level", "Warning"), ("app", "x")])
        let rows = readable(result.batch)
        #expect(rows.map(\.line) == ["first", "second error", "", "last"])
        #expect(Set(rows.map(\.labels)) == [#"{app="shop", level="warn", service_name="shop"}"#])
        #expect(rows.map { $0.metadata["detected_level"] } == ["warn", "warn", "warn", "warn"])
        #expect(!result.everyEntryHadTimestamp)
        #expect(try readable(plain("a\n").batch).map(\.line) == ["a"])
        #expect(
            try readable(plain("[ERROR] boom\n[x] y").batch).map(\.metadata) == [
                ["detected_level": "error"], ["detected_level": "unknown"],
            ])
        #expect(try readable(plain("[2026-11-23 19:00] up").batch).count == 1)
    }

    @Test(arguments: ["", "  ", "\n\n", "[]", " [ ] "])
    func nothingIsRefused(_ body: String) {
        #expect(status { try plain(body) } == 400)
    }

    @Test func queryLabelsFillWhatIsMissing() throws {
        let rows = try readable(
            plain(
                "{\"app\":\"line\"}\n{\"app\":\"\"}\n{\"app\":null}",
                query: [("app", "query"), ("team", "t"), ("traceId", "q")]
            ).batch)
        #expect(
            rows.map(\.labels) == [
                #"{app="line", service_name="line", team="t"}"#, #"{app="query", service_name="query", team="t"}"#,
                #"{app="query", service_name="query", team="t"}"#,
            ])
        #expect(rows.allSatisfy { $0.metadata["trace_id"] == "q" && $0.isTraced })
        #expect(status { try plain("x", query: [("bad-name", "v")]) } == 400)
    }

    @Test(arguments: ["trace_id", "traceId", "traceID", "trace.id", "tr\\u0061ce_id"])
    func traceNames(_ name: String) throws {
        let rows = try readable(plain("{\"\(name)\":\"4b\\u0066\",\"m\":1}").batch)
        #expect(rows[0].metadata["trace_id"] == "4bf")
        #expect(rows[0].isTraced)
    }

    @Test func firstTraceNameWins() throws {
        let rows = try readable(plain(#"{"traceID":"second","trace_id":"first"}"#).batch)
        #expect(rows[0].metadata["trace_id"] == "first")
    }

    @Test func labelValuesOfAnyKind() throws {
        let rows = try readable(plain(#"{"app":5,"env":true,"service":{"a":[1]},"level":30,"trace_id":17}"#).batch)
        #expect(
            rows[0].labels == #"{app="5", env="true", level="30", service="{\"a\":[1]}", service_name="{\"a\":[1]}"}"#)
        #expect(rows[0].metadata["trace_id"] == "17")
        let escaped = try readable(plain(#"{"app":"a\"b\u00e9"}"# + "\n" + #"{"app":"a\"bé"}"#).batch)
        #expect(escaped[0].labels == escaped[1].labels)
    }

    @Test func levelsAreNormalised() throws {
        let body = ["WARNING", "Err", "notice", "NOTICE"].map { "{\"level\":\"\($0)\"}" }.joined(separator: "\n")
        let rows = try readable(plain(body).batch)
        #expect(rows.map { $0.metadata["detected_level"] } == ["warn", "error", "notice", "notice"])
        #expect(rows[2].labels == rows[3].labels)
        #expect(try readable(plain(#"{"severity":"ERROR"}"#).batch)[0].metadata["detected_level"] == "error")
    }

    @Test(arguments: ["timestamp", "ts", "time", "@timestamp", "_time"])
    func timestampNames(_ name: String) throws {
        for value in [
            "\"2026-11-23T19:59:59Z\"", "1795463999", "1795463999000", "\"1795463999000000\"", "1795463999000000000",
        ] {
            let result = try plain("{\"\(name)\":\(value)}")
            #expect(readable(result.batch).map(\.time) == [now - 1_000_000_000])
            #expect(result.everyEntryHadTimestamp)
        }
    }

    @Test func unreadableTimestampsAreAbsent() throws {
        let result = try plain(
            #"{"timestamp":"soon","ts":1795463999}"# + "\n" + #"{"time":0.25}"# + "\n" + #"{"ts":null}"# + "\n"
                + #"{"ts":{}}"#)
        #expect(readable(result.batch).map(\.time) == [now - 1_000_000_000, now, now + 1, now + 2])
        #expect(result.unreadableTimestamps == 3)
        #expect(result.rejected == 0)
        #expect(!result.everyEntryHadTimestamp)
    }

    @Test func arrivalStampsAreDistinct() async throws {
        let arrival = ArrivalClock()
        let body = [UInt8](String(repeating: "x\n", count: 2000).utf8)
        let times = await withTaskGroup(of: [Int64].self) { group in
            for _ in 0..<4 {
                group.addTask { ((try? plain(body, arrival: arrival))?.batch.rows ?? []).map(\.time) }
            }
            var all: [Int64] = []
            for await part in group {
                #expect(part == part.sorted())
                all += part
            }
            return all
        }
        #expect(times.count == 8000)
        #expect(Set(times).count == 8000)
    }

    @Test func ages() throws {
        func line(_ time: Int64) -> String { "{\"ts\":\(time)}\n" }
        let oldest = now - 30 * Nanoseconds.perDay
        let result = try plain(
            line(oldest - 1) + line(oldest) + line(now + 600_000_000_000) + line(now + 600_000_000_001))
        #expect(readable(result.batch).map(\.time) == [oldest, now + 600_000_000_000])
        #expect(result.rejectedByReason == [.tooOld: 1, .tooNew: 1])
        #expect(result.rejections.map(\.index) == [0, 3])
    }

    @Test func linesAreStoredAsSent() throws {
        var random = Seeded(state: 4)
        let lines = (0..<500).map { number in
            var text = "{\"n\":\(number),\"m\":\""
            for _ in 0..<Int.random(in: 0...60, using: &random) {
                text += ["a", "\\n", "\\u00e9", "é", "\\\"", " ", "😀", "\\/"].randomElement(using: &random) ?? ""
            }
            return text + "\"}"
        }
        #expect(try readable(plain(lines.joined(separator: "\n")).batch).map(\.line) == lines)
        #expect(try readable(plain("[" + lines.joined(separator: " ,\n") + "]").batch).map(\.line) == lines)
        let raw: [UInt8] = [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]
        let batch = try plain(raw).batch
        #expect([UInt8](batch.arena[batch.rows[0].line]) == raw)
    }

    @Test func longLinesAreCutAndMarked() throws {
        var options = ReceiveOptions()
        options.limits.lineBytes.value = 10
        var rows = try readable(
            plain("12345678é0\n1234567890\n123456789é", query: [("app", "a")], options: options).batch)
        #expect(rows.map(\.line) == ["12345678é", "1234567890", "123456789"])
        #expect(rows.map { $0.metadata["dendro_truncated_bytes"] } == ["1", nil, "2"])
        options.limits.lineBytes.action = .reject
        let result = try plain("12345678901\nshort", options: options)
        rows = readable(result.batch)
        #expect(rows.map(\.line) == ["short"])
        #expect(result.rejectedByReason == [.lineTooLong: 1])
    }

    @Test func configuredFields() throws {
        var options = ReceiveOptions()
        options.labelFields = ["app", "k8s.pod", "request_id"]
        let rows = try readable(
            plain(
                #"{"app":"a","k8s.pod":"p","request_id":"r1"}"# + "\n"
                    + #"{"app":"a","k8s.pod":"p","request_id":"r2"}"#, options: options
            )
            .batch)
        #expect(rows.map(\.labels) == Array(repeating: #"{app="a", k8s_pod="p", service_name="a"}"#, count: 2))
        #expect(rows.map { $0.metadata["request_id"] } == ["r1", "r2"])
    }

    @Test func limitsOfTheRequest() {
        var options = ReceiveOptions()
        options.limits.requestEntries.value = 3
        #expect(status { try plain("a\nb\nc\nd", options: options) } == 413)
        #expect(status { try plain("a\nb\nc\n", options: options) } == nil)
        options.limits.requestEntries.value = 100
        options.limits.requestStreams.value = 2
        let body = "{\"app\":\"1\"}\n{\"app\":\"2\"}\n{\"app\":\"3\"}"
        #expect(status { try plain(body, options: options) } == 413)
    }

    @Test func receipts() throws {
        let result = try plain("{\"a\":1}\n{\"a\":\"\u{1}\"}\n")
        #expect(
            PlainPush.receipt(accepted: 1, duplicates: 0, result: result).text
                == "{\"accepted\":1,\"duplicates\":0,\"rejected\":1,\"errors\":[{\"index\":1,"
                + "\"reason\":\"line 2: control character "
                + "in a string at byte 6 of the line\"}]}\n")
        #expect(
            PlainPush.receipt(refused: .malformed("a \"b\"")).text
                == "{\"accepted\":0,\"duplicates\":0,\"rejected\":0,"
                + "\"errors\":[{\"index\":0,\"reason\":\"a \\\"b\\\"\"}]}\n"
        )
        let many = try plain(String(repeating: "{x}\n", count: 30))
        #expect(many.rejected == 30)
        #expect(many.rejections.count == 10)
    }

    @Test func noBytesTrap() throws {
        let seed = [UInt8](
            ("{\"app\":\"a\",\"ts\":1795463999,\"trace_id\":\"x\\u00e9\"}\n"
                + "[{\"level\":\"warn\"},{\"b\":[1,{}]}]\nplain text error=1\n")
                .utf8)
        var random = Seeded(state: 5)
        for _ in 0..<8_000 {
            var body = Array(seed[Int.random(in: 0..<seed.count, using: &random)...])
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? plain(body)
        }
    }
}
