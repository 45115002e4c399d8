import Bytes
import Model
import Query
import Receive

/// One page of log lines in the shapes of `/api/v1/observability/logs`.
struct LogsPage {
    private struct Line {
        let time: Int64
        let labels: LabelSet
        let entry: LogEntry

        /// Time and a hash of stream, line and metadata: the same for the same entry wherever it is stored.
        var id: String {
            let seed = Hash.hash64(labels.encoded, seed: Hash.hash64(entry.metadata.encoded))
            return String(time, radix: 16) + "-" + String(Hash.hash64(entry.line, seed: seed), radix: 16)
        }
    }

    private var lines: [Line] = []
    private(set) var next: String?
    var scannedBytes = 0
    var tookMilliseconds = 0
    var warnings: [String] = []

    /// Merges the first `limit` entries behind those that earlier pages showed of the first instant. Streams come with
    /// their entries in order, but without the order between them, so what was shown is told by `shown`, its ids.
    init(_ streams: [LogStream], _ request: LogsRequest, shown: Set<String> = []) {
        for stream in streams {
            for entry in stream.entries {
                lines.append(Line(time: entry.time, labels: stream.labels, entry: entry))
            }
        }
        if !shown.isEmpty { lines.removeAll { shown.contains($0.id) } }
        let order = lines.indices.sorted { a, b in
            let (first, second) = (lines[a].time, lines[b].time)
            if first != second { return request.isAscending ? first < second : first > second }
            return a < b
        }
        lines = order.map { lines[$0] }
        guard lines.count >= request.limit, let last = lines.last else { return }
        let atLast = lines.reversed().prefix { $0.time == last.time }.count
        let before = last.time == request.resumedInstant ? request.skippedEntries : 0
        next = "c_\(last.time)_\(atLast + before)"
    }

    /// Ids of all entries, in the form in which lines show them.
    var ids: Set<String> { Set(lines.map(\.id)) }

    func json(now: Int64) -> [UInt8] {
        var out = [UInt8]("{\"count\":\(lines.count),\"timestamp\":\"\(RFC3339.format(now))\",\"next\":".utf8)
        if let next { JSONText.append(next, to: &out) } else { out.append(contentsOf: "null".utf8) }
        out.append(contentsOf: ",\"total\":\(lines.count),\"total_is_estimate\":\(next != nil),\"logs\":[".utf8)
        for (index, line) in lines.enumerated() {
            if index > 0 { out.append(0x2c) }
            append(line, to: &out)
        }
        out.append(
            contentsOf: "],\"stats\":{\"scanned_bytes\":\(scannedBytes),\"took_ms\":\(tookMilliseconds),\"partial\":"
                .utf8)
        out.append(contentsOf: "\(!warnings.isEmpty)}".utf8)
        if !warnings.isEmpty {
            out.append(contentsOf: ",\"warnings\":[".utf8)
            for (index, warning) in warnings.enumerated() {
                if index > 0 { out.append(0x2c) }
                JSONText.append(warning, to: &out)
            }
            out.append(0x5d)
        }
        out.append(contentsOf: "}\n".utf8)
        return out
    }

    func ndjson() -> [UInt8] {
        var out: [UInt8] = []
        for line in lines {
            append(line, to: &out)
            out.append(0x0a)
        }
        return out
    }

    /// Time and line, as a terminal wants them.
    func text() -> [UInt8] {
        var out: [UInt8] = []
        for line in lines {
            out.append(contentsOf: RFC3339.format(line.time).utf8)
            out.append(0x20)
            out.append(contentsOf: line.entry.line)
            out.append(0x0a)
        }
        return out
    }

