import Buffer
import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization
import WAL

/// Start-up of a store: folders, databases, parts, then the WAL. What is damaged is set aside and reported; only a
/// folder that cannot be used at all stops it.
struct Opening {
    let configuration: StoreConfiguration
    let files: any FileSystem
    let blobs: FolderBlobStore
    let tables = StreamTables()
    let views = ViewBox()
    let counters = StoreCounters()
    let followers = Followers()
    let keys = BatchKeys()
    let afterGroup = LateCallback()
    let inFlightBytes = InFlight()
    let workers: Workers
    let catalogThread = CatalogThread()
    let cache: PartCache
    let state: any StateStore
    let storeID: Hash128
    let catalog: any Catalog
    let catalogState: CatalogState
    let deletions: StoredDeletions
    let demoted: DemotedNames
    private(set) var missing: [Hash128: Store.Loss] = [:]
    private(set) var frozen: [Ingest.FrozenHead] = []
    private(set) var observation: Observation?
    let collector: Collector
    private var opened: (ingest: Ingest, log: SegmentLog, admission: Admission)?

    init(_ given: StoreConfiguration) throws(StoreError) {
        let configuration = given.scratchFolder == nil ? given : try Opening.onlyRead(given)
        self.configuration = configuration
        files = configuration.files
        blobs = FolderBlobStore(
            root: configuration.folder, temporary: configuration.temporaryFolder, files: configuration.files)
        cache = PartCache(blobs: blobs, tables: tables, counters: counters, report: configuration.report)
        if configuration.scratchFolder == nil { try Opening.prepareFolders(configuration) }
        (state, storeID) = try Opening.openState(configuration)
        (catalog, catalogState) = try Opening.openCatalog(configuration, storeID: storeID)
        collector = Collector(blobs: blobs, catalog: catalog, cache: cache, report: configuration.report)
        do throws(StateError) {
            demoted = DemotedNames(
                Dictionary(grouping: try state.demotions(), by: \.tenant).mapValues { $0.map(\.name).sorted() })
            deletions = try StoredDeletions(
                state, configuration, isRebuilt: catalogState.revision == 0, demoted: demoted)
        } catch {
            throw StoreError("the delete requests and demotions in \(configuration.statePath) cannot be read: \(error)")
        }
        workers = Workers(count: configuration.workerThreads, nice: configuration.workerNice)
    }

    var ingest: Ingest { required.ingest }
    var log: SegmentLog { required.log }
    var admission: Admission { required.admission }

    private var required: (ingest: Ingest, log: SegmentLog, admission: Admission) {
        guard let opened else { preconditionFailure("BUG: the store was used before its WAL was read") }
        return opened
    }

    /// Reads everything and leaves the store ready to take batches.
    mutating func run() throws(StoreError) {
        for stream in catalogState.streams {
            _ = tables.table(stream.tenant).number(for: stream.labels, hash: stream.hash)
        }
        for record in catalogState.batchKeys {
            keys.restore(
                BatchKeys.FinishedKey(
                    tenant: record.tenant, key: record.key, receipt: record.receipt, time: record.time),
                isPublished: true)
        }
        var reconciliation = Reconciliation(
            configuration: configuration, blobs: blobs, catalog: catalog, catalogState: catalogState,
            counters: counters,
            storeID: storeID)
        try reconciliation.run()
        for stream in reconciliation.streams {
            _ = tables.table(stream.tenant).number(for: stream.labels, hash: stream.hash)
        }
        missing = reconciliation.missing
        views.changeTombstones { $0 = deletions.tombstones }
        let catalogThread = self.catalogThread
        let collector = self.collector
        views.change { days in
            for summary in reconciliation.live {
                let key = TenantDay(tenant: summary.tenant, day: summary.day)
                let handle = PartHandle(summary) { summary in
                    catalogThread.submit { collector.collect(summary) }
                }
                days[key, default: DayView()].parts.append(handle)
            }
        }
        try openLog(covered: reconciliation.covered)
    }

