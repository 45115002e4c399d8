import CSQLite

/// A prepared statement: bind, step, read columns, reset. Ends with its scope.
@safe
struct Statement: ~Copyable {
    private let handle: OpaquePointer
    private let database: Database
    private let sql: String

    /// Prepares `sql`, a single statement, on `database`.
    init(_ database: Database, _ sql: String) throws(DatabaseError) {
        var prepared: OpaquePointer?
        let connection = unsafe try database.connection(for: sql)
        let status = unsafe sqlite3_prepare_v2(connection, sql, -1, &prepared, nil)
        guard status == SQLITE_OK, let prepared = unsafe prepared else { throw database.lastError(status, sql) }
        unsafe self.handle = prepared
        self.database = database
        self.sql = sql
    }

    deinit {
        _ = unsafe sqlite3_finalize(handle)
    }

    /// Binds a number to the parameter `index`, counted from 1.
    func bind(_ index: Int32, _ value: Int64) throws(DatabaseError) {
        try check(unsafe sqlite3_bind_int64(handle, index, value))
    }

    /// Binds an unsigned number by its bit pattern: SQLite has signed integers only.
    func bind(_ index: Int32, _ value: UInt64) throws(DatabaseError) {
        try bind(index, Int64(bitPattern: value))
    }

    /// Binds a text.
    func bind(_ index: Int32, _ text: String) throws(DatabaseError) {
        let bytes = [UInt8](text.utf8)
        try bind(index, textBytes: bytes)
    }

    /// Binds bytes as text; SQLite keeps them as they are.
    func bind(_ index: Int32, textBytes bytes: [UInt8]) throws(DatabaseError) {
        let status = unsafe bytes.withUnsafeBufferPointer { buffer -> Int32 in
            guard let start = buffer.baseAddress else { return unsafe sqlite3_bind_text(handle, index, "", 0, nil) }
            return unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) { text in
                unsafe sqlite3_bind_text(handle, index, text, Int32(clamping: buffer.count), copies)
            }
        }
        try check(status)
    }

    /// Binds a blob.
    func bind(_ index: Int32, _ bytes: [UInt8]) throws(DatabaseError) {
        guard bytes.count <= Int(Int32.max) else {
            throw DatabaseError(
                code: SQLITE_TOOBIG, message: "blob of \(bytes.count) bytes", sql: sql, path: database.path)
        }
        let status = unsafe bytes.withUnsafeBytes { buffer -> Int32 in
            guard let start = buffer.baseAddress, unsafe !buffer.isEmpty else {
                return unsafe sqlite3_bind_zeroblob(handle, index, 0)
            }
            return unsafe sqlite3_bind_blob(handle, index, start, Int32(buffer.count), copies)
        }
        try check(status)
    }

    /// Goes on to the next row; false at the end.
    func step() throws(DatabaseError) -> Bool {
        let status = unsafe sqlite3_step(handle)
        switch status {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw database.lastError(status, sql)
        }
    }

    /// Runs a statement without rows and makes it ready for the next binding.
    func run() throws(DatabaseError) {
        while try step() {}
        reset()
    }

    /// Runs an INSERT and returns the number of its row; nil when it inserted none (`OR IGNORE`). Cheaper than
    /// `RETURNING`, for which SQLite builds a table of its own each time.
    func insert() throws(DatabaseError) -> Int64? {
        try run()
        let connection = unsafe try database.connection(for: sql)
        return unsafe sqlite3_changes(connection) > 0 ? unsafe sqlite3_last_insert_rowid(connection) : nil
    }

    /// Makes the statement ready to run again; bindings stay.
    func reset() {
        // The result repeats the error that `step` has thrown already.
        _ = unsafe sqlite3_reset(handle)
    }

    /// The number in `column`, counted from 0; 0 for NULL.
    func int64(_ column: Int32) -> Int64 {
        unsafe sqlite3_column_int64(handle, column)
    }

    func uint64(_ column: Int32) -> UInt64 {
        UInt64(bitPattern: int64(column))
    }

    /// The blob or text in `column`; empty for NULL.
    func bytes(_ column: Int32) -> [UInt8] {
        // The pointer must be asked for first: it fixes the representation that the count is about.
        let start = unsafe sqlite3_column_blob(handle, column)
        let count = Int(unsafe sqlite3_column_bytes(handle, column))
        guard let start = unsafe start, count > 0 else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    func text(_ column: Int32) -> String {
        String(decoding: bytes(column), as: UTF8.self)
    }

    private func check(_ status: Int32) throws(DatabaseError) {
        if status != SQLITE_OK { throw database.lastError(status, sql) }
    }

    /// Tells SQLite to copy what it is given (its SQLITE_TRANSIENT, which C macros cannot export).
    private var copies: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }
}
