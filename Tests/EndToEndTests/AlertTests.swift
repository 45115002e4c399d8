import Foundation
import Glibc
import Testing

/// Alerting rules on the real binary: from a file and over HTTP, on lines that are pushed.
@Suite(.serialized) struct AlertTests {
    private static let rules = """
        groups:
          - name: failures
            interval: 1s
            rules:
              - alert: Failing
                expr: sum by (app) (count_over_time({app=~".+"} |= "failed" [1h])) > 2
                labels: {severity: critical, team: "of {{ $labels.app }}"}
                annotations:
                  summary: '{{ $labels.app }} failed {{ $value }} times'
              - alert: Waiting
                expr: sum(count_over_time({app="shop"}[1h])) > 2
                for: 1h
              - alert: Lines
                expr: '{app="shop"}'
        """

    private static func lines(_ count: Int, app: String) -> String {
        let now = Int64(Date().timeIntervalSince1970 * 1_000_000) * 1000
        return (0..<count).map {
            #"{"time":\#(now - Int64($0)),"app":"\#(app)","level":"error","message":"order failed","#
                + #""trace_id":"trace\#($0)"}"#
        }.joined(separator: "\n")
    }

    private static func object(_ reply: HTTPReply) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
    }

    private static func alert(_ server: ServerProcess, _ rule: String) throws -> [String: Any]? {
        let reply = try server.get("/api/v1/observability/alerts", [("state", "firing")])
        let alerts = try object(reply)["alerts"] as? [[String: Any]] ?? []
        return alerts.first { $0["rule"] as? String == rule }
    }

    private static func rules(_ server: ServerProcess) throws -> [[String: Any]] {
        let data = try object(try server.get("/prometheus/api/v1/rules"))["data"] as? [String: Any]
        let groups = data?["groups"] as? [[String: Any]] ?? []
        return groups.filter { $0["file"] as? String != "dendro" }.flatMap { $0["rules"] as? [[String: Any]] ?? [] }
    }

    @Test func rulesOfAFileFireWithTheirLines() throws {
        let server = try ServerProcess()
        let hook = try WebhookReceiver()
        let path = server.folder + "/shop rules.yaml"
        try Self.rules.write(toFile: path, atomically: true, encoding: .utf8)
        let arguments = ["--alerts-rules", path, "--alerts-webhooks", "http://127.0.0.1:\(hook.port)/hook"]
        try server.start(arguments + ["--alerts-external-url", "http://logs.example"])
        #expect(try server.push(Self.lines(7, app: "shop") + "\n" + Self.lines(1, app: "bank")).status == 200)
        let alert = try server.poll("firing") { () -> [String: Any]? in
            guard let alert = try Self.alert(server, "Failing") else { return nil }
            return (alert["samples"] as? [Any])?.count == 5 ? alert : nil
        }
        #expect(alert["message"] as? String == "shop failed 7 times")
        #expect(alert["level"] as? String == "critical" && alert["source"] as? String == "shop")
        #expect((alert["labels"] as? [String: String])?["team"] == "of shop")
        #expect(alert["threshold"] as? Int == 2 && alert["value"] as? Int == 7)
        let samples = try #require(alert["samples"] as? [[String: String]])
        #expect(samples.map { $0["trace_id"] } == (0..<5).map { "trace\($0)" })
        #expect(samples.allSatisfy { $0["message"] == "order failed" })
        #expect((alert["trace_ids"] as? [String])?.count == 5)
        // The link leads to the lines.
        let url = try #require(alert["url"] as? String)
        #expect(url.hasPrefix("http://logs.example/api/v1/observability/logs?q="))
        let page = try Self.object(try server.request("GET", String(url.dropFirst("http://logs.example".count))))
        #expect(page["count"] as? Int == 7)
        let body = try server.poll("told") { hook.bodies.first { $0.contains("\"rule\":\"Failing\"") } }
        #expect(body.contains("\"trace_ids\":[\"trace0\""), "\(body)")
        #expect(
            body.contains("http:\\/\\/logs.example")
                || body.contains("http://logs.example/api/v1/observability/logs?q="))

        let shown = try Self.rules(server)
        #expect(shown.map { $0["state"] as? String } == ["firing", "pending", "inactive"])
        #expect(shown.map { $0["health"] as? String } == ["ok", "ok", "err"])
        #expect((shown.last?["lastError"] as? String)?.contains("selects log lines") == true)
        let own = try #require((shown[0]["alerts"] as? [[String: Any]])?.first)
        #expect(own["value"] as? String == "7e+00" && own["state"] as? String == "firing")
        #expect((own["labels"] as? [String: String])?["alertname"] == "Failing")
        let yaml = try server.get("/loki/api/v1/rules")
        #expect(yaml.text.hasPrefix("\"shop rules.yaml\":\n    - name: failures\n      interval: 1s\n"))
        #expect(try server.request("DELETE", "/loki/api/v1/rules/shop%20rules.yaml").status == 404)
    }

    @Test func newErrorsAreAlertsWithTheirGroup() throws {
        let server = try ServerProcess()
        try server.start()
        #expect(try server.push(Self.lines(3, app: "shop")).status == 200)
        let alert = try server.poll("alarmed") { try Self.alert(server, "error_group_new") }
        let id = try #require((alert["labels"] as? [String: String])?["error_id"])
        #expect((alert["samples"] as? [Any])?.count == 3)
        #expect(try server.get("/api/v1/observability/errors/" + id).status == 200)
        _ = try server.request("POST", "/api/v1/observability/errors/\(id)/resolve")
        #expect(try server.push(Self.lines(4, app: "shop")).status == 200)
        _ = try server.poll("alarmed again") { try Self.alert(server, "error_group_regressed") }
        #expect(try server.lines("{app=\"dendro\",kind=\"alert\"}").contains { $0.contains("error_group_new") })
    }

    @Test(arguments: ["/loki/api/v1/rules", "/api/prom/rules"])
    func groupsAreEditedAsLokisRulerLets(_ root: String) throws {
        let server = try ServerProcess()
        try server.start()
        func post(_ body: String) throws -> HTTPReply {
            try server.request(
                "POST", root + "/my%20team", headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(body.utf8))
        }
        let group = "name: g\nrules:\n- alert: A\n  expr: 'count_over_time({a=\"b\"}[5m]) > 1'\n  for: 90m\n"
        let stored = try post(group)
        #expect(stored.status == 202)
        #expect(stored.text == #"{"status":"success","data":null,"errorType":"","error":""}"#)
        let expected = """
            name: g
            interval: 1m
            rules:
                - alert: A
                  expr: "count_over_time({a=\\"b\\"}[5m]) > 1"
                  for: 1h30m

            """
        for (body, text) in [
            ("name: [", "unable to decoded rule group\n"), ("rules: []", "group 0: Groupname must not be empty\n"),
            (
                "name: x\nrules:\n- record: x-y\n  expr: vector(1)",
                "group x, rule 0: invalid recording rule name: x-y\n"
            ),
        ] {
            let refused = try post(body)
            #expect(refused.status == 400 && refused.text == text, "\(refused.text)")
        }
        #expect(try post("name: x\nrules:\n- record: x:y\n  expr: vector(1)").text.contains("keeps log lines"))
        #expect(try post("name: x\nrules:\n- alert: A\n  expr: 'rate('").text.contains("could not parse expression"))
        server.kill()
        try server.start()
        #expect(try server.get(root + "/my%20team/g").text == expected)
        #expect(try server.get(root).text.hasPrefix("\"my team\":\n    - name: g\n"))
        #expect(try server.get(root, [("labels", "a:b")]).status == 404)
        #expect(try server.request("DELETE", root + "/my%20team/nothing").status == 202)
        #expect(try server.request("DELETE", root + "/nobody").status == 404)
        #expect(try server.request("DELETE", root + "/my%20team").status == 202)
        #expect(try server.get(root + "/my%20team/g").text == "group does not exist\n")
        #expect(try server.get(root).status == 404)
    }

    /// A webhook at the root of its host, which answers at once; and one that never answers, which is let go.
    @Test func whoDoesNotAnswerIsLetGo() throws {
        let server = try ServerProcess()
        let hook = try WebhookReceiver()
        let mute = try WebhookReceiver.listen()
        defer { close(mute.descriptor) }
        let hooks = "http://127.0.0.1:\(hook.port),http://127.0.0.1:\(mute.port)/secret-path"
        try server.start(["--alerts-webhooks", hooks, "--log-level", "debug"])
        #expect(try server.request("POST", "/api/v1/observability/alerts/test").status == 202)
        let body = try server.poll("told") { hook.bodies.first }
        #expect(body.contains("\"rule\":\"test\""), "\(body)")
        _ = try server.poll("giving up") { server.log.contains("alert not delivered") ? true : nil }
        #expect(!server.log.contains("secret-path"))
        #expect(server.stop() == 0)
    }

    @Test func badFilesOfRulesStopTheStart() throws {
        let server = try ServerProcess()
        let path = server.folder + "/rules.yaml"
        try "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: vector(1)\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", server.dataFolder, "--alerts-rules", path]
        let (status, output) = try server.command(serve)
        #expect(status != 0)
        #expect(output.contains("recording rule 'a:b'"), "\(output)")
    }

    @Test func theServersOwnRequestsAreLines() throws {
        let server = try ServerProcess()
        try server.start(["--log-own-lines", "true", "--health-probes", "index=sqlite://own"])
        #expect(try server.push(Self.lines(1, app: "shop")).status == 200)
        #expect(try server.get("/loki/api/v1/labels").status == 200)
        #expect(try server.get("/loki/api/v1/query", [("query", "{")]).status == 400)
        let lines = try server.poll("telling of itself") { () -> [String]? in
            let lines = try server.lines("{app=\"dendro\",kind=\"request\"}")
            return lines.contains { $0.contains("/loki/api/v1/query\"") } ? lines : nil
        }
        #expect(lines.contains { $0.contains("/loki/api/v1/labels") && $0.contains("duration_ms") })
        #expect(!lines.contains { $0.contains("/api/v1/push") })
        let metrics = try Self.object(try server.get("/api/v1/observability/metrics", [("app", "dendro")]))
        #expect((metrics["current"] as? [String: Any])?["active_requests"] as? Int == 1)
        let index = try server.poll("looking at itself") { () -> [String: Any]? in
            let check = try Self.object(try server.get("/api/v1/observability/health/index"))
            return check["checked_at"] is String ? check : nil
        }
        #expect(index["status"] as? String == "healthy", "\(index)")
        #expect(try server.get("/metrics").text.contains("dendro_own_lines_dropped_total 0"))
    }
}
