import Access
import Bytes
import HTTPTypes
import Health
import Logging
import Model
import NIOCore
import Receive
import Testing

@testable import Server

/// Every key and type that existing callers of the original's routes read.
@Suite struct HealthRouteTests {
    private static let root = "/api/v1/observability/"

    private func backend() -> Backend {
        var backend = Backend.fake()
        let monitor = HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: .init())
        backend.health = monitor
        return backend
    }

    private func ask(
        _ backend: Backend, _ path: String, query: String = "", method: String = "GET", body: String = ""
    ) async throws -> (status: Int, json: JSONValue) {
        let table = RouteTable(HTTPService.routes(backend))
        let found = try #require(table.find(HealthRouteTests.root + path))
        #expect(found.route.methods.contains(method))
        let call = Call(
            method: method, path: path, captures: found.captures.map { String($0) }, headers: HTTPFields(),
            parameters: try RequestParameters(query: query, form: ""), query: try RequestParameters(query: query),
            traceID: "", identity: .anybody, isLocal: true, body: [UInt8](body.utf8))
        let answer = try await found.route.respond(call)
        return (answer.status, try JSONValue(body: Array(answer.body.readableBytesView)))
    }

    @Test func healthHasTheOriginalsKeys() async throws {
        let backend = backend()
        _ = backend.health?.report("database", HealthCheck(.unhealthy, "down"), ttlSeconds: 60)
        let (status, json) = try await ask(backend, "health/full")
        #expect(status == 200)
        #expect(json["status"]?.string == "unhealthy")
        #expect(json["timestamp"]?.string?.hasSuffix("Z") == true)
        for name in ["database", "redis", "duckdb", "system"] {
            let check = try #require(json["checks"]?[name])
            #expect(check["status"]?.string != nil && check["message"]?.string != nil, "\(name)")
            guard case .object(let members) = check else { continue }
            #expect(Set(members.map(\.name)).isSuperset(of: ["latency_ms", "details"]))
        }
        #expect(json["checks"]?["redis"]?["status"]?.string == "unknown")
        #expect(try await ask(backend, "health/full", query: "strict=1").status == 503)
        #expect(try await ask(backend, "health/nobody").status == 404)
        #expect(try await ask(backend, "health/database").json["status"]?.string == "unhealthy")
    }

    @Test func reportsAreTaken() async throws {
        let backend = backend()
        let body =
            #"{"name":"duckdb","status":"healthy","latency_ms":1.2,"details":{"raw_parquet_count":14},"ttl_s":60}"#
        #expect(try await ask(backend, "health/report", method: "POST", body: body).status == 200)
        let (_, json) = try await ask(backend, "health/duckdb")
        #expect(json["status"]?.string == "healthy" && json["latency_ms"]?.double == 1.2)
        #expect(json["details"]?["raw_parquet_count"]?.double == 14)
        for bad in ["", "{}", #"{"name":"x","status":"fine"}"#, #"{"name":"x y","status":"healthy"}"#] {
            let (status, json) = try await ask(backend, "health/report", method: "POST", body: bad)
            #expect(status == 400)
            #expect(json["detail"]?.string != nil && json["code"]?.string != nil)
        }
    }

    @Test func metricsHaveTheOriginalsKeys() async throws {
        let (status, json) = try await ask(backend(), "metrics")
        #expect(status == 200)
        for part in ["current", "avg_1h", "max_1h"] {
            for key in ["cpu_percent", "memory_percent", "api_qps", "api_error_rate", "api_latency_avg_ms"] {
                #expect(json[part]?[key]?.double != nil, "\(part).\(key)")
            }
        }
        for key in [
            "cpu_percent", "memory_percent", "disk_percent", "api_latency_ms", "db_latency_ms", "redis_latency_ms",
            "error_rate_percent",
        ] { #expect(json["thresholds"]?[key]?.double != nil, "\(key)") }
        #expect(json["history"]?["step_s"]?.double == 60)
        #expect(try await ask(backend(), "metrics", query: "step=1s").status == 400)
        #expect(try await ask(backend(), "metrics", query: "fields=colour").status == 400)
    }

    @Test func appsReportTheirFigures() async throws {
        let backend = backend()
        let body = #"{"app":"shop","api_qps":12.5,"api_error_rate":2,"active_requests":3}"#
        #expect(try await ask(backend, "metrics/report", method: "POST", body: body).status == 200)
        let (_, json) = try await ask(backend, "metrics", query: "app=shop")
        #expect(json["app"]?.string == "shop")
        #expect(json["current"]?["api_qps"]?.double == 12.5 && json["current"]?["active_requests"]?.double == 3)
        #expect(json["avg_1h"]?["api_error_rate"]?.double == 2)
        #expect(try await ask(backend, "metrics", query: "app=bank").json["current"]?["active_requests"]?.double == nil)
        #expect(try await ask(backend, "metrics", query: "app=dendro").json["current"]?["active_requests"]?.double == 0)
        for bad in ["{}", #"{"app":"shop"}"#, #"{"app":"dendro","api_qps":1}"#, #"{"app":"a","api_qps":-1}"#] {
            #expect(try await ask(backend, "metrics/report", method: "POST", body: bad).status == 400, "\(bad)")
        }
    }

    @Test func ownLinesAreStoredAsThoseOfAnApp() throws {
        let sink = FakeSink()
        let backend = Backend.fake(sink: sink)
        let own = OwnLines()
        let log = AccessLog(
            metrics: backend.metrics, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            slowMilliseconds: 500, own: own)
        var entry = AccessLog.Entry(
            traceID: "t1", method: "GET", path: "/x", route: "x", status: 500, clientAddress: "127.0.0.1",
            receivedBytes: 1, sentBytes: 2, nanoseconds: 7_000_000)
        log.record(entry)
        entry.isOwn = true
        log.record(entry)
        (entry.isOwn, entry.route, entry.status) = (false, "ready", 200)
        log.record(entry)
        own.flush(backend)
        own.flush(backend)
        #expect(sink.batches.count == 1)
        let batch = try #require(sink.batches.first)
        #expect(batch.rows.count == 1 && own.stored == 1)
        #expect(batch.streams[0].value(of: "app") == "dendro" && batch.streams[0].value(of: "kind") == "request")
        // What cannot be stored is dropped, and nothing is tried for a while.
        sink.refuse(.overloaded(retryAfterSeconds: 1))
        (entry.route, entry.status) = ("x", 200)
        log.record(entry)
        own.flush(backend)
        sink.refuse(nil)
        log.record(entry)
        own.flush(backend)
        #expect(sink.batches.count == 1 && own.dropped == 2)
    }

    @Test func alertsHaveTheOriginalsKeysAndAreChanged() async throws {
        let backend = backend()
        _ = backend.health?.report("redis", HealthCheck(.unavailable, "connection refused"), ttlSeconds: 60)
        let (_, json) = try await ask(backend, "alerts")
        #expect(json["count"]?.double == 1 && json["timestamp"]?.string != nil)
        guard case .array(let alerts)? = json["alerts"], let alert = alerts.first else {
            Issue.record("no alert")
            return
        }
        for key in ["level", "source", "message", "timestamp", "alert_id", "rule", "state"] {
            #expect(alert[key]?.string != nil, "\(key)")
        }
        let id = try #require(alert["alert_id"]?.string)
        let ack = try await ask(backend, "alerts/\(id)/ack", method: "POST", body: #"{"by":"ada"}"#)
        #expect(ack.json["state"]?.string == "acknowledged")
        #expect(try await ask(backend, "alerts/\(id)/silence", method: "POST", body: "{}").status == 400)
        #expect(try await ask(backend, "alerts/none").status == 404)
        #expect(try await ask(backend, "alerts", query: "state=loud").status == 400)
        let events = try await ask(backend, "alerts/\(id)/events")
        #expect(events.json["count"]?.double == 3)
        _ = try await ask(backend, "alerts/\(id)/resolve", method: "POST", body: "")
        #expect(try await ask(backend, "alerts").json["count"]?.double == 0)
        #expect(try await ask(backend, "alerts", query: "state=all").json["count"]?.double == 1)
    }

    @Test func theDashboardHasTheOriginalsKeys() async throws {
        let (status, json) = try await ask(backend(), "dashboard")
        #expect(status == 200)
        #expect(json["timestamp"]?.string != nil)
        #expect(json["health"]?["checks"] != nil && json["metrics"]?["current"] != nil)
        for key in ["alerts", "recent_errors", "slow_requests", "top_errors"] {
            guard case .array? = json[key] else {
                Issue.record("\(key) is no list")
                continue
            }
        }
        #expect(json["error_summary"]?["total_errors"]?.double == 0)
        guard case .array(let minutes)? = json["logs_per_minute"]?["series"] else {
            Issue.record("no lines by minute")
            return
        }
        #expect(minutes.count == 60)
    }

    @Test func rulesAreReadAndReplaced() async throws {
        let backend = backend()
        let (_, json) = try await ask(backend, "alerts/rules")
        #expect((json["count"]?.double ?? 0) >= 7)
        let body = #"{"rules":[{"name":"cpu","signal":"cpu_percent","threshold":10,"level":"critical"}]}"#
        #expect(try await ask(backend, "alerts/rules", method: "PUT", body: body).json["count"]?.double == 1)
        #expect(backend.health?.rules().map(\.clear) == [9])
        #expect(try await ask(backend, "alerts/rules", method: "PUT", body: "{}").status == 400)
    }
}
