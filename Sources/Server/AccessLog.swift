import Bytes
import Logging
import Model
import Observe

/// Counts every answered request and logs it: one line, without its query text, which may hold what was logged by
/// others.
struct AccessLog: Sendable {
    let metrics: Metrics
    let logger: Logger
    let slowNanoseconds: Int
    /// Where lines of requests go beside the log; nil for nowhere.
    let own: OwnLines?

    init(metrics: Metrics, logger: Logger, slowMilliseconds: Int, own: OwnLines? = nil) {
        self.own = own
        self.metrics = metrics
        self.logger = logger
        slowNanoseconds = max(0, slowMilliseconds) &* 1_000_000
    }

    /// What is known of a request once it was answered.
    struct Entry {
        var traceID: String
        var method: String
        var path: String
        /// The route's pattern, for counting.
        var route: String
        var status: Int
        var clientAddress: String
        var receivedBytes: Int
        var sentBytes: Int
        var nanoseconds: Int
        /// A push, or asked by one of dendro's own commands.
        var isOwn = false
    }

    func record(_ entry: Entry) {
        metrics.requests.record(
            route: entry.route, method: AccessLog.knownMethod(entry.method), status: entry.status,
            nanoseconds: entry.nanoseconds)
        let isSlow = entry.nanoseconds > slowNanoseconds
        let isProbe = entry.status < 400 && AccessLog.probes.contains(entry.route)
        let level: Logger.Level = entry.status >= 500 ? .error : isSlow ? .warning : isProbe ? .debug : .info
        let isKept = own != nil && !entry.isOwn && !isProbe
        guard isKept || logger.logLevel <= level else { return }
        let message = isSlow ? "slow request" : "request"
        let fields: [(name: String, value: LogLine.Value)] = [
            ("trace_id", .text(entry.traceID)), ("method", .text(entry.method)), ("path", .text(entry.path)),
            ("status_code", .number(entry.status)), ("duration_ms", .milliseconds(nanoseconds: entry.nanoseconds)),
            ("client_ip", .text(entry.clientAddress)), ("received_bytes", .number(entry.receivedBytes)),
            ("sent_bytes", .number(entry.sentBytes)),
        ]
        if logger.logLevel <= level { LogLine.write(level: level.rawValue, message: message, fields: fields) }
        guard isKept, let own else { return }
        own.add(
            LogLine.line(
                timeNanoseconds: SystemClock().nowNanoseconds(), level: level.rawValue, message: message,
                fields: fields), isRequest: true)
    }

    private static let probes: Set<String> = ["ready", "health_live", "health_ready", "metrics"]
    private static let methods: Set<String> = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]

    /// Methods as labels: a client may send any word as a method, but not make series of them.
    private static func knownMethod(_ method: String) -> String { methods.contains(method) ? method : "other" }
}
