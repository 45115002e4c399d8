/// A condition on the labels of an entry.
///
/// Chains of one connective are flat: `a=1 and b=2 and c=3` is one `.all` of three. Evaluation is left to right;
/// `.any` stops at the first that holds, `.all` evaluates every one (a failing conversion leaves its mark).
public indirect enum LabelFilter: Hashable, Sendable {
    /// `name="x"`, `name=~"re"`; an absent label is the empty text.
    case text(Matcher)
    /// `name>5`.
    case number(name: String, Comparison, Double)
    /// `name>500ms`; the value is in nanoseconds.
    case duration(name: String, Comparison, nanoseconds: Int64)
    /// `name>30KB`; the value is in bytes.
    case bytes(name: String, Comparison, UInt64)
    /// `name=ip("10.0.0.0/8")`, `name!=ip("…")`.
    case ip(name: String, isNegated: Bool, IPPattern)
    /// All hold; never fewer than two.
    case all([LabelFilter])
    /// Any holds; never fewer than two.
    case any([LabelFilter])
}

/// How a number compares; the raw value is the operator as written (`=` is read as `==`).
public enum Comparison: String, Hashable, Sendable, CaseIterable {
    case equal = "=="
    case notEqual = "!="
    case greater = ">"
    case greaterOrEqual = ">="
    case less = "<"
    case lessOrEqual = "<="
}
