import Health
import Model
import Receive

/// Checks, metrics and alerts as JSON.
enum HealthShapes {
    static func check(_ check: HealthCheck, history: [HealthMonitor.Look]? = nil) -> JSONValue {
        var result: JSONValue = [
            "status": .text(check.status.rawValue), "message": .text(check.message),
            "latency_ms": .optional(check.latencyMilliseconds), "threshold_ms": .optional(check.thresholdMilliseconds),
            "checked_at": .time(check.checkedAt), "since": .time(check.since), "details": details(check),
        ]
        guard let history else { return result }
        let looks: [JSONValue] = history.map { look in
            [
                "t": .time(look.at), "status": .text(look.status.rawValue),
                "latency_ms": .optional(look.latencyMilliseconds),
            ]
        }
        result = result.adding("history", .array(looks))
        return result
    }

    private static func details(_ check: HealthCheck) -> JSONValue {
        .object(
            check.details.map { detail in
                switch detail.value {
                case .null: (detail.name, .null)
                case .number(let number): (detail.name, .optional(number))
                case .text(let text): (detail.name, .text(text))
                case .json(let bytes): (detail.name, .raw(bytes))
                }
            })
    }

    /// All checks under their overall status.
    static func full(_ monitor: HealthMonitor, version: String, now: Int64) -> (status: HealthStatus, json: JSONValue) {
        let checks = monitor.checks()
        let status = HealthStatus.overall(checks.map(\.check.status))
        let entries = checks.map { entry -> (name: String, value: JSONValue) in
            var shown = entry.check
            let asked = ["redis": "used_memory_mb", "duckdb": "raw_parquet_count"][entry.name]
            if let asked, !shown.details.contains(where: { $0.name == asked }) { shown.details.append((asked, .null)) }
            return (entry.name, check(shown))
        }
        return (
            status,
            [
                "status": .text(status.rawValue), "timestamp": .time(now), "version": .text(version),
                "uptime_s": .int(Int(max(0, now - monitor.startedAt) / Nanoseconds.perSecond)),
                "checks": .object(entries),
            ]
        )
    }

    static func thresholds(_ limits: HealthThresholds) -> JSONValue {
        [
            "cpu_percent": .optional(limits.cpuPercent), "memory_percent": .optional(limits.memoryPercent),
            "disk_percent": .optional(limits.diskPercent), "api_latency_ms": .optional(limits.apiLatencyMilliseconds),
            "db_latency_ms": .optional(limits.databaseLatencyMilliseconds),
            "redis_latency_ms": .optional(limits.redisLatencyMilliseconds),
            "error_rate_percent": .optional(limits.errorRatePercent),
        ]
    }

    /// A moment's values. Those of the original are numbers, 0 where nothing is known; the others are null then.
    static func point(_ point: MetricPoint) -> JSONValue {
        let always: Set<MetricField> = [
            .cpuPercent, .memoryPercent, .diskPercent, .apiQPS, .apiErrorRate, .apiLatencyAverage,
        ]
        return .object(
            MetricField.allCases.map { field in
                (field.rawValue, .optional(point[field] ?? (always.contains(field) ? 0 : nil)))
            })
    }

    /// - Parameter base: what links begin with: the server's address, or nothing.
    static func alert(_ alert: Alert, now: Int64, base: String = "") -> JSONValue {
        let notices: [JSONValue] = alert.notices.map { notice in
            ["channel": .text(notice.channel), "at": .time(notice.at), "ok": .bool(notice.isSent)]
        }
        let samples: [JSONValue] = alert.samples.map { sample in
            [
                "timestamp": .time(sample.time), "message": .text(sample.message),
                "trace_id": sample.trace.isEmpty ? .null : .text(sample.trace),
            ]
        }
        return [
            "alert_id": .text(alert.id), "rule": .text(alert.rule), "level": .text(alert.level.rawValue),
            "source": .text(alert.source), "message": .text(alert.message), "timestamp": .time(alert.startedAt),
            "state": .text(alert.state(now: now).rawValue), "value": .optional(alert.value),
            "threshold": .optional(alert.threshold), "unit": .text(alert.unit), "started_at": .time(alert.startedAt),
            "last_seen": .time(alert.lastSeen), "resolved_at": .time(alert.resolvedAt), "count": .int(alert.count),
            "acknowledged_by": .optional(alert.acknowledgedBy), "silenced_until": .time(alert.silencedUntil),
            "flapping": .bool(alert.isFlapping), "labels": labels(alert), "annotations": texts(alert.annotations),
            "group": alert.group.isEmpty ? .null : .text(alert.group), "samples": .array(samples),
            "trace_ids": .array(traces(alert).map { .text($0) }), "url": .text(base + url(alert, now: now)),
            "notified": .array(notices),
        ]
    }

    /// Traces of the samples, each once.
    static func traces(_ alert: Alert) -> [String] {
        var seen: Set<String> = []
        return alert.samples.map(\.trace).filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// Those by which Prometheus and Alertmanager tell alerts apart.
    static func labels(_ alert: Alert) -> JSONValue {
        var labels = alert.labels
        labels["alertname"] = alert.rule
        if alert.group.isEmpty {
            labels["severity"] = alert.level.rawValue
            labels["source"] = alert.source
        }
        return texts(labels)
    }

    static func annotations(_ alert: Alert) -> JSONValue {
        texts(alert.annotations.merging(["summary": alert.message]) { own, _ in own })
    }

    static func texts(_ pairs: [String: String]) -> JSONValue {
        .object(pairs.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) })
    }

    /// Where the lines are that an alert is about; its events, if there are none.
    static func url(_ alert: Alert, now: Int64) -> String {
        guard !alert.query.isEmpty else { return "/api/v1/observability/alerts/\(alert.id)/events" }
        let range = alert.range(now: now)
        return "/api/v1/observability/logs?q=\(ErrorShapes.escaped(alert.query))&start=\(RFC3339.format(range.start))"
            + "&end=\(RFC3339.format(range.end))"
    }

    /// A number as Go's `%e` with as many digits as it needs: `2.3e+01`.
    static func exponent(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        guard value != 0 else { return "0e+00" }
        let text = value.magnitude.description
        let parts = text.split(separator: "e", maxSplits: 1)
        var power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let number = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let fraction = number.count > 1 ? String(number[1]) : ""
        var digits = String(number[0]) + fraction
        power += number[0].count - 1
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            power -= 1
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let rest = digits.dropFirst()
        let shown = String(power.magnitude)
        return (value < 0 ? "-" : "") + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e"
            + (power < 0 ? "-" : "+") + (shown.count < 2 ? "0" : "") + shown
    }

    static func event(_ event: Alert.Event) -> JSONValue {
        [
            "at": .time(event.at), "from": .text(event.from), "to": .text(event.to), "by": .text(event.by),
            "comment": .text(event.comment),
        ]
    }

    static func rule(_ rule: AlertRule) -> JSONValue {
        [
            "name": .text(rule.name), "signal": .text(rule.signal), "level": .text(rule.level.rawValue),
            "source": .text(rule.source), "threshold": .optional(rule.threshold), "clear": .optional(rule.clear),
            "unit": .text(rule.unit), "for_s": .int(Int(rule.forSeconds)), "keep_s": .int(Int(rule.keepSeconds)),
            "title": .text(rule.title), "enabled": .bool(rule.isEnabled),
        ]
    }
}
