import Buffer
public import Bytes
import Chunks
import Files
import Index
public import Model
import Synchronization
import WAL

// Store: the facade of storage. It puts WAL, heads, parts and catalog together and keeps their order: durable before
// acknowledged, published before released, one view for every reader. It knows no HTTP and no query language.
//
// Threads: `append` may be called anywhere; heads live on the committer thread; parts are made on worker threads;
// SQLite and part files are written on the catalog thread; a housekeeper wakes them every second.

/// A log store in one folder.
public final class Store: IngestSink, RecentData, Sendable {
    let configuration: StoreConfiguration
    /// Random identity of the data folder.
    public let storeID: Hash128
    let blobs: FolderBlobStore
    let tables: StreamTables
    let views: ViewBox
    let cache: PartCache
    let collector: Collector
    let counters: StoreCounters
    let keys: BatchKeys
    let workers: Workers
    let catalogThread: CatalogThread
    let catalog: any Catalog
    let state: any StateStore
    let ingest: Ingest
    let followers: Followers
    let log: SegmentLog
    let committer: Committer
    let admission: Admission
    let sealer: Sealer
    let inFlightBytes: InFlight
    let upkeep = Mutex(Upkeep())
    let demoted: DemotedNames
    /// Delete requests by id, processed ones among them.
    let requests: Mutex<[String: DeleteRequest]>
    private let hiddenRows = HiddenRowsCache()
    /// Live parts whose files are gone or set aside, by id: answers touching their days say so.
    let missing: Mutex<[Hash128: Loss]>
    private let housekeeper = Mutex<Housekeeper?>(nil)
    /// Shows rows to observers; nil where there are none.
    let observation: Observation?
    private let watch = Mutex<ObservationThread?>(nil)

    /// A part that should be there and is not readable.
    struct Loss: Sendable {
        let tenantDay: TenantDay
        let text: String
    }

    /// Takes over what start-up has put together.
    init(_ opened: Opening) {
        configuration = opened.configuration
        storeID = opened.storeID
        blobs = opened.blobs
        tables = opened.tables
        views = opened.views
        cache = opened.cache
        collector = opened.collector
        counters = opened.counters
        keys = opened.keys
        workers = opened.workers
        catalogThread = opened.catalogThread
        catalog = opened.catalog
        state = opened.state
        ingest = opened.ingest
        followers = opened.followers
        log = opened.log
        admission = opened.admission
        inFlightBytes = opened.inFlightBytes
        sealer = Sealer(
            configuration: opened.configuration, storeID: opened.storeID, cache: opened.cache, demoted: opened.demoted)
        missing = Mutex(opened.missing)
        demoted = opened.demoted
        requests = Mutex(opened.deletions.requests)
        observation = opened.observation
        let afterGroup = opened.afterGroup
        committer = Committer(
            log: opened.log,
            apply: { [ingest = opened.ingest] record in
                let receipt = ingest.apply(sequence: record.sequence, batch: record.batch)
                ingest.updateHeadBytes()
                return receipt
            },
            onGroup: { afterGroup.call() })
        afterGroup.set { [weak self] in self?.freezeDueHeads() }
        ingest.setDemotionHandler { [weak self] name, tenant, values in self?.demote(name, tenant, values: values) }
        cache.setDamageHandler { [weak self] part, error in self?.setAside(part, error) }
    }

    /// Opens the store in `configuration.folder`, making it if there is none, and replays its WAL.
    public static func open(_ configuration: StoreConfiguration) throws(StoreError) -> Store {
        var opening = try Opening(configuration)
        try opening.run()
        let store = Store(opening)
        store.begin(opening.frozen)
        return store
    }

    /// Whether the data folder is only read: queries are answered, nothing is taken, changed or removed.
    public var isReadOnly: Bool { configuration.scratchFolder != nil }

    /// Runs blocking work of queries off the event loops.
    public var scheduler: any WorkScheduler { workers }

