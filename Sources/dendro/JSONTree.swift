import Bytes
import Model
import Receive

/// A JSON document as values, for the small answers that dendro's own commands read.
indirect enum JSONTree {
    case null
    case bool(Bool)
    /// As written.
    case number(String)
    case string(String)
    case array([JSONTree])
    case object([(name: String, value: JSONTree)])

    /// Reads a whole document, or nil if it is none.
    init?(_ bytes: [UInt8]) {
        let span = bytes.span
        var scanner = JSONScanner(0..<span.count, maxDepth: 64)
        do throws(JSONError) {
            self = try JSONTree.read(&scanner, span, depth: 0)
            try scanner.finish(in: span)
        } catch {
            return nil
        }
    }

    subscript(name: String) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// Members of an array; none for anything else.
    var items: [JSONTree] {
        guard case .array(let items) = self else { return [] }
        return items
    }

    /// A string's text, or a number as written.
    var text: String {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let value): String(value)
        default: ""
        }
    }

    var integer: Int? { Int(text) }

    /// An object's members as texts.
    var texts: [(name: String, value: String)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value.text) }
    }

    /// Writes the document again, without spaces.
    func append(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: String(value).utf8)
        case .number(let text): out.append(contentsOf: text.utf8)
        case .string(let text): JSONText.append(text, to: &out)
        case .array(let items):
            out.append(0x5b)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2c) }
                item.append(to: &out)
            }
            out.append(0x5d)
        case .object(let members):
            out.append(0x7b)
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(0x2c) }
                JSONText.append(member.name, to: &out)
                out.append(0x3a)
                member.value.append(to: &out)
            }
            out.append(0x7d)
        }
    }

    private static func read(
        _ scanner: inout JSONScanner, _ span: borrowing ByteSpan, depth: Int
    ) throws(JSONError) -> JSONTree {
        guard depth < scanner.maxDepth else { throw JSONError("nested too deeply", at: scanner.offset) }
        switch scanner.peek(in: span) {
        case 0x22: return .string(try string(&scanner, span))
        case 0x5b:
            try scanner.expect(0x5b, in: span)
            var items: [JSONTree] = []
            var isOpen = !scanner.take(0x5d, in: span)
            while isOpen {
                items.append(try read(&scanner, span, depth: depth + 1))
                isOpen = try scanner.more(until: 0x5d, in: span)
            }
            return .array(items)
        case 0x7b:
            try scanner.expect(0x7b, in: span)
            var members: [(name: String, value: JSONTree)] = []
            var isOpen = !scanner.take(0x7d, in: span)
            while isOpen {
                scanner.skipSpace(in: span)
                let name = try string(&scanner, span)
                try scanner.expect(0x3a, in: span)
                members.append((name, try read(&scanner, span, depth: depth + 1)))
                isOpen = try scanner.more(until: 0x7d, in: span)
            }
            return .object(members)
        default:
            scanner.skipSpace(in: span)
            let start = scanner.offset
            try scanner.skipValue(in: span, depth: depth)
            switch span.extracting(start..<scanner.offset).text {
            case "null": return .null
            case "true": return .bool(true)
            case "false": return .bool(false)
            case let number: return .number(number)
            }
        }
    }

    private static func string(_ scanner: inout JSONScanner, _ span: borrowing ByteSpan) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        var scratch = ByteScratch()
        try scanner.appendString(in: span, to: &bytes, scratch: &scratch)
        return bytes.text
    }
}
