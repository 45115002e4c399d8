import Bytes

/// Lines of loguru's `serialize=True`: everything that tells about the event is in the object `record`, the level as
/// `record.level.name`, the time as `record.time.timestamp`, what the application bound in `record.extra`, and, in
/// access lines, JSON as text in `record.message`. What the line says at its top counts before it.
extension PlainReader {
    static let recordName = [UInt8]("record".utf8)
    private static let levelField = [UInt8]("level".utf8)
    private static let timeField = [UInt8]("time".utf8)
    private static let extraField = [UInt8]("extra".utf8)
    private static let messageField = [UInt8]("message".utf8)
    private static let levelNameField = [UInt8]("name".utf8)
    private static let timestampField = [UInt8]("timestamp".utf8)

    /// Which object of a record members are read from.
    private enum Place {
        case record, level, time, extra
    }

    /// Notes the wanted fields of the object `body[record]`, which was scanned before.
    mutating func readRecord(_ body: borrowing ByteSpan, _ record: Range<Int>) {
        var message: PlainValue?
        do throws(JSONError) {
            try readMembers(body, record, .record, &message)
        } catch {
            return  // cannot be: the object was scanned before
        }
        let traces = PlainFields.traceFields.count
        if let message, message.hasEscapes, !metadataValues[..<traces].contains(where: \.isPresent) {
            noteTrace(body, inText: message.range)
        }
    }

    private mutating func readMembers(
        _ body: borrowing ByteSpan, _ range: Range<Int>, _ place: Place, _ message: inout PlainValue?
    ) throws(JSONError) {
        var scanner = JSONScanner(range, maxDepth: maxDepth)
        try scanner.expect(0x7b, in: body)
        if scanner.take(0x7d, in: body) { return }
        repeat {
            _ = scanner.peek(in: body)
            let keyStart = scanner.offset + 1
            let hasEscapes = try scanner.skipString(in: body)
            let key = keyStart..<(scanner.offset - 1)
            try scanner.expect(0x3a, in: body)
            var value = PlainValue()
            value.isString = scanner.peek(in: body) == 0x22
            let start = scanner.offset
            if value.isString {
                value.hasEscapes = try scanner.skipString(in: body)
                value.range = (start + 1)..<(scanner.offset - 1)
            } else {
                try scanner.skipValue(in: body, depth: 1)
                value.range = start..<scanner.offset
            }
            value.isPresent = value.isString ? !value.range.isEmpty : body[start] != 0x6e
            if value.isPresent, !hasEscapes { try note(body, key, value, place, &message) }
        } while try scanner.more(until: 0x7d, in: body)
    }

    private mutating func note(
        _ body: borrowing ByteSpan, _ key: Range<Int>, _ value: PlainValue, _ place: Place,
        _ message: inout PlainValue?
    ) throws(JSONError) {
        switch place {
        case .extra: noteMissing(body.extracting(key), value)
        case .level:
            if PlainReader.matches(body.extracting(key), PlainReader.levelNameField) {
                noteMissing(PlainReader.levelField, value)
            }
        case .time:
            if PlainReader.matches(body.extracting(key), PlainReader.timestampField) {
                noteMissing(PlainReader.timeField, value)
            }
        case .record:
            if PlainReader.matches(body.extracting(key), PlainReader.messageField) {
                message = value
            } else if !value.isString, body[value.range.lowerBound] == 0x7b {
                if PlainReader.matches(body.extracting(key), PlainReader.levelField) {
                    try readMembers(body, value.range, .level, &message)
                } else if PlainReader.matches(body.extracting(key), PlainReader.timeField) {
                    try readMembers(body, value.range, .time, &message)
                } else if PlainReader.matches(body.extracting(key), PlainReader.extraField) {
                    try readMembers(body, value.range, .extra, &message)
                }
            }
        }
    }

    static func matches(_ name: borrowing ByteSpan, _ wanted: [UInt8]) -> Bool { name.equals(wanted.span) }

    private mutating func noteMissing(_ name: [UInt8], _ value: PlainValue) { noteMissing(name.span, value) }

    private mutating func noteMissing(_ name: borrowing ByteSpan, _ value: PlainValue) {
        if let index = fields.labels.index(of: name), !labelValues[index].isPresent { labelValues[index] = value }
        if let index = fields.metadata.index(of: name), !metadataValues[index].isPresent {
            metadataValues[index] = value
        }
        if let index = fields.times.index(of: name), !timeValues[index].isPresent { timeValues[index] = value }
    }

    /// Notes the trace id of JSON that is the text of a JSON string: `\"trace_id\": \"4bf9…\"`.
    private mutating func noteTrace(_ body: borrowing ByteSpan, inText text: Range<Int>) {
        let span = body.extracting(text)
        for (index, name) in PlainReader.escapedTraceNames.enumerated() {
            guard let found = ByteSearch.find(name.span, in: span) else { continue }
            var at = found + name.count
            while at < span.count, span[at] == 0x20 || span[at] == 0x3a { at += 1 }
            guard at + 1 < span.count, span[at] == 0x5c, span[at + 1] == 0x22 else { continue }
            let start = at + 2
            guard let end = ByteSearch.find(byte: 0x5c, in: span, from: start), end > start, end + 1 < span.count,
                span[end + 1] == 0x22
            else { continue }
            var value = PlainValue(isPresent: true, isString: true)
            value.range = (text.lowerBound + start)..<(text.lowerBound + end)
            metadataValues[index] = value
            return
        }
    }

    private static let escapedTraceNames = PlainFields.traceFields.map { [UInt8]("\\\"\($0)\\\"".utf8) }
}
