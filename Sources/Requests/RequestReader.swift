import Bytes
import Model
import Receive

/// Finds out whether a line is about a request that took some time: JSON (also JSON in loguru's `record.message`), key
/// and value text, nginx and Apache access lines, and plain text such as `GET /orders/17 200 812ms`.
struct RequestReader: Sendable {
    /// Text of the JSON string that held the request, for ranges of fields that are nested.
    private(set) var nested: [UInt8] = []
    private var scratch = ByteScratch()
    private let keys = RequestKeys()
    private let hints = ["duration", "latency_ms", "elapsed_ms", "response_time", "took_ms", "request_time"]
        .map { [UInt8]($0.utf8) }

    /// Each name of a duration holds one of these.
    private let timeNames = ["_ms", "duration", "request_time"].map { [UInt8]($0.utf8) }

    private let protocolName = [UInt8](" HTTP/".utf8)
    private let jsonStart: [UInt8] = [0x7b, 0x22]

    private static let depthLimit = 64

    /// What is known so far.
    private struct Draft {
        var rank = Int.max
        var fields = RequestFields(microseconds: 0)
        var found: RequestFields? { rank == .max ? nil : fields }
    }

    init() {}

    mutating func read(_ line: borrowing ByteSpan) -> RequestFields? {
        guard let first = firstByte(line) else { return nil }
        if line[first] == 0x7b {
            guard mayTellTime(line) else { return nil }
            return withPlainPath(readJSON(line, first..<line.count, isNested: false), line)
        }
        if let quote = ByteSearch.find(protocolName.span, in: line) {
            return AccessLine.read(line, protocolAt: quote)
        }
        if hasHint(line) {
            if let brace = ByteSearch.find(jsonStart.span, in: line),
                let found = withPlainPath(readJSON(line, brace..<line.count, isNested: false), line)
            {
                return found
            }
            if let found = readPairs(line) { return found }
        }
        return PlainRequest.read(line)
    }

    private func firstByte(_ line: borrowing ByteSpan) -> Int? {
        for index in 0..<line.count where line[index] > 0x20 { return index }
        return nil
    }

    /// Whether a part of some name of durations is there at all.
    private func mayTellTime(_ line: borrowing ByteSpan) -> Bool {
        for name in timeNames where ByteSearch.contains(name.span, in: line) { return true }
        return false
    }

    private func hasHint(_ line: borrowing ByteSpan) -> Bool {
        for hint in hints where ByteSearch.contains(hint.span, in: line) { return true }
        return false
    }

    private mutating func readJSON(
        _ text: borrowing ByteSpan, _ range: Range<Int>, isNested: Bool
    ) -> RequestFields? {
        var draft = Draft()
        var message: Range<Int>?
        var scanner = JSONScanner(range, maxDepth: RequestReader.depthLimit)
        // What was read before the text turns out not to be JSON counts: lines may be cut.
        try? readObject(text, &scanner, depth: 1, &draft, &message)
        if let found = draft.found { return found }
        guard !isNested, let message, hasHint(text.extracting(message)) else { return nil }
        var strings = JSONScanner((message.lowerBound - 1)..<(message.upperBound + 1), maxDepth: 1)
        nested.removeAll(keepingCapacity: true)
        guard (try? strings.appendString(in: text, to: &nested, scratch: &scratch)) != nil else { return nil }
        return readNested()
    }

    /// Reads a line again whose path has its slashes escaped, as some writers of JSON do, without those escapes.
    private mutating func withPlainPath(_ found: RequestFields?, _ line: borrowing ByteSpan) -> RequestFields? {
        guard let found, !found.isNested, let path = found.path,
            ByteSearch.find(byte: 0x5c, in: line.extracting(path)) != nil
        else { return found }
        nested.removeAll(keepingCapacity: true)
        nested.append(span: line)
        return readNested() ?? found
    }

    /// Takes the backslash out of every `\/` of the nested text.
    private mutating func unescapeSlashes() {
        var at = 0
        var end = 0
        while at < nested.count {
            let isEscape = nested[at] == 0x5c && at + 1 < nested.count
            if isEscape, nested[at + 1] != 0x2f {
                nested[end] = 0x5c
                end += 1
            }
            if isEscape { at += 1 }
            nested[end] = nested[at]
            (at, end) = (at + 1, end + 1)
        }
        nested.removeLast(nested.count - end)
    }

