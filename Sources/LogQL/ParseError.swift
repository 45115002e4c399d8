/// Why a text is no valid query, and where.
public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    enum Place: Hashable, Sendable {
        /// `parse error at line L, col C: …`
        case at(line: Int, column: Int)
        /// `parse error : …`: the query as a whole, or one of its stages.
        case whole
        /// The message alone: a valid query in a place where another kind is wanted.
        case none
    }

    /// What was wrong.
    public var message: String
    var place: Place

    /// The line of the offending token, from 1; 0 for tokens whose line the reference does not know (ranges, operators
    /// of two characters, durations); nil if the message concerns no single token.
    public var line: Int? {
        if case .at(let line, _) = place { line } else { nil }
    }

    /// The column of the offending token in characters, from 1; nil as for `line`.
    public var column: Int? {
        if case .at(_, let column) = place { column } else { nil }
    }

    public var description: String {
        switch place {
        case .at(let line, let column): "parse error at line \(line), col \(column): \(message)"
        case .whole: "parse error : \(message)"
        case .none: message
        }
    }

    /// A fault of the query as a whole.
    public init(_ message: String) {
        self.init(message, at: .whole)
    }

    /// A fault found while a stage is built, such as a template that does not parse.
    public init(stage: Stage, reason: String) {
        self.init("stage '\(stage)' : \(reason)", at: .whole)
    }

    init(_ message: String, at place: Place) {
        self.message = message
        self.place = place
    }
}
