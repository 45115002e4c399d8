import Foundation
import Testing

/// What Grafana, Logs Drilldown and logcli ask about stored logs, on the real binary.
@Suite(.serialized) struct ExploreTests {
    private static let root = "/loki/api/v1"

    private let server: ServerProcess
    /// Whole seconds, a little while ago.
    private let now = Int64(Date().timeIntervalSince1970) - 300

    init() throws {
        server = try ServerProcess()
        try server.start()
    }

    /// Pushes entries one nanosecond apart unless `isOneMoment`.
    private func push(_ app: String, _ lines: [String], isOneMoment: Bool = false) throws {
        let values = lines.enumerated().map { index, line in
            ["\(now * 1_000_000_000 + (isOneMoment ? 0 : Int64(index)))", line]
        }
        let body = ["streams": [["stream": ["app": app, "env": "test"], "values": values] as [String: Any]]]
        let data = try JSONSerialization.data(withJSONObject: body)
        let reply = try server.push(String(decoding: data, as: UTF8.self), Self.root + "/push")
        #expect(reply.status == 204, "\(reply.text)")
    }

    private func object(_ reply: HTTPReply) throws -> [String: Any] {
        #expect(reply.status == 200, "\(reply.status) \(reply.text)")
        return try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
    }

    private var span: [(String, String)] { [("start", "\(now - 60)"), ("end", "\(now + 60)")] }

    @Test func whatIsStoredIsToldTheSameBeforeAndAfterSealing() throws {
        try push("web", (0..<40).map { "level=info msg=done took=\($0)ms" })
        try push("db", ["{\"rows\":5,\"a\":{\"b\":true}}"])
        try expectStored()
        #expect(try server.request("POST", "/flush").status == 204)
        try expectStored()
    }

