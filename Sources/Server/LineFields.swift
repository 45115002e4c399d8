import Bytes
import Model
import Receive

/// Top-level fields of a line that is a JSON object. Of a line of loguru's `serialize=True`, the fields of its
/// `record`, what was bound in `record.extra`, and, where the message is a JSON object itself, that object's fields.
struct LineFields {
    private static let levelNames: Set<String> = ["level", "severity", "lvl", "loglevel", "log.level"]
    private static let messageNames: Set<String> = ["message", "msg", "log", "text", "event"]
    /// Shown in places of their own.
    private static let known: Set<String> = [
        "timestamp", "ts", "time", "@timestamp", "_time", "trace_id", "traceID", "traceId", "trace.id", "app",
    ]

    private static let recordName = [UInt8](#""record""#.utf8)

    private(set) var level: String?
    private(set) var message: String?
    /// What the ranges of `others` point into: the line, and behind it the text of a message that is JSON.
    private(set) var source: [UInt8] = []
    /// The other fields: where in `source` the name with its quotes and the value lie.
    private(set) var others: [(name: Range<Int>, value: Range<Int>)] = []

    /// Reads `line`; a line that is no JSON object, or is not valid UTF-8, has no fields.
    init(_ line: [UInt8]) {
        guard line.first == 0x7b, LineFields.isUTF8(line.span) else { return }
        var found = LineFields(source: line)
        if (try? found.read()) != nil { self = found }
    }

    private init(source: [UInt8] = []) { self.source = source }

    private mutating func read() throws(JSONError) {
        let line = source
        var record: Range<Int>?
        try read(line.span, 0..<line.count, &record)
        guard let record, let loguru = LoguruRecord(line, record) else { return }
        level = loguru.level ?? level
        message = loguru.message
        others = others.filter { !line[$0.name].elementsEqual(LineFields.recordName) } + loguru.fields
        if message?.utf8.first == 0x7b, let text = message.map({ [UInt8]($0.utf8) }) {
            var inner = LineFields(source: line + text)
            var nested: Range<Int>?
            let whole = inner.source
            guard (try? inner.read(whole.span, line.count..<whole.count, &nested)) != nil else { return }
            source = whole
            message = inner.message ?? message
            others += inner.others
        }
    }

    private mutating func read(
        _ span: borrowing ByteSpan, _ range: Range<Int>, _ record: inout Range<Int>?
    ) throws(JSONError) {
        var scanner = JSONScanner(range, maxDepth: 64)
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
                if name == "record", span[start] == 0x7b { record = start..<scanner.offset }
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

    /// The value of a field as JSON, by its name.
    func value(_ name: String) -> [UInt8]? {
        let wanted = [0x22] + [UInt8](name.utf8) + [0x22]
        return others.first { source[$0.name].elementsEqual(wanted) }.map { Array(source[$0.value]) }
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
