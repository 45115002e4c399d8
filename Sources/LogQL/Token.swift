/// One word of a query with its place.
struct Token {
    enum Kind: Equatable {
        case end
        case identifier(String)
        case string([UInt8])
        /// The digits as written.
        case number(String)
        case duration(nanoseconds: Int64)
        case bytes(UInt64)
        /// `[5m]`.
        case range(nanoseconds: Int64)
        case symbol(Symbol)
        case keyword(Keyword)
        /// A function's name in front of its parenthesis or grouping, in lower case.
        case function(String)
        /// `--strict`, `--keep-empty`.
        case flag(String)
        /// A character that starts no token.
        case unknown(String)
        /// Text that is no token; the scan ends here.
        case fault(String)
    }

    var kind: Kind
    var line: Int
    var column: Int

    /// The name used in messages.
    var name: String {
        switch kind {
        case .end: "$end"
        case .identifier: "IDENTIFIER"
        case .string: "STRING"
        case .number: "NUMBER"
        case .duration: "DURATION"
        case .bytes: "BYTES"
        case .range: "RANGE"
        case .symbol(let symbol): symbol.rawValue
        case .keyword(let keyword): keyword.rawValue
        case .function(let name): name == "vector" ? "VECTOR" : name
        case .flag: "PARSER_FLAG"
        case .unknown(let text): text
        case .fault(let message): message
        }
    }

    /// Where messages say the token is. The reference loses the line of every token it reads ahead for.
    var place: ParseError.Place {
        switch kind {
        case .range, .duration, .bytes: .at(line: 0, column: column)
        case .symbol(let symbol) where symbol.rawValue.utf8.count > 1: .at(line: 0, column: column)
        default: .at(line: line, column: column)
        }
    }
}

/// Punctuation; the raw value is the text.
enum Symbol: String, CaseIterable {
    case openBrace = "{"
    case closeBrace = "}"
    case open = "("
    case close = ")"
    case comma = ","
    case dot = "."
    case assign = "="
    case equal = "=="
    case notEqual = "!="
    case matches = "=~"
    case notMatches = "!~"
    case pipe = "|"
    case pipeEqual = "|="
    case pipeMatches = "|~"
    case pipePattern = "|>"
    case notPattern = "!>"
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case percent = "%"
    case caret = "^"
}

/// Words that are never label names; the raw value is the lower-case text.
enum Keyword: String, CaseIterable {
    case by, without, bool, offset, on, ignoring
    case groupLeft = "group_left"
    case groupRight = "group_right"
    case or, and, unless, unwrap, json, regexp, logfmt, unpack, pattern
    case lineFormat = "line_format"
    case labelFormat = "label_format"
    case decolorize, drop, keep, variants, of
}

/// Words that are functions in front of a parenthesis or a grouping, and plain names elsewhere.
enum FunctionName {
    static let all: Set<String> = {
        var names: Set<String> = ["bytes", "duration", "duration_seconds", "ip", "vector", "label_replace"]
        names.formUnion(RangeFunction.allCases.map(\.rawValue))
        names.formUnion(VectorFunction.allCases.map(\.rawValue))
        return names
    }()
}