    private func expectStored() throws {
        let web = [("query", "{app=\"web\"}")] + span
        let stats = try object(try server.get(Self.root + "/index/stats", web))
        #expect((stats["streams"] as? Int, stats["entries"] as? Int) == (1, 40))
        let volume = try server.get(
            Self.root + "/index/volume", [("query", "{env=\"test\"}"), ("targetLabels", "app")] + span)
        #expect(
            volume.text.contains(#""resultType":"vector","result":[{"metric":{"app":"web"},"value":[\#(now + 60),""#))
        let steps = try server.get(Self.root + "/index/volume_range", web + [("step", "60")])
        #expect(steps.text.contains(#""resultType":"matrix","result":[{"metric":{"app":"web"},"values":[["#))
        let labels = try server.get(Self.root + "/detected_labels", span)
        #expect(labels.text.contains(#"{"label":"app","cardinality":2}"#))
        let fields = try server.get(Self.root + "/detected_fields", web)
        #expect(
            fields.text.contains(#"{"label":"took","type":"duration","cardinality":40,"parsers":["logfmt"]}"#))
        #expect(fields.text.hasSuffix(#"],"limit":1000}"# + "\n"))
        let values = try server.get(
            Self.root + "/detected_field/a_b/values", [("query", "{app=\"db\"}")] + span)
        #expect(values.text == #"{"values":["true"],"limit":1000}"# + "\n")
        let patterns = try server.get(Self.root + "/patterns", web + [("step", "60")])
        #expect(
            patterns.text.contains(
                #"{"pattern":"level=info msg=done took=<_>","level":"info","samples":[[\#(now / 60 * 60),40]]}"#))
        let filtered = try server.get(
            Self.root + "/query_range", [("query", "{app=\"web\"} |> `level=info msg=done took=<_>`")] + span)
        #expect(try entries(filtered).count == 40)
    }

    private func entries(_ reply: HTTPReply) throws -> [(time: Int64, line: String)] {
        let data = try #require(try object(reply)["data"] as? [String: Any])
        let streams = try #require(data["result"] as? [[String: Any]])
        return streams.flatMap { stream in
            (stream["values"] as? [[String]] ?? []).map { (Int64($0[0]) ?? 0, $0[1]) }
        }
    }

    @Test func nothingStoredIsNoFault() throws {
        let none = [("query", "{app=\"none\"}")] + span
        for (path, text) in [
            ("/index/stats", #"{"streams":0,"chunks":0,"bytes":0,"entries":0}"#), ("/detected_fields", "{}"),
            ("/detected_labels", "{}"), ("/detected_field/x/values", "{}"),
            ("/patterns", #"{"status":"success","data":[]}"#), ("/labels", #"{"status":"success"}"#),
            ("/label/nope/values", #"{"status":"success"}"#),
        ] {
            let reply = try server.get(Self.root + path, none)
            #expect(reply.status == 200)
            #expect(reply.text == text + "\n", "\(path)")
        }
        let limits = try object(try server.get(Self.root + "/drilldown-limits"))
        #expect(limits["pattern_ingester_enabled"] as? Bool == true)
        #expect((limits["limits"] as? [String: Any])?["retention_period"] as? String == "30d")
        #expect(try server.get("/config/tenant/v1/limits").text.contains("max_entries_limit_per_query: 5000\n"))
        #expect(try object(try server.get("/prometheus/api/v1/rules"))["status"] as? String == "success")
        #expect(try object(try server.get("/prometheus/api/v1/alerts"))["status"] as? String == "success")
        #expect(try server.get("/prometheus/api/v1/rules", [("type", "bad")]).status == 400)
        for prefix in ["/api/prom", Self.root] {
            #expect(try server.get(prefix + "/rules").status == 404)
            #expect(try server.get(prefix + "/rules/a/b").text == "group does not exist\n")
        }
        for path in ["/log_level", "/services", "/ring", "/memberlist", "/config"] {
            #expect(try server.get(path).status == 200, "\(path)")
        }
    }

    @Test func everyReadingRouteTakesForms() throws {
        try push("web", ["one=1"])
        let form = (span + [("query", "{app=\"web\"}"), ("match[]", "{app=\"web\"}")]).map {
            ServerProcess.escaped($0.0) + "=" + ServerProcess.escaped($0.1)
        }
        for path in [
            "query_range", "labels", "label", "label/app/values", "series", "index/stats", "index/volume",
            "index/volume_range", "detected_labels", "detected_fields", "detected_field/one/values", "patterns",
            "format_query",
        ] {
            let reply = try server.request(
                "POST", Self.root + "/" + path, headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(form.joined(separator: "&").utf8))
            #expect(reply.status == 200, "\(path): \(reply.text)")
            #expect(reply.body.count > 20, "\(path): \(reply.text)")
        }
    }

    @Test(arguments: [
        ("index/stats", [("query", "{app=\"a\"} |= \"x\"")]), ("index/stats", []), ("patterns", []),
        ("index/volume", [("query", "{app=\"a\"}"), ("aggregateBy", "x")]),
        ("index/volume", [("query", "{app=\"a\"}"), ("limit", "-1")]),
        ("detected_fields", [("query", "rate({app=\"a\"}[1m])")]), ("detected_fields", []),
        ("detected_labels", [("query", "{")]), ("detected_fields", [("query", "{app=\"a\"}"), ("line_limit", "x")]),
        ("patterns", [("query", "{app=\"a\"}"), ("step", "0")]),
        ("index/stats", [("query", "{app=\"a\"}"), ("start", "2"), ("end", "1")]),
    ])
    func mistakesAre400(path: String, query: [(String, String)]) throws {
        let reply = try server.get(Self.root + "/" + path, query)
        #expect(reply.status == 400)
        #expect(!reply.text.isEmpty)
    }

    /// As `logcli query --limit 3000 --batch 300`: the next page ends just behind the oldest entry seen, and entries of
    /// that moment are not printed again.
    @Test(arguments: [false, true])
    func pagingShowsEachLineOnce(manyAtOnce: Bool) throws {
        let lines = (0..<1000).map { "line \($0)" }
        if manyAtOnce {
            // 200 of one moment in the middle; no page may be made of one moment alone.
            try push("page", Array(lines[..<800]))
            let moment = now * 1_000_000_000 + 400
            let values = lines[800...].map { "[\"\(moment)\",\"\($0)\"]" }.joined(separator: ",")
            let body = #"{"streams":[{"stream":{"app":"page","env":"test"},"values":[\#(values)]}]}"#
            #expect(try server.push(body, Self.root + "/push").status == 204)
        } else {
            try push("page", lines)
        }
        var printed: [String] = []
        var last: [(time: Int64, line: String)] = []
        var end = (now + 60) * 1_000_000_000
        for _ in 0..<100 {
            let page = try entries(
                try server.get(
                    Self.root + "/query_range",
                    [
                        ("query", "{app=\"page\"}"), ("limit", "300"), ("direction", "BACKWARD"),
                        ("start", "\((now - 60) * 1_000_000_000)"), ("end", "\(end)"),
                    ]))
            let fresh = page.filter { entry in !last.contains { $0.time == entry.time && $0.line == entry.line } }
            printed += fresh.map(\.line)
            guard let oldest = page.last?.time, page.count == 300, !fresh.isEmpty else { break }
            last = page.filter { $0.time == oldest }
            end = oldest + 1
        }
        #expect(printed.count == 1000)
        #expect(Set(printed) == Set(lines))
    }

    @Test func fortyPanelsAtOnceAreAllAnswered() throws {
        try push("panel", (0..<2000).map { "level=info msg=done took=\($0 % 50)ms code=\(200 + $0 % 4)" })
        let queries = [
            "sum by (code) (count_over_time({app=\"panel\"} | logfmt [1m]))",
            "rate({app=\"panel\"} |= \"took=7ms\" [1m])",
            "quantile_over_time(0.9, {app=\"panel\"} | logfmt | unwrap duration(took) [1m]) by (code)",
            "topk(2, sum by (took) (count_over_time({app=\"panel\"} | logfmt [1m])))",
        ]
        let connections = try (0..<40).map { _ in try HTTPConnection(port: server.port) }
        for (panel, connection) in connections.enumerated() {
            let query = ([("query", queries[panel % queries.count]), ("step", "5")] + span).map {
                $0.0 + "=" + ServerProcess.escaped($0.1)
            }
            let target = Self.root + "/query_range?" + query.joined(separator: "&")
            #expect(connection.write(Array("GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)))
        }
        for connection in connections {
            let reply = try connection.read()
            #expect(reply.status == 200)
            #expect(reply.text.contains("\"metric\":{"))
        }
    }
}
