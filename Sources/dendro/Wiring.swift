import Access
import ArgumentParser
import Bytes
import Glibc
import Health
import Index
import Logging
import Model
import NIOCore
import NIOPosix
import Observe
import Query
import Receive
import Server
import ServiceLifecycle
import Store

/// Puts the server together. Start: folder and lock, store, listener. Stop: no new connections, answers to what is
/// under way, then the store, which leaves what is not sealed in its log.
struct Wiring {
    let settings: Settings

    /// Runs until a signal ends it.
    func run() async throws {
        do {
            try await serve()
        } catch let error as StartError {
            throw Exit.failed(error.text, code: error.code)
        }
    }

    private func serve() async throws {
        Machine.tuneAllocator()
        let level = Logger.Level(rawValue: settings.logLevel) ?? .info
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, level: level) }
        let logger = Logger(label: "dendro")
        guard let address = settings.address else {
            throw StartError("listen is not an address", code: Exit.badSettings)
        }

        let certificates = try certificates(address, logger)
        let folder = try DataFolder(settings.dataFolder)
        let observers = Observers(settings)
        let store = try openStore(folder, observers, logger)
        let key = LocalKey(folder: folder.path)
        let access: AccessControl
        do {
            access = try await accessControl(store, key, address, logger)
        } catch {
            await store.close()
            throw error
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
        var backend = backend(store, access, observers)
        let monitor = try await startHealth(store, &backend, logger)
        let ownLines = storeOwnLines(&backend)
        let service = HTTPService(
            backend: backend, options: serverOptions(address), logger: logger, group: group,
            certificates: certificates
        ) { port in
            logger.info("listening", metadata: ["address": "\(address.host):\(port)", "version": "\(Version.text)"])
            let scheme = certificates == nil ? "http://" : "https://"
            key.announce(scheme + LocalKey.localAddress(address.host, port))
        }
        var configuration = ServiceGroupConfiguration(services: [service], logger: quiet(logger))
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        let services = ServiceGroup(configuration: configuration)
        let signals = StopSignals { signal in
            logger.info("stopping", metadata: ["signal": "\(signal)"])
            Task { await services.triggerGracefulShutdown() }
        }
        var failure: (any Error)?
        do { try await services.run() } catch { failure = error }
        ownLines?.cancel()
        await ownLines?.value
        await store.scheduler.run(.query) { monitor.stop() }
        await store.close()
        signals.cancel()
        try? await group.shutdownGracefully()
        if let failure { throw startError(failure, address) }
        key.remove()
        logger.info("stopped")
        _ = consume folder
    }

    private func openStore(
        _ folder: borrowing DataFolder, _ observers: Observers, _ logger: Logger
    ) throws(StartError) -> Store {
        if folder.scratch != nil {
            logger.warning("the data folder \(folder.path) cannot be written: queries are answered, nothing is taken")
        }
        do throws(StoreError) {
            return try Store.open(storeConfiguration(folder, observers.all, logger))
        } catch {
            throw StartError(error.description, code: Exit.cannotStart)
        }
    }

    private func storeConfiguration(
        _ folder: borrowing DataFolder, _ observers: [any RowObserver], _ logger: Logger
    ) -> StoreConfiguration {
        var configuration = StoreConfiguration(folder: folder.path)
        configuration.scratchFolder = folder.scratch
        configuration.observers = observers
        configuration.codec = codec
        configuration.indexedNames = settings.indexed
        configuration.retentionDays = settings.retentionDays
        configuration.retentionMaximumBytes = settings.retentionMaximumBytes
        configuration.retentionFreeBytes = settings.retentionFreeBytes
        configuration.labelValuesLimit = settings.labelValues
        configuration.streamsLimit = settings.streams
        configuration.keepsDuplicates = settings.duplicates == "keep"
        configuration.deletionDelaySeconds = settings.deletionDelaySeconds
        var filters = QueryOptions()
        filters.highCardinality = settings.highCardinality
        filters.indexed = settings.indexed
        configuration.rowFilters = LogRowFilters(options: filters)
        configuration.headRows = settings.headRows
        configuration.headBytes = settings.headBytes
        configuration.headAgeSeconds = settings.headAgeSeconds
        configuration.headBudgetBytes = settings.headBudgetBytes
        configuration.walBudgetBytes = settings.walBudgetBytes
        configuration.minimumFreeBytes = settings.minimumFreeBytes
        configuration.fit(to: folder.diskBytes, chosen: Set(settings.origins.keys))
        configuration.workerThreads = settings.workers
        configuration.report = { report in
            switch report.level {
            case .info: logger.info("\(report.text)")
            case .warning: logger.warning("\(report.text)")
            case .error: logger.error("\(report.text)")
            }
        }
        return configuration
    }

    private var codec: Codec {
        switch settings.codec {
        case "zstd": .zstd
        case "zlib": .zlib
        default: .lz4
        }
    }

    private func backend(_ store: Store, _ access: AccessControl, _ observers: Observers) -> Backend {
        var receive = ReceiveOptions()
        receive.limits = settings.effectiveLimits
        receive.labelFields = settings.labelFields
        receive.serviceNameFields = settings.serviceNameFields
        receive.resourceLabels = settings.resourceLabels
        receive.discoverServiceName = !settings.serviceNameFields.isEmpty
        receive.highCardinality = settings.highCardinality
        receive.indexed = settings.indexed
        receive.scrub.rules = Set(settings.scrubRules.compactMap { ScrubRule(name: $0) })
        receive.scrub.exemptApps = settings.scrubExemptApps
        receive.retentionSeconds = settings.retentionDays.multipliedReportingOverflow(by: 86400).partialValue
        var backend = Backend(
            sink: store, source: store, live: store, scheduler: store.scheduler, metrics: Metrics(),
            limits: settings.effectiveLimits, receive: receive, clock: SystemClock(), batchKeySeed: store.storeID.high,
            operations: StoreOperations(
                store: store, settingsText: settings.text, mark: TokenMark(folder: settings.dataFolder)),
            highCardinality: settings.highCardinality, indexed: settings.indexed)
        backend.access = access
        backend.queries = QueryResources(limits: settings.effectiveLimits)
        backend.externalURL = settings.externalURL
        observers.attach(to: &backend)
        backend.saveObservations = { @Sendable () async -> String? in
            do throws(StateError) {
                try await store.saveObservations()
                return nil
            } catch {
                return error.description
            }
        }
        backend.demotedNames = { store.demotedNames($0) }
        backend.allDemotedNames = { store.allDemotedNames() }
        return backend
    }

    private func serverOptions(_ address: (host: String, port: Int)) -> ServerOptions {
        var options = ServerOptions()
        options.host = address.host
        options.port = address.port
        options.prefix = settings.prefix
        options.idleSeconds = settings.idleSeconds
        options.headSeconds = settings.headSeconds
        options.bodyPauseSeconds = settings.bodyPauseSeconds
        options.bodySeconds = settings.bodySeconds
        options.corsOrigins = settings.corsOrigins
        options.tailsLimit = settings.tailsLimit
        options.connectionsLimit = settings.connections
        options.bodyBudgetBytes = settings.bodyBudgetBytes
        options.slowMilliseconds = settings.slowMilliseconds
        return options
    }

    private func startError(_ error: any Error, _ address: (host: String, port: Int)) -> StartError {
        guard let error = error as? IOError else {
            return StartError("the server ended: \(error)", code: Exit.cannotStart)
        }
        let place = "\(address.host):\(address.port)"
        switch error.errnoCode {
        case EADDRINUSE:
            return StartError(
                "\(place) is in use by another program. Stop it, or choose another port with --listen.",
                code: Exit.cannotStart)
        case EACCES:
            return StartError(
                "\(place) may not be listened on by this user; ports from 1024 on may.", code: Exit.cannotStart)
        default: return StartError("\(place) cannot be listened on: \(error)", code: Exit.cannotStart)
        }
    }

    private func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }
}

/// The store as the routes for operators see it.
struct StoreOperations: Operations {
    let store: Store
    let settingsText: String
    let mark: TokenMark

    var version: String { Version.text }
    var statistics: StoreStatistics { store.statistics }
    var refusal: String? { store.statistics.refusal }
    var isReadOnly: Bool { store.isReadOnly }

    func flush() async throws(StoreError) { try await store.flush().get() }

    func requestDeletion(
        of query: String, in range: TimeRange, tenant: TenantID
    ) async throws(DeletionError) -> DeleteRequest {
        try await store.requestDeletion(of: query, in: range, tenant: tenant)
    }

    func cancelDeletion(_ id: String, tenant: TenantID) async throws(DeletionError) {
        try await store.cancelDeletion(id, tenant: tenant)
    }

    func deleteRequests(_ tenant: TenantID) -> [DeleteRequest] { store.deleteRequests(tenant) }

    func save(_ token: Token) async throws(StoreError) {
        try await store.put(TokenRecord(id: token.id, version: Token.version, bytes: token.encoded))
        mark.set()
    }

    func snapshot(to folder: String) async throws(StoreError) -> ArchiveManifest {
        try await store.archive(to: folder)
    }
}
