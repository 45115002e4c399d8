import Bytes
import CSQLite
import Model
import Synchronization

/// The state store as a SQLite file.
public final class SQLiteState: StateStore {
    public let path: String
    /// There was no state before: a warning is due if there are parts, for somebody has removed it.
    public let isNew: Bool
    private let database: Mutex<Database>
    /// Fewer free pages stay in the file, for the next records.
    private static let freePagesKept: Int64 = 1024

    /// Opens the state at `path`, or creates an empty one (mode 0600). A damaged file is left as it is.
    public init(path: String) throws(StateError) {
        self.path = path
        let outcome: Schema.Outcome
        do throws(DatabaseError) {
            let database = try Database(path: path)
            outcome = try Schema.state.prepare(database) { () throws(DatabaseError) in }
            self.database = Mutex(database)
        } catch {
            throw StateError(error)
        }
        switch outcome {
        case .damaged(let reason): throw .damaged(path: path, reason: reason)
        case .newer(let version): throw .newerSchema(path: path, version: version)
        case .ready(let isNew): self.isNew = isNew
        }
    }

    public func put(_ record: StateRecord) throws(StateError) {
        try apply([.put(record)])
    }

    public func delete(_ kind: StateKind, key: String) throws(StateError) {
        try apply([.delete(kind, key: key)])
    }

    public func apply(_ changes: [StateChange]) throws(StateError) {
        try use { database throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                let put = try database.prepare(SQLiteState.putting)
                let delete = try database.prepare("DELETE FROM record WHERE kind = ?1 AND key = ?2")
                for change in changes {
                    switch change {
                    case .put(let record): try SQLiteState.run(put, record)
                    case .delete(let kind, let key):
                        try delete.bind(1, kind.rawValue)
                        try delete.bind(2, key)
                        try delete.run()
                    }
                }
            }
            try database.releaseFreePages(from: SQLiteState.freePagesKept)
        }
    }

    public func get(_ kind: StateKind, key: String) throws(StateError) -> StateRecord? {
        try use { database throws(DatabaseError) in
            let row = try database.prepare("SELECT version, bytes, crc FROM record WHERE kind = ?1 AND key = ?2")
            try row.bind(1, kind.rawValue)
            try row.bind(2, key)
            guard try row.step() else { return nil }
            let record = StateRecord(
                kind: kind, key: key, version: UInt32(clamping: row.int64(0)), bytes: row.bytes(1))
            guard Int64(record.checksum) == row.int64(2) else {
                throw DatabaseError(
                    code: SQLITE_CORRUPT, message: "\(kind.rawValue) \(key): checksum", sql: "get", path: path)
            }
            return record
        }
    }

    public func list(_ kind: StateKind) throws(StateError) -> StateListing {
        try use { database throws(DatabaseError) in
            let rows = try database.prepare("SELECT key, version, bytes, crc FROM record WHERE kind = ?1 ORDER BY key")
            try rows.bind(1, kind.rawValue)
            var listing = StateListing()
            while try rows.step() {
                let record = StateRecord(
                    kind: kind, key: rows.text(0), version: UInt32(clamping: rows.int64(1)), bytes: rows.bytes(2))
                if Int64(record.checksum) == rows.int64(3) {
                    listing.records.append(record)
                } else {
                    listing.damagedKeys.append(record.key)
                }
            }
            rows.reset()
            // Records are read once, at the start: their pages need not stay.
            try database.execute("PRAGMA shrink_memory")
            return listing
        }
    }

    public func claim(_ job: String, slot: Int64, owner: UInt64) throws(StateError) -> Bool {
        try use { database throws(DatabaseError) in
            try database.transaction { () throws(DatabaseError) in
                let row = try database.prepare("SELECT bytes FROM record WHERE kind = ?1 AND key = ?2")
                try row.bind(1, StateKind.claim.rawValue)
                try row.bind(2, job)
                // A record that cannot be read is as good as none: the job is done once more.
                let last = try row.step() ? SQLiteState.slot(row.bytes(0)) : nil
                if let last, last >= slot { return false }
                var bytes: [UInt8] = []
                bytes.appendLittleEndian(slot)
                bytes.appendLittleEndian(owner)
                try SQLiteState.run(
                    database.prepare(SQLiteState.putting), StateRecord(kind: .claim, key: job, bytes: bytes))
                return true
            }
        }
    }

    private static func slot(_ bytes: [UInt8]) -> Int64? {
        guard bytes.count == 16 else { return nil }
        return bytes[..<8].reversed().reduce(0) { $0 << 8 | Int64($1) }
    }

    private static let putting =
        "INSERT OR REPLACE INTO record(kind, key, version, bytes, crc) VALUES(?1, ?2, ?3, ?4, ?5)"

    private static func run(_ put: borrowing Statement, _ record: StateRecord) throws(DatabaseError) {
        try put.bind(1, record.kind.rawValue)
        try put.bind(2, record.key)
        try put.bind(3, Int64(record.version))
        try put.bind(4, record.bytes)
        try put.bind(5, Int64(record.checksum))
        try put.run()
    }

    public func demotions() throws(StateError) -> [Demotion] {
        try use { database throws(DatabaseError) in
            let rows = try database.prepare("SELECT tenant, name, since FROM demotion ORDER BY tenant, name")
            var found: [Demotion] = []
            while try rows.step() {
                found.append(Demotion(tenant: TenantID(rows.text(0)), name: rows.text(1), since: rows.int64(2)))
            }
            return found
        }
    }

    public func addDemotion(_ demotion: Demotion) throws(StateError) {
        try use { database throws(DatabaseError) in
            let row = try database.prepare("INSERT OR IGNORE INTO demotion(tenant, name, since) VALUES(?1, ?2, ?3)")
            try row.bind(1, demotion.tenant.name)
            try row.bind(2, demotion.name)
            try row.bind(3, demotion.since)
            try row.run()
        }
    }

    public func firstFault() throws(StateError) -> String? {
        try use { database throws(DatabaseError) in try database.firstFault() }
    }

    public func backup(to path: String) throws(StateError) {
        try use { database throws(DatabaseError) in try database.backup(to: path) }
    }

    public func close() {
        database.withLock { database in
            do throws(DatabaseError) { try database.releaseFreePages(from: 1) } catch {}
            database.close()
        }
    }

    private func use<R: Sendable>(_ body: (Database) throws(DatabaseError) -> R) throws(StateError) -> R {
        try database.withLock { database throws(StateError) in
            do throws(DatabaseError) { return try body(database) } catch { throw StateError(error) }
        }
    }
}

extension StateRecord {
    /// CRC32C over kind, key, version and bytes.
    fileprivate var checksum: UInt32 {
        var out: [UInt8] = []
        out.appendPrefixed(kind.rawValue)
        out.appendPrefixed(key)
        out.appendLittleEndian(version)
        out.append(contentsOf: bytes)
        return Checksum.crc32c(out)
    }
}
