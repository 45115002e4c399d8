import Bytes
import Health
import Model
import NIOCore
import Receive
import Store

/// `dashboard`: a first screen in one answer, put together from what the other routes answer from aggregates.
struct DashboardRoute: Sendable {
    private static let root = "/api/v1/observability/"
    private static let alertLimit = 50

    let backend: Backend
    /// The routes it is made of, by pattern.
    private let parts: [String: Route]

    init(backend: Backend, routes: [Route]) {
        self.backend = backend
        let wanted = ["errors", "errors/summary", "errors/top", "logs/slow-requests", "logs/histogram"].map {
            DashboardRoute.root + $0
        }
        parts = Dictionary(
            routes.filter { wanted.contains($0.pattern) }.map { ($0.pattern, $0) },
            uniquingKeysWith: { first, _ in first })
    }

    var route: Route {
        HealthRoutes.make(backend, "dashboard", Route.get) { call, monitor in try await answer(call, monitor) }
    }

    private func answer(_ call: Call, _ monitor: HealthMonitor) async throws -> Answer {
        let now = backend.clock.nowNanoseconds()
        guard let since = TimeParameters.prometheusDuration(call.parameters.value("since") ?? "24h"),
            since >= Nanoseconds.perHour
        else { throw ParameterError("since is a duration such as 24h or 7d, of an hour or more") }
        let hours = min(168, since / Nanoseconds.perHour)
        let alerts = monitor.alerts().filter { $0.state(now: now) == .firing || $0.state(now: now) == .acknowledged }
        let statistics = backend.operations.statistics
        // Beside each other: the first and the last take most of the time.
        async let summaryPart = part("errors/summary", "hours=\(hours)", call)
        async let slowPart = part("logs/slow-requests", "limit=10&since=\(hours)h", call)
        let recent = try await part("errors", "limit=10&since=\(hours)h", call)
        let top = try await part("errors/top", "limit=10&since=\(hours)h", call)
        let (summary, slow) = try await (summaryPart, slowPart)
        var members: [(name: String, value: JSONValue)] = [
            ("health", HealthShapes.full(monitor, version: backend.operations.version, now: monitor.sampledAt).json),
            ("metrics", try MetricRoutes(backend: backend).json(call.parameters, monitor, now: monitor.sampledAt)),
            (
                "alerts",
                .array(
                    alerts.prefix(DashboardRoute.alertLimit).map {
                        HealthShapes.alert($0, now: now, base: backend.externalURL)
                    })
            ),
            ("error_summary", summary ?? DashboardRoute.noErrors(hours)),
            ("recent_errors", recent?["errors"] ?? []), ("slow_requests", slow?["requests"] ?? []),
            ("top_errors", top?["errors"] ?? []),
            ("logs_per_minute", try await logsPerMinute(call, monitor)),
            (
                "ingest",
                ["accepted_lines": .int(statistics.acceptedRows), "duplicate_lines": .int(statistics.duplicateRows)]
            ),
            (
                "usage",
                [
                    "part_bytes": .int(statistics.partBytes), "part_rows": .int(statistics.partRows),
                    "wal_bytes": .int(statistics.walBytes), "streams": .int(statistics.streams),
                    "oldest_day": .optional(statistics.oldestDay?.description),
                ]
            ),
            (
                "links",
                .object(
                    ["health/full", "metrics", "alerts", "logs", "errors", "logs/slow-requests"]
                        .map { ($0, .text(DashboardRoute.root + $0)) })
            ),
        ]
        var body: [UInt8] = []
        JSONValue.object(members).append(to: &body)
        let tag = "W/\"" + String(Hash.hash64(body), radix: 16) + "\""
        if call.header("if-none-match") == tag {
            return Answer(status: 304, headers: [("ETag", tag)])
        }
        members.insert(("timestamp", .time(now)), at: 0)
        var answer = JSONValue.object(members).answer()
        answer.headers.append(("ETag", tag))
        return answer
    }

    /// Lines of each of the last sixty minutes: of all apps as they came, of one as they say they were written.
    private func logsPerMinute(_ call: Call, _ monitor: HealthMonitor) async throws -> JSONValue {
        if call.query.value("app") != nil {
            return try await part("logs/histogram", "since=1h&buckets=60", call) ?? .null
        }
        let end = monitor.sampledAt / Nanoseconds.perSecond / 60 * 60
        let points = monitor.series(from: end - 3600, count: 60, step: 60)
        return [
            "step_s": 60, "start": .time((end - 3600) * Nanoseconds.perSecond),
            "current": .optional(monitor.metrics().current[.logsPerMinute], digits: 1),
            "series": .array(points.map { .optional($0?[.logsPerMinute], digits: 1) }),
        ]
    }

    /// What another route answers, or nil where there is none or it has no answer at the moment.
    private func part(_ pattern: String, _ query: String, _ call: Call) async throws -> JSONValue? {
        guard let route = parts[DashboardRoute.root + pattern] else { return nil }
        var text = query
        if let app = call.query.value("app") {
            text += "&app=" + app.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let parameters = try RequestParameters(query: text, form: "")
        let answer = try await route.respond(
            Call(
                method: "GET", path: route.pattern, captures: [], headers: call.headers, parameters: parameters,
                query: parameters, traceID: call.traceID, identity: call.identity, isLocal: call.isLocal))
        guard answer.status == 200 else { return nil }
        return try JSONValue(body: Array(answer.body.readableBytesView))
    }

    private static func noErrors(_ hours: Int64) -> JSONValue {
        [
            "total_errors": 0, "unique_errors": 0, "by_type": .object([]), "hourly_trend": .object([]),
            "period_hours": .int(Int(hours)),
        ]
    }
}
