import Foundation
import Testing

/// Error groups over the observability routes, on the real binary.
@Suite(.serialized) struct ErrorTests {
    private static let root = ObservabilityTests.root

    private static let traceback =
        #"Traceback (most recent call last):\n  File \"/srv/app/pay.py\", line 10, in charge\n    send()\n"#
        + #"ValueError: bad card 17"#

    /// A line of an error file as applications write it themselves.
    private static let captured =
        #"{"error_id":"0a1b2c3d","error_type":"ValueError","message":"bad card 17","traceback":"\#(traceback)","#
        + #""context":{"method":"POST","path":"/pay","client_ip":"203.0.113.9","query_params":{"a":"1"}},"#
        + #""trace_id":"4bf92f35","timestamp":"\#(now())","app":"pay"}"#

    private static func now() -> String { Date().formatted(.iso8601) }

    private static func json(
        _ server: ServerProcess, _ path: String, _ query: [(String, String)] = []
    ) throws -> [String: Any] {
        try ObservabilityTests.json(server, path, query)
    }

    private static func post(_ server: ServerProcess, _ path: String, _ body: String) throws -> (Int, [String: Any]) {
        // As curl sends it.
        let type = ("Content-Type", "application/x-www-form-urlencoded")
        let reply = try server.request("POST", root + path, headers: [type], body: Array(body.utf8))
        let object = try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
        return (reply.status, object ?? [:])
    }

