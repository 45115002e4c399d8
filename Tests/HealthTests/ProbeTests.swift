import Bytes
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