    public func append(_ batch: Batch) async throws(IngestError) -> Receipt {
        let result = await withCheckedContinuation { continuation in
            append(batch) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Stores `batch` durably; `completion` is called, on any thread, when a crash can no longer lose it or when it was
    /// refused.
    public func append(_ batch: Batch, completion: @escaping @Sendable (Result<Receipt, IngestError>) -> Void) {
        guard let key = batch.key else { return admit(batch, completion) }
        let decision = keys.admit(key, now: configuration.clock.nowNanoseconds()) { [weak self] receipt in
            guard let self else { return completion(.failure(.stopping)) }
            if let receipt {
                self.counters.repeatedBatches.add(1, ordering: .relaxed)
                completion(.success(receipt))
            } else {
                self.append(batch, completion: completion)
            }
        }
        switch decision {
        case .wait: return
        case .repeated(let receipt):
            counters.repeatedBatches.add(1, ordering: .relaxed)
            completion(.success(receipt))
        case .store:
            admit(batch) { [self] result in
                let receipt = try? result.get()
                keys.finish(key, tenant: batch.tenant, receipt: receipt, now: configuration.clock.nowNanoseconds())
                completion(result)
            }
        }
    }

    private func admit(_ batch: Batch, _ completion: @escaping @Sendable (Result<Receipt, IngestError>) -> Void) {
        guard !batch.isEmpty else { return completion(.success(Receipt(acceptedRows: 0, duplicateRows: 0))) }
        let bytes = batch.sizeBytes + batch.rows.count * MemoryLayout<RowEntry>.stride
        admission.admit(bytes: bytes) { [self] reason in
            if let reason { return completion(.failure(reason)) }
            inFlightBytes.add(bytes)
            committer.submit(EncodedRecord(batch), batch: batch) { [self] result in
                inFlightBytes.add(-bytes)
                completion(result)
            }
        }
    }

    public func snapshot(_ tenant: TenantID) -> any StoreSnapshot {
        let table = tables.table(tenant)
        let view = views.view
        return Snapshot(
            tenant: tenant, view: view, table: table, streamCount: table.count,
            oldestTime: configuration.clock.nowNanoseconds().subtractingReportingOverflow(
                configuration.retentionNanoseconds
            ).partialValue,
            indexedNames: configuration.indexedNames, cache: cache, hiddenRows: hiddenRows,
            missing: missing.withLock { losses in
                losses.values.filter { $0.tenantDay.tenant == tenant }.map { ($0.tenantDay.day, $0.text) }
            })
    }

    /// Seals everything received so far, and merges what is due; returns when all of it is in published parts, or when
    /// some of it could not be written: on a full disk, say. Nothing is lost then, its rows stay in the log.
    @discardableResult
    public func flush() async -> Result<Void, StoreError> {
        if isReadOnly { return .success(()) }
        guard await publishHeads() else {
            return .failure(
                StoreError("what was received could not be written to parts, it stays in the log: see the server's log")
            )
        }
        await mergesDone()
        while let work = dueRepack() ?? dueMerge(), await merge(work) {}
        await mergesDone()
        // Files of merged parts are collected on the catalog thread: wait until it has let go of the last merge, and
        // then until it has got to what that left.
        for _ in 0..<2 {
            await withCheckedContinuation { continuation in
                if !catalogThread.submitted({ continuation.resume() }) { continuation.resume() }
            }
        }
        return .success(())
    }

    /// Stops taking batches, answers those under way, and leaves what is not sealed in the WAL.
    public func close() async {
        admission.setRefusal(.stopping)
        housekeeper.withLock { $0 }?.stop()
        watch.withLock { $0 }?.stop()
        // Heads that wait to be sealed stay in the log: nobody waits for them any longer.
        let waiters = upkeep.withLock { upkeep -> [HeadWaiter] in
            upkeep.isClosing = true
            defer { upkeep.headWaiters = [] }
            return upkeep.headWaiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
        await withCheckedContinuation { continuation in
            _ = OSThread(name: "dendro-close") { [self] in
                committer.stop()
                workers.stop()
                observation?.catchUp()
                catalogThread.submit { [self] in saveObservation(isFinal: true) }
                catalogThread.stop()
                catalog.close()
                state.close()
                continuation.resume()
            }
        }
    }

    private func begin(_ frozen: [Ingest.FrozenHead]) {
        startObserving { thread in watch.withLock { $0 = thread } }
        if isReadOnly {
            return admission.setRefusal(
                .storageUnavailable(reason: "the data folder cannot be written", retryAfterSeconds: 60))
        }
        checkSpace()
        for head in frozen { seal(head) }
        let keeper = Housekeeper(look: { [weak self] in self?.checkSpace() }) { [weak self] in self?.housekeep($0) }
        housekeeper.withLock { $0 = keeper }
    }
}

/// Bytes of batches between admission and head.
final class InFlight: Sendable {
    private let bytes = Atomic<Int>(0)

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
    var total: Int { bytes.load(ordering: .relaxed) }
}

/// A callback that is set once its target exists.
final class LateCallback: Sendable {
    private let target = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ body: @escaping @Sendable () -> Void) { target.withLock { $0 = body } }
    func call() { target.withLock { $0 }?() }
}
