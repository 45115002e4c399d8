import Bytes
import Model
import Receive

/// Makes an error event of a line that is one, in memory that is used again for the next.
struct EventReader: Sendable {
    /// What the line told that was read last.
    private(set) var draft = EventDraft()

    private static let messageLimit = 2000
    private static let depthLimit = 4

    private let fields = EventFields.shared
    private let pairs = EventPairs.shared
    /// Texts of the line's fields, of metadata and of labels, by the numbers of their tables.
    private var values: [Range<Int>]
    private var metadataValues: [Range<Int>]
    private var labelValues: [Range<Int>]
    private var scratch = ByteScratch()
    /// Names of the objects around the member that is read, and its own.
    private var name: [UInt8] = []

    init() {
        values = [Range<Int>](repeating: EventDraft.none, count: EventFields.shared.table.count)
        metadataValues = [Range<Int>](repeating: EventDraft.none, count: EventPairs.shared.table.count)
        labelValues = metadataValues
    }

    /// Reads a line into `draft`; whether it is an error.
    /// - Parameters:
    ///   - level: normalised.
    ///   - isError: whether the entry's level says so; otherwise it must carry an exception.
    mutating func read(
        time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan, labels: LabelSet, level: String,
        isError: Bool
    ) -> Bool {
        draft.reset(time: time, level: level)
        takePairs(metadata, labels)
        let size = min(line.count, StackParser.textLimit)
        var start = 0
        while start < size, line[start] <= 0x20 { start += 1 }
        if start < size, line[start] == 0x7b {
            readFields(line, size)
            takeFields()
        } else {
            let text = draft.append(line.extracting(0..<size))
            draft.message = draft.firstLine(text, limit: EventReader.messageLimit)
            if let head = LineHead(draft.message, draft.arena) {
                draft.message = head.message
                if draft.logger.isEmpty { draft.logger = head.logger }
            }
            draft.parseTrace(text)
            if !draft.exceptions.isEmpty { draft.traceback = text }
        }
        if draft.exceptions.isEmpty, let type = known(pairs.type) { takeException(type) }
        guard isError || !draft.exceptions.isEmpty else { return false }
        if draft.message.isEmpty {
            draft.message = draft.title
            if draft.message.isEmpty {
                let text = draft.append(line.extracting(0..<size))
                draft.message = draft.firstLine(text, limit: EventReader.messageLimit)
            }
        }
        return true
    }

    // MARK: metadata and labels

    private mutating func takePairs(_ metadata: borrowing ByteSpan, _ labels: LabelSet) {
        for number in metadataValues.indices {
            (metadataValues[number], labelValues[number]) = (EventDraft.none, EventDraft.none)
        }
        var cursor = PairCursor(0..<metadata.count)
        while let pair = cursor.next(in: metadata) {
            guard let number = pairs.table.number(of: metadata.extracting(pair.name)) else { continue }
            metadataValues[number] = draft.append(metadata.extracting(pair.value))
        }
        let encoded = labels.encoded.span
        cursor = PairCursor(0..<encoded.count)
        while let pair = cursor.next(in: encoded) {
            guard let number = pairs.table.number(of: encoded.extracting(pair.name)) else { continue }
            labelValues[number] = draft.append(encoded.extracting(pair.value))
        }
        let app = labelValues[pairs.app[0]]
        draft.app = app.isEmpty ? known(pairs.service) ?? EventDraft.unknown : app
        draft.release = known(pairs.release) ?? EventDraft.none
        draft.environment = known(pairs.environment) ?? EventDraft.none
        draft.trace = known(pairs.trace) ?? EventDraft.none
        draft.user = known(pairs.user) ?? EventDraft.none
        draft.logger = known(pairs.logger) ?? EventDraft.none
    }

    /// The first of some names that metadata or labels have.
    private func known(_ numbers: [Int]) -> Range<Int>? {
        for number in numbers {
            if !metadataValues[number].isEmpty { return metadataValues[number] }
            if !labelValues[number].isEmpty { return labelValues[number] }
        }
        return nil
    }

