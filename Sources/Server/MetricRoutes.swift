import Access
import Bytes
import Health
import Model
import Observe
import Receive
import Requests

/// `metrics`: the machine's figures as sampled last, and those of requests, of all apps or of one.
struct MetricRoutes: Sendable {
    private static let pointLimit = 11_000
    private static let ttlLimit = 86_400
    /// What an app may report of itself.
    private static let reported: [MetricField] = [
        .apiQPS, .apiErrorRate, .apiClientErrorRate, .apiLatencyAverage, .apiLatencyP50, .apiLatencyP95, .apiLatencyP99,
        .activeRequests,
    ]
    /// The app as which dendro counts itself.
    private static let ownApp = "dendro"

    let backend: Backend

    var routes: [Route] {
        [
            HealthRoutes.make(backend, "metrics", Route.get) { call, monitor in try metrics(call, monitor) },
            HealthRoutes.make(backend, "metrics/report", ["POST"]) { call, monitor in try report(call, monitor) },
        ]
    }

    private func metrics(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        if call.header("accept")?.hasPrefix("text/plain") == true {
            return Answer(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: MetricsPage(backend).bytes)
        }
        return try json(call.parameters, monitor, now: backend.clock.nowNanoseconds()).answer()
    }

    /// The body of `metrics`.
    func json(
        _ parameters: RequestParameters, _ monitor: HealthMonitor, now: Int64
    ) throws(ParameterError) -> JSONValue {
        let step = try MetricRoutes.seconds(parameters, "step", standard: 60)
        let window = try MetricRoutes.seconds(parameters, "window", standard: 3600)
        guard step >= 10, window >= step, window / step <= Int64(MetricRoutes.pointLimit) else {
            throw ParameterError(
                "step is 10s or more, window at least one and at most \(MetricRoutes.pointLimit) steps")
        }
        var fields = MetricField.allCases
        if let text = parameters.value("fields"), !text.isEmpty {
            fields = []
            for name in text.split(separator: ",") {
                guard let field = MetricField(rawValue: String(name)) else {
                    throw ParameterError("fields names '\(name)', which is not sampled")
                }
                fields.append(field)
            }
        }
        let end = now / Nanoseconds.perSecond / step * step
        let count = Int(window / step)
        let start = end - Int64(count) * step
        var points = monitor.series(from: start, count: count, step: step)
        var values = monitor.metrics()
        let app = parameters.value("app") ?? "*"
        if app != "*" { narrow(&values, &points, to: app, monitor, start: start, step: step, now: now) }
        let series: [(name: String, value: JSONValue)] = fields.map { field in
            (field.rawValue, .array(points.map { .optional($0?[field]) }))
        }
        return [
            "timestamp": .time(now), "app": .text(app),
            "current": HealthShapes.point(values.current), "avg_1h": HealthShapes.point(values.average),
            "max_1h": HealthShapes.point(values.maximum), "thresholds": HealthShapes.thresholds(monitor.thresholds),
            "history": [
                "step_s": .int(Int(step)), "start": .time(start * Nanoseconds.perSecond), "series": .object(series),
            ],
        ]
    }

