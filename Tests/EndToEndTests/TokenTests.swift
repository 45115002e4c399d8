import Foundation
import Testing

/// Tokens on the real binary: made by its command, asked for by its routes.
@Suite struct TokenTests {
    private func make(_ server: ServerProcess, _ arguments: [String]) throws -> String {
        let made = try server.command(["token", "create", "--data-dir", server.dataFolder] + arguments)
        #expect(made.status == 0, "\(made.output)")
        return made.output.split(separator: "\n").first { $0.hasPrefix("dendro_") }.map(String.init) ?? ""
    }

    private func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer " + token)] }

    private static let readPaths = [
        "/loki/api/v1/query_range?since=1h&query=%7Bapp%3D~%22.%2B%22%7D",
        "/loki/api/v1/query?query=sum%20by(app)(count_over_time(%7Bapp%3D~%22.%2B%22%7D%5B1h%5D))",
        "/loki/api/v1/labels", "/loki/api/v1/label/app/values", "/loki/api/v1/label/only_other/values",
        "/loki/api/v1/series", "/loki/api/v1/index/stats?query=%7Bapp%3D~%22.%2B%22%7D",
        "/loki/api/v1/index/volume?query=%7B%7D", "/loki/api/v1/index/volume_range?query=%7B%7D",
        "/loki/api/v1/detected_labels", "/loki/api/v1/detected_fields?query=%7Bapp%3D~%22.%2B%22%7D",
        "/loki/api/v1/detected_field/secret_field/values?query=%7Bapp%3D~%22.%2B%22%7D",
        "/loki/api/v1/patterns?query=%7Bapp%3D~%22.%2B%22%7D", "/api/prom/label", "/api/prom/label/app/values",
        "/api/prom/series", "/api/prom/query?query=%7Bapp%3D~%22.%2B%22%7D", "/api/v1/observability/logs",
    ]

    @Test func aNetworkIsRefusedWithoutAToken() throws {
        let server = try ServerProcess()
        let refused = try server.command(["serve", "--listen", "0.0.0.0:0", "--data-dir", server.dataFolder])
        #expect(refused.status == 78)
        #expect(refused.output.contains("dendro token create"))
        #expect(refused.output.contains("listen on 127.0.0.1"))
    }

