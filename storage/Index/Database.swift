import CSQLite
import Glibc

/// A connection to one SQLite file. Confined to one thread at a time: its owner holds it behind a lock.
///
/// The journal is a WAL and every commit is synced (`synchronous=FULL`, 0.2 ms). The file is locked for this process
/// alone, so SQLite keeps the WAL index in ordinary memory: nothing is mapped, and a bad sector is an error rather than
/// a signal (storage rule 9).
@safe
final class Database {
    let path: String
    private var handle: OpaquePointer?

    /// Opens or creates (mode 0600) the database at `path`.
    init(path: String) throws(DatabaseError) {
        self.path = path
        try Database.create(path)
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let status = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        unsafe handle = opened
        guard status == SQLITE_OK else {
            let error = lastError(status, "open")
            close()
            throw error
        }
        do throws(DatabaseError) {
            try configure()
        } catch {
            close()
            throw error
        }
    }

    deinit {
        close()
    }

    /// Ends the connection. Statements must be gone.
    func close() {
        guard let connection = unsafe handle else { return }
        unsafe handle = nil
        _ = unsafe sqlite3_close_v2(connection)
    }

    /// Runs one statement, or several, without parameters and rows.
    func execute(_ sql: String) throws(DatabaseError) {
        let connection = unsafe try connection(for: sql)
        let status = unsafe sqlite3_exec(connection, sql, nil, nil, nil)
        if status != SQLITE_OK { throw lastError(status, sql) }
    }

    func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        try Statement(self, sql)
    }

    /// The first column of the first row of `sql` as a number, or nil without a row.
    func number(_ sql: String) throws(DatabaseError) -> Int64? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.int64(0) : nil
    }

    /// Runs `body` in a write transaction: committed when it returns, undone when it or the commit fails.
    func transaction<R, E: DatabaseFailure>(_ body: () throws(E) -> R) throws(E) -> R {
        do throws(DatabaseError) { try execute("BEGIN IMMEDIATE") } catch { throw E(error) }
        do throws(E) {
            let result = try body()
            do throws(DatabaseError) { try execute("COMMIT") } catch { throw E(error) }
            return result
        } catch {
            // Some errors have rolled back already; then there is nothing to undo and this fails without consequence.
            do throws(DatabaseError) { try execute("ROLLBACK") } catch {}
            throw error
        }
    }

    /// Gives pages that hold nothing back to the file system, from `count` on; they leave the file at the next
    /// checkpoint.
    func releaseFreePages(from count: Int64) throws(DatabaseError) {
        guard let free = try number("PRAGMA freelist_count"), free >= count else { return }
        try execute("PRAGMA incremental_vacuum")
    }

    /// Structural check of the whole file; nil when it is sound, else the first fault.
    func firstFault() throws(DatabaseError) -> String? {
        let statement = try prepare("PRAGMA quick_check(1)")
        guard try statement.step() else { return "no answer from quick_check" }
        let answer = statement.text(0)
        statement.reset()
        // The check has read every page once: they need not stay.
        try execute("PRAGMA shrink_memory")
        return answer == "ok" ? nil : answer
    }

    /// Copies the database as of now to a new file at `target`.
    func backup(to target: String) throws(DatabaseError) {
        let step = "backup to \(target)"
        try Database.create(target, mustBeNew: true)
        var opened: OpaquePointer?
        var status = unsafe sqlite3_open_v2(target, &opened, SQLITE_OPEN_READWRITE, nil)
        defer { _ = unsafe sqlite3_close_v2(opened) }
        guard status == SQLITE_OK else { throw lastError(status, step) }
        guard let backup = unsafe try sqlite3_backup_init(opened, "main", connection(for: step), "main") else {
            throw DatabaseError(
                code: unsafe sqlite3_extended_errcode(opened), message: unsafe String(cString: sqlite3_errmsg(opened)),
                sql: step, path: path)
        }
        status = unsafe sqlite3_backup_step(backup, -1)
        let finished = unsafe sqlite3_backup_finish(backup)
        guard status == SQLITE_DONE, finished == SQLITE_OK else {
            throw lastError(finished == SQLITE_OK ? status : finished, step)
        }
    }

    func connection(for sql: String) throws(DatabaseError) -> OpaquePointer {
        guard let connection = unsafe handle else {
            throw DatabaseError(code: SQLITE_MISUSE, message: "the database is closed", sql: sql, path: path)
        }
        return unsafe connection
    }

    /// The error that `status` stands for.
    func lastError(_ status: Int32, _ sql: String) -> DatabaseError {
        guard let connection = unsafe handle, unsafe sqlite3_errcode(connection) & 0xff == status & 0xff else {
            return DatabaseError(
                code: status, message: unsafe String(cString: sqlite3_errstr(status)), sql: sql, path: path)
        }
        let code = unsafe sqlite3_extended_errcode(connection)
        return DatabaseError(
            code: code, message: unsafe String(cString: sqlite3_errmsg(connection)), sql: sql, path: path)
    }

    private func configure() throws(DatabaseError) {
        let connection = unsafe try connection(for: "configure")
        _ = unsafe sqlite3_extended_result_codes(connection, 1)
        _ = unsafe sqlite3_busy_timeout(connection, 5000)
        _ = unsafe sqlite3_enable_load_extension(connection, 0)
        _ = unsafe sqlite3_limit(connection, SQLITE_LIMIT_ATTACHED, 0)
        // Order matters: with the exclusive lock first, entering WAL mode needs no shared memory file.
        try execute("PRAGMA locking_mode=EXCLUSIVE")
        try execute("PRAGMA mmap_size=0")
        // Counts for new files only: pages that became free can be given back. Said again it would write to the file,
        // which a full disk refuses.
        if try number("PRAGMA auto_vacuum") != 2 { try execute("PRAGMA auto_vacuum=INCREMENTAL") }
        try execute("PRAGMA trusted_schema=OFF")
        try execute("PRAGMA cell_size_check=ON")
        try execute("PRAGMA foreign_keys=OFF")
        try execute("PRAGMA temp_store=MEMORY")
        try execute("PRAGMA cache_size=-4096")
        try execute("PRAGMA journal_mode=WAL")
        try execute("PRAGMA journal_size_limit=8388608")
        try execute("PRAGMA synchronous=FULL")
    }

    /// SQLite would create the file readable for everybody; its journal takes over the mode of the file.
    private static func create(_ path: String, mustBeNew: Bool = false) throws(DatabaseError) {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (mustBeNew ? O_EXCL : 0)
        let descriptor = unsafe Glibc.open(path, flags, mode_t(0o600))
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw DatabaseError(code: SQLITE_CANTOPEN, message: reason, sql: "open", path: path)
        }
        _ = Glibc.close(descriptor)
    }
}
