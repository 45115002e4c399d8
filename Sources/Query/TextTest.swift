internal import Bytes
internal import LogQL
internal import Store

/// A matcher on a label's text, compiled: anchored at both ends, absent is the empty text.
struct TextTest: Sendable {
    private enum Form: Sendable {
        case equals([UInt8])
        case anyOf([[UInt8]])
        case regex(Regex)
    }

    private let form: Form
    private let isNegated: Bool

    /// - Parameter dotMatchesNewline: true in selectors, false in label filters (contract: logql 4 and 9).
    init(_ matcher: Matcher, dotMatchesNewline: Bool) throws(QueryError) {
        isNegated = matcher.matching.isNegative
        guard matcher.matching.isRegex else {
            form = .equals(matcher.value.bytes)
            return
        }
        if let literals = RegexLiterals.alternatives(matcher.value.bytes) {
            form = literals.count == 1 ? .equals(literals[0]) : .anyOf(literals)
            return
        }
        do throws(RegexFault) {
            form = .regex(try Regex(matcher.value.bytes, dotMatchesNewline: dotMatchesNewline))
        } catch {
            throw QueryError(.parse, "error parsing regexp: \(error.text)")
        }
    }

    func matches(_ value: borrowing ByteSpan) -> Bool {
        switch form {
        case .equals(let wanted): return value.equals(wanted.span) != isNegated
        case .anyOf(let all):
            for wanted in all where value.equals(wanted.span) { return !isNegated }
            return isNegated
        case .regex(let regex): return regex.matches(value, .full) != isNegated
        }
    }

    /// The only values that pass, none of them empty; nil if others do.
    var exactValues: [[UInt8]]? {
        if isNegated { return nil }
        switch form {
        case .equals(let wanted): return wanted.isEmpty ? nil : [wanted]
        case .anyOf(let all): return all.contains([]) ? nil : all
        case .regex: return nil
        }
    }

    /// The one text that passes, or that alone does not; nil for other tests.
    var exactValue: [UInt8]? {
        if case .equals(let wanted) = form { wanted } else { nil }
    }

    var matchesEmpty: Bool { matches([UInt8]().span) }
}

extension TextTest: ValueTest {}
