internal import Bytes
internal import LogQL

/// A line filter, compiled.
struct LineTest: Sendable {
    enum Term: Sendable {
        case needle([UInt8])
        /// Text whose letters may stand in either case.
        case folded(FoldedText, Regex)
        /// `anyOf`: texts of which every match contains one.
        case regex(Regex, required: [UInt8], anyOf: [[UInt8]])
        case pattern(PatternTest)
        case address(IPPattern)

        /// Texts of which every line for which the term holds contains one; none if none are sure.
        var pilots: [[UInt8]] {
            if case .regex(_, _, let anyOf) = self { return anyOf }
            return pilot.isEmpty ? [] : [pilot]
        }

        /// Text that every line for which the term holds contains; empty if none is sure.
        var pilot: [UInt8] {
            switch self {
            case .needle(let needle): needle
            case .regex(_, let required, _): required
            case .pattern(let pattern): pattern.longestLiteral
            case .address, .folded: []
            }
        }
    }

    let terms: [Term]
    /// The filter as text: equal ones hold for the same lines.
    let text: [UInt8]
    /// Alternatives that a regex is searched by in columns.
    private static let mostAlternatives = 8
    let isNegated: Bool

    init(_ filter: LineFilter) throws(QueryError) {
        isNegated = filter.comparison.isNegative
        var made: [Term] = []
        for alternative in filter.alternatives {
            switch alternative {
            case .text(let text) where filter.comparison.isRegex: made += try LineTest.regexTerms(text.bytes)
            case .text(let text): made.append(.needle(text.bytes))
            case .pattern(let pattern): made.append(.pattern(PatternTest(pattern)))
            case .ip(let pattern): made.append(.address(pattern))
            }
        }
        terms = made
        text = [UInt8](Stage.lineFilter(filter).description.utf8)
    }

    private static func regexTerms(_ regex: [UInt8]) throws(QueryError) -> [Term] {
        if let literals = RegexLiterals.alternatives(regex) { return literals.map(Term.needle) }
        do throws(RegexFault) {
            if let folded = FoldedText(regex: regex) { return [.folded(folded, try Regex(regex))] }
            let required = RegexLiterals.required(regex)
            let anyOf = RegexLiterals.required(regex, most: mostAlternatives)
            return [
                .regex(
                    try Regex(regex), required: required.count > 1 ? required : [],
                    anyOf: anyOf.contains { $0.count < 2 } ? [] : anyOf)
            ]
        } catch {
            throw QueryError(.parse, "error parsing regexp: \(error.text)")
        }
    }

    /// Whether the line passes.
    func passes(_ line: borrowing ByteSpan) -> Bool {
        holds(for: line) != isNegated
    }

    /// Whether one of the terms holds.
    func holds(for line: borrowing ByteSpan) -> Bool {
        for index in terms.indices where LineTest.holds(terms[index], line) { return true }
        return false
    }

    private static func holds(_ term: Term, _ line: borrowing ByteSpan) -> Bool {
        switch term {
        case .needle(let needle): return ByteSearch.find(needle.span, in: line) != nil
        case .folded(_, let regex): return regex.matches(line, .anywhere)
        case .regex(let regex, let required, _):
            if !required.isEmpty, ByteSearch.find(required.span, in: line) == nil { return false }
            return regex.matches(line, .anywhere)
        case .pattern(let pattern): return pattern.matches(line)
        case .address(let pattern): return AddressScan.contains(pattern, in: line)
        }
    }

    /// Text that every passing line contains; empty if none is sure.
    var pilot: [UInt8] {
        guard !isNegated, terms.count == 1 else { return [] }
        return terms[0].pilot
    }
}

/// `|> "a <_> b"`: literals in order, each `<_>` at least one byte; no backtracking, and the first literal may stand
/// anywhere (contract: logql 7).
struct PatternTest: Sendable {
    private let literals: [[UInt8]]
    private let startsWithCapture: Bool
    private let endsWithCapture: Bool
    private let isEmpty: Bool

    init(_ pattern: Pattern) {
        literals = pattern.pieces.compactMap { piece in
            if case .literal(let bytes) = piece { bytes } else { nil }
        }
        startsWithCapture = pattern.pieces.first.map { PatternTest.isCapture($0) } ?? false
        endsWithCapture = pattern.pieces.last.map { PatternTest.isCapture($0) } ?? false
        isEmpty = pattern.pieces.isEmpty
    }

    private static func isCapture(_ piece: Pattern.Piece) -> Bool {
        if case .literal = piece { false } else { true }
    }

    var longestLiteral: [UInt8] { literals.max { $0.count < $1.count } ?? [] }

    func matches(_ line: borrowing ByteSpan) -> Bool {
        if isEmpty { return line.count == 0 }
        if literals.isEmpty { return line.count > 0 }
        var at = 0
        for index in literals.indices {
            let literal = literals[index]
            guard let found = ByteSearch.find(literal.span, in: line, from: at) else { return false }
            // Behind a `<_>` a literal may not begin where the last one ended.
            if index > 0 || startsWithCapture, found == at { return false }
            at = found + literal.count
        }
        return endsWithCapture ? at < line.count : at == line.count
    }
}
