import Model

/// A JSON document as routes for people put it together; names keep their order.
enum JSONValue: Sendable, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    case null
    case bool(Bool)
    case int(Int)
    /// Written without an exponent where it is short; what is not finite is null.
    case number(Double)
    case text(String)
    case array([JSONValue])
    case object([(name: String, value: JSONValue)])
    /// Bytes that are JSON already.
    case raw([UInt8])

    init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { ($0.0, $0.1) }) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }

    /// Text, or null.
    static func optional(_ text: String?) -> JSONValue { text.map { .text($0) } ?? .null }
    /// A number rounded to `digits` decimals, or null.
    static func optional(_ number: Double?, digits: Int = 3) -> JSONValue {
        guard let number, number.isFinite else { return .null }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return .number((number * scale).rounded() / scale)
    }
    /// A time in nanoseconds since 1970 as RFC 3339, or null.
    static func time(_ nanoseconds: Int64?) -> JSONValue { nanoseconds.map { .text(RFC3339.format($0)) } ?? .null }

    /// The document with another member.
    func adding(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + [(name, value)])
    }

    func append(to out: inout [UInt8]) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .int(let value): out.append(contentsOf: "\(value)".utf8)
        case .number(let value):
            guard value.isFinite else { return out.append(contentsOf: "null".utf8) }
            if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 {
                out.append(contentsOf: "\(whole)".utf8)
            } else {
                out.append(contentsOf: "\(value)".utf8)
            }
        case .text(let text): JSONText.append(text, to: &out)
        case .array(let values):
            out.append(0x5b)
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(0x2c) }
                value.append(to: &out)
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
        case .raw(let bytes): out += bytes
        }
    }

    /// The document as an answer, with a line feed at its end.
    func answer(_ status: Int = 200) -> Answer {
        var out: [UInt8] = []
        append(to: &out)
        out.append(0x0a)
        return .json(status, out)
    }
}
