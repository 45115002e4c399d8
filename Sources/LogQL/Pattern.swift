/// The text of `| pattern` and `|>`: literals and captures in turn.
public struct Pattern: Hashable, Sendable {
    public enum Piece: Hashable, Sendable {
        /// Bytes to be found as they are; never empty.
        case literal([UInt8])
        /// `<name>`.
        case capture(String)
        /// `<_>`.
        case placeholder
    }

    public var pieces: [Piece]

    /// Unchecked, for trees made by hand; `Pattern.init(parsing:)` reads text.
    public init(pieces: [Piece]) {
        self.pieces = pieces
    }

    /// The names captured, left to right.
    public var names: [String] {
        pieces.compactMap { piece in
            if case .capture(let name) = piece { name } else { nil }
        }
    }
}
