import Access
import Bytes
import Health
import Model
import Receive

/// `alerts/…`: what is complained of, what people do about it, and the rules.
struct AlertRoutes: Sendable {
    let backend: Backend

    var routes: [Route] {
        [
            route("alerts", Route.get) { call, monitor in try list(call, monitor) },
            route("alerts/rules", ["GET", "PUT"]) { call, monitor in try rules(call, monitor) },
            route("alerts/test", ["POST"]) { _, monitor in
                let alert = monitor.testAlert()
                monitor.notifyNow(alert)
                return shown(alert).answer(202)
            },
            route("alerts/{id}", Route.get) { call, monitor in
                answer(monitor.alert(call.captures.first ?? ""), call)
            },
            route("alerts/{id}/events", Route.get) { call, monitor in
                guard let alert = monitor.alert(call.captures.first ?? "") else { return answer(nil, call) }
                let events = alert.events.reversed().map { HealthShapes.event($0) }
                return JSONValue(
                    dictionaryLiteral: ("count", .int(events.count)), ("total", .int(events.count)), ("next", .null),
                    ("events", .array(events))
                ).answer()
            },
        ]
            + ["ack", "silence", "resolve"].map { action in
                route("alerts/{id}/" + action, ["POST"]) { call, monitor in try change(action, call, monitor) }
            }
    }

    private func route(
        _ pattern: String, _ methods: Set<String>,
        _ respond: @escaping @Sendable (Call, HealthMonitor) async throws -> Answer
    ) -> Route {
        HealthRoutes.make(backend, pattern, methods, respond)
    }

    private func answer(_ alert: Alert?, _ call: Call) -> Answer {
        guard let alert else {
            return ErrorAnswers.observability(
                404, "there is no alert '\(call.captures.first ?? "")'", code: "not_found")
        }
        return shown(alert).answer()
    }

    private func shown(_ alert: Alert) -> JSONValue {
        HealthShapes.alert(alert, now: backend.clock.nowNanoseconds(), base: backend.externalURL)
    }

    private func list(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let wanted = call.parameters.value("state")
        if let wanted, wanted != "all", Alert.State(rawValue: wanted) == nil {
            let words = Alert.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw ParameterError("state is one of \(words), all; not '\(wanted)'")
        }
        var since = Int64.min
        if let text = call.parameters.value("since") {
            guard let length = TimeParameters.prometheusDuration(text) else {
                throw ParameterError("since is a duration such as 15m, 24h or 7d, not '\(text)'")
            }
            since = now.subtractingReportingOverflow(length).partialValue
        }
        let (level, source) = (call.parameters.value("level"), call.parameters.value("source"))
        let found = monitor.alerts().filter { alert in
            let state = alert.state(now: now)
            // Without a wish: what is the matter now.
            let fits =
                wanted == nil ? state != .resolved && state != .pending : wanted == "all" || state.rawValue == wanted
            return fits && alert.lastSeen >= since && (level == nil || level == alert.level.rawValue)
                && (source == nil || source == alert.source)
        }
        return AlertRoutes.list(found, now: now, base: backend.externalURL).answer()
    }

    static func list(_ alerts: [Alert], now: Int64, base: String) -> JSONValue {
        [
            "count": .int(alerts.count), "timestamp": .time(now), "total": .int(alerts.count), "next": .null,
            "alerts": .array(alerts.map { HealthShapes.alert($0, now: now, base: base) }),
        ]
    }

    private func change(_ action: String, _ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        let now = backend.clock.nowNanoseconds()
        let body = call.body.isEmpty ? JSONValue.object([]) : try JSONValue(body: call.body)
        let by = String((body["by"]?.string ?? call.identity.tokenID ?? "somebody").prefix(200))
        let comment = String((body["comment"]?.string ?? "").prefix(2000))
        let wanted: AlertAction
        switch action {
        case "ack": wanted = .acknowledge
        case "resolve": wanted = .resolve
        default:
            guard let text = body["until"]?.string, let until = RFC3339.parse([UInt8](text.utf8).span), until > now
            else {
                throw ParameterError("until is a time to come such as 2026-11-23T19:05:37Z")
            }
            wanted = .silence(until: until)
        }
        return answer(monitor.change(call.captures.first ?? "", wanted, by: by, comment: comment), call)
    }

