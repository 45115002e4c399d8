import Model

/// A small JSON document as values: what routes for people answer and take, and what dendro's own commands read.
/// Names keep their order. Nothing on the way of a log line uses it.
public enum JSONValue: Sendable, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
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

    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { ($0.0, $0.1) }) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }

    /// Text, or null.
    public static func optional(_ text: String?) -> JSONValue { text.map { .text($0) } ?? .null }
    /// A number rounded to `digits` decimals, or null.
    public static func optional(_ number: Double?, digits: Int = 3) -> JSONValue {
        guard let number, number.isFinite else { return .null }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return .number((number * scale).rounded() / scale)
    }
    /// A time in nanoseconds since 1970 as RFC 3339, or null.
    public static func time(_ nanoseconds: Int64?) -> JSONValue {
        nanoseconds.map { .text(RFC3339.format($0)) } ?? .null
    }

    /// The document with another member.
    public func adding(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members + [(name, value)])
    }

    /// Writes the document, without spaces.
    public func append(to out: inout [UInt8]) {
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
}
