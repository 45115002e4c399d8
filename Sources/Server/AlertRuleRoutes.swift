import Access
import Bytes
import Health
import Model
import Receive

/// Rules and alerts as Prometheus and Loki show them, and rule groups as Loki's ruler takes them. The server's own
/// rules are one group, which cannot be edited here.
struct AlertRuleRoutes: Sendable {
    private static let namespaceLimitBytes = 512

    let backend: Backend

    var routes: [Route] {
        ["/loki/api/v1/rules", "/api/prom/rules"].flatMap { root in
            [
                Route(Route.get, root) { list($0, namespace: nil) },
                Route(["GET", "POST", "DELETE"], root + "/{namespace}") { call in
                    let namespace = call.captures.first ?? ""
                    return switch call.method {
                    case "POST": await post(call, namespace)
                    case "DELETE": await delete(call, namespace, nil)
                    default: list(call, namespace: namespace)
                    }
                },
                Route(["GET", "DELETE"], root + "/{namespace}/{group}") { call in
                    let (namespace, name) = (call.captures.first ?? "", call.captures.last ?? "")
                    return call.method == "DELETE" ? await delete(call, namespace, name) : one(call, namespace, name)
                },
            ]
        } + [
            Route(Route.get, "/prometheus/api/v1/rules") { rules($0) },
            Route(Route.get, "/prometheus/api/v1/alerts") { call in success("alerts", alerts(call).map(\.json)) },
        ]
    }

    // MARK: - Groups, as YAML

    /// Groups that the caller may see: those of its tenant, and none for who sees one app only.
    private func groups(_ call: Call) -> [HealthMonitor.ShownGroup] {
        guard call.identity.app == nil else { return [] }
        return backend.health?.groups(call.identity.tenant.name) ?? []
    }

    private func list(_ call: Call, namespace: String?) -> Answer {
        var groups = groups(call).map(\.group).filter { namespace == nil || $0.namespace == namespace }
        if let text = call.parameters.value("labels") {
            let wanted = text.split(separator: ",").map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
            for index in groups.indices {
                groups[index].rules.removeAll { rule in
                    !wanted.allSatisfy { $0.count == 2 && rule.labels[$0[0]] == $0[1] }
                }
            }
            groups.removeAll { $0.rules.isEmpty }
        }
        guard !groups.isEmpty else { return .text(404, "no rule groups found\n") }
        return AlertRuleRoutes.yaml(RuleText.write(groups))
    }

    private func one(_ call: Call, _ namespace: String, _ name: String) -> Answer {
        let found = groups(call).first { $0.group.namespace == namespace && $0.group.name == name }
        guard let found else { return .text(404, "group does not exist\n") }
        return AlertRuleRoutes.yaml(RuleText.write(found.group))
    }

    private static func yaml(_ text: String) -> Answer {
        Answer(status: 200, headers: [("Content-Type", "application/yaml")], body: [UInt8](text.utf8))
    }

