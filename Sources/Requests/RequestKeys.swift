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

    /// All names one after the other, those of equal length together.
    private var bytes: [UInt8] = []
    /// In the order of `bytes`.
    private var fields: [Field] = []
    /// Which of `fields` have names of a length, and where the first of those lies in `bytes`.
    private var lengths: [(fields: Range<Int>, start: Int)] = []
    /// For each length a bit for each first byte, modulo 32: most names are refused by it.
    private var initials: [UInt32] = []

    init() {
        var names = [[(name: [UInt8], field: Field)]](repeating: [], count: 24)
        func add(_ texts: [String], _ field: Field) {
            for text in texts { names[text.utf8.count].append(([UInt8](text.utf8), field)) }
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
        for names in names {
            lengths.append((fields.count..<fields.count + names.count, bytes.count))
            initials.append(names.reduce(0) { $0 | 1 << UInt32($1.name[0] & 31) })
            for (name, field) in names {
                bytes += name
                fields.append(field)
            }
        }
    }

    func field(_ key: borrowing ByteSpan) -> Field? {
        let length = key.count
        guard length > 0, length < lengths.count, initials[length] >> UInt32(key[0] & 31) & 1 == 1 else { return nil }
        let group = lengths[length]
        var start = group.start
        for number in group.fields {
            if key.equals(bytes.span.extracting(start..<start + length)) { return fields[number] }
            start += length
        }
        return nil
    }
}
