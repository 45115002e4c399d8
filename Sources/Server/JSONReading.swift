import Bytes
import Receive

/// Small JSON documents that routes take: bodies of a few kilobytes, read into a tree.
extension JSONValue {
    private static let depthLimit = 32
    private static let itemsLimit = 100_000

    /// - Throws: `ParameterError` saying where the text is not JSON.
    init(parsing bytes: [UInt8]) throws(ParameterError) {
        var reading = Reading()
        do throws(JSONError) {
            self = try reading.value(bytes.span, depth: 0)
            try reading.scanner.finish(in: bytes.span)
        } catch {
            throw ParameterError("the body is not JSON: \(error.description)")
        }
    }

    /// The member `name` of an object; nil if there is none, or it is null.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self, let member = members.last(where: { $0.name == name }) else {
            return nil
        }
        if case .null = member.value { return nil }
        return member.value
    }

    var string: String? {
        if case .text(let text) = self { return text }
        return nil
    }

    var double: Double? {
        switch self {
        case .int(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    private struct Reading {
        var scanner = JSONScanner(0..<0, maxDepth: JSONValue.depthLimit)
        var scratch = ByteScratch()
        var items = 0

        mutating func value(_ text: borrowing ByteSpan, depth: Int) throws(JSONError) -> JSONValue {
            if depth == 0 { scanner = JSONScanner(0..<text.count, maxDepth: JSONValue.depthLimit) }
            items += 1
            guard depth < JSONValue.depthLimit, items < JSONValue.itemsLimit else {
                throw JSONError("JSON is nested too deep or has too many values", at: scanner.offset)
            }
            switch scanner.peek(in: text) {
            case 0x7b: return try object(text, depth: depth)
            case 0x5b: return try array(text, depth: depth)
            case 0x22: return .text(try string(text))
            default: break
            }
            let start = scanner.offset
            try scanner.skipValue(in: text, depth: depth)
            let word = text.extracting(start..<scanner.offset).text
            switch word {
            case "true": return .bool(true)
            case "false": return .bool(false)
            case "null": return .null
            default: return Int(word).map { .int($0) } ?? .number(Double(word) ?? .nan)
            }
        }

        private mutating func object(_ text: borrowing ByteSpan, depth: Int) throws(JSONError) -> JSONValue {
            var members: [(name: String, value: JSONValue)] = []
            try scanner.expect(0x7b, in: text)
            if scanner.take(0x7d, in: text) { return .object([]) }
            repeat {
                let name = try string(text)
                try scanner.expect(0x3a, in: text)
                members.append((name, try value(text, depth: depth + 1)))
            } while try scanner.more(until: 0x7d, in: text)
            return .object(members)
        }

        private mutating func array(_ text: borrowing ByteSpan, depth: Int) throws(JSONError) -> JSONValue {
            var values: [JSONValue] = []
            try scanner.expect(0x5b, in: text)
            if scanner.take(0x5d, in: text) { return .array([]) }
            repeat {
                values.append(try value(text, depth: depth + 1))
            } while try scanner.more(until: 0x5d, in: text)
            return .array(values)
        }

        private mutating func string(_ text: borrowing ByteSpan) throws(JSONError) -> String {
            var bytes: [UInt8] = []
            try scanner.appendString(in: text, to: &bytes, scratch: &scratch)
            return bytes.text
        }
    }
}