    @Test func everyRouteAsksForAToken() throws {
        let server = try ServerProcess()
        let admin = try make(server, ["--scope", "admin", "--name", "first"])
        try server.start()
        let probes = ["/ready", "/health/live", "/health/ready"]
        for path in probes { #expect(try server.get(path).status == 200) }
        let others = ["/metrics", "/config", "/services", "/nothing", "/loki/api/v1/delete", "/api/v1/admin/tokens"]
        for path in Self.readPaths + others {
            let reply = try server.request("GET", path)
            #expect(reply.status == 401, "\(path)")
            #expect(reply.head.contains("WWW-Authenticate: Bearer"))
        }
        for path in ["/loki/api/v1/push", "/api/prom/push", "/otlp/v1/logs", "/v1/logs", "/api/v1/push", "/flush"] {
            #expect(try server.request("POST", path, body: Array("{\"app\":\"a\"}".utf8)).status == 401, "\(path)")
        }
        for path in Self.readPaths where !path.contains("/label/only") {
            #expect(try server.request("GET", path, headers: bearer(admin)).status == 200, "\(path)")
        }
        #expect(try server.request("GET", "/metrics", headers: bearer(admin)).status == 200)
        // The parameter is for WebSockets alone: URLs end up in logs.
        #expect(try server.request("GET", "/loki/api/v1/labels?token=" + admin).status == 401)
        #expect(!server.log.contains(admin))
        #expect(server.stop() == 0)
    }

    @Test func appsAreKeptApart() throws {
        let server = try ServerProcess()
        let admin = try make(server, ["--scope", "admin"])
        let push = try make(server, ["--scope", "push", "--app", "shop"])
        let read = try make(server, ["--scope", "read", "--app", "shop", "--expires", "90d"])
        try server.start()
        let json = [("Content-Type", "application/json")]
        let lines = """
            {"app":"shop","msg":"mine 1"}
            {"app":"hidden","only_other":"x","secret_field":"marker-of-others"}
            """
        #expect(
            try server.request("POST", "/api/v1/push", headers: json + bearer(admin), body: Array(lines.utf8)).status
                == 200)
        let refused = try server.request("POST", "/api/v1/push", headers: bearer(push), body: Array(lines.utf8))
        #expect(refused.status == 403)
        #expect(refused.text.contains("shop") && refused.text.contains("hidden"))
        let own = Array("{\"app\":\"shop\",\"msg\":\"mine 2\"}".utf8)
        #expect(try server.request("POST", "/api/v1/push", headers: json + bearer(push), body: own).status == 200)
        #expect(try server.request("POST", "/api/v1/push", headers: json + bearer(read), body: own).status == 403)
        var telling = 0
        for path in Self.readPaths {
            #expect(try server.request("GET", path, headers: bearer(push)).status == 403, "\(path)")
            let reply = try server.request("GET", path, headers: bearer(read))
            #expect(!reply.text.contains("hidden"), "\(path): \(reply.text)")
            #expect(!reply.text.contains("marker-of-others"), "\(path): \(reply.text)")
            #expect(!reply.text.contains("only_other") || reply.status >= 400, "\(path): \(reply.text)")
            let all = try server.request("GET", path, headers: bearer(admin)).text
            if all.contains("hidden") || all.contains("marker-of-others") { telling += 1 }
        }
        #expect(telling >= 10, "the questions must be ones whose whole answer holds what others have")
        for path in ["/metrics", "/config", "/loki/api/v1/delete", "/api/v1/admin/tokens"] {
            #expect(try server.request("GET", path, headers: bearer(read)).status == 403, "\(path)")
        }
        #expect(server.stop() == 0)
    }

    @Test func tokensComeAndGoWhileTheServerRuns() throws {
        let server = try ServerProcess()
        try server.start()
        #expect(try server.get("/loki/api/v1/labels").status == 200)
        // Nobody makes the first token over HTTP.
        #expect(try server.request("POST", "/api/v1/admin/tokens?scope=admin").status == 403)
        let read = try make(server, ["--scope", "read"])
        #expect(try server.get("/loki/api/v1/labels").status == 401)
        #expect(try server.request("GET", "/loki/api/v1/labels", headers: bearer(read)).status == 200)
        let listed = try server.command(["token", "list", "--data-dir", server.dataFolder])
        let id = String(read.dropFirst(7).prefix(12))
        #expect(listed.output.contains(id) && !listed.output.contains(read))
        let revoked = try server.command(["token", "revoke", id, "--data-dir", server.dataFolder])
        #expect(revoked.status == 0, "\(revoked.output)")
        #expect(try server.request("GET", "/loki/api/v1/labels", headers: bearer(read)).status == 401)
        #expect(server.log.contains("\"action\":\"token created\""))
        #expect(server.log.contains("\"action\":\"token revoked\""))
        server.kill()
        try server.start()
        // The last token is gone, the server stays closed.
        #expect(try server.get("/loki/api/v1/labels").status == 401)
        #expect(server.stop() == 0)
    }