    private mutating func openLog(covered: [TenantDay: Coverage]) throws(StoreError) {
        let writer = storeID.low
        let known = covered.values.map { $0.highest(writer: writer) }.max() ?? 0
        let floor = max(known, catalogState.highestSequences[writer] ?? 0)
        let sealedTimes = SealedTimes(views: views, cache: cache, tables: tables)
        let ingest = Ingest(
            writer: writer, configuration: configuration, tables: tables, views: views, counters: counters,
            followers: followers, cache: cache, covered: covered, lastSequence: floor,
            sealedTimes: { sealedTimes.latest($0) })
        let budget = configuration.headBudgetBytes
        let inFlight = inFlightBytes
        let admission = Admission { ingest.headBytes + inFlight.total >= budget }
        let report: ReplayReport
        let replay = Replayer(
            configuration: configuration, ingest: ingest, keys: keys,
            sealer: Sealer(configuration: configuration, storeID: storeID, cache: cache, demoted: demoted),
            boundaries: deletions.boundaries)
        let log: SegmentLog
        do throws(WALError) {
            report = try WALReplay.replay(
                folder: configuration.walFolder, quarantine: configuration.quarantineFolder, files: files,
                storeID: storeID
            ) { replay.take($0) }
            replay.finish()
            log = try SegmentLog(
                folder: configuration.walFolder, files: files, storeID: storeID,
                nextSequence: max(floor, report.lastSequence, ingest.lastSequence) + 1, after: report,
                segmentBytes: configuration.walSegmentBytes)
        } catch {
            throw StoreError("the write-ahead log in \(configuration.walFolder) cannot be used: \(error)")
        }
        for line in report.messages { configuration.report(StoreReport(.warning, line)) }
        if report.records > 0 {
            configuration.report(StoreReport(.info, "replayed \(report.records) records of the write-ahead log"))
        }
        counters.quarantinedFiles.add(report.quarantinedFiles, ordering: .relaxed)
        ingest.updateHeadBytes()
        frozen = replay.frozen
        if !configuration.observers.isEmpty {
            observation = Observation(
                configuration.observers, state: state, views: views, cache: cache, lastSequence: ingest.lastSequence,
                report: configuration.report)
        }
        opened = (ingest, log, admission)
    }

    /// A new data folder is there after a power cut only if those above it have been synced. Where they cannot be
    /// opened they were made by others, long ago.
    private static func syncParents(of folder: String, _ files: any FileSystem) {
        var rest = folder[...]
        while let slash = rest.lastIndex(of: "/") {
            rest = rest[..<slash]
            try? files.syncFolder(rest.isEmpty ? "/" : String(rest))
        }
        if !folder.hasPrefix("/") { try? files.syncFolder(".") }
    }

    /// Copies the databases, and makes sure that nothing else is changed.
    private static func onlyRead(_ given: StoreConfiguration) throws(StoreError) -> StoreConfiguration {
        var source = given
        source.scratchFolder = nil
        guard given.files.exists(source.statePath) else {
            throw StoreError("\(given.folder) holds no data and cannot be written")
        }
        do throws(FileError) {
            for (path, copy) in [(source.statePath, given.statePath), (source.catalogPath, given.catalogPath)] {
                let names = zip(SQLiteCatalog.files(of: path), SQLiteCatalog.files(of: copy))
                for (file, target) in names where given.files.exists(file) && !file.hasSuffix("-shm") {
                    try FolderCopy(files: given.files).copy(file, to: target)
                }
            }
        } catch {
            throw StoreError("the databases of \(given.folder), which cannot be written, cannot be copied: \(error)")
        }
        var result = given
        result.files = ReadOnlyFileSystem(given.files)
        return result
    }

    private static func prepareFolders(_ configuration: StoreConfiguration) throws(StoreError) {
        let files = configuration.files
        if let space = try? files.space(configuration.folder) {
            _ = Reserve(configuration)
                .adapt(freeBytes: space.freeBytes, totalBytes: space.totalBytes)
        }
        do throws(FileError) {
            for folder in [
                configuration.folder, configuration.walFolder, configuration.temporaryFolder,
                configuration.quarantineFolder, configuration.folder + "/tenants",
            ] {
                try files.createFolder(folder)
            }
            for name in try files.list(configuration.temporaryFolder) {
                try files.remove(configuration.temporaryFolder + "/" + name)
            }
            try files.syncFolder(configuration.folder)
            syncParents(of: configuration.folder, files)
        } catch {
            throw StoreError("the data folder \(configuration.folder) cannot be used: \(error)")
        }
    }

