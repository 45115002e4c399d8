// LogQL: query text -> tree -> text.
//
// This target knows the language: lexing, grammar, the rules that can be checked without data, and printing. It knows
// no engine: no regex library, no storage, no templates, no clock, no HTTP. Regexes are judged through `RegexChecker`,
// which the caller supplies. The grammar is described in GRAMMAR.md.
//
// The tree keeps no source positions: a fault found while a stage is built is reported with the text of the stage
// (`ParseError.init(stage:reason:)`), as clients know it, and trees made from text and by hand compare equal.

/// A whole query: either lines or numbers.
public enum Expression: Hashable, Sendable {
    /// Selects and transforms log lines.
    case log(LogQuery)
    /// Computes numbers from log lines or literals.
    case metric(MetricQuery)

    /// True if the query computes numbers.
    public var isMetric: Bool {
        if case .metric = self { true } else { false }
    }

    /// The stream selectors of the query, in the order written, once for each place they stand.
    public var selectors: [Selector] {
        switch self {
        case .log(let query): [query.selector]
        case .metric(let query): query.selectors
        }
    }
}

/// A stream selector and the stages its lines pass, left to right.
public struct LogQuery: Hashable, Sendable {
    public var selector: Selector
    public var stages: [Stage]
    /// What is done with the lines found, in order, after all stages; only in `Dialect.dendro`, else empty.
    public var resultSteps: [ResultStep]

    public init(selector: Selector, stages: [Stage] = [], resultSteps: [ResultStep] = []) {
        self.selector = selector
        self.stages = stages
        self.resultSteps = resultSteps
    }
}

/// A step over all lines found, of dendro's own dialect.
public enum ResultStep: Hashable, Sendable {
    /// `| distinct a, b`: one line for each combination of the labels' texts.
    case distinct([String])
    /// `| sort by (a desc, b)`.
    case sort([SortKey])
    /// `| limit 10`.
    case limit(Int)
}

/// One key of `| sort by (…)`.
public struct SortKey: Hashable, Sendable {
    public var label: String
    public var isDescending: Bool

    public init(_ label: String, isDescending: Bool = false) {
        self.label = label
        self.isDescending = isDescending
    }
}

/// `{name="value", …}`: all matchers must hold. A name may occur more than once.
public struct Selector: Hashable, Sendable {
    public var matchers: [Matcher]

    public init(_ matchers: [Matcher]) {
        self.matchers = matchers
    }
}

/// One condition on a label's text; an absent label is the empty text.
public struct Matcher: Hashable, Sendable {
    public var name: String
    public var matching: MatchOperator
    /// The text to compare with, or the regex (anchored at both ends by its users).
    public var value: Text

    public init(_ name: String, _ matching: MatchOperator, _ value: Text) {
        self.name = name
        self.matching = matching
        self.value = value
    }
}

/// How a matcher compares; the raw value is the operator as written.
public enum MatchOperator: String, Hashable, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case matches = "=~"
    case notMatches = "!~"

    /// True for the two operators whose value is a regex.
    public var isRegex: Bool { self == .matches || self == .notMatches }
    /// True for the two operators that exclude.
    public var isNegative: Bool { self == .notEqual || self == .notMatches }
}