    @Test func tailsAndDeletionsKeepToTheApp() throws {
        let server = try ServerProcess()
        let push = try make(server, ["--scope", "push"])
        let read = try make(server, ["--scope", "read", "--app", "shop"])
        let shop = try make(server, ["--scope", "admin", "--app", "shop"])
        let admin = try make(server, ["--scope", "admin"])
        try server.start()
        let query = [("query", "{app=~\".+\"}")]
        #expect(try TailClient(port: server.port, query).reply.status == 401)
        #expect(try TailClient(port: server.port, query + [("token", push)]).reply.status == 403)
        let tail = try TailClient(port: server.port, query + [("token", read)])
        #expect(tail.reply.status == 101)
        let both = Array("{\"app\":\"hidden\",\"m\":1}\n{\"app\":\"shop\",\"m\":2}\n".utf8)
        #expect(try server.request("POST", "/api/v1/push", headers: bearer(push), body: both).status == 200)
        let lines = try tail.lines(1)
        #expect(lines.count == 1 && lines[0].contains("shop"), "\(lines)")
        tail.close()
        let path = "/loki/api/v1/delete"
        let deletion = path + "?start=0000000001&query=" + ServerProcess.escaped("{app=~\".+\"}")
        #expect(try server.request("POST", deletion, headers: bearer(read)).status == 403)
        #expect(try server.request("POST", deletion, headers: bearer(shop)).status == 204)
        let left = try server.request("GET", "/loki/api/v1/label/app/values", headers: bearer(admin)).text
        #expect(left.contains("hidden"))
        let rows = try server.request(
            "GET", "/loki/api/v1/query_range?query=" + ServerProcess.escaped("{app=~\".+\"}"), headers: bearer(admin))
        #expect(rows.text.contains("\\\"m\\\":1") && !rows.text.contains("\\\"m\\\":2"), "\(rows.text)")
        let all = path + "?start=0000000001&query=" + ServerProcess.escaped("{app=\"hidden\"} |= \"nothing\"")
        #expect(try server.request("POST", all, headers: bearer(admin)).status == 204)
        let own = try server.request("GET", path, headers: bearer(shop)).text
        #expect(own.contains("shop") && !own.contains("hidden"), "\(own)")
        let listed = try server.request("GET", path, headers: bearer(admin)).text
        let ids = listed.matches(of: /"request_id":"(\w+)"/).map { String($0.1) }
        #expect(ids.count == 2)
        let others = ids.filter { !own.contains($0) }
        for id in others {
            let cancelled = try server.request("DELETE", path + "?request_id=" + id, headers: bearer(shop))
            #expect(cancelled.status == 404)
        }
        #expect(server.stop() == 0)
    }

    @Test func tokensMayBeSlowedDown() throws {
        let server = try ServerProcess()
        let push = try make(server, ["--scope", "push", "--lines-per-second", "1"])
        try server.start()
        let lines = Array(String(repeating: "{\"app\":\"a\"}\n", count: 500).utf8)
        #expect(try server.request("POST", "/api/v1/push", headers: bearer(push), body: lines).status == 200)
        let slowed = try server.request("POST", "/api/v1/push", headers: bearer(push), body: lines)
        #expect(slowed.status == 429)
        #expect(slowed.head.contains("Retry-After: "))
        #expect(slowed.text.contains("ingestion rate limit exceeded"))
        #expect(server.stop() == 0)
    }

