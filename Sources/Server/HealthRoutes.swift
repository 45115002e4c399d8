import Bytes
import Health
import Model
import Receive

/// `health/…` and `metrics`: what was sampled last, never sampled by the asking.
struct HealthRoutes: Sendable {
    private static let root = "/api/v1/observability/"
    private static let ttlLimit = 7 * 86_400

    let backend: Backend

    var routes: [Route] {
        [
            route("health/full", Route.get) { call, monitor in await full(call, monitor) },
            route("health/{name}", Route.get) { call, monitor in one(call, monitor) },
            route("health/report", ["POST"]) { call, monitor in try report(call, monitor) },
        ] + MetricRoutes(backend: backend).routes
    }

    private func route(
        _ pattern: String, _ methods: Set<String>,
        _ respond: @escaping @Sendable (Call, HealthMonitor) async throws -> Answer
    ) -> Route {
        HealthRoutes.make(backend, pattern, methods, respond)
    }

    /// A route of the monitor's: 503 where there is none, or where a change could not be stored.
    static func make(
        _ backend: Backend, _ pattern: String, _ methods: Set<String>,
        _ respond: @escaping @Sendable (Call, HealthMonitor) async throws -> Answer
    ) -> Route {
        Route(methods, root + pattern) { call in
            guard let monitor = backend.health else {
                return ErrorAnswers.observability(503, "this server looks at nothing", code: "unavailable")
            }
            do {
                let answer = try await respond(call, monitor)
                guard !Route.get.contains(call.method), answer.status < 300, let reason = await monitor.settled() else {
                    return answer
                }
                return ErrorAnswers.observability(503, "the change could not be stored: \(reason)", code: "not_stored")
            } catch let error as ParameterError {
                return ErrorAnswers.observability(400, error.message, code: "invalid_parameter")
            }
        }
    }

    private func full(_ call: Call, _ monitor: HealthMonitor) async -> Answer {
        if call.parameters.value("refresh") == "1" { await monitor.refreshed() }
        let now = backend.clock.nowNanoseconds()
        let (status, json) = HealthShapes.full(monitor, version: backend.operations.version, now: now)
        return json.answer(call.parameters.value("strict") == "1" && status == .unhealthy ? 503 : 200)
    }

    private func one(_ call: Call, _ monitor: HealthMonitor) -> Answer {
        let name = call.captures.first ?? ""
        guard let (check, history) = monitor.check(name) else {
            return ErrorAnswers.observability(404, "there is no probe '\(name)'", code: "not_found")
        }
        return HealthShapes.check(check, history: history).answer()
    }

    private func report(_ call: Call, _ monitor: HealthMonitor) throws(ParameterError) -> Answer {
        let body = try JSONValue(body: call.body)
        guard let name = body["name"]?.string, !name.isEmpty, name.utf8.count <= 64,
            name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x2f }), name != "system", name != "dendro"
        else { throw ParameterError("name is the name of what is reported on, up to 64 letters without spaces") }
        guard let status = body["status"]?.string.flatMap({ HealthStatus(rawValue: $0) }) else {
            let words = HealthStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw ParameterError("status is one of \(words)")
        }
        let ttl = body["ttl_s"]?.double ?? 60
        guard ttl >= 1, ttl <= Double(HealthRoutes.ttlLimit) else {
            throw ParameterError("ttl_s is from 1 to \(HealthRoutes.ttlLimit) seconds")
        }
        var check = HealthCheck(
            status, String((body["message"]?.string ?? "reported").prefix(1000)),
            latencyMilliseconds: body["latency_ms"]?.double)
        if case .object(let members)? = body["details"] {
            guard members.count <= 64 else { throw ParameterError("details has at most 64 members") }
            check.details = members.map { member in
                var bytes: [UInt8] = []
                member.value.append(to: &bytes)
                return (member.name, bytes.count <= 4096 ? .json(bytes) : .null)
            }
        }
        guard monitor.report(name, check, ttlSeconds: Int(ttl)) else {
            return ErrorAnswers.observability(
                429, "reports have \(HealthMonitor.reportLimit) names already", code: "too_many")
        }
        return JSONValue(dictionaryLiteral: ("status", "ok"), ("name", .text(name)), ("ttl_s", .int(Int(ttl)))).answer()
    }
}

extension HealthMonitor {
    /// Has every probe look, and gives them up to three seconds.
    func refreshed() async {
        let before = Dictionary(checks().map { ($0.name, $0.check.checkedAt ?? 0) }, uniquingKeysWith: { $1 })
        refresh()
        for _ in 0..<60 {
            let isDone = checks().allSatisfy { entry in
                guard let at = entry.check.checkedAt, !isReported(entry.name) else { return true }
                return at > before[entry.name] ?? 0
            }
            if isDone { return }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }
}
