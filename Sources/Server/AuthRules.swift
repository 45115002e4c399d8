import Access

/// What each route needs, in one place. A route that is not named here needs what only operators have.
enum AuthRules {
    /// Patterns of routes, by need.
    private static let patterns: [(need: Need, patterns: [String])] = [
        (.nothing, ["/ready", "/health/live", "/health/ready"]),
        (
            .push,
            [
                "/loki/api/v1/push", "/api/prom/push", "/otlp/v1/logs", "/v1/logs", "/api/v1/push", "/api/v1/logs",
            ]
        ),
        (
            .read,
            [
                "/loki/api/v1/query_range", "/loki/api/v1/query", "/loki/api/v1/format_query", "/loki/api/v1/labels",
                "/loki/api/v1/label", "/loki/api/v1/label/{name}/values", "/loki/api/v1/series", "/loki/api/v1/tail",
                "/loki/api/v1/index/stats", "/loki/api/v1/index/volume", "/loki/api/v1/index/volume_range",
                "/loki/api/v1/detected_labels", "/loki/api/v1/detected_fields",
                "/loki/api/v1/detected_field/{name}/values", "/loki/api/v1/patterns",
                "/loki/api/v1/status/buildinfo", "/loki/api/v1/drilldown-limits", "/config/tenant/v1/limits",
                "/loki/api/v1/rules", "/loki/api/v1/rules/{namespace}", "/loki/api/v1/rules/{namespace}/{group}",
                "/api/prom/rules", "/api/prom/rules/{namespace}", "/api/prom/rules/{namespace}/{group}",
                "/prometheus/api/v1/rules", "/prometheus/api/v1/alerts", "/api/prom/label",
                "/api/prom/label/{name}/values", "/api/prom/series", "/api/prom/query", "/api/prom/tail",
                "/api/v1/query", "/api/v1/observability/logs", "/api/v1/observability/logs/slow-requests",
                "/api/v1/observability/errors/summary", "/api/v1/observability/errors/top",
                "/api/v1/observability/errors/{id}/events/{event}",
            ] + logs.map { "/api/v1/observability/" + $0 }
        ),
        (
            .known,
            [
                "/api/v1/observability/errors", "/api/v1/observability/errors/{id}",
                "/api/v1/observability/errors/{id}/{what}",
            ]
        ),
        (.change, ["/loki/api/v1/delete"]),
        (.push, ["/api/v1/observability/health/report", "/api/v1/observability/metrics/report"]),
        (
            .operate,
            ["test", "{id}/ack", "{id}/silence", "{id}/resolve"].map { "/api/v1/observability/alerts/" + $0 }
        ),
        (
            .figures,
            [
                "health/full", "health/{name}", "metrics", "alerts", "alerts/rules", "alerts/{id}",
                "alerts/{id}/events", "dashboard",
            ]
            .map { "/api/v1/observability/" + $0 }
        ),
        (.figures, ["/metrics", "/services", "/log_level", "/ring", "/memberlist"]),
        (
            .operate,
            [
                "/flush", "/config", "/api/v1/admin/snapshot", "/api/v1/admin/tokens", "/api/v1/queries",
                "/api/v1/queries/{id}",
            ]
        ),
    ]

    private static let logs = [
        "logs/{id}", "logs/{id}/context", "logs/histogram", "logs/errors", "logs/fields", "logs/patterns", "logs/tail",
        "traces/{trace_id}",
    ]

    private static let needs: [String: Need] = {
        var needs: [String: Need] = [:]
        for entry in patterns { for pattern in entry.patterns { needs[pattern] = entry.need } }
        return needs
    }()

    /// Patterns that are read by one method and changed by others, with what the changes need.
    private static let changes: [String: Need] = {
        var changes: [String: Need] = ["/api/v1/observability/alerts/rules": .operate]
        for root in ["/loki/api/v1/rules", "/api/prom/rules"] {
            for pattern in [root + "/{namespace}", root + "/{namespace}/{group}"] { changes[pattern] = .change }
        }
        return changes
    }()

    /// What the route of this pattern needs.
    static func need(_ pattern: String, method: String = "GET") -> Need {
        if method != "GET", method != "HEAD", let need = changes[pattern] { return need }
        return needs[pattern] ?? .operate
    }

    /// Whether the route of this pattern is named.
    static func knows(_ pattern: String) -> Bool { needs[pattern] != nil }
}