    /// `state.sqlite` is never rebuilt. A damaged one is set aside, reported, and a new one begun under the store's old
    /// name, which the WAL and the parts still know.
    private static func openState(
        _ configuration: StoreConfiguration
    ) throws(StoreError) -> (any StateStore, Hash128) {
        let path = configuration.statePath
        do {
            let state = try SQLiteState(path: path)
            return (state, try identity(of: state, configuration))
        } catch {
            guard let error = error as? StateError, case .damaged = error else {
                throw StoreError("\(path) cannot be opened: \(error)")
            }
            configuration.report(
                StoreReport(.error, "\(path) is damaged and set aside, what only it knew is lost: \(error)"))
        }
        setAside(path, configuration)
        do {
            let state = try SQLiteState(path: path)
            return (state, try identity(of: state, configuration))
        } catch {
            throw StoreError("\(path) cannot be made: \(error)")
        }
    }

    private static func identity(of state: any StateStore, _ configuration: StoreConfiguration) throws -> Hash128 {
        if let record = try state.get(.store, key: "identity") {
            var reader = ByteReader(record.bytes)
            return Hash128(
                high: try reader.littleEndian(UInt64.self), low: try reader.littleEndian(UInt64.self))
        }
        let former = formerIdentity(configuration)
        if former != nil {
            configuration.report(
                StoreReport(
                    .error,
                    "\(configuration.statePath) does not know this store's data: what only it knew is lost"
                ))
        }
        let id = former ?? Hash128.random()
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(id.high)
        bytes.appendLittleEndian(id.low)
        try state.put(StateRecord(kind: .store, key: "identity", bytes: bytes))
        return id
    }

    /// The name that WAL segments, or else parts, were written under.
    private static func formerIdentity(_ configuration: StoreConfiguration) -> Hash128? {
        let files = configuration.files
        if let id = WALReplay.storeID(folder: configuration.walFolder, files: files) { return id }
        let blobs = FolderBlobStore(
            root: configuration.folder, temporary: configuration.temporaryFolder, files: files)
        for key in (try? blobs.list("tenants")) ?? [] {
            if let file = try? blobs.open(key), let part = try? Part(file: file, name: key) {
                return part.summary.storeID
            }
        }
        return nil
    }

    /// `catalog.sqlite` can be rebuilt: a damaged one, or one of another store, is set aside and a new one begun.
    private static func openCatalog(
        _ configuration: StoreConfiguration, storeID: Hash128
    ) throws(StoreError) -> (any Catalog, CatalogState) {
        let path = configuration.catalogPath
        let now = configuration.clock.nowNanoseconds()
        do throws(CatalogError) {
            let catalog = try SQLiteCatalog(path: path, storeID: storeID)
            return (catalog, try catalog.load(now: now))
        } catch {
            guard error.needsRebuild else { throw StoreError("\(path) cannot be opened: \(error)") }
            configuration.report(
                StoreReport(.error, "\(path) is not usable, it is set aside and rebuilt from the parts: \(error)"))
        }
        setAside(path, configuration)
        do throws(CatalogError) {
            let catalog = try SQLiteCatalog(path: path, storeID: storeID)
            return (catalog, try catalog.load(now: now))
        } catch {
            throw StoreError("\(path) cannot be made: \(error)")
        }
    }

    /// Moves a database and its journals into quarantine.
    private static func setAside(_ path: String, _ configuration: StoreConfiguration) {
        let stamp = String(configuration.clock.nowNanoseconds())
        for file in SQLiteCatalog.files(of: path) where configuration.files.exists(file) {
            let name = String(file.split(separator: "/").last ?? "database")
            try? configuration.files.rename(file, to: configuration.quarantineFolder + "/" + stamp + "-" + name)
        }
    }
}

/// The latest sealed time of each stream of a day, by stream number, from part directories.
struct SealedTimes: Sendable {
    let views: ViewBox
    let cache: PartCache
    let tables: StreamTables

    func latest(_ key: TenantDay) -> [UInt32: Int64] {
        var latest: [UInt32: Int64] = [:]
        for part in views.view.days[key]?.parts ?? [] {
            guard let contents = try? cache.contents(part) else { continue }
            latest.merge(contents.latestTimes()) { max($0, $1) }
        }
        return latest
    }
}
