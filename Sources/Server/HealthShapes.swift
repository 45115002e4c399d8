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
            } + [("active_requests", .null)])
    }

    static func alert(_ alert: Alert, now: Int64) -> JSONValue {
        let notices: [JSONValue] = alert.notices.map { notice in
            ["channel": .text(notice.channel), "at": .time(notice.at), "ok": .bool(notice.isSent)]
        }
        return [
            "alert_id": .text(alert.id), "rule": .text(alert.rule), "level": .text(alert.level.rawValue),
            "source": .text(alert.source), "message": .text(alert.message), "timestamp": .time(alert.startedAt),
            "state": .text(alert.state(now: now).rawValue), "value": .optional(alert.value),
            "threshold": .optional(alert.threshold), "unit": .text(alert.unit), "started_at": .time(alert.startedAt),
            "last_seen": .time(alert.lastSeen), "resolved_at": .time(alert.resolvedAt), "count": .int(alert.count),
            "acknowledged_by": .optional(alert.acknowledgedBy), "silenced_until": .time(alert.silencedUntil),
            "flapping": .bool(alert.isFlapping), "labels": labels(alert), "samples": [], "url": .text(url(alert)),
            "notified": .array(notices),
        ]
    }

    static func labels(_ alert: Alert) -> JSONValue {
        [
            "alertname": .text(alert.rule), "severity": .text(alert.level.rawValue), "source": .text(alert.source),
        ]
    }

    /// Where the alert's events are.
    static func url(_ alert: Alert) -> String { "/api/v1/observability/alerts/\(alert.id)/events" }

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
