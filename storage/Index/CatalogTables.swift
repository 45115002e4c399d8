import Bytes
import CSQLite
import Model

/// The tables of a catalog on one connection, with the numbers of tenants and streams at hand so that a known stream
/// costs a commit no statement. Bounded as streams are: 100,000 of them take 6 MB here.
final class CatalogTables {
    struct KnownStream {
        var number: Int64
        var lastDay: Int32
    }

    /// Hashes are those of labels; two tenants with equal labels have a stream each.
    struct StreamKey: Hashable {
        var tenant: Int64
        var hash: Hash128
    }

    let database: Database
    var tenantNumbers: [TenantID: Int64] = [:]
    var tenants: [Int64: TenantID] = [:]
    var knownStreams: [StreamKey: KnownStream] = [:]

    /// The file was empty when it was opened.
    private(set) var isNew = false

    private init(_ database: Database) {
        self.database = database
    }

    /// Opens, checks and if need be creates the catalog.
    static func open(path: String, storeID: Hash128) throws(CatalogError) -> CatalogTables {
        let outcome: Schema.Outcome
        let tables: CatalogTables
        let found: Hash128?
        do throws(DatabaseError) {
            tables = CatalogTables(try Database(path: path))
            outcome = try tables.prepare(storeID: storeID)
            found = if case .ready = outcome { try tables.readStoreID() } else { nil }
            if found == storeID { try tables.readNumbers() }
        } catch {
            throw CatalogError(error)
        }
        switch outcome {
        case .damaged(let reason): throw .damaged(path: path, reason: reason)
        case .newer(let version): throw .newerSchema(path: path, version: version)
        case .ready(let isNew): tables.isNew = isNew
        }
        if let found, found != storeID { throw .otherStore(path: path, found: found) }
        return tables
    }

    private func prepare(storeID: Hash128) throws(DatabaseError) -> Schema.Outcome {
        try Schema.catalog.prepare(database) { () throws(DatabaseError) in
            let meta = try database.prepare("INSERT INTO meta(key, value) VALUES('revision', 0), ('store', ?1)")
            try meta.bind(1, storeID.bytes)
            try meta.run()
        }
    }

    /// The error for a row that contradicts itself.
    func damage(_ reason: String) -> DatabaseError {
        DatabaseError(code: SQLITE_CORRUPT, message: reason, sql: "read", path: database.path)
    }

    /// Runs a decoder; bytes it cannot read are damage of `what`.
    func decoded<R>(_ what: String, _ body: () throws(ReadError) -> R) throws(DatabaseError) -> R {
        do throws(ReadError) { return try body() } catch { throw damage("\(what): \(error)") }
    }

    /// Name of the tenant numbered `number`.
    func tenant(_ number: Int64) throws(DatabaseError) -> TenantID {
        guard let tenant = tenants[number] else { throw damage("row of an unknown tenant \(number)") }
        return tenant
    }

    func revision() throws(DatabaseError) -> UInt64 {
        guard let value = try database.number("SELECT value FROM meta WHERE key = 'revision'") else {
            throw damage("no revision")
        }
        return UInt64(bitPattern: value)
    }

    /// Reads tenants and streams' numbers anew: at the start, and when a failed commit may have left wrong ones.
    func readNumbers() throws(DatabaseError) {
        tenantNumbers = [:]
        tenants = [:]
        knownStreams = [:]
        let names = try database.prepare("SELECT id, name FROM tenant")
        while try names.step() {
            let tenant = TenantID(names.text(1))
            tenantNumbers[tenant] = names.int64(0)
            tenants[names.int64(0)] = tenant
        }
        let streams = try database.prepare("SELECT id, tenant, hash, last_day FROM stream")
        while try streams.step() {
            guard let hash = Hash128(bytes: streams.bytes(2)) else { throw damage("stream \(streams.int64(0)): hash") }
            knownStreams[StreamKey(tenant: streams.int64(1), hash: hash)] = KnownStream(
                number: streams.int64(0), lastDay: Int32(clamping: streams.int64(3)))
        }
    }

    private func readStoreID() throws(DatabaseError) -> Hash128 {
        let statement = try database.prepare("SELECT value FROM meta WHERE key = 'store'")
        guard try statement.step(), let id = Hash128(bytes: statement.bytes(0)) else { throw damage("no store id") }
        return id
    }
}
