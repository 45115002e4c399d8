import Model
import Receive

/// The limits in force, as Logs Drilldown and tools of the reference ask for them.
struct ExploreLimits: Sendable {
    let backend: Backend

    var routes: [Route] {
        [
            Route(Route.get, "/loki/api/v1/drilldown-limits") { _ in
                Answer(status: 200, headers: [("Content-Type", "application/json")], body: drilldown)
            },
            Route(Route.get, "/config/tenant/v1/limits") { _ in
                Answer(status: 200, headers: [("Content-Type", "application/yaml")], body: [UInt8](yaml.utf8))
            },
        ]
    }

    /// A value in either notation.
    private enum Value {
        case text(String)
        case list([String])
        case number(Int)
        case flag(Bool)
    }

    /// Sorted by name.
    private var limits: [(name: String, value: Value)] {
        let limits = backend.limits
        let fields = backend.receive
        return [
            ("discover_log_levels", .flag(fields.discoverLevels)),
            ("discover_service_name", .list(fields.discoverServiceName ? fields.serviceNameFields : [])),
            ("log_level_fields", .list(Receive.LevelNames.all)),
            ("max_entries_limit_per_query", .number(limits.queryEntries.value)),
            ("max_line_size_truncate", .flag(limits.lineBytes.action == .adjust)),
            ("max_query_bytes_read", .text("0B")),
            ("max_query_length", .text(duration(limits.queryRangeSeconds.value))),
            ("max_query_lookback", .text("0s")),
            ("max_query_range", .text("0s")),
            ("max_query_series", .number(limits.querySeries.value)),
            ("metric_aggregation_enabled", .flag(false)),
            ("pattern_persistence_enabled", .flag(false)),
            ("query_timeout", .text(duration(limits.querySeconds.value))),
            ("retention_period", .text(duration(fields.retentionSeconds))),
            ("volume_enabled", .flag(true)),
            ("volume_max_series", .number(limits.querySeries.value)),
        ]
    }

    private var drilldown: [UInt8] {
        var out = [UInt8]("{\"limits\":{".utf8)
        for (index, limit) in limits.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(limit.name, to: &out)
            out.append(0x3a)
            append(limit.value, to: &out)
        }
        out.append(contentsOf: "},\"pattern_ingester_enabled\":true,\"version\":\"3.7.6\"}\n".utf8)
        return out
    }

    private var yaml: String {
        // JSON's scalars and lists are YAML's as well.
        limits.map { limit in
            var out: [UInt8] = []
            append(limit.value, to: &out)
            return limit.name + ": " + String(decoding: out, as: UTF8.self) + "\n"
        }.joined()
    }

    private func append(_ value: Value, to out: inout [UInt8]) {
        switch value {
        case .text(let text): JSONText.append(text, to: &out)
        case .number(let number): out.append(contentsOf: String(number).utf8)
        case .flag(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .list(let texts):
            out.append(0x5b)
            for (index, text) in texts.enumerated() {
                if index > 0 { out.append(0x2c) }
                JSONText.append(text, to: &out)
            }
            out.append(0x5d)
        }
    }

    /// `30d`, `1h30m`, `0s`.
    private func duration(_ seconds: Int) -> String {
        if seconds <= 0 { return "0s" }
        var rest = seconds
        var text = ""
        for (unit, size) in [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)] where rest >= size {
            text += String(rest / size) + unit
            rest %= size
        }
        return text
    }
}
