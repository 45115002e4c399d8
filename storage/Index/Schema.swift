import CSQLite

/// The tables of a database and how older ones become the present ones.
struct Schema {
    /// Marks the file as ours and of this kind (SQLite's `application_id`).
    let applicationID: Int32
    /// One entry a version, oldest first: what leads from the version before to this one. Entries are never changed.
    let migrations: [String]

    enum Outcome: Equatable {
        /// `isNew` when the file was empty.
        case ready(isNew: Bool)
        /// Not a database of this kind, or a broken one.
        case damaged(String)
        case newer(version: Int)
    }

    /// Checks the file and brings its tables to the present version, in one transaction together with `initialise`.
    func prepare(_ database: Database, initialise: () throws(DatabaseError) -> Void) throws(DatabaseError) -> Outcome {
        if let fault = try database.firstFault() { return .damaged(fault) }
        let found = try database.number("PRAGMA application_id") ?? 0
        let version = Int(clamping: try database.number("PRAGMA user_version") ?? 0)
        let tables = try database.number("SELECT count(*) FROM sqlite_schema") ?? 0
        let isNew = found == 0 && version == 0 && tables == 0
        guard isNew || found == Int64(applicationID) else { return .damaged("made by another program") }
        guard version >= 0, isNew || version > 0 else { return .damaged("schema version \(version)") }
        guard version <= migrations.count else { return .newer(version: version) }
        if version < migrations.count {
            try database.transaction { () throws(DatabaseError) in
                for migration in migrations[version...] { try database.execute(migration) }
                try database.execute("PRAGMA application_id=\(applicationID)")
                try database.execute("PRAGMA user_version=\(migrations.count)")
                if isNew { try initialise() }
            }
        }
        return .ready(isNew: isNew)
    }
}
