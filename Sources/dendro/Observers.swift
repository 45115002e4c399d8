import Errors
import Requests
import Server
import Store

/// What is derived from rows as they come: made before the store opens, which shows it the rows.
struct Observers: Sendable {
    let requests: RequestLog
    let errors = ErrorLog()

    init(_ settings: Settings) {
        requests = RequestLog(slowMilliseconds: settings.slowMilliseconds)
    }

    /// In the order in which they see each row.
    var all: [any RowObserver] { [requests, errors] }

    /// Hands them to the routes that answer from them.
    func attach(to backend: inout Backend) {
        backend.requests = requests
        backend.errors = errors
    }
}