    private func append(_ line: Line, to out: inout [UInt8]) {
        let fields = LineFields(line.entry.line)
        let metadata = line.entry.metadata
        out.append(contentsOf: "{\"timestamp\":\"\(RFC3339.format(line.time))\",\"level\":".utf8)
        let level = fields.level ?? line.labels.value(of: "level") ?? metadata.value(of: "detected_level") ?? "unknown"
        JSONText.append(level, to: &out)
        out.append(contentsOf: ",\"message\":".utf8)
        if let message = fields.message {
            JSONText.append(message, to: &out)
        } else {
            JSONText.append(line.entry.line.span, to: &out)
        }
        out.append(contentsOf: ",\"trace_id\":".utf8)
        appendText(["trace_id", "traceID", "traceId"].lazy.compactMap { metadata.value(of: $0) }.first, to: &out)
        out.append(contentsOf: ",\"app\":".utf8)
        appendText(line.labels.value(of: "app"), to: &out)
        out.append(contentsOf: ",\"id\":\"\(line.id)\",\"fields\":{".utf8)
        for (index, field) in fields.others.enumerated() {
            if index > 0 { out.append(0x2c) }
            out.append(line.entry.line, field.name)
            out.append(0x3a)
            out.append(line.entry.line, field.value)
        }
        out.append(contentsOf: "},\"labels\":{".utf8)
        for (index, pair) in line.labels.pairs.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(pair.name, to: &out)
            out.append(0x3a)
            JSONText.append(pair.value, to: &out)
        }
        out.append(contentsOf: "}}".utf8)
    }

    private func appendText(_ text: String?, to out: inout [UInt8]) {
        if let text { JSONText.append(text, to: &out) } else { out.append(contentsOf: "null".utf8) }
    }
}

/// Top-level fields of a line that is a JSON object.
struct LineFields {
    private static let levelNames: Set<String> = ["level", "severity", "lvl", "loglevel", "log.level"]
    private static let messageNames: Set<String> = ["message", "msg", "log", "text", "event"]
    /// Shown in places of their own.
    private static let known: Set<String> = [
        "timestamp", "ts", "time", "@timestamp", "_time", "trace_id", "traceID", "traceId", "trace.id", "app",
    ]

    private(set) var level: String?
    private(set) var message: String?
    /// The other fields: where in the line the name with its quotes and the value lie.
    private(set) var others: [(name: Range<Int>, value: Range<Int>)] = []

    /// Reads `line`; a line that is no JSON object, or is not valid UTF-8, has no fields.
    init(_ line: [UInt8]) {
        guard line.first == 0x7b, LineFields.isUTF8(line.span) else { return }
        var found = LineFields()
        if (try? found.read(line.span)) != nil { self = found }
    }

    private init() {}

    private mutating func read(_ span: borrowing ByteSpan) throws(JSONError) {
        var scanner = JSONScanner(0..<span.count, maxDepth: 64)
        try scanner.expect(0x7b, in: span)
        var isOpen = !scanner.take(0x7d, in: span)
        while isOpen {
            scanner.skipSpace(in: span)
            let nameStart = scanner.offset
            let name = try text(&scanner, span)
            let nameEnd = scanner.offset
            try scanner.expect(0x3a, in: span)
            scanner.skipSpace(in: span)
            let start = scanner.offset
            let isString = scanner.peek(in: span) == 0x22
            if level == nil, isString, LineFields.levelNames.contains(name) {
                level = try text(&scanner, span)
            } else if message == nil, isString, LineFields.messageNames.contains(name) {
                message = try text(&scanner, span)
            } else {
                try scanner.skipValue(in: span, depth: 1)
                if !LineFields.known.contains(name) { others.append((nameStart..<nameEnd, start..<scanner.offset)) }
            }
            isOpen = try scanner.more(until: 0x7d, in: span)
        }
        try scanner.finish(in: span)
    }

    private func text(_ scanner: inout JSONScanner, _ span: borrowing ByteSpan) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        var scratch = ByteScratch()
        try scanner.appendString(in: span, to: &bytes, scratch: &scratch)
        return bytes.text
    }

    private static func isUTF8(_ span: borrowing ByteSpan) -> Bool {
        var at = 0
        while at < span.count {
            let count = JSONText.sequenceCount(span, at)
            if count == 0 { return false }
            at += count
        }
        return true
    }
}
