import Access
import Hummingbird
import HummingbirdCore
public import Logging
import Model
public import NIOCore
import Query
public import ServiceLifecycle

/// The HTTP server as a service: it runs until it is told to stop, then answers what is under way and ends.
public struct HTTPService: Service {
    private let backend: Backend
    private let options: ServerOptions
    private let logger: Logger
    private let group: any EventLoopGroup
    private let certificates: TLSCertificates?
    private let onListening: @Sendable (_ port: Int) async -> Void

    /// - Parameters:
    ///   - certificates: what connections are encrypted with; nil: they are not.
    ///   - onListening: called once requests are taken, with the port.
    public init(
        backend: Backend, options: ServerOptions, logger: Logger, group: any EventLoopGroup,
        certificates: TLSCertificates? = nil,
        onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) {
        self.backend = backend
        self.options = options
        self.logger = logger
        self.group = group
        self.certificates = certificates
        self.onListening = onListening
    }

    public func run() async throws {
        let running = RunningCalls()
        let crossOrigin = CrossOrigin(origins: Set(options.corsOrigins))
        let door = AuthDoor(access: backend.access, clock: backend.clock, crossOrigin: crossOrigin)
        let tails = TailRoutes(
            backend: backend, executor: HTTPService.executor(backend, backend.limits), limit: options.tailsLimit)
        let table = RouteTable(HTTPService.routes(backend, tails: tails), door: door, running: running)
        let parts = FrontHandler.Parts(
            options: options, pushLimitBytes: backend.limits.bodyBytes.value,
            pushRoutes: PushRoutes(backend: backend, options: options),
            tailRoutes: tails,
            crossOrigin: crossOrigin, routes: table,
            budget: BodyBudget(limitBytes: options.bodyBudgetBytes),
            log: AccessLog(
                metrics: backend.metrics, logger: logger, slowMilliseconds: options.slowMilliseconds,
                own: backend.ownLines),
            running: running)
        let application = Application(
            responder: table,
            server: HTTPServerBuilder { [certificates] in
                ConnectionChannel(responder: $0, front: parts, certificates: certificates)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), backlog: 1024, reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(options.connectionsLimit)),
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group), logger: HTTPService.quiet(logger))
        let watch = Task { await watchCertificates() }
        defer { watch.cancel() }
        try await application.run()
    }

    /// Takes over certificates that have changed, until the task is cancelled.
    private func watchCertificates() async {
        guard let certificates else { return }
        while (try? await Task.sleep(for: .seconds(options.certificateSeconds))) != nil {
            switch certificates.refresh() {
            case .unchanged: continue
            case .replaced: logger.info("the certificate has changed: new connections get the new one")
            case .kept(let reason):
                logger.warning("the certificate has changed, the former stays in use: \(reason)")
            }
        }
    }

    /// Every route behind the front handler.
    /// - Parameter tails: counts live tails together with those that are WebSockets.
    static func routes(_ backend: Backend, tails: TailRoutes? = nil) -> [Route] {
        let executor = executor(backend, backend.limits)
        var pageLimits = backend.limits
        pageLimits.queryEntries.value = max(pageLimits.queryEntries.value, ObservabilityLogs.entriesLimit * 3 + 1)
        let pages = self.executor(backend, pageLimits, sharing: executor)
        let routes =
            QueryRoutes(backend: backend, executor: executor).routes
            + DialectRoutes(backend: backend, executor: executor).routes
            + LabelRoutes(backend: backend, executor: executor).routes
            + logs(backend, executor, pages, tails ?? TailRoutes(backend: backend, executor: executor, limit: 1))
            + SlowRequestRoutes(backend: backend).routes + errors(backend, pages)
            + OpsRoutes(backend: backend).routes
            + ExploreRoutes(backend: backend, executor: executor).routes + ExploreLimits(backend: backend).routes
            + AlertRuleRoutes(backend: backend).routes + HealthRoutes(backend: backend).routes
            + AlertRoutes(backend: backend).routes + AdminRoutes(backend: backend).routes
            + DeleteRoutes(backend: backend, executor: executor).routes
            + TokenRoutes(backend: backend).routes
        return routes + [DashboardRoute(backend: backend, routes: routes).route]
    }

    /// Log lines of the observability API, as pages, figures, shapes, traces and live.
    private static func logs(
        _ backend: Backend, _ executor: QueryExecutor, _ pages: QueryExecutor, _ tails: TailRoutes
    ) -> [Route] {
        ObservabilityLogs(backend: backend, executor: pages).routes
            + LogFigures(backend: backend, executor: executor).routes
            + LogShapes(backend: backend, executor: executor).routes + LogTailRoute(tails: tails).routes
            + TraceRoutes(backend: backend, executor: pages).routes
    }

    private static func errors(_ backend: Backend, _ pages: QueryExecutor) -> [Route] {
        ErrorRoutes(backend: backend, logs: ObservabilityLogs(backend: backend, executor: pages)).routes
    }

    /// - Parameter other: an executor with which the new one shares memory and turns.
    static func executor(
        _ backend: Backend, _ limits: Limits, sharing other: QueryExecutor? = nil
    ) -> QueryExecutor {
        var options = QueryOptions()
        options.highCardinality = backend.highCardinality
        options.indexed = backend.indexed
        return QueryExecutor(
            scheduler: backend.scheduler, limits: limits, options: options,
            resources: other?.resources ?? backend.queries,
            demotedNames: backend.allDemotedNames)
    }

    /// Hummingbird tells of its own doings at `info`; ours are logged by ourselves.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}
