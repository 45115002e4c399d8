import Foundation
import Glibc
import Testing

/// Probes, metrics and alerts against the real programs of the distribution: PostgreSQL, Redis, Prometheus and
/// Alertmanager.
@Suite(.serialized) struct ServiceTests {
    private static let root = "/api/v1/observability/"

    private func object(_ reply: HTTPReply) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any])
    }

    private func health(_ server: ServerProcess, _ name: String) throws -> [String: Any] {
        try object(try server.get(Self.root + "health/" + name))
    }

    /// The check of `name`, once its status is one of these.
    private func check(_ server: ServerProcess, _ name: String, _ statuses: String...) throws -> [String: Any] {
        try server.poll("seeing \(name) \(statuses)") {
            let check = try health(server, name)
            return statuses.contains(check["status"] as? String ?? "") ? check : nil
        }
    }

    /// How many looks after a moment still saw the old status.
    private func lateLooks(_ check: [String: Any], _ old: String, after moment: Date) -> Int {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let looks = check["history"] as? [[String: Any]] ?? []
        return looks.filter { look in
            guard let text = look["t"] as? String else { return false }
            let short = text.replacing(#/\.(\d{3})\d*Z/#) { "." + $0.1 + "Z" }
            guard let at = format.date(from: short) else { return false }
            return at > moment && look["status"] as? String == old
        }.count
    }

    private func alerts(_ server: ServerProcess, _ state: String) throws -> [String] {
        let reply = try server.get(Self.root + "alerts", [("state", state)])
        let alerts = try object(reply)["alerts"] as? [[String: Any]] ?? []
        return alerts.map { "\($0["rule"] ?? "") \($0["source"] ?? "")" }
    }

    @Test(.enabled(if: OtherService.has("redis-server"), "redis-server is not installed"))
    func redisIsSeenToSlowDownDieAndComeBack() throws {
        let redis = try OtherService()
        let port = try OtherService.freePort()
        let command = [
            "redis-server", "--port", "\(port)", "--save", "", "--dir", redis.folder, "--requirepass", "geheim",
        ]
        try redis.start(command)
        let proxy = try DelayProxy(to: port)
        let server = try ServerProcess()
        try server.start([
            "--health-probes",
            "redis=redis://:geheim@127.0.0.1:\(proxy.port)?interval_s=1&timeout_ms=2000,"
                + "locked=redis://:falsch@127.0.0.1:\(port)?interval_s=1",
        ])
        let well = try check(server, "redis", "healthy")
        #expect((well["latency_ms"] as? Double ?? 0) > 0)
        #expect(((well["details"] as? [String: Any])?["used_memory_mb"] as? Double ?? 0) > 0.1)
        #expect(try check(server, "locked", "unhealthy")["message"] as? String == "the password is wrong")

        proxy.setDelay(milliseconds: 60)
        let slow = try check(server, "redis", "degraded")
        #expect((slow["latency_ms"] as? Double ?? 0) > 60 && (slow["message"] as? String)?.contains("slower") == true)
        proxy.setDelay(milliseconds: 0)
        _ = try check(server, "redis", "healthy")

        redis.end()
        var moment = Date()
        let dead = try check(server, "redis", "unavailable", "unhealthy")
        #expect(lateLooks(dead, "healthy", after: moment) <= 1)
        _ = try server.poll("alarmed") { try alerts(server, "firing").contains("probe_down redis") ? true : nil }
        try redis.start(command)
        let connected = try server.poll("redis up") { () -> Date? in
            WebhookReceiver.connect(port).map { descriptor in
                close(descriptor)
                return Date()
            }
        }
        moment = connected
        let back = try check(server, "redis", "healthy")
        #expect(lateLooks(back, "unavailable", after: moment) + lateLooks(back, "unhealthy", after: moment) <= 1)
        _ = try server.poll("calm") { try alerts(server, "resolved").contains("probe_down redis") ? true : nil }
    }

    @Test(.enabled(if: OtherService.has("postgres", "initdb", "setpriv"), "postgresql is not installed"))
    func postgresIsLoggedIntoAndItsEndIsSeen() throws {
        let postgres = try OtherService()
        // It refuses to run as root.
        let asUser = geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        if geteuid() == 0 { try OtherService.run(["chown", "postgres", postgres.folder]) }
        let password = try postgres.file("password", "geheim\n")
        let data = postgres.folder + "/data"
        let initdb = try #require(OtherService.find("initdb"))
        let made = try OtherService.run(
            asUser + [asUser.isEmpty ? "initdb" : initdb, "-D", data, "-A", "scram-sha-256", "-U", "ada", "-N"]
                + ["--pwfile", password])
        #expect(made.status == 0, "\(made.output)")
        let port = try OtherService.freePort()
        let program = try #require(OtherService.find("postgres"))
        let command =
            asUser + [asUser.isEmpty ? "postgres" : program, "-D", data, "-p", "\(port)", "-k", postgres.folder]
            + ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        try postgres.start(command)
        let server = try ServerProcess()
        let address = "127.0.0.1:\(port)/postgres?interval_s=1&timeout_ms=700"
        try server.start([
            "--health-probes", "database=postgres://ada:geheim@\(address),locked=postgres://ada:falsch@\(address)",
        ])
        let well = try check(server, "database", "healthy", "degraded")
        #expect((well["message"] as? String)?.hasPrefix("SELECT 1") == true, "\(well)")
        let isTried = (well["message"] as? String)?.contains("libpq") == false
        if isTried {
            let locked = try check(server, "locked", "unhealthy")
            #expect((locked["message"] as? String)?.hasPrefix("password authentication failed") == true, "\(locked)")
        }
        // One that hangs is waited for no longer than the probe says.
        postgres.signal(SIGSTOP)
        let hung = try check(server, "database", "unhealthy", "unavailable")
        #expect(hung["message"] as? String == "no answer in time" || !isTried)
        postgres.signal(SIGCONT)
        _ = try check(server, "database", "healthy", "degraded")
        postgres.end(SIGQUIT)
        let moment = Date()
        let dead = try check(server, "database", "unhealthy")
        #expect(lateLooks(dead, "healthy", after: moment) <= 1)
        #expect(dead["message"] as? String == "connection refused", "\(dead)")
        _ = try server.poll("alarmed") { try alerts(server, "firing").contains("probe_down database") ? true : nil }
        try postgres.start(command)
        _ = try check(server, "database", "healthy", "degraded")
        _ = try server.poll("calm") { try alerts(server, "resolved").contains("probe_down database") ? true : nil }
    }

    @Test(.enabled(if: OtherService.has("prometheus", "promtool"), "prometheus is not installed"))
    func prometheusTakesTheMetrics() throws {
        let server = try ServerProcess()
        try server.start()
        #expect(try server.push(#"{"app":"shop","message":"a"}"#).status == 200)
        let page = try server.get("/metrics").text
        let checked = try OtherService.run(["promtool", "check", "metrics"], input: page)
        let faults = checked.output.split(separator: "\n").filter { $0.contains("error") }
        #expect(faults.isEmpty, "\(checked.output)")
        let prometheus = try OtherService()
        let port = try OtherService.freePort()
        let configuration = try prometheus.file(
            "prometheus.yml",
            """
            global: {scrape_interval: 1s}
            scrape_configs:
              - job_name: dendro
                static_configs: [{targets: ["127.0.0.1:\(server.port)"]}]
            """)
        try prometheus.start([
            "prometheus", "--config.file=" + configuration, "--storage.tsdb.path=" + prometheus.folder + "/data",
            "--web.listen-address=127.0.0.1:\(port)",
        ])
        for (query, value) in [("up", "1"), ("dendro_ingest_lines_total", "1")] {
            _ = try server.poll("scraped for \(query)") { () -> Bool? in
                guard let connection = try? HTTPConnection(port: port),
                    let reply = try? connection.send("GET", "/api/v1/query?query=" + query)
                else { return nil }
                return reply.text.contains("\"job\":\"dendro\"") && reply.text.contains("\"\(value)\"]") ? true : nil
            }
        }
    }

    @Test(.enabled(if: OtherService.has("prometheus-alertmanager"), "prometheus-alertmanager is not installed"))
    func alertmanagerIsToldOfAlertsAndOfTheirEnd() throws {
        let manager = try OtherService()
        let port = try OtherService.freePort()
        let configuration = try manager.file("alertmanager.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
        try manager.start([
            "prometheus-alertmanager", "--config.file=" + configuration, "--storage.path=" + manager.folder + "/data",
            "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
        ])
        let server = try ServerProcess()
        func known() throws -> [[String: Any]]? {
            guard let connection = try? HTTPConnection(port: port),
                let reply = try? connection.send("GET", "/api/v2/alerts"), reply.status == 200
            else { return nil }
            return try JSONSerialization.jsonObject(with: Data(reply.body)) as? [[String: Any]]
        }
        func report(_ status: String) throws {
            let body = #"{"name":"shop","status":"\#(status)","message":"orders wait"}"#
            #expect(try server.request("POST", Self.root + "health/report", body: Array(body.utf8)).status == 200)
        }
        try server.start(["--alerts-alertmanager", "http://127.0.0.1:\(port)"])
        _ = try server.poll("having an Alertmanager") { try known() }
        let line = #"{"app":"shop","level":"error","message":"order lost","trace_id":"4bf92f3577b34da6"}"#
        #expect(try server.push(line).status == 200)
        try report("unhealthy")
        let alert = try server.poll("told") {
            try known()?.first { ($0["labels"] as? [String: String])?["alertname"] == "probe_down" }
        }
        #expect((alert["labels"] as? [String: String])?["probe"] == "shop")
        let annotations = try #require(alert["annotations"] as? [String: String])
        #expect(annotations["summary"] == "shop is unhealthy: orders wait")
        #expect(annotations["sample_1"]?.contains("order lost trace_id=4bf92f3577b34da6") == true, "\(annotations)")
        #expect(annotations["trace_ids"] == "4bf92f3577b34da6")
        #expect(annotations["url"]?.hasPrefix("/api/v1/observability/logs?q=") == true)
        try report("healthy")
        _ = try server.poll("cleared") {
            try known()?.contains { ($0["labels"] as? [String: String])?["alertname"] == "probe_down" } == false
                ? true : nil
        }
    }
}