    private mutating func readNested() -> RequestFields? {
        unescapeSlashes()
        let text = nested
        let span = text.span
        guard let brace = ByteSearch.find(byte: 0x7b, in: span),
            var found = readJSON(span, brace..<span.count, isNested: true)
        else { return nil }
        found.isNested = true
        return found
    }

    private func readObject(
        _ text: borrowing ByteSpan, _ scanner: inout JSONScanner, depth: Int, _ draft: inout Draft,
        _ message: inout Range<Int>?
    ) throws(JSONError) {
        try scanner.expect(0x7b, in: text)
        if scanner.take(0x7d, in: text) { return }
        repeat {
            _ = scanner.peek(in: text)
            let start = scanner.offset + 1
            try scanner.skipString(in: text)
            let key = start..<(scanner.offset - 1)
            try scanner.expect(0x3a, in: text)
            let first = scanner.peek(in: text)
            let field = key.isEmpty ? nil : keys.field(text.extracting(key))
            if case .nest = field, first == 0x7b, depth < 4 {
                try readObject(text, &scanner, depth: depth + 1, &draft, &message)
                continue
            }
            let from = scanner.offset
            try scanner.skipValue(in: text, depth: depth)
            guard let field, first == 0x22 || (first >= 0x30 && first <= 0x39) else { continue }
            let value = first == 0x22 ? (from + 1)..<(scanner.offset - 1) : from..<scanner.offset
            if field == .message {
                if first == 0x22 { message = value }
            } else {
                take(field, value, text, &draft)
            }
        } while try scanner.more(until: 0x7d, in: text)
    }

    private func take(_ field: RequestKeys.Field, _ value: Range<Int>, _ text: borrowing ByteSpan, _ draft: inout Draft)
    {
        switch field {
        case .duration(let rank, let unit):
            guard rank < draft.rank,
                let duration = DurationValue.microseconds(text.extracting(value), unit: unit)
            else { return }
            draft.rank = rank
            draft.fields.microseconds = duration
        case .status: draft.fields.status = RequestReader.status(text.extracting(value))
        case .method: draft.fields.method = value
        case .path: draft.fields.path = value
        case .client: draft.fields.client = value
        case .trace: draft.fields.trace = value
        case .nest, .message: break
        }
    }

    /// `key=value` text; values may be quoted.
    private func readPairs(_ line: borrowing ByteSpan) -> RequestFields? {
        var draft = Draft()
        var at = 0
        while let equals = ByteSearch.find(byte: 0x3d, in: line, from: at) {
            var start = equals
            while start > at, RequestReader.isKeyByte(line[start - 1]) { start -= 1 }
            var end = equals + 1
            var value = end..<end
            if end < line.count, line[end] == 0x22 {
                let close = ByteSearch.find(byte: 0x22, in: line, from: end + 1) ?? line.count
                value = (end + 1)..<max(close, end + 1)
                end = min(close + 1, line.count)
            } else {
                while end < line.count, line[end] > 0x20, line[end] != 0x2c { end += 1 }
                value = (equals + 1)..<end
            }
            if start < equals, !value.isEmpty, let field = keys.field(line.extracting(start..<equals)) {
                take(field, value, line, &draft)
            }
            at = end
        }
        return draft.found
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || byte == 0x5f
    }

    /// Three digits from 100 to 599, or 0.
    static func status(_ text: borrowing ByteSpan) -> Int {
        guard text.count == 3 else { return 0 }
        var value = 0
        for index in 0..<3 {
            guard text[index] >= 0x30, text[index] <= 0x39 else { return 0 }
            value = value * 10 + Int(text[index] - 0x30)
        }
        return value >= 100 && value < 600 ? value : 0
    }

    /// What of structured metadata makes an entry a request: its duration under one of the known names.
    func readMetadata(_ metadata: borrowing ByteSpan) -> RequestFields? {
        var draft = Draft()
        var cursor = PairCursor(0..<metadata.count)
        while let pair = cursor.next(in: metadata) {
            guard !pair.name.isEmpty, let field = keys.field(metadata.extracting(pair.name)) else { continue }
            take(field, pair.value, metadata, &draft)
        }
        return draft.found
    }
}
