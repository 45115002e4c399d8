import Bytes

/// Field names that request records use.
struct RequestKeys: Sendable {
    enum Field: Sendable, Hashable {
        /// A duration: the lower the rank the more it counts, in this unit if it has none of its own.
        case duration(rank: Int, DurationValue.Unit)
        case status, method, path, client, trace
        /// An object that may hold the fields.
        case nest
        /// A text that may be JSON itself.
        case message
    }

    private struct Name: Sendable {
        let bytes: [UInt8]
        let field: Field
    }

    /// By length.
    private let names: [[Name]]

    init() {
        var names = [[Name]](repeating: [], count: 24)
        func add(_ text: [String], _ field: Field) {
            for text in text {
                let bytes = [UInt8](text.utf8)
                names[bytes.count].append(Name(bytes: bytes, field: field))
            }
        }
        let durations: [(String, DurationValue.Unit)] = [
            ("duration_ms", .milliseconds), ("latency_ms", .milliseconds), ("elapsed_ms", .milliseconds),
            ("response_time_ms", .milliseconds), ("took_ms", .milliseconds), ("duration", .secondsOrNanoseconds),
            ("request_time", .seconds),
        ]
        for (rank, (name, unit)) in durations.enumerated() { add([name], .duration(rank: rank, unit)) }
        add(["status_code", "status", "http_status", "response_code", "statusCode"], .status)
        add(["method", "http_method", "request_method"], .method)
        add(["path", "url", "uri", "request_uri", "http_path", "url_path"], .path)
        add(["client_ip", "remote_addr", "remote", "client", "ip"], .client)
        add(["trace_id", "traceID", "traceId"], .trace)
        add(["record", "extra", "fields", "attributes", "http", "request", "context", "data"], .nest)
        add(["message", "msg", "log"], .message)
        self.names = names
    }

    func field(_ key: borrowing ByteSpan) -> Field? {
        guard key.count < names.count else { return nil }
        for name in names[key.count] where name.bytes[0] == key[0] && key.equals(name.bytes.span) { return name.field }
        return nil
    }
}
