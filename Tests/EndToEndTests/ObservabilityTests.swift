import Foundation
import Testing

/// Log lines, their figures and traces over the observability routes, on the real binary.
@Suite(.serialized) struct ObservabilityTests {
    static let root = "/api/v1/observability/"

    static func json(_ server: ServerProcess, _ path: String, _ query: [(String, String)] = []) throws -> [String: Any]
    {
        let reply = try server.get(root + path, query)
        #expect(reply.status == 200, "\(path): \(reply.status) \(reply.text)")
        return try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
    }

    static func count(_ any: Any?) -> Int { (any as? NSNumber)?.intValue ?? -1 }

    private static let base: Int64 = {
        // The middle of an hour of yesterday: no boundary of an hour or a day is near.
        let now = Int64(Date().timeIntervalSince1970)
        return (now / 3600 * 3600 - 20 * 3600 + 1800) * 1_000_000_000
    }()

    private static func line(_ offset: Int64, _ members: String, app: String = "shop") -> String {
        "{\"time\":\(base + offset * 1_000_000),\"app\":\"\(app)\",\(members)}"
    }

    private static func fill(_ server: ServerProcess) throws {
        var lines = (0..<5).map { line(Int64($0) * 1000, "\"level\":\"ERROR\",\"message\":\"order \($0) failed\"") }
        lines += (0..<3000).map {
            line(10_000 + Int64($0) * 10, "\"level\":\"info\",\"message\":\"fine \($0)\",\"path\":\"/p\($0 % 3)\"")
        }
        lines += [
            line(50_000, #""level":"info","message":"start","trace_id":"abc1","path":"/orders/17""#),
            line(50_100, #""level":"warning","message":"slow","trace_id":"abc1","logger":"pay""#, app: "bank"),
            line(53_000, #""level":"ERROR","message":"payment failed","trace_id":"abc1""#, app: "bank"),
            line(
                53_812,
                ##""message":"GET /orders/17","method":"GET","path":"/orders/17","status_code":500,"##
                    + #""duration_ms":3812.4,"trace_id":"abc1","level":"info""#),
        ]
        let reply = try server.push(lines.joined(separator: "\n"))
        #expect(reply.status == 200, "\(reply.text)")
    }

    @Test func reportedFiguresSurviveARestart() throws {
        let server = try ServerProcess()
        try server.start()
        let body = Array(#"{"app":"shop","api_qps":12.5,"api_error_rate":2,"ttl_s":3600}"#.utf8)
        #expect(try server.request("POST", Self.root + "metrics/report", body: body).status == 200)
        #expect(server.stop() == 0)
        try server.start()
        // Health is stored before it is answered.
        let health = Array(#"{"name":"duckdb","status":"degraded","details":{"files":14},"ttl_s":3600}"#.utf8)
        #expect(try server.request("POST", Self.root + "health/report", body: health).status == 200)
        server.kill()
        try server.start()
        let check = try Self.json(server, "health/duckdb")
        #expect(check["status"] as? String == "degraded")
        #expect((check["details"] as? [String: Any])?["files"] as? Int == 14)
        let metrics = try Self.json(server, "metrics", [("app", "shop")])
        for key in ["current", "avg_1h", "max_1h"] {
            let figures = try #require(metrics[key] as? [String: Any])
            #expect(figures["api_qps"] as? Double == 12.5 && figures["api_error_rate"] as? Double == 2, "\(key)")
        }
    }

    /// Figures are sampled by a timer: however often and by however many they are asked for, they stay the same.
    @Test func askingChangesNoFigure() throws {
        let server = try ServerProcess()
        try server.start()
        // As many in this minute as in the one before, whichever is looked at.
        let now = Int64(Date().timeIntervalSince1970)
        let lines = [now, now - 60].flatMap { second in
            (0..<120).map {
                #"{"time":\#(second * 1_000_000_000 + Int64($0)),"app":"shop","message":"GET /","method":"GET","#
                    + #""path":"/","status_code":200,"duration_ms":3}"#
            }
        }
        #expect(try server.push(lines.joined(separator: "\n")).status == 200)
        func rate() throws -> Double {
            let current = try Self.json(server, "metrics")["current"] as? [String: Any]
            return (current?["api_qps"] as? NSNumber)?.doubleValue ?? -1
        }
        _ = try server.poll("sampling") { try rate() == 2 ? true : nil }
        let often = try (0..<50).map { _ in try rate() }
        #expect(Set(often) == [2])
    }

    @Test func linesAreFoundAndShown() throws {
        let server = try ServerProcess()
        try server.start()
        try Self.fill(server)
        // Errors are not lost among infos, whatever the limit.
        let errors = try Self.json(
            server, "logs", [("level", "ERROR"), ("limit", "5"), ("since", "48h"), ("app", "shop")])
        let rows = try #require(errors["logs"] as? [[String: Any]])
        #expect(Self.count(errors["count"]) == 5)
        #expect(errors["timestamp"] is String)
        #expect(rows.map { $0["message"] as? String } == (0..<5).reversed().map { "order \($0) failed" })
        for row in rows {
            for key in ["timestamp", "level", "message", "id", "app"] { #expect(row[key] is String, "\(key)") }
            #expect(row["trace_id"] is NSNull)
            #expect(row["level"] as? String == "ERROR")
        }
        // Whole counts, other fields, other forms.
        let some = try Self.json(
            server, "logs", [("path", "/p1"), ("since", "48h"), ("limit", "10"), ("total", "1"), ("fields", "path")])
        #expect(Self.count(some["total"]) == 1000)
        #expect(some["total_is_estimate"] as? Bool == false)
        let first = try #require((some["logs"] as? [[String: Any]])?.first)
        #expect((first["fields"] as? [String: String]) == ["path": "/p1"])
        let status = try Self.json(server, "logs", [("status", "5xx"), ("since", "48h")])
        #expect(Self.count(status["count"]) == 1)
        let logger = try Self.json(server, "logs", [("logger", "pay"), ("since", "48h"), ("min_level", "WARNING")])
        #expect(Self.count(logger["count"]) == 1)
        let csv = try server.get(
            Self.root + "logs", [("status", "500"), ("since", "48h"), ("format", "csv"), ("fields", "duration_ms")])
        #expect(csv.text.hasPrefix("timestamp,level,app,trace_id,id,message,duration_ms\r\n"))
        #expect(csv.text.contains(",abc1,"))
        #expect(csv.text.hasSuffix("GET /orders/17,3812.4\r\n"))

        // One line, and what stands around it.
        let id = try #require(rows[2]["id"] as? String)
        let one = try Self.json(server, "logs/" + id)
        #expect(one["message"] as? String == "order 2 failed")
        let around = try Self.json(server, "logs/\(id)/context", [("before", "1"), ("after", "3")])
        func messages(_ any: Any?) -> [String] {
            (any as? [[String: Any]] ?? []).compactMap { $0["message"] as? String }
        }
        #expect(messages(around["before"]) == ["order 1 failed"])
        #expect(messages(around["after"]) == ["order 3 failed", "order 4 failed", "fine 0"])
        let stream = try Self.json(server, "logs/\(id)/context", [("after", "50"), ("same", "stream")])
        #expect(messages(stream["after"]) == ["order 3 failed", "order 4 failed"])
        let inPlace = try Self.json(
            server, "logs", [("q", "order 2"), ("since", "48h"), ("limit", "10"), ("context", "1")])
        let context = try #require((inPlace["logs"] as? [[String: Any]])?.first?["context"] as? [String: Any])
        #expect(messages(context["before"]) == ["order 1 failed"])
        #expect(messages(context["after"]) == ["order 3 failed"])
        #expect(try server.get(Self.root + "logs/0-0").status == 404)
        let bad = try server.get(Self.root + "logs", [("level", "odd")])
        #expect(bad.status == 400)
        #expect(bad.text.hasPrefix("{\"detail\":\""))
        #expect(bad.text.contains("\"code\":\"invalid_parameter\""))
    }

    @Test func figuresAreExact() throws {
        let server = try ServerProcess()
        try server.start()
        try Self.fill(server)
        let histogram = try Self.json(server, "logs/histogram", [("since", "48h"), ("buckets", "48")])
        #expect(Self.count(histogram["total"]) == 3009)
        let totals = try #require(histogram["totals"] as? [String: Int])
        #expect(totals == ["ERROR": 6, "INFO": 3002, "WARNING": 1])
        // Bounds in the middle of buckets count what lies within them and no more.
        let start = Self.base + 10_000 * 1_000_000 + 5
        for (first, last) in [(0, 1), (0, 250), (3, 2999), (17, 1999)] as [(Int64, Int64)] {
            let cut = try Self.json(
                server, "logs/histogram",
                [
                    ("start", String(start + first * 10_000_000)), ("end", String(start + last * 10_000_000)),
                    ("buckets", "7"), ("by", "app"),
                ])
            #expect(Self.count(cut["total"]) == Int(last - first), "\(first) \(last)")
        }

        let figures = try Self.json(server, "logs/errors", [("days", "7")])
        #expect(Self.count(figures["total_errors"]) == 6)
        let byDate = try #require(figures["by_date"] as? [String: Int])
        let day = String(
            Date(timeIntervalSince1970: Double(Self.base) / 1e9).formatted(.iso8601).prefix(10))
        #expect(byDate == [day: 6])
        #expect((figures["avg_per_day"] as? NSNumber)?.doubleValue == 0.86)
        #expect(figures["by_app"] as? [String: Int] == ["bank": 1, "shop": 5])
        #expect(figures["by_level"] as? [String: Int] == ["ERROR": 6])
        #expect(Self.count((figures["previous_period"] as? [String: Any])?["total_errors"]) == 0)
        #expect(figures["change_percent"] is NSNull)
        #expect((figures["series"] as? [[String: Any]])?.count == 1)
        let zoned = try Self.json(server, "logs/errors", [("days", "3"), ("tz", "+05:45"), ("by", "hour")])
        #expect(Self.count(zoned["total_errors"]) == 6)

        let fields = try Self.json(server, "logs/fields", [("since", "48h"), ("q", "GET")])
        let names = (fields["fields"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
        #expect(names.contains("duration_ms") && names.contains("status_code"))
        let patterns = try Self.json(server, "logs/patterns", [("since", "48h"), ("app", "shop")])
        #expect(Self.count((patterns["patterns"] as? [[String: Any]])?.first?["count"]) >= 1000)
    }

    @Test func aTraceIsShownInOrder() throws {
        let server = try ServerProcess()
        try server.start()
        try Self.fill(server)
        for id in ["abc1", "ABC1"] {
            let trace = try Self.json(server, "traces/" + id)
            #expect(Self.count(trace["count"]) == 4)
            #expect(trace["apps"] as? [String] == ["bank", "shop"])
            #expect((trace["duration_ms"] as? NSNumber)?.doubleValue == 3812)
            let timeline = try #require(trace["timeline"] as? [[String: Any]])
            #expect(timeline.map { $0["kind"] as? String } == ["log", "log", "error", "request"])
            #expect(timeline.map { Self.count($0["gap_ms"]) } == [0, 100, 2900, 812])
            let gaps = try #require(trace["gaps"] as? [[String: Any]])
            #expect(gaps.count == 1)
            #expect(Self.count(gaps[0]["gap_ms"]) == 2900)
            let requests = try #require(trace["requests"] as? [[String: Any]])
            #expect(requests.count == 1)
            #expect(requests[0]["path"] as? String == "/orders/17")
            #expect(Self.count(requests[0]["status_code"]) == 500)
            #expect((trace["errors"] as? [[String: Any]])?.count == 1)
        }
        #expect(try server.get(Self.root + "traces/none").status == 404)
    }

    @Test func aTailSendsWhatArrives() throws {
        let server = try ServerProcess()
        try server.start()
        let tail = try HTTPConnection(port: server.port)
        #expect(tail.write(Array("GET \(Self.root)logs/tail?level=ERROR HTTP/1.1\r\nHost: x\r\n\r\n".utf8)))
        let opening = try tail.text(until: ": following\n\n")
        #expect(opening.lowercased().contains("content-type: text/event-stream"))
        _ = try server.push(
            #"{"app":"a","level":"info","message":"no"}"# + "\n" + #"{"app":"a","level":"error","message":"yes"}"#)
        let event = try tail.text(until: "}}\n\n")
        #expect(event.contains("data: {\"timestamp\""))
        #expect(event.contains("\"message\":\"yes\""))
        #expect(!event.contains("\"message\":\"no\""))
    }
}
