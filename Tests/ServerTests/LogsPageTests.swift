import Model
import Query
import Testing

@testable import Server

@Suite struct LogsPageTests {
    private func stream(_ app: String, _ entries: [(Int64, String)]) -> LogStream {
        LogStream(
            labels: LabelSet([("app", app), ("level", "info")]),
            entries: entries.map {
                LogEntry(time: $0.0, line: [UInt8]($0.1.utf8), metadata: LabelSet([("trace_id", "t1")]))
            })
    }

    private func request(_ query: String) throws -> LogsRequest {
        try LogsRequest(try RequestParameters(query: query), now: 1_795_460_737_000_000_000)
    }

    @Test func aLineHasItsFields() throws {
        let line = #"{"level":"ERROR","message":"pay\"ment","trace_id":"t1","path":"/o/17","n":1.50,"x":{"a":[1]}}"#
        let page = LogsPage([stream("shop", [(1_795_460_000_000_000_001, line)])], try request(""))
        let text = String(decoding: page.json(now: 0), as: UTF8.self)
        #expect(text.contains(#""timestamp":"2026-11-23T18:53:20.000000001Z","level":"ERROR","message":"pay\"ment""#))
        #expect(text.contains(#""trace_id":"t1","app":"shop","id":""#))
        #expect(
            text.contains(#""fields":{"path":"/o/17","n":1.50,"x":{"a":[1]}},"labels":{"app":"shop","level":"info"}"#))
        #expect(text.contains(#""count":1"#))
        #expect(text.contains(#""next":null"#))
    }

    @Test func aLineOfLoguruShowsItsRecord() throws {
        let access = #"{\"trace_id\": \"t1\", \"path\": \"/o/17\", \"status_code\": 200, \"a\": \"\\u00e9\"}"#
        func line(_ message: String) -> String {
            #"{"text": "… | ERROR | …", "record": {"elapsed": {"seconds": 1}, "exception": null, "#
                + #""extra": {"shop": 7}, "level": {"icon": "x", "name": "ERROR", "no": 40}, "#
                + #""line": 3, "message": "\#(message)", "#
                + #""name": "app.main", "time": {"timestamp": 1795463940.5}}}"#
        }
        let page = LogsPage([stream("shop", [(5, line("paid")), (6, line(access))])], try request("order=asc"))
        let lines = String(decoding: page.ndjson(), as: UTF8.self).split(separator: "\n")
        #expect(lines[0].contains(#""level":"ERROR","message":"paid","#))
        #expect(lines[0].contains(#""fields":{"shop":7,"line":3,"name":"app.main"},"#))
        #expect(lines[1].contains(#""message":"{\"trace_id\": \"t1\", \"path\""#))
        #expect(
            lines[1].contains(
                #""fields":{"shop":7,"line":3,"name":"app.main","path":"/o/17","status_code":200,"a":"\u00e9"},"#))
        // A record of another kind is a field.
        let other = LogsPage([stream("shop", [(5, #"{"record": {"a": 1}, "message": "x"}"#)])], try request(""))
        #expect(String(decoding: other.ndjson(), as: UTF8.self).contains(#""fields":{"record":{"a": 1}}"#))
    }

    @Test(arguments: ["plain text", "{\"broken\":", "{\"a\":1} tail", "[1,2]", ""])
    func otherLinesAreTheirMessage(line: String) throws {
        let page = LogsPage([stream("shop", [(5, line)])], try request(""))
        let text = String(decoding: page.ndjson(), as: UTF8.self)
        #expect(text.contains("\"message\":\(JSONText.quoted(line))"))
        #expect(text.contains("\"level\":\"info\""))
        #expect(text.contains("\"fields\":{}"))
    }

    @Test func invalidUTF8StaysOutOfJSON() throws {
        var bad = [UInt8](#"{"message":"x","f":"?"}"#.utf8)
        bad[bad.count - 3] = 0xff
        let stream = LogStream(labels: LabelSet([("app", "a")]), entries: [LogEntry(time: 1, line: bad)])
        let page = LogsPage([stream], try request(""))
        #expect(String(validating: page.ndjson(), as: UTF8.self) != nil)
    }

    /// Pages of any size show every entry once, in both orders, also where many share an instant and the order of
    /// arrival is not that of the streams.
    @Test(arguments: [1, 2, 3, 7], ["asc", "desc"])
    func pagesShowEachLineOnce(limit: Int, order: String) throws {
        let arrived: [(Int64, String, String)] = [
            (10, "b", "b1"), (10, "a", "a1"), (10, "c", "c1"), (10, "a", "a2"), (11, "c", "c2"), (11, "a", "a3"),
            (11, "b", "b2"), (11, "b", "b3"), (12, "a", "a4"), (13, "b", "b4"),
        ]
        /// The first `limit` entries of [start, end), by time and arrival, grouped by stream.
        func find(_ start: Int64, _ end: Int64, _ limit: Int) -> [LogStream] {
            let ordered = order == "asc" ? arrived : arrived.reversed()
            let found = ordered.filter { $0.0 >= start && $0.0 < end }.prefix(limit)
            return ["a", "b", "c"].map { app in stream(app, found.filter { $0.1 == app }.map { ($0.0, $0.2) }) }
        }
        var seen: [String] = []
        var cursor = ""
        for _ in 0..<20 {
            let request = try request("start=0&end=1795460737&limit=\(limit)&order=\(order)" + cursor)
            var shown: Set<String> = []
            if let instant = request.resumedInstant {
                shown = LogsPage(find(instant, instant + 1, request.skippedEntries), request).ids
            }
            let page = LogsPage(
                find(request.start, request.end, limit + request.skippedEntries), request, shown: shown)
            seen += String(decoding: page.text(), as: UTF8.self).split(separator: "\n").map { String($0.suffix(2)) }
            guard let next = page.next else { break }
            cursor = "&cursor=" + next
        }
        #expect(seen.count == arrived.count)
        #expect(Set(seen) == Set(arrived.map(\.2)))
    }
}
