import Bytes
import CSQLite

/// A SQLite file, opened read-only and checked by `quick_check` as far as the time allows.
struct SQLiteProbe {
    let path: String

    func look(_ deadline: Int64) throws(ProbeFailure) -> HealthCheck {
        var opened: OpaquePointer?
        let status = unsafe sqlite3_open_v2(path, &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        defer { unsafe sqlite3_close_v2(opened) }
        guard status == SQLITE_OK, let database = unsafe opened else {
            throw ProbeFailure(message: unsafe String(cString: sqlite3_errstr(status)), isSilence: true)
        }
        var limit = deadline
        let failure = unsafe withUnsafeMutablePointer(to: &limit) { limit -> ProbeFailure? in
            unsafe sqlite3_busy_timeout(database, 500)
            unsafe sqlite3_progress_handler(
                database, 10_000,
                { unsafe Machine.monotonicNanoseconds() > ($0?.load(as: Int64.self) ?? .max) ? 1 : 0 }, limit)
            defer { unsafe sqlite3_progress_handler(database, 0, nil, nil) }
            return unsafe SQLiteProbe.check(database)
        }
        if let failure { throw failure }
        return HealthCheck(.healthy, "quick_check: ok")
    }

    private static func check(_ database: OpaquePointer) -> ProbeFailure? {
        var statement: OpaquePointer?
        var status = unsafe sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, nil)
        defer { unsafe sqlite3_finalize(statement) }
        if status == SQLITE_OK { status = unsafe sqlite3_step(statement) }
        guard status == SQLITE_ROW else {
            if status == SQLITE_INTERRUPT { return ProbeFailure(message: "quick_check did not end in time") }
            return ProbeFailure(
                message: unsafe String(cString: sqlite3_errmsg(database)), isSilence: status == SQLITE_BUSY)
        }
        guard let text = unsafe sqlite3_column_text(statement, 0) else { return nil }
        let answer = unsafe String(cString: text)
        return answer == "ok" ? nil : ProbeFailure(message: "quick_check: \(answer.prefix(200))", isSilence: false)
    }
}
