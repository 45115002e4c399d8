public import Bytes
public import Model
import Synchronization

/// The catalog as a SQLite file.
public final class SQLiteCatalog: Catalog {
    public let path: String
    public let storeID: Hash128
    /// There was no catalog before.
    public let isNew: Bool
    private let tables: Mutex<CatalogTables>

    /// Opens the catalog at `path`, or creates an empty one (mode 0600).
    ///
    /// On an error with `needsRebuild`, set aside `SQLiteCatalog.files(of:)` and open again: the parts give it all
    /// back. An empty file counts as a new catalog.
    public init(path: String, storeID: Hash128) throws(CatalogError) {
        self.path = path
        self.storeID = storeID
        let opened = try CatalogTables.open(path: path, storeID: storeID)
        isNew = opened.isNew
        tables = Mutex(opened)
    }

    /// The files that make up the database at `path`: itself and, after a crash, its journal.
    public static func files(of path: String) -> [String] {
        [path, path + "-wal", path + "-shm", path + "-journal"]
    }

    public func commit(_ change: CatalogChange) throws(CatalogError) {
        try tables.withLock { tables throws(CatalogError) in try tables.commit(change) }
    }

    public func load(now: Int64) throws(CatalogError) -> CatalogState {
        try read { tables throws(DatabaseError) in try tables.load(storeID: storeID, now: now) }
    }

    public func parts(tenant: TenantID, days: ClosedRange<Day>) throws(CatalogError) -> [PartSummary] {
        try read { tables throws(DatabaseError) in try tables.parts(tenant: tenant, days: days) }
    }

    public func changes(since revision: UInt64) throws(CatalogError) -> CatalogChanges {
        try read { tables throws(DatabaseError) in try tables.changes(since: revision) }
    }

    public func streams(of part: Hash128) throws(CatalogError) -> [StreamStatistics] {
        try read { tables throws(DatabaseError) in try tables.statistics(of: [part]) }
    }

    public func statistics(tenant: TenantID, day: Day) throws(CatalogError) -> [StreamStatistics] {
        try read { tables throws(DatabaseError) in
            try tables.statistics(of: try tables.parts(tenant: tenant, days: day...day).map(\.id))
        }
    }

    public func streams(tenant: TenantID, name: String, value: String) throws(CatalogError) -> [LabelSet] {
        try read { tables throws(DatabaseError) in try tables.streams(tenant: tenant, name: name, value: value) }
    }

    public func claim(job: String, owner: UInt64, ttlSeconds: Int, now: Int64) throws(CatalogError) -> Lease? {
        try read { tables throws(DatabaseError) in
            try tables.claim(job: job, owner: owner, ttlSeconds: ttlSeconds, now: now)
        }
    }

    public func firstFault() throws(CatalogError) -> String? {
        try read { tables throws(DatabaseError) in try tables.database.firstFault() }
    }

    public func dropDay(tenant: TenantID, day: Day) throws(CatalogError) -> [PartSummary] {
        try tables.withLock { tables throws(CatalogError) in
            let parts: [PartSummary]
            do throws(DatabaseError) {
                parts = try tables.parts(tenant: tenant, days: day...day)
            } catch {
                throw CatalogError(error)
            }
            var change = CatalogChange()
            change.markDead = parts.map(\.id)
            if !change.isEmpty { try tables.commit(change) }
            return parts
        }
    }

    public func forgetHistory(before day: Day) throws(CatalogError) {
        try read { tables throws(DatabaseError) in try tables.forgetHistory(before: day) }
    }

    public func backup(to path: String) throws(CatalogError) {
        try read { tables throws(DatabaseError) in try tables.database.backup(to: path) }
    }

    public func close() {
        tables.withLock { $0.database.close() }
    }

    private func read<R: Sendable>(
        _ body: (CatalogTables) throws(DatabaseError) -> R
    ) throws(CatalogError) -> R {
        try tables.withLock { tables throws(CatalogError) in
            do throws(DatabaseError) { return try body(tables) } catch { throw CatalogError(error) }
        }
    }
}
