import Bytes
import Model
import Receive

/// Makes an error event of a line that is one.
struct EventReader {
    private static let valueLimit = 8192

    /// Strings of a JSON line by dotted path, a few levels deep.
    private struct Fields {
        var values: [String: String] = [:]

        subscript(_ names: String...) -> String? {
            for name in names {
                if let value = values[name], !value.isEmpty { return value }
            }
            return nil
        }
    }

    /// - Parameters:
    ///   - isError: whether the entry's level says so; otherwise it must carry an exception.
    static func read(
        time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan, labels: LabelSet, level: String,
        isError: Bool
    ) -> ErrorEvent? {
        var event = ErrorEvent(time: time)
        event.level = level
        let pairs = LabelSet(canonical: [UInt8](copying: metadata))
        func known(_ names: String...) -> String? {
            for name in names {
                if let value = pairs.value(of: name) ?? labels.value(of: name) { return value }
            }
            return nil
        }
        event.app = labels.value(of: "app") ?? known("service_name", "service", "job") ?? "unknown"
        event.release = known("release", "version", "service_version") ?? ""
        event.environment = known("env", "environment", "deployment_environment") ?? ""
        event.trace = known("trace_id", "traceID", "traceId") ?? ""
        event.user = known("user_id", "user", "enduser_id") ?? ""
        event.logger = known("logger", "scope_name") ?? ""

        let text = line.count > StackParser.textLimit ? line.extracting(0..<StackParser.textLimit).text : line.text
        if let start = text.utf8.first(where: { $0 > 0x20 }), start == 0x7b {
            fill(&event, fields(line))
        } else {
            event.message = firstLine(text)
            event.exceptions = StackParser.parse(text)
            if !event.exceptions.isEmpty { event.traceback = text }
        }
        if event.exceptions.isEmpty, let type = known("exception_type", "exception.type") {
            let stack = known("exception_stacktrace", "exception.stacktrace") ?? ""
            event.traceback = stack
            event.exceptions = StackParser.parse(stack)
            if event.exceptions.isEmpty {
                let message = known("exception_message", "exception.message") ?? event.message
                event.exceptions = [ParsedException(type: type, value: message)]
            }
        }
        guard isError || !event.exceptions.isEmpty else { return nil }
        if event.message.isEmpty { event.message = event.title.isEmpty ? firstLine(text) : event.title }
        return event
    }

    private static func firstLine(_ text: String) -> String {
        String(text.prefix { !$0.isNewline }.prefix(2000))
    }

    private static func fill(_ event: inout ErrorEvent, _ fields: Fields) {
        event.message =
            fields["logentry.message", "message", "msg", "log", "event", "record.message", "text", "error", "err"] ?? ""
        event.logger = fields["logger", "name", "record.name", "logger_name"] ?? event.logger
        event.release = fields["release", "version", "service.version"] ?? event.release
        event.environment = fields["env", "environment"] ?? event.environment
        event.user = fields["user_id", "user.id", "user.email", "user", "userId"] ?? event.user
        event.trace = fields["trace_id", "traceId", "traceID"] ?? event.trace
        event.method = fields["context.method", "method", "request.method", "http.method"] ?? ""
        event.path = fields["context.path", "path", "request.url", "http.path", "url"] ?? ""
        event.clientFingerprint = fields["fingerprint"].map { [$0] } ?? []
        let stack =
            fields[
                "traceback", "stack", "stacktrace", "stack_trace", "exc_info", "exc_text", "exception.stacktrace",
                "exception.stack", "exception.traceback", "error.stack", "err.stack", "error.stack_trace", "exception",
                "text"]
        if let stack {
            event.exceptions = StackParser.parse(stack)
            if !event.exceptions.isEmpty { event.traceback = stack }
        }
        let named = fields[
            "error_type", "exception.type", "error.type", "record.exception.type", "err.type", "exception_type",
            "errorType",
            "error.name", "err.name"]
        let value = fields[
            "exception.message", "exception.value", "error.message", "err.message", "record.exception.value", "error",
            "err",
            "exception"]
        if event.exceptions.isEmpty {
            if let named {
                event.exceptions = [ParsedException(type: named, value: value ?? event.message)]
            } else if let value, let typed = StackParser.typed(value.prefix { !$0.isNewline }) {
                event.exceptions = [ParsedException(type: typed.type, value: typed.value)]
            }
        } else if let last = event.exceptions.indices.last {
            if let named, event.exceptions[last].type.isEmpty { event.exceptions[last].type = named }
            if event.exceptions[last].value.isEmpty, let value {
                event.exceptions[last].value =
                    StackParser.typed(value).map { $0.type == event.exceptions[last].type ? $0.value : value } ?? value
            }
        }
    }

    /// String and number members of a JSON object, nested ones under dotted names; what was read before the text breaks
    /// off counts.
    private static func fields(_ line: borrowing ByteSpan) -> Fields {
        var fields = Fields()
        var scratch = ByteScratch()
        var scanner = JSONScanner(0..<min(line.count, StackParser.textLimit), maxDepth: 64)
        try? read(line, &scanner, prefix: "", depth: 1, &scratch, &fields)
        return fields
    }

    private static func read(
        _ text: borrowing ByteSpan, _ scanner: inout JSONScanner, prefix: String, depth: Int,
        _ scratch: inout ByteScratch, _ fields: inout Fields
    ) throws(JSONError) {
        try scanner.expect(0x7b, in: text)
        if scanner.take(0x7d, in: text) { return }
        repeat {
            var key: [UInt8] = []
            try scanner.appendString(in: text, to: &key, scratch: &scratch)
            let name = prefix + key.text
            try scanner.expect(0x3a, in: text)
            switch scanner.peek(in: text) {
            case 0x22:
                var value: [UInt8] = []
                try scanner.appendString(in: text, to: &value, scratch: &scratch)
                if fields.values.count < 200 { fields.values[name] = value.text }
            case 0x7b where depth < 4:
                try read(text, &scanner, prefix: name + ".", depth: depth + 1, &scratch, &fields)
            case let first:
                let start = scanner.offset
                try scanner.skipValue(in: text, depth: depth)
                if first != 0x7b, first != 0x5b, first != 0x6e, fields.values.count < 200 {
                    fields.values[name] = text.extracting(start..<scanner.offset).text
                }
            }
        } while try scanner.more(until: 0x7d, in: text)
    }
}
