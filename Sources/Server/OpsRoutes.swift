import Logging
import Model
import Observe
import Store

/// What operators, probes and Prometheus ask.
struct OpsRoutes: Sendable {
    let backend: Backend

    var routes: [Route] {
        [
            Route(Route.get, "/ready") { _ in ready() },
            Route(Route.get, "/health/live") { _ in .json(200, [UInt8]("{\"status\":\"healthy\"}\n".utf8)) },
            Route(Route.get, "/health/ready") { _ in healthReady() },
            Route(Route.get, "/loki/api/v1/status/buildinfo") { _ in buildInfo() },
            Route(Route.get, "/metrics") { _ in
                Answer(
                    status: 200, headers: [("Content-Type", Exposition.mediaType)],
                    body: MetricsPage(backend).bytes)
            },
            Route(Route.read, "/flush") { _ in
                do throws(StoreError) {
                    try await backend.operations.flush()
                    return .noContent
                } catch {
                    return .text(503, "\(error)\n", retryAfterSeconds: 10)
                }
            },
            Route(Route.get, "/config") { _ in .text(200, backend.operations.settingsText) },
            Route(Route.get, "/services") { _ in .text(200, services()) },
            Route(Route.get, "/log_level") { _ in
                let level = Logger(label: "dendro").logLevel.rawValue
                return .json(200, [UInt8]("{\"message\":\"Current log level is \(level)\"}\n".utf8))
            },
            // One process is all there is of a cluster.
            Route(Route.get, "/ring") { _ in .text(200, "this process => ACTIVE\n") },
            Route(Route.get, "/memberlist") { _ in .text(200, "this process => Running\n") },
        ]
    }

    private func ready() -> Answer {
        if backend.operations.isReadOnly { return .text(200, "ready, for reading only\n") }
        return backend.operations.refusal.map { .text(503, $0 + "\n") } ?? .text(200, "ready\n")
    }

    private func healthReady() -> Answer {
        var out = [UInt8]("{\"status\":".utf8)
        let refusal = backend.operations.refusal
        let missing = backend.operations.statistics.missingParts
        // What is only read was meant to be: it is whole as long as it answers queries.
        let isFailing = refusal != nil && !backend.operations.isReadOnly
        JSONText.append(isFailing ? "unhealthy" : refusal != nil || missing > 0 ? "degraded" : "healthy", to: &out)
        if let message = refusal ?? (missing > 0 ? "\(missing) part files are missing or damaged" : nil) {
            out.append(contentsOf: ",\"message\":".utf8)
            JSONText.append(message, to: &out)
        }
        out.append(contentsOf: "}\n".utf8)
        return .json(isFailing ? 503 : 200, out)
    }

    /// Tools look at `version` to learn what a Loki can do, so it says which Loki this server behaves like;
    /// `revision` and `branch` say what it is.
    private func buildInfo() -> Answer {
        var out = [UInt8]("{\"version\":\"3.7.6\",\"revision\":".utf8)
        JSONText.append(backend.operations.version, to: &out)
        out.append(
            contentsOf: ",\"branch\":\"dendro\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}\n".utf8)
        return Answer(status: 200, headers: [("Content-Type", "application/json")], body: out)
    }

    private func services() -> String {
        let store = backend.operations.refusal == nil ? "Running" : "Failed"
        return ["server => Running", "store => \(store)", "querier => Running"].joined(separator: "\n") + "\n"
    }
}