    /// The server's own rules as JSON, and groups of rules on LogQL; `PUT` replaces what its body has of the two.
    private func rules(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        if call.method == "PUT" { try replace(call, monitor) }
        let rules = monitor.rules().map { HealthShapes.rule($0) }
        let groups: [JSONValue] = monitor.groups().map { shown in
            [
                "namespace": .text(shown.group.namespace), "name": .text(shown.group.name),
                "interval_s": .int(Int(shown.group.intervalSeconds)),
                "rules": .array(
                    zip(shown.group.rules, shown.statuses).map { rule, status in
                        [
                            "alert": .text(rule.name), "expr": .text(rule.expression),
                            "for_s": .int(Int(rule.forSeconds)), "keep_s": .int(Int(rule.keepSeconds)),
                            "labels": HealthShapes.texts(rule.labels),
                            "annotations": HealthShapes.texts(rule.annotations),
                            "evaluated_at": .time(status.evaluatedAt), "failure": .optional(status.failure),
                        ]
                    }),
            ]
        }
        return JSONValue.object([
            ("count", .int(rules.count)), ("rules", .array(rules)), ("groups", .array(groups)),
        ]).answer()
    }

    private func replace(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) {
        let isJSON = call.body.first { $0 > 0x20 } == 0x7b
        let body = isJSON ? try JSONValue(body: call.body) : .null
        if !isJSON || body["groups"] != nil {
            let namespace = call.parameters.value("namespace") ?? "default"
            let groups: [RuleGroup]
            do throws(RuleFault) {
                groups = try RuleFile.groups(String(decoding: call.body, as: UTF8.self), namespace: namespace)
            } catch {
                throw ParameterError(error.description)
            }
            guard monitor.replaceGroups(of: namespace, by: groups) else {
                throw ParameterError(
                    "namespace \(namespace) is that of a file, or there are \(RuleGroup.countLimit) groups already")
            }
            AuditLog.write("rule groups written", call, [("namespace", namespace)])
            return
        }
        guard case .array(let entries)? = body["rules"], entries.count <= AlertRule.countLimit else {
            throw ParameterError(
                "the body is {\"rules\": [...]} with at most \(AlertRule.countLimit) rules, or YAML with groups:")
        }
        var rules: [AlertRule] = []
        for entry in entries { rules.append(try AlertRoutes.rule(entry)) }
        guard Set(rules.map(\.name)).count == rules.count else {
            throw ParameterError("two rules have the same name")
        }
        monitor.setRules(rules)
        AuditLog.write("alert rules written", call, [("count", "\(rules.count)")])
    }

    private static func rule(_ entry: JSONValue) throws(ParameterError) -> AlertRule {
        guard let name = entry["name"]?.string, !name.isEmpty, name.utf8.count <= 128,
            let signal = entry["signal"]?.string, let threshold = entry["threshold"]?.double, threshold.isFinite
        else { throw ParameterError("a rule has a name, a signal and a threshold") }
        guard let level = AlertRule.Level(rawValue: entry["level"]?.string ?? "warning") else {
            throw ParameterError("rule \(name): level is warning or critical")
        }
        func seconds(_ key: String, _ standard: Int64) throws(ParameterError) -> Int64 {
            guard let number = entry[key]?.double else { return standard }
            guard number >= 0, number <= 2_592_000 else {
                throw ParameterError("rule \(name): \(key) is from 0 to 2592000 seconds")
            }
            return Int64(number)
        }
        var rule = AlertRule(
            name, signal: signal, level: level, source: entry["source"]?.string ?? signal, threshold: threshold,
            clear: entry["clear"]?.double, unit: entry["unit"]?.string ?? "", forSeconds: try seconds("for_s", 180),
            keepSeconds: try seconds("keep_s", 60), title: entry["title"]?.string ?? name)
        if case .bool(let isEnabled)? = entry["enabled"] { rule.isEnabled = isEnabled }
        return rule
    }
}
