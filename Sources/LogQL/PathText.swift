/// Why a path expression cannot be read.
struct PathFault: Error {
    var message: String
}

/// The small languages of `| json name="…"` and `| logfmt name="…"`.
enum PathText {
    private enum Part: Equatable {
        case end, dot, openBracket, closeBracket
        case field([UInt8])
        case string([UInt8])
        case index(Int)

        var name: String {
            switch self {
            case .end: "$end"
            case .dot: "DOT"
            case .openBracket: "LSB"
            case .closeBracket: "RSB"
            case .field: "FIELD"
            case .string: "STRING"
            case .index: "INDEX"
            }
        }
    }

    /// `a.b[0]["c d"]` as elements.
    static func jsonElements(_ text: [UInt8]) throws(PathFault) -> [JSONPath.Element] {
        let parts = try parts(text)
        var elements: [JSONPath.Element] = []
        var index = 0
        repeat {
            switch parts[index] {
            case .field(let name) where index == 0: elements.append(.key(name))
            case .dot where index > 0:
                index &+= 1
                guard case .field(let name) = parts[index] else { throw unexpected(parts[index], "FIELD") }
                elements.append(.key(name))
            case .openBracket:
                index &+= 1
                switch parts[index] {
                case .string(let name): elements.append(.key(name))
                case .index(let number): elements.append(.index(number))
                default: throw unexpected(parts[index], "STRING or INDEX")
                }
                index &+= 1
                if parts[index] != .closeBracket { throw unexpected(parts[index], "RSB") }
            default: throw unexpected(parts[index], index == 0 ? "LSB or FIELD" : nil)
            }
            index &+= 1
        } while parts[index] != .end
        return elements
    }

    /// The one key of a logfmt expression, plain or quoted.
    static func logfmtKey(_ text: [UInt8]) throws(PathFault) -> [UInt8] {
        var reader = Reader(text: text)
        reader.skipBlanks()
        guard let byte = reader.byte else { throw PathFault(message: "syntax error: unexpected $end, expecting KEY") }
        let key: [UInt8]
        if byte == UInt8(ascii: "\"") {
            key = try reader.string()
        } else {
            if !isFieldStart(byte) { throw unexpectedCharacter(reader) }
            key = reader.field()
        }
        reader.skipBlanks()
        guard let rest = reader.byte else { return key }
        if isFieldStart(rest) { throw PathFault(message: "syntax error: unexpected KEY") }
        if rest == UInt8(ascii: "\"") { throw PathFault(message: "syntax error: unexpected STRING") }
        throw unexpectedCharacter(reader)
    }

    private static func unexpected(_ part: Part, _ expected: String?) -> PathFault {
        PathFault(message: "syntax error: unexpected \(part.name)" + (expected.map { ", expecting \($0)" } ?? ""))
    }

    private static func unexpectedCharacter(_ reader: Reader) -> PathFault {
        let character = String(decoding: reader.text[reader.index...].prefix(4), as: UTF8.self).prefix(1)
        return PathFault(message: "unexpected char \(character)")
    }

    private static func isFieldStart(_ byte: UInt8) -> Bool { Lexer.isNameStart(byte) || byte >= 0x80 }

    private static func parts(_ text: [UInt8]) throws(PathFault) -> [Part] {
        var reader = Reader(text: text)
        var parts: [Part] = []
        while true {
            reader.skipBlanks()
            guard let byte = reader.byte else { break }
            switch byte {
            case UInt8(ascii: "."): parts.append(.dot)
            case UInt8(ascii: "["): parts.append(.openBracket)
            case UInt8(ascii: "]"): parts.append(.closeBracket)
            case UInt8(ascii: "\""):
                parts.append(.string(try reader.string()))
                continue
            case _ where Lexer.isDigit(byte):
                parts.append(.index(try reader.number()))
                continue
            case _ where isFieldStart(byte):
                parts.append(.field(reader.field()))
                continue
            default: throw unexpectedCharacter(reader)
            }
            reader.index &+= 1
        }
        parts.append(.end)
        return parts
    }

    private struct Reader {
        let text: [UInt8]
        var index = 0

        var byte: UInt8? { index < text.count ? text[index] : nil }

        mutating func skipBlanks() {
            while let byte, Lexer.isBlank(byte) { index &+= 1 }
        }

        mutating func field() -> [UInt8] {
            let start = index
            while let byte, Lexer.isName(byte) || byte >= 0x80 { index &+= 1 }
            return Array(text[start..<index])
        }

        mutating func number() throws(PathFault) -> Int {
            let start = index
            while let byte, Lexer.isDigit(byte) { index &+= 1 }
            let digits = String(decoding: text[start..<index], as: UTF8.self)
            guard let number = Int(digits) else { throw PathFault(message: "index \(digits) is too large") }
            return number
        }

        mutating func string() throws(PathFault) -> [UInt8] {
            let start = index &+ 1
            var end = start
            while end < text.count, text[end] != UInt8(ascii: "\"") {
                end &+= text[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            guard end < text.count else { throw PathFault(message: "literal not terminated") }
            guard let value = QuotedText.unescape(text[start..<end]) else {
                throw PathFault(message: "invalid char escape")
            }
            index = end &+ 1
            return value
        }
    }
}

extension JSONPath {
    /// Reads `a.b[0]["c d"]`.
    init(parsing text: Text) throws(PathFault) {
        self.init(elements: try PathText.jsonElements(text.bytes), text: text)
    }
}
