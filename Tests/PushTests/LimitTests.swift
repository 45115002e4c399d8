import Model
import Push
import Receive
import Testing

/// http-api 3.6 and 14: the error catalogue, grouping, partial acceptance; limits that adjust.
@Suite struct LimitTests {
    private func values(_ times: [Int64], labels: String = #"{"app":"a"}"#) -> String {
        let list = times.map { "[\"\($0)\",\"l\"]" }.joined(separator: ",")
        return "{\"streams\":[{\"stream\":\(labels),\"values\":[\(list)]}]}"
    }

    @Test func ages() throws {
        let oldest = now - 30 * Nanoseconds.perDay
        #expect(
            answer(values([oldest - 1])).text
                == #"entry for stream '{app="a", service_name="a"}' has timestamp too old: 2026-10-24T19:59:59Z, "#
                + "oldest acceptable timestamp is: 2026-10-24T20:00:00Z")
        #expect(
            answer(values([now + 600 * Nanoseconds.perSecond + 1])).text
                == #"entry for stream '{app="a", service_name="a"}' has timestamp too new: 2026-11-23T20:10:00Z"#)
        #expect(answer(values([oldest, now + 600 * Nanoseconds.perSecond])).status == 204)
        var options = ReceiveOptions()
        options.limits.maxAgeSeconds = 60
        #expect(answer(values([now - 60 * Nanoseconds.perSecond - 1]), options: options).status == 400)
        #expect(answer(values([now - 60 * Nanoseconds.perSecond]), options: options).status == 204)
        options.retentionSeconds = .max
        options.limits.maxAgeSeconds = nil
        #expect(answer(values([Int64.min + 1]), options: options).status == 204)
    }

    @Test func validEntriesAreKept() throws {
        let result = try push(values([0, now, 1, now + 1]))
        #expect(result.batch.rows.map(\.time) == [now, now + 1])
        #expect(result.rejected == 2)
        #expect(result.rejections.map(\.index) == [0, 2])
        #expect(result.rejectedByReason == [.tooOld: 2])
        #expect(result.lokiErrorText == "2 errors like: " + (result.rejections.first?.message ?? ""))
        let none = try push(values([0]))
        #expect(none.batch.isEmpty && none.batch.streams.isEmpty)
    }

    @Test func unlikeErrorsAreGrouped() throws {
        let text = try #require(try push(values([0, 0, 86400 * Nanoseconds.perSecond])).lokiErrorText)
        let parts = text.split(separator: "; ")
        #expect(parts.count == 2)
        #expect(parts[0].hasPrefix("2 errors like: entry for stream"))
        #expect(parts[1].hasPrefix("1 errors like: entry for stream"))
        let many = try push(values((0..<5000).map { Int64($0) * Nanoseconds.perSecond }))
        #expect(many.rejected == 5000)
        #expect(many.errorGroups.count == 10)
        #expect(many.lokiErrorText?.hasSuffix("; 4990 other errors") == true)
    }

    @Test func lines() throws {
        var options = ReceiveOptions()
        options.limits.lineBytes = Limit(8, .reject)
        #expect(
            answer(body(labels: #"{"app":"a"}"#, line: "123456789"), options: options).text
                == #"max entry size '8' bytes exceeded for stream '{app="a", service_name="a"}' "#
                + #"while adding an entry with length '9' bytes"#
        )
        options.limits.lineBytes.action = .adjust
        let rows = try readable(push(body(line: "1234567é"), options: options).batch)
        #expect(rows[0].line == "1234567")
        #expect(rows[0].metadata["dendro_truncated_bytes"] == "2")
    }

    @Test func labels() throws {
        var options = ReceiveOptions()
        options.limits.labelsPerStream = Limit(2)
        options.limits.labelNameBytes = Limit(12)
        options.limits.labelValueBytes = Limit(5)
        #expect(
            answer(body(labels: #"{"a":"1","b":"2","service_name":"s","trace_id":"t"}"#), options: options).status
                == 204)
        #expect(
            answer(body(labels: #"{"a":"1","b":"2","c":"3"}"#), options: options).text
                == #"entry for stream '{a="1", b="2", c="3", service_name="unknown_service"}' "#
                + #"has 3 label names; limit 2"#
        )
        #expect(
            answer(body(labels: #"{"abcdefghijklm":"1"}"#), options: options).text.hasSuffix(
                "has label name too long: 'abcdefghijklm'"))
        #expect(
            answer(body(labels: #"{"a":"123456"}"#), options: options).text.hasSuffix(
                "has label value too long: '123456'"))
        options.limits.labelsPerStream.action = .adjust
        options.limits.labelNameBytes.action = .adjust
        options.limits.labelValueBytes.action = .adjust
        var row = try readable(push(body(labels: #"{"a":"1","b":"2","c":"3","d":"4"}"#), options: options).batch)[0]
        #expect(row.labels == #"{a="1", b="2", service_name="unknown_service"}"#)
        #expect(row.metadata == ["c": "3", "d": "4", "detected_level": "unknown", "dendro_adjusted": "labels"])
        row = try readable(push(body(labels: #"{"abcdefghijklmn":"1234é"}"#), options: options).batch)[0]
        #expect(row.labels == #"{abcdefghijkl="1234", service_name="unknown_service"}"#)
        #expect(row.metadata["dendro_adjusted"] == "label_name,label_value")
    }

    @Test func streamErrorsCountOnceAndEntriesAll() throws {
        let result = try push(values([now, now, now], labels: #"{"bad-name":"v"}"#))
        #expect(result.rejected == 3)
        #expect(
            result.lokiErrorText == "couldn't parse labels: 1:5: parse error: unexpected character inside braces: '-'")
        let two = try push(
            #"{"streams":[{"stream":{"a-b":"v"},"values":[["1795464000000000000","l"]]},"#
                + #"{"stream":{"a":"v"},"values":[["1795464000000000000","l"]]}]}"#
        )
        #expect(two.batch.rows.count == 1)
        #expect(two.lokiErrorText != nil)
    }

    @Test func metadata() throws {
        var options = ReceiveOptions()
        options.limits.metadataPairs = Limit(2)
        options.limits.metadataBytes = Limit(20)
        let three = body(metadata: #"{"a":"1","b":"2","c":"3"}"#)
        let large = body(metadata: #"{"a":"12345678901234567890"}"#)
        #expect(
            answer(three, options: options).text.contains("has too many structured metadata labels: '3', limit: '2'"))
        #expect(
            answer(large, options: options).text.contains(
                "has structured metadata too large: '21' bytes, limit: '20' bytes"))
        #expect(answer(body(metadata: #"{"é":"1"}"#)).text.contains("structured metadata name"))
        options.limits.metadataPairs.action = .adjust
        options.limits.metadataBytes.action = .adjust
        #expect(
            try readable(push(three, options: options).batch)[0].metadata
                == ["a": "1", "b": "2", "detected_level": "unknown", "dendro_adjusted": "metadata"])
        #expect(
            try readable(push(large, options: options).batch)[0].metadata
                == ["detected_level": "unknown", "dendro_adjusted": "metadata"])
    }

    @Test func theFutureCanBeAdjusted() throws {
        var options = ReceiveOptions()
        options.limits.futureSeconds = Limit(60, .adjust)
        let row = try readable(push(values([now + 61 * Nanoseconds.perSecond]), options: options).batch)[0]
        #expect(row.time == now + 60 * Nanoseconds.perSecond)
        #expect(row.metadata["dendro_adjusted"] == "time")
    }

    @Test func countsOfTheRequest() {
        var options = ReceiveOptions()
        options.limits.requestStreams.value = 2
        options.limits.requestEntries.value = 3
        #expect(answer(#"{"streams":[{},{}]}"#, options: options).status == 204)
        #expect(answer(#"{"streams":[{},{},{}]}"#, options: options).status == 413)
        #expect(answer(values([now, now, now]), options: options).status == 204)
        #expect(answer(values([now, now, now, now]), options: options).status == 413)
        let proto = message(labels: "{a=\"b\"}", entries: (0..<4).map { _ in ((1_795_464_000, 0), "l", []) })
        #expect(answer(snappy(proto), type: "application/x-protobuf", options: options).status == 413)
    }
}
