public import Bytes
public import Model

/// The index of parts: which count, what they cover, which streams they hold. SQLite in the data folder here,
/// PostgreSQL later. A commit is the only switch of visibility (storage rule 1).
///
/// All methods block and belong on the catalog thread: never on event loops or scan workers.
public protocol Catalog: Sendable {
    /// Applies all of `change`, durably on return, or nothing of it.
    func commit(_ change: CatalogChange) throws(CatalogError)

    /// Everything a store needs at start.
    /// - Parameter now: nanoseconds since 1970; batch keys older than 15 minutes are left out.
    func load(now: Int64) throws(CatalogError) -> CatalogState

    /// Live parts of `tenant` whose day lies in `days`, oldest day first.
    func parts(tenant: TenantID, days: ClosedRange<Day>) throws(CatalogError) -> [PartSummary]

    /// Parts added or marked dead by commits after `revision`. Forgotten parts are not named: they were dead before.
    func changes(since revision: UInt64) throws(CatalogError) -> CatalogChanges

    /// Streams of one part with their counts; empty when the part is unknown.
    func streams(of part: Hash128) throws(CatalogError) -> [StreamStatistics]

    /// Streams of the tenant's day with the counts of all its live parts added up.
    func statistics(tenant: TenantID, day: Day) throws(CatalogError) -> [StreamStatistics]

    /// Label sets of the tenant that carry `name` = `value`.
    func streams(tenant: TenantID, name: String, value: String) throws(CatalogError) -> [LabelSet]

    /// Looks through the whole catalog; what is wrong with it, or nil.
    func firstFault() throws(CatalogError) -> String?
    /// Claims a periodic job for `owner` until `now` + `ttlSeconds`; nil while another owner holds it. The owner who
    /// holds it extends it. A job that changes hands gets a higher token, which fences off its former owner.
    func claim(job: String, owner: UInt64, ttlSeconds: Int, now: Int64) throws(CatalogError) -> Lease?

    /// Marks all live parts of a day dead in one transaction and returns them. What they covered stays covered: WAL
    /// that still holds their rows is not replayed.
    func dropDay(tenant: TenantID, day: Day) throws(CatalogError) -> [PartSummary]

    /// Forgets coverage of days before `day`, and streams that no later day used. Days that still have parts, live or
    /// dead, are kept. For days that retention has closed: their rows are not replayed whatever the catalog says.
    func forgetHistory(before day: Day) throws(CatalogError)

    /// Writes a consistent copy to `path`, which must not exist.
    func backup(to path: String) throws(CatalogError)

    /// Ends the connection; every later call fails.
    func close()
}

/// Why the catalog could not be opened or did not do what it was asked.
public enum CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is not a sound catalog: set it aside and rebuild from the parts.
    case damaged(path: String, reason: String)
    /// It belongs to another data folder: set it aside and rebuild from the parts.
    case otherStore(path: String, found: Hash128)
    /// A newer dendro wrote it: set it aside and rebuild from the parts, or run that version.
    case newerSchema(path: String, version: Int)
    /// The job was claimed by somebody else meanwhile: nothing was committed.
    case leaseLost(job: String)
    /// SQLite refused: disk full, I/O error, locked by another process, closed.
    case database(DatabaseError)

    /// Whether a new catalog, rebuilt from the parts, is the way on.
    public var needsRebuild: Bool {
        switch self {
        case .damaged, .otherStore, .newerSchema: true
        case .leaseLost, .database: false
        }
    }

    public var description: String {
        switch self {
        case .damaged(let path, let reason): "\(path): damaged catalog: \(reason)"
        case .otherStore(let path, let found): "\(path): catalog of another store, \(found.hex)"
        case .newerSchema(let path, let version): "\(path): catalog of a newer version, schema \(version)"
        case .leaseLost(let job): "job \(job) was taken over by another owner"
        case .database(let error): error.description
        }
    }
}

extension CatalogError: DatabaseFailure {
    init(_ error: DatabaseError) {
        self = error.isDamage ? .damaged(path: error.path, reason: error.description) : .database(error)
    }
}