    /// Errors of the app `shop` in arrival order: 40 of one kind, 10 of another.
    private static func fill(_ server: ServerProcess) throws {
        var lines = (0..<40).map {
            #"{"app":"shop","level":"error","message":"order \#($0) failed","trace_id":"t\#($0)","n":\#($0)}"#
        }
        lines += (0..<10).map { #"{"app":"shop","level":"critical","message":"disk \#($0).5 full","n":\#($0)}"# }
        lines += (0..<100).map { #"{"app":"shop","level":"info","message":"order \#($0) done"}"# }
        #expect(try server.push(lines.joined(separator: "\n")).status == 200)
    }

    /// Waits until everything is counted.
    private static func total(_ server: ServerProcess, _ expected: Int) throws -> [String: Any] {
        try server.poll("counting \(expected) errors") {
            let summary = try json(server, "errors/summary")
            return ObservabilityTests.count(summary["total_errors"]) == expected ? summary : nil
        }
    }

    @Test func originalFieldsAreThere() throws {
        let server = try ServerProcess()
        try server.start()
        try Self.fill(server)
        let summary = try Self.total(server, 50)
        #expect(ObservabilityTests.count(summary["unique_errors"]) == 2)
        #expect(ObservabilityTests.count(summary["period_hours"]) == 24)
        #expect((summary["by_type"] as? [String: Int])?.values.reduce(0, +) == 50)
        let trend = try #require(summary["hourly_trend"] as? [String: Int])
        #expect(trend.count == 25 && trend.values.reduce(0, +) == 50)
        #expect(trend.keys.allSatisfy { $0.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:00/) != nil })
        #expect(summary["by_app"] as? [String: Int] == ["shop": 50])
        #expect(summary["by_level"] as? [String: Int] == ["error": 40, "critical": 10])

        for path in ["errors", "errors/top"] {
            let list = try Self.json(server, path)
            #expect(ObservabilityTests.count(list["count"]) == 2, "\(path)")
            #expect(list["timestamp"] is String)
            for row in try #require(list["errors"] as? [[String: Any]]) {
                for key in ["error_id", "error_type", "message", "first_seen", "last_seen", "status", "app"] {
                    #expect(row[key] is String, "\(path) \(key)")
                }
                #expect(row["count"] is Int)
                #expect((row["trend"] as? [Int])?.count == 24)
            }
        }
        let top = try Self.json(server, "errors/top", [("limit", "1")])
        let first = try #require((top["errors"] as? [[String: Any]])?.first)
        #expect(ObservabilityTests.count(first["count"]) == 40)
        #expect(ObservabilityTests.count(first["total_count"]) == 40)
        #expect(top["next"] as? String == "o_1")
        let id = try #require(first["error_id"] as? String)

        let detail = try Self.json(server, "errors/" + id)
        for key in ["error_id", "error_type", "message", "traceback", "first_seen", "last_seen", "why_grouped"] {
            #expect(detail[key] is String, "\(key)")
        }
        #expect(detail["context"] is [String: Any])
        #expect(detail["trace_id"] as? String == "t39")
        #expect((detail["sample_trace_ids"] as? [String])?.count == 10)
        #expect(ObservabilityTests.count((detail["occurrences"] as? [String: Any])?["total"]) == 40)
        let url = try #require(detail["related_logs_url"] as? String)
        #expect(try server.request("GET", url).text.contains("\"count\":40"))
        // Lines name their group.
        let lines = try Self.json(server, "logs", [("q", "order 7 failed")])
        #expect((lines["logs"] as? [[String: Any]])?.first?["error_id"] as? String == id)

        let events = try Self.json(server, "errors/\(id)/events", [("limit", "3")])
        #expect(ObservabilityTests.count(events["total_count"]) == 40)
        let event = try #require((events["events"] as? [[String: Any]])?.last)
        let number = try #require(event["event_id"] as? String)
        #expect(
            try Self.json(server, "errors/\(id)/events/\(number)")["message"] as? String == event["message"] as? String)
        let series = try #require(
            try Self.json(server, "errors/\(id)/trend", [("since", "2h")])["points"] as? [[String: Any]])
        #expect(series.reduce(0) { $0 + ObservabilityTests.count($1["count"]) } == 40)
        let unknown = try server.get(Self.root + "errors/e_none")
        #expect(unknown.status == 404)
        #expect(unknown.text.hasPrefix("{\"detail\":\"") && unknown.text.hasSuffix("\"code\":\"not_found\"}\n"))
    }

    @Test func errorsAreCapturedOnce() throws {
        let server = try ServerProcess()
        try server.start()
        let (status, answer) = try Self.post(server, "errors", Self.captured)
        #expect(status == 201, "\(answer)")
        let id = try #require(answer["error_id"] as? String)
        let detail = try Self.json(server, "errors/" + id)
        #expect(ObservabilityTests.count(detail["count"]) == 1)
        #expect(detail["error_type"] as? String == "ValueError")
        #expect(detail["message"] as? String == "bad card 17")
        #expect((detail["traceback"] as? String)?.hasPrefix("Traceback (most recent call last):\n") == true)
        #expect(detail["trace_id"] as? String == "4bf92f35")
        // Logs know neither: the members are there, and say so.
        #expect((detail["breadcrumbs"] as? [Any])?.isEmpty == true)
        #expect(try Self.json(server, "errors/summary")["crash_free_rate"] is NSNull)
        let context = try #require(detail["context"] as? [String: Any])
        #expect(context["client_ip"] as? String == "203.0.113.9")
        #expect(context["query_params"] as? [String: String] == ["a": "1"])
        let frame = try #require((detail["frames"] as? [[String: Any]])?.first)
        #expect(frame["function"] as? String == "charge")
        #expect(ObservabilityTests.count(frame["line"]) == 10)
        #expect(frame["in_app"] as? Bool == true)
        // A line of the log as any other.
        let lines = try Self.json(server, "logs", [("app", "pay"), ("level", "ERROR")])
        #expect(ObservabilityTests.count(lines["count"]) == 1)
        let again = Self.captured.replacing("bad card 17", with: "bad card 18")
        #expect(try Self.post(server, "errors", again).1["error_id"] as? String == id)
        #expect(ObservabilityTests.count(try Self.json(server, "errors/" + id)["count"]) == 2)
        // A client that saw no answer sends it again: the same answer, counted once.
        let repeated = try Self.post(server, "errors", again)
        #expect(repeated.0 == 201)
        #expect(repeated.1["error_id"] as? String == id)
        let unstamped = #"{"app":"pay","error_type":"Gone","message":"no answer"}"#
        for _ in 0..<3 {
            let reply = try server.request(
                "POST", Self.root + "errors", headers: [("Idempotency-Key", "k1")], body: Array(unstamped.utf8))
            #expect(reply.status == 201)
        }
        #expect(ObservabilityTests.count(try Self.json(server, "errors/" + id)["count"]) == 2)
        #expect(ObservabilityTests.count(try Self.json(server, "errors/summary")["total_errors"]) == 3)
        #expect(try Self.post(server, "errors", "{broken").0 == 400)
    }

    @Test func statesOutliveACrash() throws {
        let server = try ServerProcess()
        try server.start()
        try Self.fill(server)
        _ = try Self.total(server, 50)
        let list = try Self.json(server, "errors", [("sort", "count")])
        let ids = try #require(list["errors"] as? [[String: Any]]).compactMap { $0["error_id"] as? String }
        try #require(ids.count == 2)
        let (status, resolved) = try Self.post(server, "errors/\(ids[0])/resolve", #"{"by":"ann","comment":"done"}"#)
        #expect(status == 200)
        #expect(resolved["status"] as? String == "resolved")
        #expect(try Self.post(server, "errors/\(ids[1])/ignore", #"{"count":5}"#).1["status"] as? String == "ignored")
        #expect(try Self.post(server, "errors/\(ids[1])/assign", #"{"assignee":"bob"}"#).0 == 200)
        #expect(try Self.post(server, "errors/e_none/resolve", "").0 == 404)
        let other = "errors/\(ids[1])/"
        #expect(try Self.post(server, other + "resolve", #"{"in_release":"next"}"#).0 == 400, "no release is known")
        #expect(try Self.post(server, other + "resolve", #"{"in_release":7}"#).0 == 400)
        #expect(try Self.post(server, other + "ignore", #"{"users":1.5}"#).0 == 400)
        #expect(try Self.post(server, other + "ignore", #"{"users":10}"#).1["status"] as? String == "ignored")
        let inRelease = try Self.post(server, other + "resolve", #"{"in_release":"1.2.3"}"#).1
        #expect(inRelease["resolved_in_release"] as? String == "1.2.3")
        #expect(try Self.post(server, other + "ignore", #"{"count":5}"#).1["status"] as? String == "ignored")
        server.kill()
        try server.start()
        let summary = try Self.total(server, 50)
        #expect(ObservabilityTests.count(summary["resolved_errors"]) == 1)
        let kept = try Self.json(server, "errors/" + ids[0])
        #expect(kept["status"] as? String == "resolved")
        let history = try #require(kept["history"] as? [[String: Any]])
        #expect(history.last?["by"] as? String == "ann" && history.last?["comment"] as? String == "done")
        #expect(try Self.json(server, "errors/" + ids[1])["assignee"] as? String == "bob")
        // Seen again: regressed, and once the ignored one has come often enough, it is back.
        _ = try server.push(#"{"app":"shop","level":"error","message":"order 99 failed"}"#)
        _ = try Self.total(server, 51)
        #expect(try Self.json(server, "errors/" + ids[0])["status"] as? String == "regressed")
        let regressed = try Self.json(server, "errors", [("status", "regressed")])
        #expect(ObservabilityTests.count(regressed["total"]) == 1)
        _ = try server.push(
            (0..<5).map { #"{"app":"shop","level":"critical","message":"disk \#($0).25 full"}"# }.joined(
                separator: "\n"))
        _ = try Self.total(server, 56)
        #expect(try Self.json(server, "errors/" + ids[1])["status"] as? String == "unresolved")

        // Merged, one counts for both; deleted, neither is there.
        let (merging, merged) = try Self.post(server, "errors/\(ids[1])/merge", #"{"into":"\#(ids[0])"}"#)
        #expect(merging == 200)
        #expect(ObservabilityTests.count(merged["count"]) == 56)
        #expect(ObservabilityTests.count(try Self.json(server, "errors")["total"]) == 1)
        #expect(try Self.json(server, "errors/" + ids[1])["error_id"] as? String == ids[0])
        #expect(try Self.post(server, "errors/\(ids[1])/split", "").0 == 200)
        #expect(try server.request("DELETE", Self.root + "errors/cleanup?days=7").text.contains("\"deleted\":0"))
        #expect(try server.request("DELETE", Self.root + "errors/" + ids[0]).status == 200)
        #expect(try server.get(Self.root + "errors/" + ids[0]).status == 404)
    }
}
