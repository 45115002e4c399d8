import Bytes

extension JSONValue {
    /// Reads a whole document.
    ///
    /// - Parameters:
    ///   - maxDepth: how deep arrays and objects may be nested.
    ///   - maxValues: how many values there may be in all, which bounds the memory.
    /// - Throws: `JSONError` with the offset at which the text is not JSON, or passes one of the limits.
    public init(
        parsing bytes: [UInt8], maxDepth: Int = 32, maxValues: Int = 100_000
    ) throws(JSONError) {
        var reading = Reading(count: bytes.count, maxDepth: maxDepth, valuesLeft: maxValues)
        self = try reading.value(bytes.span, depth: 0)
        try reading.scanner.finish(in: bytes.span)
    }

    /// The member `name` of an object; nil if there is none, or it is null.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self, let member = members.last(where: { $0.name == name }) else {
            return nil
        }
        if case .null = member.value { return nil }
        return member.value
    }

    /// The text of a text; nil for anything else.
    public var string: String? {
        if case .text(let text) = self { return text }
        return nil
    }

    /// The value of a number; nil for anything else.
    public var double: Double? {
        switch self {
        case .int(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    /// The value of a whole number; nil for anything else.
    public var integer: Int? {
        if case .int(let number) = self { return number }
        return nil
    }

    /// The values of an array; none for anything else.
    public var items: [JSONValue] {
        guard case .array(let values) = self else { return [] }
        return values
    }

    /// A text, number or truth value as it reads to people; empty for anything else.
    public var plain: String {
        switch self {
        case .text(let text): text
        case .int(let number): String(number)
        case .number(let number): String(number)
        case .bool(let value): String(value)
        default: ""
        }
    }

    /// An object's members as texts, as labels are.
    public var texts: [(name: String, value: String)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value.plain) }
    }

    private struct Reading {
        var scanner: JSONScanner
        var scratch = ByteScratch()
        let maxDepth: Int
        var valuesLeft: Int

        init(count: Int, maxDepth: Int, valuesLeft: Int) {
            scanner = JSONScanner(0..<count, maxDepth: maxDepth)
            self.maxDepth = maxDepth
            self.valuesLeft = valuesLeft
        }

        mutating func value(_ text: borrowing ByteSpan, depth: Int) throws(JSONError) -> JSONValue {
            valuesLeft -= 1
            guard depth < maxDepth, valuesLeft >= 0 else {
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
