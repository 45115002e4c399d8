// Server: the only target that knows HTTP. It turns requests into batches, queries and questions of operators, and what
// comes of them into answers. Push requests are answered by a handler on the event loop (`FrontHandler`, `PushRoutes`),
// everything else by routes behind it. It knows the store, the query side and the push formats by their public faces;
// it must know no file formats, no command line and no settings file.

public import Access
public import Bytes
public import Errors
public import Health
public import Model
public import Observe
public import Query
public import Receive
public import Requests
public import Store

/// What the routes work with: the parts of dendro as the executable has put them together.
public struct Backend: Sendable {
    public var sink: any BatchSink
    public var source: any RecentData
    /// What live tails follow; nil where there is nothing to.
    public var live: (any LiveData)?
    public var scheduler: any WorkScheduler
    public var metrics: Metrics
    public var limits: Limits
    /// How push bodies are read.
    public var receive: ReceiveOptions
    public var clock: any WallClock
    /// Names that mean an entry's metadata wherever they stand in a selector.
    public var highCardinality: [String]
    /// Of those the ones whose values a part indexes.
    public var indexed: [String]
    /// Labels of a tenant that have become metadata meanwhile, as of now.
    public var demotedNames: @Sendable (TenantID) -> [String] = { _ in [] }
    /// Those of all tenants.
    public var allDemotedNames: @Sendable () -> [String] = { [] }
    /// What batch keys are hashed under; the same over restarts of one data folder.
    public var batchKeySeed: UInt64
    public var operations: any Operations
    /// Who may do what; nobody is asked unless there are tokens.
    public var access = AccessControl()
    /// What is known of requests; nil where they are not observed.
    public var requests: RequestLog?
    /// What is known of errors; nil where they are not observed.
    public var errors: ErrorLog?
    /// Makes durable what observers know, or says why that is not possible.
    public var saveObservations: @Sendable () async -> String? = { nil }
    /// Probes, samples and alerts; nil where nothing is looked at.
    public var health: HealthMonitor?
    /// Where the server's own lines go; nil where they are not stored.
    public var ownLines: OwnLines?
    /// Memory and turns of queries, shared by all who ask any; nil for each of their own.
    public var queries: QueryResources?
    /// Under which people reach this server, without a slash at its end; what links begin with.
    public var externalURL = ""

    public init(
        sink: any BatchSink, source: any RecentData, live: (any LiveData)? = nil, scheduler: any WorkScheduler,
        metrics: Metrics, limits: Limits,
        receive: ReceiveOptions, clock: any WallClock, batchKeySeed: UInt64, operations: any Operations,
        highCardinality: [String] = FieldName.highCardinality, indexed: [String] = FieldName.indexed
    ) {
        self.sink = sink
        self.source = source
        self.live = live
        self.scheduler = scheduler
        self.metrics = metrics
        self.limits = limits
        self.receive = receive
        self.clock = clock
        self.batchKeySeed = batchKeySeed
        self.operations = operations
        self.highCardinality = highCardinality
        self.indexed = indexed
    }
}

extension Backend {
    /// How push bodies are read now.
    func receiveOptions(_ tenant: TenantID) -> ReceiveOptions {
        var options = receive
        let names = demotedNames(tenant)
        if !names.isEmpty { options.highCardinality += names }
        return options
    }
}

/// Where push routes hand their batches.
public protocol BatchSink: Sendable {
    /// Stores `batch` durably; `completion` is called on any thread, once a crash can no longer lose it or when it was
    /// refused.
    func append(_ batch: Batch, completion: @escaping @Sendable (Result<Receipt, IngestError>) -> Void)
}

extension Store: BatchSink {}

/// What the routes for operators ask.
public protocol Operations: Sendable {
    /// `1.2.3`
    var version: String { get }
    /// The settings in force with their origins, as YAML, secrets hidden.
    var settingsText: String { get }
    /// Why no new entries are taken at the moment, or nil.
    var refusal: String? { get }
    /// Whether the data folder can only be read: queries are answered all the same.
    var isReadOnly: Bool { get }
    /// Figures of the store.
    var statistics: StoreStatistics { get }
    /// Seals everything received and merges what is due; fails when parts cannot be written, and loses nothing then.
    func flush() async throws(StoreError)
    /// Hides and later removes the entries that a log query selects, and what was asked of the kind, oldest first.
    func requestDeletion(
        of query: String, in range: TimeRange, tenant: TenantID
    ) async throws(DeletionError) -> DeleteRequest
    func cancelDeletion(_ id: String, tenant: TenantID) async throws(DeletionError)
    func deleteRequests(_ tenant: TenantID) -> [DeleteRequest]
    /// Stores a new or changed token durably.
    func save(_ token: Token) async throws(StoreError)
    /// Writes a snapshot to `folder`, an absolute path on the server's machine, and gives its account of itself.
    func snapshot(to folder: String) async throws(StoreError) -> ArchiveManifest
}

extension Operations {
    public var isReadOnly: Bool { false }

    public func requestDeletion(
        of query: String, in range: TimeRange, tenant: TenantID
    ) async throws(DeletionError) -> DeleteRequest {
        throw .failed("this server deletes no entries")
    }

    public func cancelDeletion(_ id: String, tenant: TenantID) async throws(DeletionError) { throw .unknown }

    public func deleteRequests(_ tenant: TenantID) -> [DeleteRequest] { [] }

    public func save(_ token: Token) async throws(StoreError) {
        throw StoreError("this server keeps no tokens")
    }

    public func snapshot(to folder: String) async throws(StoreError) -> ArchiveManifest {
        throw StoreError("this server makes no snapshots")
    }
}

/// How the server listens and what it puts up with. Times in seconds, sizes in bytes.
public struct ServerOptions: Sendable, Hashable {
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port = 3100
    /// Path in front of every route, such as `/logs`, or empty. Routes answer with and without it.
    public var prefix = ""
    /// From a connection's first byte of a request to the end of its head.
    public var headSeconds = 10
    /// Between two pieces of a body, and for all of it.
    public var bodyPauseSeconds = 30
    public var bodySeconds = 300
    /// A connection without a request.
    public var idleSeconds = 120
    /// For a client to take its answer.
    public var answerSeconds = 300
    /// For a client to read the refusal of a request that it is still sending.
    public var lingerSeconds = 2
    public var connectionsLimit = 10_000
    /// Bodies being received, all together, beyond the first 64 KiB of each.
    public var bodyBudgetBytes = 64 << 20
    /// Bodies of requests other than pushes: forms.
    public var formBytes = 4 << 20
    /// Push bodies above these sizes are decoded on a worker thread instead of the event loop.
    public var inlineCompressedBytes = 256 << 10
    public var inlinePlainBytes = 1 << 20
    /// Origins whose pages may read answers; `*` stands for any, none is the default.
    public var corsOrigins: [String] = []
    /// Live tails at once, and how long a client may leave a message of one lie.
    public var tailsLimit = 10
    public var tailStallSeconds = 30
    /// How often the files of certificates are looked at.
    public var certificateSeconds = 2
    /// Requests slower than this are logged as warnings.
    public var slowMilliseconds = 500

    public init() {}
}