    private static let done = Answer(
        status: 202, headers: [("Content-Type", "application/json")],
        body: [UInt8](#"{"status":"success","data":null,"errorType":"","error":""}"#.utf8))

    private func post(_ call: Call, _ namespace: String) async -> Answer {
        if let refusal = refusal(call) { return refusal }
        guard let monitor = backend.health else { return .text(503, "this server has no rules\n") }
        guard namespace.utf8.count <= AlertRuleRoutes.namespaceLimitBytes else {
            return .text(400, "the namespace is too long\n")
        }
        do throws(RuleFault) {
            let group = try RuleFile.group(
                String(decoding: call.body, as: UTF8.self), namespace: namespace, tenant: call.identity.tenant.name)
            guard monitor.put([group]) else {
                return .text(
                    400, "the group is of a file, or there are \(RuleGroup.countLimit) groups already\n")
            }
        } catch {
            // Clients know this sentence.
            let isSyntax = error.description.hasPrefix("not valid YAML")
            return .text(400, (isSyntax ? "unable to decoded rule group" : error.description) + "\n")
        }
        AuditLog.write("rule group written", call, [("namespace", namespace)])
        return await stored(monitor)
    }

    private func delete(_ call: Call, _ namespace: String, _ name: String?) async -> Answer {
        if let refusal = refusal(call) { return refusal }
        let tenant = call.identity.tenant.name
        guard let monitor = backend.health, monitor.removeGroups(namespace, name: name, tenant: tenant) else {
            return .text(404, "group namespace does not exist\n")
        }
        AuditLog.write("rule group removed", call, [("namespace", namespace), ("group", name ?? "*")])
        return await stored(monitor)
    }

    private func stored(_ monitor: HealthMonitor) async -> Answer {
        guard let reason = await monitor.settled() else { return AlertRuleRoutes.done }
        return .text(503, "the change could not be stored: \(reason)\n")
    }

    /// A token for one app sees its lines alone, and rules are about all.
    private func refusal(_ call: Call) -> Answer? {
        guard call.identity.app != nil else { return nil }
        return .text(403, "rules cannot be changed with a token for one app\n")
    }

    // MARK: - Rules and alerts, as JSON

    private func rules(_ call: Call) -> Answer {
        let type = call.parameters.value("type")
        if let type, type != "alert", type != "record" {
            var out = [UInt8]("{\"status\":\"error\",\"data\":null,\"errorType\":\"bad_data\",\"error\":".utf8)
            JSONText.append("not supported value \(LabelSet.quoted(type))", to: &out)
            out.append(contentsOf: "}".utf8)
            return .text(400, String(decoding: out, as: UTF8.self))
        }
        guard let monitor = backend.health, type != "record" else { return success("groups", []) }
        let alerts = alerts(call)
        var all = groups(call).map { group($0, alerts) }
        if call.identity.isUnbounded { all.append(own(monitor, alerts)) }
        let parameters = call.parameters
        func wanted(_ name: String) -> Set<String> {
            Set(([name, name + "[]"]).flatMap { parameters.all($0) })
        }
        let (names, groupNames, files) = (wanted("rule_name"), wanted("rule_group"), wanted("file"))
        if !groupNames.isEmpty { all.removeAll { !groupNames.contains($0.name) } }
        if !files.isEmpty { all.removeAll { !files.contains($0.file) } }
        if !names.isEmpty {
            for index in all.indices { all[index].rules.removeAll { !names.contains($0["name"]?.string ?? "") } }
            all.removeAll { $0.rules.isEmpty }
        }
        return success("groups", all.map(\.json))
    }

    private struct Group {
        var name: String
        var file: String
        var intervalSeconds: Int64
        var limit = 0
        var evaluatedAt: Int64?
        var seconds = 0.0
        var rules: [JSONValue]

        var json: JSONValue {
            [
                "name": .text(name), "file": .text(file), "interval": .int(Int(intervalSeconds)),
                "limit": .int(limit), "rules": .array(rules), "lastEvaluation": AlertRuleRoutes.time(evaluatedAt),
                "evaluationTime": .number(seconds),
            ]
        }
    }

    /// Go's zero time stands for never.
    private static func time(_ nanoseconds: Int64?) -> JSONValue {
        nanoseconds.map { .time($0) } ?? "0001-01-01T00:00:00Z"
    }

    private func group(_ shown: HealthMonitor.ShownGroup, _ alerts: [ShownAlert]) -> Group {
        let group = shown.group
        let rules = zip(group.rules, shown.statuses).map { rule, status -> JSONValue in
            let own = alerts.filter { $0.group == group.namespace + "/" + group.name && $0.rule == rule.name }
            return [
                "state": .text(AlertRuleRoutes.state(own)), "name": .text(rule.name), "query": .text(rule.shown),
                "duration": .int(Int(rule.forSeconds)), "keepFiringFor": .int(Int(rule.keepSeconds)),
                "labels": HealthShapes.texts(rule.labels), "annotations": HealthShapes.texts(rule.annotations),
                "alerts": .array(own.map(\.json)),
                "health": .text(status.failure != nil ? "err" : status.evaluatedAt == nil ? "unknown" : "ok"),
                "lastError": .text(status.failure ?? ""), "evaluationTime": .number(status.seconds),
                "lastEvaluation": AlertRuleRoutes.time(status.evaluatedAt), "type": "alerting",
            ]
        }
        var result = Group(
            name: group.name, file: group.namespace, intervalSeconds: group.intervalSeconds, rules: rules)
        result.limit = group.limit
        result.evaluatedAt = shown.statuses.compactMap(\.evaluatedAt).max()
        result.seconds = shown.statuses.reduce(0) { $0 + $1.seconds }
        return result
    }

    /// The server's own rules.
    private func own(_ monitor: HealthMonitor, _ alerts: [ShownAlert]) -> Group {
        let rules: [JSONValue] = monitor.rules().filter(\.isEnabled).map { rule in
            let own = alerts.filter { $0.group.isEmpty && $0.rule == rule.name }
            return [
                "state": .text(AlertRuleRoutes.state(own)), "name": .text(rule.name),
                "query": .text("\(rule.signal) > \(rule.threshold)"), "duration": .int(Int(rule.forSeconds)),
                "labels": ["severity": .text(rule.level.rawValue)], "annotations": ["summary": .text(rule.title)],
                "alerts": .array(own.map(\.json)), "health": "ok", "lastError": "", "evaluationTime": 0,
                "lastEvaluation": .time(monitor.sampledAt), "type": "alerting",
            ]
        }
        var group = Group(name: "dendro", file: "dendro", intervalSeconds: 10, rules: rules)
        group.evaluatedAt = monitor.sampledAt
        return group
    }

    private static func state(_ alerts: [ShownAlert]) -> String {
        alerts.contains { $0.isFiring } ? "firing" : alerts.isEmpty ? "inactive" : "pending"
    }

    private struct ShownAlert {
        let rule: String
        let group: String
        let isFiring: Bool
        let json: JSONValue
    }

    /// What is pending or fires, of the caller's tenant; alerts of the server's own rules also for those who see all of
    /// it.
    private func alerts(_ call: Call) -> [ShownAlert] {
        let now = backend.clock.nowNanoseconds()
        let identity = call.identity
        guard identity.app == nil else { return [] }
        return (backend.health?.alerts() ?? []).filter { alert in
            guard alert.resolvedAt == nil else { return false }
            if alert.group.isEmpty, identity.isUnbounded { return true }
            return alert.tenant == identity.tenant.name
        }.map { alert in
            let isFiring = alert.state(now: now) != .pending
            return ShownAlert(
                rule: alert.rule, group: alert.group, isFiring: isFiring,
                json: [
                    "labels": HealthShapes.labels(alert), "annotations": HealthShapes.annotations(alert),
                    "state": .text(isFiring ? "firing" : "pending"), "activeAt": .time(alert.startedAt),
                    "value": .text(HealthShapes.exponent(alert.value)),
                ])
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