    /// The server's own rules look at every tenant; who belongs to one hears of its own only.
    @Test func alertsAreAboutEveryTenant() throws {
        let server = try ServerProcess()
        let all = try make(server, ["--scope", "admin"])
        let one = try make(server, ["--scope", "admin", "--tenant", "one"])
        let two = try make(server, ["--scope", "admin", "--tenant", "two"])
        try server.start(["--access-tenants", "true"])
        let line = Array(#"{"app":"shop","level":"error","message":"order failed"}"#.utf8)
        #expect(try server.request("POST", "/api/v1/push", headers: bearer(one), body: line).status == 200)
        let alerts = "/prometheus/api/v1/alerts"
        let mine = try server.poll("alarmed") { () -> String? in
            let text = try server.request("GET", alerts, headers: bearer(one)).text
            return text.contains("error_group_new") ? text : nil
        }
        #expect(mine.contains(#""tenant":"one""#), "\(mine)")
        #expect(try server.request("GET", alerts, headers: bearer(all)).text.contains(#""tenant":"one""#))
        let others = try server.request("GET", alerts, headers: bearer(two)).text
        #expect(!others.contains("error_group_new"), "\(others)")
        // Lines that tell of it are the tenant's, for they name what failed.
        let lines = "/loki/api/v1/query_range?since=1h&query=%7Bkind%3D%22alert%22%7D"
        _ = try server.poll("telling") {
            try server.request("GET", lines, headers: bearer(one)).text.contains("order failed") ? true : nil
        }
        for token in [all, two] {
            let told = try server.request("GET", lines, headers: bearer(token))
            #expect(told.status == 200 && !told.text.contains("order failed"), "\(told.text)")
        }
        #expect(server.stop() == 0)
    }

    /// Figures of requests are judged tenant by tenant: one that fails is not hidden by those that do not.
    @Test func requestsOfEveryTenantAreJudged() throws {
        let server = try ServerProcess()
        let all = try make(server, ["--scope", "admin"])
        let one = try make(server, ["--scope", "admin", "--tenant", "one"])
        let two = try make(server, ["--scope", "admin", "--tenant", "two"])
        try server.start(["--access-tenants", "true"])
        let rules = #"{"rules":[{"name":"fails","signal":"api_error_rate","threshold":50,"for_s":0,"unit":"%"}]}"#
        let put = try server.request(
            "PUT", "/api/v1/observability/alerts/rules", headers: bearer(all), body: Array(rules.utf8))
        #expect(put.status == 200, "\(put.text)")
        /// Requests in this minute and in the one before, whichever is looked at.
        func push(_ token: String, _ status: Int, _ count: Int) throws {
            let now = Int64(Date().timeIntervalSince1970)
            let lines = [now, now - 60].flatMap { second in
                (0..<count).map {
                    #"{"time":\#(second * 1_000_000_000 + Int64($0)),"app":"shop","message":"GET /","method":"GET","#
                        + #""path":"/","status_code":\#(status),"duration_ms":3}"#
                }
            }
            let body = Array(lines.joined(separator: "\n").utf8)
            #expect(try server.request("POST", "/api/v1/push", headers: bearer(token), body: body).status == 200)
        }
        try push(two, 200, 50)
        try push(one, 503, 3)
        let alerts = "/prometheus/api/v1/alerts"
        let mine = try server.poll("alarmed") { () -> String? in
            let text = try server.request("GET", alerts, headers: bearer(one)).text
            return text.contains(#""alertname":"fails""#) ? text : nil
        }
        #expect(mine.contains(#""tenant":"one""#), "\(mine)")
        let others = try server.request("GET", alerts, headers: bearer(two)).text
        #expect(!others.contains(#""alertname":"fails""#), "\(others)")
        #expect(server.stop() == 0)
    }

    @Test func tenantsShareNothing() throws {
        let server = try ServerProcess()
        let one = try make(server, ["--scope", "admin", "--tenant", "one"])
        let two = try make(server, ["--scope", "admin", "--tenant", "two"])
        try server.start(["--access-tenants", "true"])
        let line = Array("{\"app\":\"shop\",\"secret_field\":\"marker-of-others\",\"host\":\"hidden\"}".utf8)
        #expect(try server.request("POST", "/api/v1/push", headers: bearer(one), body: line).status == 200)
        let named = bearer(two) + [("X-Scope-OrgID", "one")]
        for path in Self.readPaths {
            let reply = try server.request("GET", path, headers: bearer(two))
            #expect(!reply.text.contains("marker-of-others") && !reply.text.contains("shop"), "\(path): \(reply.text)")
            #expect(try server.request("GET", path, headers: named).status == 403)
        }
        for path in ["/metrics", "/config", "/api/v1/admin/tokens", "/services"] {
            #expect(try server.request("GET", path, headers: bearer(one)).status == 403, "\(path)")
        }
        let mine = try server.request("GET", Self.readPaths[0], headers: bearer(one) + [("X-Scope-OrgID", "one")])
        #expect(mine.text.contains("marker-of-others"))
        // A repeat by another tenant is another tenant's line.
        let again = try server.request("POST", "/api/v1/push", headers: bearer(two), body: line)
        #expect(again.text.contains("\"accepted\":1"), "\(again.text)")
        #expect(server.stop() == 0)
    }
}