    /// An exception that metadata names, as OpenTelemetry does.
    private mutating func takeException(_ type: Range<Int>) {
        let stack = known(pairs.stack) ?? EventDraft.none
        draft.traceback = stack
        draft.parseTrace(stack)
        guard draft.exceptions.isEmpty else { return }
        draft.exceptions.append(EventDraft.Exception(type: type, value: known(pairs.value) ?? draft.message))
    }

    // MARK: JSON

    /// The first of some names that the line has, with a text that is not empty.
    private func value(_ numbers: [Int]) -> Range<Int>? {
        for number in numbers where !values[number].isEmpty { return values[number] }
        return nil
    }

    private mutating func takeFields() {
        draft.message = value(fields.message) ?? EventDraft.none
        draft.logger = value(fields.logger) ?? draft.logger
        draft.release = value(fields.release) ?? draft.release
        draft.environment = value(fields.environment) ?? draft.environment
        draft.user = value(fields.user) ?? draft.user
        draft.trace = value(fields.trace) ?? draft.trace
        draft.method = value(fields.method) ?? EventDraft.none
        draft.path = value(fields.path) ?? EventDraft.none
        draft.clientFingerprint = value(fields.fingerprint) ?? EventDraft.none
        if let stack = value(fields.stack) {
            draft.parseTrace(stack)
            if !draft.exceptions.isEmpty { draft.traceback = stack }
        }
        let type = value(fields.type)
        let text = value(fields.value)
        guard let last = draft.exceptions.indices.last else {
            if let type {
                draft.exceptions.append(EventDraft.Exception(type: type, value: text ?? draft.message))
            } else if let text, let typed = draft.typed(draft.firstLine(text)) {
                draft.exceptions.append(EventDraft.Exception(type: typed.type, value: typed.value))
            }
            return
        }
        if let type { draft.exceptions[last].type = type }
        guard draft.exceptions[last].value.isEmpty, let text else { return }
        draft.exceptions[last].value = text
        if let typed = draft.typed(text), draft.isEqual(typed.type, draft.exceptions[last].type) {
            draft.exceptions[last].value = typed.value
        }
    }

    /// Known members of a JSON object; what was read before the text breaks off counts.
    private mutating func readFields(_ line: borrowing ByteSpan, _ size: Int) {
        for number in values.indices { values[number] = EventDraft.none }
        name.removeAll(keepingCapacity: true)
        var scanner = JSONScanner(0..<size, maxDepth: 64)
        try? readObject(line, &scanner, depth: 1)
    }

    private mutating func readObject(
        _ text: borrowing ByteSpan, _ scanner: inout JSONScanner, depth: Int
    ) throws(JSONError) {
        let outer = name.count
        try scanner.expect(0x7b, in: text)
        if scanner.take(0x7d, in: text) { return }
        repeat {
            name.removeLast(name.count - outer)
            try scanner.appendString(in: text, to: &name, scratch: &scratch)
            try scanner.expect(0x3a, in: text)
            let first = scanner.peek(in: text)
            if first == 0x7b, depth < EventReader.depthLimit {
                name.append(0x2e)
                try readObject(text, &scanner, depth: depth + 1)
                continue
            }
            let start = scanner.offset
            guard first != 0x7b, first != 0x5b, first != 0x6e, let number = fields.table.number(of: name.span) else {
                try scanner.skipValue(in: text, depth: depth)
                continue
            }
            if first == 0x22 {
                let begin = draft.arena.count
                try scanner.appendString(in: text, to: &draft.arena, scratch: &scratch)
                values[number] = draft.repaired(from: begin)
            } else {
                try scanner.skipValue(in: text, depth: depth)
                values[number] = draft.append(text.extracting(start..<scanner.offset))
            }
        } while try scanner.more(until: 0x7d, in: text)
    }
}

extension EventDraft {
    func isEqual(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        arena.span.extracting(a).equals(arena.span.extracting(b))
    }
}
