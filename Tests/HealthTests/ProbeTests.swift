import Bytes
import Foundation
import Synchronization
import Testing

@testable import Health

@Suite struct ProbeTests {
    @Test func configurationsAreRead() throws {
        let probe = try ProbeConfiguration("database=postgres://ada:x@db1/shop?interval_s=5&threshold_ms=70")
        #expect(probe.name == "database" && probe.kind == .postgres && probe.target == "db1:5432")
        #expect(probe.user == "ada" && probe.password == "x" && probe.path == "/shop")
        #expect(probe.intervalSeconds == 5 && probe.thresholdMilliseconds == 70)
        let http = try ProbeConfiguration("api=http://localhost:8080/health?deep=1&timeout_ms=100")
        #expect(http.path == "/health?deep=1" && http.timeoutMilliseconds == 100)
        #expect(try ProbeConfiguration("duckdb=file:///var/x.duckdb").path == "/var/x.duckdb")
    }

    @Test(arguments: [
        "database", "x=ftp://h:1", "x=tcp://h", "x=tcp://h:99999", "=tcp://h:1", "x=tcp://h:1?interval_s=0",
        "x=redis://h?colour=red", "a b=tcp://h:1",
    ])
    func badConfigurationsAreRefused(_ text: String) {
        #expect(throws: ProbeConfiguration.Failure.self) { try ProbeConfiguration(text) }
    }

    @Test(arguments: [("redis", HealthStatus.unavailable), ("tcp", .unavailable), ("postgres", .unhealthy)])
    func nobodyListening(_ kind: String, _ status: HealthStatus) throws {
        let check = Probe(configuration: try ProbeConfiguration("x=\(kind)://127.0.0.1:1")).look()
        #expect(check.status == status)
        #expect(check.message == "connection refused")
        #expect(check.latencyMilliseconds == nil)
    }

    @Test func missingFilesAreUnavailable() throws {
        let check = Probe(configuration: try ProbeConfiguration("duckdb=file:///nowhere/x.duckdb")).look()
        #expect(check.status == .unavailable)
        #expect(Probe(configuration: try ProbeConfiguration("f=file:///proc")).look().status == .unhealthy)
    }

    @Test(arguments: [
        ("missing", nil, HealthStatus.unavailable), ("empty", "", .healthy),
        ("other", String(repeating: "no database ", count: 100), .unhealthy),
    ])
    func sqliteFilesAreLookedThrough(_ name: String, _ content: String?, _ status: HealthStatus) throws {
        let path = NSTemporaryDirectory() + "dendro-probe-\(UUID().uuidString)-\(name)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try content?.write(toFile: path, atomically: true, encoding: .utf8)
        let check = Probe(configuration: try ProbeConfiguration("x=sqlite://\(path)")).look()
        #expect(check.status == status, "\(check.message)")
        #expect(content != nil || !FileManager.default.fileExists(atPath: path), "a look makes no file")
    }

    @Test func theServersOwnDatabasesAreAskedFor() throws {
        let configuration = try ProbeConfiguration("index=sqlite://own")
        #expect(configuration.intervalSeconds == 300)
        #expect(Probe(configuration: configuration).look().status == .healthy)
        let check = Probe(configuration: configuration, ownFault: { "catalog: bad page" }).look()
        #expect(check.status == .unhealthy && check.message == "catalog: bad page")
    }

    @Test(arguments: [
        ("connection to server at \"::1\", port 1 failed: Connection refused\n\tIs it running?", "connection refused"),
        (
            "connection to server at \"h\" (1.2.3.4), port 5432 failed: FATAL:  password is wrong for user",
            "password is wrong for user"
        ),
        ("server closed the connection unexpectedly\n", "connection closed by the service"),
        ("could not translate host name", "could not translate host name"), ("", "the connection failed"),
    ])
    func complaintsOfLibpqAreShort(_ complaint: String, _ text: String) {
        #expect(PostgresProbe.plain(complaint) == text)
    }

    @Test(arguments: [
        ("db=postgres://ada:secret@h:1/x", "db=postgres://ada:hidden@h:1/x"),
        ("db=postgres://ada@h:1", "db=postgres://ada@h:1"),
        ("r=redis://:p@ss@h", "r=redis://:hidden@h"), ("t=tcp://h:1", "t=tcp://h:1"),
    ])
    func passwordsAreNotShown(_ text: String, _ shown: String) {
        #expect(ProbeConfiguration.shown(text) == shown)
    }

