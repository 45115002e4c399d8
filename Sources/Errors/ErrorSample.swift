import Bytes
import Synchronization

/// One occurrence, as it is kept.
public struct ErrorSample: Hashable, Sendable {
    /// Which occurrence of its group it was, from 1.
    public var number: Int
    /// Without frames: they are parsed again from the trace when somebody looks.
    let stored: ErrorEvent

    public var event: ErrorEvent {
        var event = stored
        let parsed = event.traceback.isEmpty ? [] : StackParser.parse(event.traceback)
        guard parsed.count == event.exceptions.count else { return event }
        for index in parsed.indices { event.exceptions[index].frames = parsed[index].frames }
        return event
    }

    static let tracebackLimit = 8 << 10
    /// Where there is no room for more.
    static let shortTracebackLimit = 1 << 10

    // Number; time (zigzag); texts; count of exceptions, type and value of each. Numbers are varints, texts have their
    // length before them.

    static func append(
        _ draft: borrowing EventDraft, number: Int, tracebackLimit: Int, to out: inout [UInt8]
    ) {
        out.appendVarint(number)
        out.appendZigzag(draft.time)
        out.appendPrefixed(draft.level)
        append(draft.message, draft, to: &out)
        append(draft.logger, draft, to: &out)
        append(draft.traceback, draft, to: &out, limit: tracebackLimit)
        append(draft.app, draft, to: &out)
        append(draft.release, draft, to: &out)
        append(draft.environment, draft, to: &out)
        append(draft.trace, draft, to: &out)
        append(draft.user, draft, to: &out)
        append(draft.method, draft, to: &out)
        append(draft.path, draft, to: &out)
        out.appendVarint(draft.exceptions.count)
        for exception in draft.exceptions {
            append(exception.type, draft, to: &out)
            append(exception.value, draft, to: &out)
        }
    }

    private static func append(
        _ range: Range<Int>, _ draft: borrowing EventDraft, to out: inout [UInt8], limit: Int = tracebackLimit
    ) {
        let count = min(range.count, limit)
        out.appendVarint(count)
        out.append(draft.arena, range.lowerBound..<(range.lowerBound + count))
    }

    init(_ bytes: [UInt8]) throws(ReadError) {
        var reader = ByteReader(bytes)
        number = Int(clamping: try reader.varint())
        var event = ErrorEvent(time: try reader.zigzag())
        event.level = try reader.prefixedText()
        event.message = try reader.prefixedText()
        event.logger = try reader.prefixedText()
        event.traceback = try reader.prefixedText()
        event.app = try reader.prefixedText()
        event.release = try reader.prefixedText()
        event.environment = try reader.prefixedText()
        event.trace = try reader.prefixedText()
        event.user = try reader.prefixedText()
        event.method = try reader.prefixedText()
        event.path = try reader.prefixedText()
        for _ in 0..<(try reader.count(limit: 100)) {
            event.exceptions.append(
                ParsedException(type: try reader.prefixedText(), value: try reader.prefixedText()))
        }
        stored = event
    }
}
