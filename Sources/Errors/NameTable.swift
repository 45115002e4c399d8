import Bytes

/// Names that are looked for, each with a number, found by their bytes without a hash.
struct NameTable: Sendable {
    private struct Name: Sendable {
        let bytes: [UInt8]
        let number: Int
    }

    private static let lengthLimit = 32

    /// By length.
    private var names = [[Name]](repeating: [], count: lengthLimit)
    /// For each length a bit for each first byte, modulo 32: most names are refused by it.
    private var initials = [UInt32](repeating: 0, count: lengthLimit)
    private(set) var count = 0

    /// Numbers of `texts`, in their order; each name has one number however often it is added.
    mutating func add(_ texts: String...) -> [Int] {
        texts.map { text in
            let bytes = [UInt8](text.utf8)
            if let known = number(of: bytes.span) { return known }
            names[bytes.count].append(Name(bytes: bytes, number: count))
            initials[bytes.count] |= 1 << UInt32(bytes[0] & 31)
            count += 1
            return count - 1
        }
    }

    func number(of key: borrowing ByteSpan) -> Int? {
        let length = key.count
        guard length > 0, length < NameTable.lengthLimit, initials[length] >> UInt32(key[0] & 31) & 1 == 1 else {
            return nil
        }
        for name in names[length] where key.equals(name.bytes.span) { return name.number }
        return nil
    }
}

/// Where the fields of an event are looked for in a JSON line, the first that is there counts. Nested ones have the
/// names of the objects around them before a point.
struct EventFields: Sendable {
    static let shared = EventFields()

    let table: NameTable
    let message: [Int]
    let logger: [Int]
    let release: [Int]
    let environment: [Int]
    let user: [Int]
    let trace: [Int]
    let method: [Int]
    let path: [Int]
    let fingerprint: [Int]
    /// Stack traces as text.
    let stack: [Int]
    /// Names of exceptions.
    let type: [Int]
    /// What exceptions say.
    let value: [Int]

    private init() {
        var table = NameTable()
        message = table.add(
            "logentry.message", "message", "msg", "log", "event", "record.message", "text", "error", "err")
        logger = table.add("logger", "name", "record.name", "logger_name")
        release = table.add("release", "version", "service.version")
        environment = table.add("env", "environment")
        user = table.add("user_id", "user.id", "user.email", "user", "userId")
        trace = table.add("trace_id", "traceId", "traceID")
        method = table.add("context.method", "method", "request.method", "http.method")
        path = table.add("context.path", "path", "request.url", "http.path", "url")
        fingerprint = table.add("fingerprint")
        stack = table.add(
            "traceback", "stack", "stacktrace", "stack_trace", "exc_info", "exc_text", "exception.stacktrace",
            "exception.stack", "exception.traceback", "error.stack", "err.stack", "error.stack_trace", "exception",
            "text")
        type = table.add(
            "error_type", "exception.type", "error.type", "record.exception.type", "err.type", "exception_type",
            "errorType", "error.name", "err.name")
        value = table.add(
            "exception.message", "exception.value", "error.message", "err.message", "record.exception.value", "error",
            "err", "exception")
        self.table = table
    }
}

/// The same for metadata of an entry and for labels of its stream.
struct EventPairs: Sendable {
    static let shared = EventPairs()

    let table: NameTable
    let app: [Int]
    let service: [Int]
    let release: [Int]
    let environment: [Int]
    let trace: [Int]
    let user: [Int]
    let logger: [Int]
    let type: [Int]
    let stack: [Int]
    let value: [Int]

    private init() {
        var table = NameTable()
        app = table.add("app")
        service = table.add("service_name", "service", "job")
        release = table.add("release", "version", "service_version")
        environment = table.add("env", "environment", "deployment_environment")
        trace = table.add("trace_id", "traceID", "traceId")
        user = table.add("user_id", "user", "enduser_id")
        logger = table.add("logger", "scope_name")
        type = table.add("exception_type", "exception.type")
        stack = table.add("exception_stacktrace", "exception.stacktrace")
        value = table.add("exception_message", "exception.message")
        self.table = table
    }
}
