import Access
import Bytes
import Model
import Receive
import Requests

/// `GET /api/v1/observability/logs/slow-requests`: slow requests as fields, and by route.
struct SlowRequestRoutes: Sendable {
    let backend: Backend

    var routes: [Route] {
        [ObservabilityRoute.make("logs/slow-requests") { call in try answer(call) }]
    }

    private func answer(_ call: Call) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let began = Machine.monotonicNanoseconds()
        let parameters = call.parameters
        let common = try ObservabilityParameters(parameters, now: now)
        guard let log = backend.requests else {
            return ErrorAnswers.observability(503, "requests are not observed by this server", code: "not_observed")
        }
        var filter = SlowRequestFilter(range: common.range)
        filter.app = call.identity.app ?? common.app
        filter.method = parameters.value("method")
        filter.path = parameters.value("path")
        filter.trace = parameters.value("trace_id")
        filter.status = try ObservabilityParameters.whole(parameters, "status", 100...599)
        let threshold = try ObservabilityParameters.whole(parameters, "threshold_ms", 0...86_400_000)
        filter.thresholdMicroseconds = threshold.map { Int64($0) * 1000 }
        if let text = parameters.value("sort") {
            guard let order = SlowRequestFilter.Order(rawValue: text) else {
                throw ParameterError("sort is duration or time, not '\(text)'")
            }
            filter.order = order
        }
        filter.isAscending = common.isAscending
        filter.offset = common.offset
        filter.limit = common.limit
        if let text = parameters.value("aggregate"), text != "path" {
            throw ParameterError("aggregate is path, not '\(text)'")
        }
        let page = log.slow(call.identity.tenant, filter)
        let routes = log.routes(call.identity.tenant, app: filter.app, in: common.range)
        let took = Double(Machine.monotonicNanoseconds() - began) / 1e6
        return JSONValue.object([
            ("count", .int(page.requests.count)),
            ("threshold_ms", .int(threshold ?? Int(log.slowMicroseconds / 1000))),
            ("total", .int(page.total)), ("total_is_estimate", .bool(page.isEstimate)),
            ("next", common.next(shown: page.requests.count, total: page.total)),
            ("requests", .array(page.requests.map(SlowRequestRoutes.request))),
            ("by_route", .array(routes.filter { $0.slowCount > 0 }.map(SlowRequestRoutes.route))),
            ("timestamp", .time(now)),
            ("stats", ["scanned_bytes": 0, "took_ms": .optional(took), "partial": .bool(page.isEstimate)]),
        ]).answer()
    }

    /// One slow request, as it is shown wherever there is a list of them.
    static func request(_ request: SlowRequest) -> JSONValue {
        let name = [request.method, request.route].filter { !$0.isEmpty }.joined(separator: " ")
        let message = (name.isEmpty ? request.app : name) + " \(Int(request.milliseconds.rounded())) ms"
        func text(_ text: String) -> JSONValue { text.isEmpty ? .null : .text(text) }
        return [
            "timestamp": .time(request.time), "message": .text(message), "trace_id": text(request.trace),
            "method": text(request.method), "path": text(request.path), "route": text(request.route),
            "status_code": request.status == 0 ? .null : .int(request.status),
            "duration_ms": .optional(request.milliseconds), "client_ip": text(request.client),
            "app": .text(request.app),
        ]
    }

    static func route(_ route: RouteSummary) -> JSONValue {
        let figures = route.figures
        return [
            "route": .text(route.route), "count": .int(route.slowCount), "calls": .int(figures.count),
            "p50_ms": .optional(figures.quantile(0.5)), "p95_ms": .optional(figures.quantile(0.95)),
            "p99_ms": .optional(figures.quantile(0.99)),
            "max_ms": .optional(Double(figures.maximumMicroseconds) / 1000),
            "error_rate": .optional(figures.errorRate),
            "share_of_calls": .optional(Double(route.slowCount) / Double(max(figures.count, 1)), digits: 4),
        ]
    }
}
