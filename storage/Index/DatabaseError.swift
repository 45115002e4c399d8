import CSQLite

/// An error of SQLite, with what was being done.
public struct DatabaseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// SQLite's extended result code.
    public let code: Int32
    /// SQLite's words.
    public let message: String
    /// The statement, or the step in words where there is none.
    public let sql: String
    /// File of the database.
    public let path: String

    public init(code: Int32, message: String, sql: String, path: String) {
        self.code = code
        self.message = message
        self.sql = sql
        self.path = path
    }

    /// The file is not a sound database.
    public var isDamage: Bool { code & 0xff == SQLITE_CORRUPT || code & 0xff == SQLITE_NOTADB }

    /// The disk or the quota is full: worth another try once there is room.
    public var isDiskFull: Bool { code & 0xff == SQLITE_FULL }

    public var description: String { "\(path): \(message) (SQLite \(code)) in: \(sql)" }
}

/// An error type of a layer that works with a database.
protocol DatabaseFailure: Error {
    init(_ error: DatabaseError)
}

extension DatabaseError: DatabaseFailure {
    init(_ error: DatabaseError) { self = error }
}
