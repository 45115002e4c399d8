import Bytes
import Health
import Model
import Receive

/// The reading side of rules and alerts as Prometheus and Loki show them: one group of dendro's own rules, and to the
/// question whether rules can be edited there, no.
struct ExploreRules: Sendable {
    let backend: Backend

    var routes: [Route] {
        ["/loki/api/v1/rules", "/api/prom/rules"].flatMap { root in
            [
                Route(Route.get, root) { _ in .text(404, "no rule groups found\n") },
                Route(Route.get, root + "/{namespace}") { _ in .text(404, "no rule groups found\n") },
                Route(Route.get, root + "/{namespace}/{group}") { _ in
                    .text(400, "GetRuleGroup unsupported in rule local store\n")
                },
            ]
        } + [
            Route(Route.get, "/prometheus/api/v1/rules") { rules($0) },
            Route(Route.get, "/prometheus/api/v1/alerts") { _ in success("alerts", alerts()) },
        ]
    }

    private func rules(_ call: Call) -> Answer {
        if let type = call.parameters.value("type"), type != "alert", type != "record" {
            var out = [UInt8]("{\"status\":\"error\",\"data\":null,\"errorType\":\"bad_data\",\"error\":".utf8)
            JSONText.append("not supported value \(LabelSet.quoted(type))", to: &out)
            out.append(contentsOf: "}".utf8)
            return .text(400, String(decoding: out, as: UTF8.self))
        }
        let wantsRecords = call.parameters.value("type") == "record"
        guard let monitor = backend.health, !wantsRecords else { return success("groups", []) }
        let shown = alerts()
        let rules: [JSONValue] = monitor.rules().filter(\.isEnabled).map { rule in
            let own = shown.filter { $0["labels"]?["alertname"]?.string == rule.name }
            let states = own.compactMap { $0["state"]?.string }
            let state = states.contains("firing") ? "firing" : states.first ?? "inactive"
            return [
                "state": .text(state), "name": .text(rule.name),
                "query": .text("\(rule.signal) > \(rule.threshold)"), "duration": .int(Int(rule.forSeconds)),
                "labels": ["severity": .text(rule.level.rawValue)], "annotations": ["summary": .text(rule.title)],
                "alerts": .array(own), "health": "ok", "lastError": "", "evaluationTime": 0,
                "lastEvaluation": .time(backend.clock.nowNanoseconds()), "type": "alerting",
            ]
        }
        return success(
            "groups",
            [
                [
                    "name": "dendro", "file": "dendro", "interval": 10, "rules": .array(rules),
                    "lastEvaluation": .time(backend.clock.nowNanoseconds()), "evaluationTime": 0,
                ]
            ])
    }

    private func alerts() -> [JSONValue] {
        let now = backend.clock.nowNanoseconds()
        return (backend.health?.alerts() ?? []).filter { $0.resolvedAt == nil }.map { alert in
            [
                "labels": HealthShapes.labels(alert), "annotations": ["summary": .text(alert.message)],
                "state": .text(alert.state(now: now) == .pending ? "pending" : "firing"),
                "activeAt": .time(alert.startedAt), "value": .text("\(alert.value)"),
            ]
        }
    }

    private func success(_ list: String, _ entries: [JSONValue]) -> Answer {
        let body: JSONValue = [
            "status": "success", "data": .object([(list, .array(entries))]), "errorType": "", "error": "",
        ]
        var out: [UInt8] = []
        body.append(to: &out)
        return Answer(status: 200, headers: [("Content-Type", "application/json")], body: out)
    }
}