    /// Puts an app's figures of requests in the place of all apps': from its lines, else from what it reports.
    private func narrow(
        _ values: inout (current: MetricPoint, average: MetricPoint, maximum: MetricPoint),
        _ points: inout [MetricPoint?], to app: String, _ monitor: HealthMonitor, start: Int64, step: Int64, now: Int64
    ) {
        let minute = now / Nanoseconds.perMinute * Nanoseconds.perMinute
        let hour = TimeRange(start: minute - Nanoseconds.perHour, end: minute)
        let told = monitor.reported(app)
        let all = backend.requests?.summary(.standard, app: app, in: hour) ?? RequestSummary()
        if let requests = backend.requests, all.count > 0 {
            let last = requests.summary(
                .standard, app: app, in: TimeRange(start: minute - Nanoseconds.perMinute, end: minute))
            values.current.note(last, seconds: 60)
            values.average.note(all, seconds: 3600)
            var most = MetricPoint(seconds: now / Nanoseconds.perSecond)
            for one in requests.series(.standard, app: app, in: hour, stepSeconds: 60) {
                var point = MetricPoint(seconds: 0)
                point.note(one, seconds: 60)
                for field in MetricRoutes.reported {
                    most[field] = [most[field], point[field]].compactMap { $0 }.max()
                }
            }
            // Quantiles are known of hours.
            for field in [MetricField.apiLatencyP50, .apiLatencyP95, .apiLatencyP99] {
                most[field] = [values.average[field], values.current[field]].compactMap { $0 }.max()
            }
            for field in MetricRoutes.reported { values.maximum[field] = most[field] }
            let width = max(60, step)
            let range = TimeRange(
                start: start * Nanoseconds.perSecond, end: (start + Int64(points.count) * step) * Nanoseconds.perSecond)
            let steps = requests.series(.standard, app: app, in: range, stepSeconds: Int(width))
            for index in points.indices {
                let at = Int(Int64(index) * step / width)
                var point = points[index] ?? MetricPoint(seconds: start + Int64(index) * step)
                point.note(steps.indices.contains(at) ? steps[at] : RequestSummary(), seconds: Double(width))
                points[index] = point
            }
        } else {
            for field in MetricRoutes.reported {
                values.current[field] = told.current?[field]
                values.average[field] = told.average[field]
                values.maximum[field] = told.maximum[field]
            }
            for index in points.indices {
                let from = start + Int64(index) * step
                let known = told.points.filter { $0.seconds >= from && $0.seconds < from + step }
                for field in MetricRoutes.reported {
                    let found = known.compactMap { $0[field] }
                    points[index]?[field] = found.isEmpty ? nil : found.reduce(0, +) / Double(found.count)
                }
            }
        }
        let active = app == MetricRoutes.ownApp ? Double(backend.metrics.requests.underWay.value) : nil
        values.current[.activeRequests] = active ?? told.current?[.activeRequests]
    }

    private func report(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        let body = try JSONValue(body: call.body)
        let app = call.identity.app ?? body["app"]?.string ?? ""
        guard !app.isEmpty, app != "*", app != MetricRoutes.ownApp, app.utf8.count <= 256 else {
            throw ParameterError("app is the name of the application that reports, and not dendro")
        }
        let ttl = body["ttl_s"]?.double ?? 120
        guard ttl >= 1, ttl <= Double(MetricRoutes.ttlLimit) else {
            throw ParameterError("ttl_s is from 1 to \(MetricRoutes.ttlLimit) seconds")
        }
        var point = MetricPoint(seconds: backend.clock.nowNanoseconds() / Nanoseconds.perSecond)
        var count = 0
        for field in MetricRoutes.reported {
            guard let number = body[field.rawValue]?.double else { continue }
            guard number.isFinite, number >= 0, number < 1e12 else {
                throw ParameterError("\(field.rawValue) is a number from 0 on")
            }
            point[field] = number
            count += 1
        }
        guard count > 0 else {
            let names = MetricRoutes.reported.map(\.rawValue).joined(separator: ", ")
            throw ParameterError("the body has at least one of \(names)")
        }
        guard monitor.report(point, of: app, ttlSeconds: Int(ttl)) else {
            return ErrorAnswers.observability(429, "enough applications report already", code: "too_many")
        }
        return JSONValue(dictionaryLiteral: ("status", "ok"), ("app", .text(app)), ("ttl_s", .int(Int(ttl)))).answer()
    }

    private static func seconds(
        _ parameters: RequestParameters, _ name: String, standard: Int64
    ) throws(ParameterError) -> Int64 {
        guard let text = parameters.value(name) else { return standard }
        guard let length = TimeParameters.prometheusDuration(text), length > 0 else {
            throw ParameterError("\(name) is a duration such as 60s or 1h, not '\(text)'")
        }
        return length / Nanoseconds.perSecond
    }
}

extension MetricPoint {
    /// Takes over figures of requests of so many seconds.
    fileprivate mutating func note(_ summary: RequestSummary, seconds: Double) {
        self[.apiQPS] = Double(summary.count) / seconds
        self[.apiErrorRate] = summary.errorRate
        self[.apiClientErrorRate] = summary.clientErrorRate
        self[.apiLatencyAverage] = summary.average
        self[.apiLatencyP50] = summary.quantile(0.5)
        self[.apiLatencyP95] = summary.quantile(0.95)
        self[.apiLatencyP99] = summary.quantile(0.99)
    }
}
