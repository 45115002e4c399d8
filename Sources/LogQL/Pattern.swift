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

extension Pattern {
    /// Cuts text into pieces. `<name>` and `<_>` are captures; any other `<…>` is literal text.
    public init(parsing text: [UInt8]) {
        pieces = []
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "<"), let end = Self.captureEnd(text, index) else {
                literal.append(text[index])
                index &+= 1
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            let name = String(decoding: text[(index &+ 1)..<end], as: UTF8.self)
            pieces.append(name == "_" ? .placeholder : .capture(name))
            index = end &+ 1
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    /// The pattern as it is written in a query.
    public var text: Text {
        var bytes: [UInt8] = []
        for piece in pieces { bytes += Self.bytes(of: piece) }
        return Text(bytes: bytes)
    }

    /// Why the pattern cannot extract labels; nil if it can.
    var faultAsParser: String? {
        if names.isEmpty { return "at least one capture is required" }
        if let consecutiveFault { return consecutiveFault }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            return "duplicate capture name (\(name)): invalid expression"
        }
        return nil
    }

    /// Why the pattern cannot filter lines; nil if it can.
    var faultAsFilter: String? {
        if let consecutiveFault { return consecutiveFault }
        return names.first.map { "named captures are not allowed: found '<\($0)>'" }
    }

    private var consecutiveFault: String? {
        for (first, second) in zip(pieces, pieces.dropFirst()) {
            if case .literal = first { continue }
            if case .literal = second { continue }
            let found = String(decoding: Self.bytes(of: first) + Self.bytes(of: second), as: UTF8.self)
            return "found consecutive capture '\(found)': invalid expression"
        }
        return nil
    }

    private static func bytes(of piece: Piece) -> [UInt8] {
        switch piece {
        case .literal(let bytes): bytes
        case .capture(let name): Array("<\(name)>".utf8)
        case .placeholder: Array("<_>".utf8)
        }
    }

    /// The index of the `>` of a capture that opens at the index; nil if there is none.
    private static func captureEnd(_ text: [UInt8], _ open: Int) -> Int? {
        var index = open &+ 1
        guard index < text.count, Lexer.isNameStart(text[index]) else { return nil }
        while index < text.count, Lexer.isName(text[index]) { index &+= 1 }
        return index < text.count && text[index] == UInt8(ascii: ">") ? index : nil
    }
}
