import Bytes
import Receive

/// The object `record` in a line of loguru's `serialize=True`.
struct LoguruRecord {
    /// Members that every record has and that tell nothing about the event.
    private static let circumstances: Set<String> = ["elapsed", "process", "thread", "file", "module", "time"]

    private(set) var level: String?
    private(set) var message = ""
    /// Where in the line the names, with their quotes, and the values of the other members and of `extra` lie.
    private(set) var fields: [(name: Range<Int>, value: Range<Int>)] = []

    /// Reads `line[range]`; nil where it is some other object, without a message.
    init?(_ line: [UInt8], _ range: Range<Int>) {
        var hasMessage = false
        do throws(JSONError) {
            try read(line.span, range, isExtra: false, &hasMessage)
        } catch {
            return nil
        }
        guard hasMessage else { return nil }
    }

    private mutating func read(
        _ span: borrowing ByteSpan, _ range: Range<Int>, isExtra: Bool, _ hasMessage: inout Bool
    ) throws(JSONError) {
        var scanner = JSONScanner(range, maxDepth: 64)
        try scanner.expect(0x7b, in: span)
        if scanner.take(0x7d, in: span) { return }
        repeat {
            scanner.skipSpace(in: span)
            let nameStart = scanner.offset
            let name = try LoguruRecord.text(&scanner, span)
            let nameRange = nameStart..<scanner.offset
            try scanner.expect(0x3a, in: span)
            scanner.skipSpace(in: span)
            let start = scanner.offset
            let first = scanner.peek(in: span)
            if name == "message", first == 0x22, !isExtra {
                message = try LoguruRecord.text(&scanner, span)
                hasMessage = true
                continue
            }
            try scanner.skipValue(in: span, depth: 1)
            let value = start..<scanner.offset
            if isExtra {
                fields.append((nameRange, value))
            } else if name == "extra", first == 0x7b {
                try read(span, value, isExtra: true, &hasMessage)
            } else if name == "level", first == 0x7b {
                level = try LoguruRecord.levelName(span, value)
            } else if first != 0x6e, !LoguruRecord.circumstances.contains(name) {
                fields.append((nameRange, value))
            }
        } while try scanner.more(until: 0x7d, in: span)
    }

    /// `name` of `{"icon":"❌","name":"ERROR","no":40}`.
    private static func levelName(_ span: borrowing ByteSpan, _ range: Range<Int>) throws(JSONError) -> String? {
        var scanner = JSONScanner(range, maxDepth: 64)
        try scanner.expect(0x7b, in: span)
        if scanner.take(0x7d, in: span) { return nil }
        repeat {
            scanner.skipSpace(in: span)
            let name = try text(&scanner, span)
            try scanner.expect(0x3a, in: span)
            if name == "name", scanner.peek(in: span) == 0x22 { return try text(&scanner, span) }
            try scanner.skipValue(in: span, depth: 1)
        } while try scanner.more(until: 0x7d, in: span)
        return nil
    }

    private static func text(_ scanner: inout JSONScanner, _ span: borrowing ByteSpan) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        var scratch = ByteScratch()
        try scanner.appendString(in: span, to: &bytes, scratch: &scratch)
        return bytes.text
    }
}