    @Test func whatAppsReportIsPutTogether() {
        let clock = StepClock()
        let monitor = HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: .init(), clock: clock)
        let seconds = clock.nowNanoseconds() / 1_000_000_000
        for (app, qps, latency) in [("a", 3.0, 10.0), ("b", 1.0, 50.0)] {
            var point = MetricPoint(seconds: seconds)
            (point[.apiQPS], point[.apiLatencyAverage], point[.activeRequests]) = (qps, latency, 2)
            #expect(monitor.report(point, of: app, ttlSeconds: 60))
        }
        var all = MetricPoint(seconds: seconds)
        monitor.state.withLock { $0.reports.fill(&all, now: clock.nowNanoseconds()) }
        #expect(all[.apiQPS] == 4 && all[.apiLatencyAverage] == 20 && all[.activeRequests] == 4)
        #expect(monitor.reported("b").current?[.apiQPS] == 1)
        clock.time.update { $0 += 61_000_000_000 }
        #expect(monitor.reported("b").current == nil && monitor.reported("b").average[.apiQPS] == 1)
        #expect(monitor.reported("nobody").points.isEmpty)
    }

    @Test func overallStatus() {
        #expect(HealthStatus.overall([.healthy, .unknown]) == .healthy)
        #expect(HealthStatus.overall([.healthy, .unavailable]) == .degraded)
        #expect(HealthStatus.overall([.degraded, .unhealthy]) == .unhealthy)
    }

    @Test func historyKeepsMinutesAndSurvives() {
        var history = MetricHistory()
        for second in stride(from: Int64(0), to: 7200, by: 10) {
            var point = MetricPoint(seconds: second)
            point[.cpuPercent] = Double(second / 60)
            history.add(point)
        }
        #expect(history.recent.count == 360)
        #expect(history.minutes.count == 119)
        #expect(history.minutes[3][.cpuPercent] == 3)
        let series = history.series(from: 600, count: 3, step: 60)
        #expect(series.map { $0?[.cpuPercent] } == [10, 11, 12])
        #expect(series[0]?[.apiQPS] == nil)
        let (recent, second) = history.encoded(hourOf: 7199)
        let first = history.encoded(hourOf: 3599).hour
        var again = MetricHistory()
        again.restore(recent: recent, hours: [first, second])
        #expect(again.recent.count == 360)
        #expect(again.minutes.count == 119)
        #expect(again.minutes.last?[.cpuPercent] == 118)
    }

    /// An application that does not report again after a restart of the server is missed as it would be without one.
    @Test func reportsOutliveARestart() {
        let clock = StepClock()
        let saved = Gate<[String: [UInt8]]>([:])
        var surroundings = HealthMonitor.Surroundings()
        surroundings.save = { history, _ in
            saved.update { saved in for (key, bytes) in history { saved[key] = bytes } }
        }
        func start() -> HealthMonitor {
            let monitor = HealthMonitor(
                probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: surroundings, clock: clock)
            monitor.restore(history: saved.withLock { $0 }.map { (key: $0.key, bytes: $0.value) }, alerts: [])
            return monitor
        }
        var check = HealthCheck(.degraded, "slow", latencyMilliseconds: 7.5)
        check.details = [
            ("files", .number(14)), ("name", .text("ü")), ("more", .json([UInt8]("[1]".utf8))), ("none", .null),
        ]
        #expect(start().report("shop/1", check, ttlSeconds: 60))
        let again = start()
        let found = again.check("shop/1")?.check
        #expect(found?.status == .degraded && found?.message == "slow" && found?.latencyMilliseconds == 7.5)
        #expect(found?.details.map(\.name) == ["files", "name", "more", "none"])
        #expect(found?.details.map(\.value) == check.details.map(\.value))
        #expect(found?.since == clock.nowNanoseconds() && again.isReported("shop/1"))
        clock.time.update { $0 += 61_000_000_000 }
        let late = start()
        #expect(late.check("shop/1")?.check.status == .unavailable)
        late.evaluate(now: clock.nowNanoseconds())
        #expect(late.alerts().map(\.rule) == ["probe_missing"])
        // What is gone for good is not missed for ever; nor is what cannot be read.
        clock.time.update { $0 += 86_400_000_000_000 }
        saved.update { $0["reported/broken"] = [1, 2, 3] }
        #expect(start().check("shop/1") == nil)
        #expect(saved.withLock { !$0.keys.contains { $0.hasPrefix("reported/") } })
    }

    /// Minutes are kept for thirty days, in memory and in the state.
    @Test func hoursBeyondThirtyDaysLeaveTheState() {
        let clock = StepClock()
        let saved = Gate<[String: Bool]>([:])
        var surroundings = HealthMonitor.Surroundings()
        surroundings.save = { history, _ in
            saved.update { saved in for (key, bytes) in history { saved[key] = bytes != nil } }
        }
        let monitor = HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: surroundings, clock: clock)
        let hour = clock.nowNanoseconds() / 3_600_000_000_000
        let kept = (0..<900).map { (key: "hour/\(hour - Int64($0))", bytes: [UInt8]()) }
        monitor.restore(history: kept, alerts: [])
        let limit = Int64(HealthMonitor.hourLimit)
        let removed = saved.withLock { $0 }
        #expect(removed.count == 900 - Int(limit) && removed.values.allSatisfy { !$0 })
        #expect(removed["hour/\(hour - limit)"] != nil && removed["hour/\(hour - limit + 1)"] == nil)
        // And one with each hour that begins.
        clock.time.update { $0 = (hour + 1) * 3_600_000_000_000 }
        monitor.stop()
        #expect(saved.withLock { $0["hour/\(hour + 1)"] } == true)
        #expect(saved.withLock { $0["hour/\(hour + 1 - limit)"] } == false)
    }

    @Test func reportsThatAreNotRepeatedBecomeUnavailable() {
        let clock = StepClock()
        let monitor = HealthMonitor(
            probes: [], thresholds: HealthThresholds(), folder: "/", surroundings: .init(), clock: clock)
        #expect(monitor.check("redis")?.check.status == .unknown)
        #expect(monitor.report("redis", HealthCheck(.healthy, "ok"), ttlSeconds: 60))
        #expect(monitor.check("redis")?.check.status == .healthy)
        clock.time.update { $0 += 61_000_000_000 }
        #expect(monitor.check("redis")?.check.status == .unavailable)
        monitor.evaluate(now: clock.nowNanoseconds())
        #expect(monitor.alerts().map(\.rule) == ["probe_missing"])
        #expect(monitor.check("nobody") == nil)
    }
}

final class StepClock: WallClock {
    let time = Gate<Int64>(1_800_000_000_000_000_000)
    func nowNanoseconds() -> Int64 { time.withLock { $0 } }
}
