/// What the parser needs to know of regexes; the engine that runs them supplies it.
public protocol RegexChecker: Sendable {
    /// What is wrong with a regex, as ``missing closing ): `(a` ``; nil if it compiles.
    ///
    /// The bytes are as RE2 wants them: `(?<name>` has become `(?P<name>`.
    func fault(in regex: [UInt8]) -> String?
    /// True if the regex, anchored at both ends, matches the empty text. Asked only of regexes without fault.
    func matchesEmpty(_ regex: [UInt8]) -> Bool
}

/// Which language is spoken.
public enum Dialect: Sendable {
    /// LogQL as the reference knows it.
    case loki
    /// Also: no selector at all, `{}`, a bare quoted text, `| distinct`, `| sort by`, `| limit`.
    case dendro
}

/// Reads queries.
///
///     let query = try Language(regexes: checker).parse(#"sum by (app)(rate({app="web"} |= "x"[5m]))"#)
///
/// A query is a tree of bounded depth, read in time linear to its size. All errors are `ParseError`.
public struct Language: Sendable {
    /// Queries of this many bytes and more are refused.
    public static let sizeLimitBytes = 131_072
    /// How many levels a tree may have; a chain of operators of one strength is one level.
    public static let depthLimit = 80
    /// How deep the parser follows parentheses, calls and operands: what any tree within `depthLimit` needs, printed
    /// with all its parentheses. It bounds the stack: less than 512 KB in a release build.
    static let nestingLimit = 256
    /// How many binary operators a query may hold; a chain of them is as deep in memory as it is long.
    public static let operationLimit = 512
    /// How many regexes a query may hold, those of matchers, filters, stages and `label_replace` together: each takes
    /// time to compile, and megabytes while it runs.
    public static let regexLimit = 128
    /// How often a query may pass over a line: stages, texts of line filters, addresses, templates and steps of
    /// extractions together. Work on a line grows with the product of both.
    public static let passLimit = 512
    /// How many labels one list may name, as in `by (a, b)` or `sort by (a)`: each is looked for in all series.
    public static let labelLimit = 256

    public var dialect: Dialect
    public var regexes: any RegexChecker

    public init(dialect: Dialect = .loki, regexes: any RegexChecker) {
        self.dialect = dialect
        self.regexes = regexes
    }

    /// Reads any query and checks all that can be checked without data and templates.
    public func parse(_ text: String) throws(ParseError) -> Expression {
        var parser = try parser(text)
        let expression = try parser.wholeExpression()
        try parser.throwDeferred()
        if expression.depth > Self.depthLimit {
            throw ParseError("query nests deeper than \(Self.depthLimit) levels")
        }
        if dialect == .loki {
            for selector in expression.selectors { try checkSelects(selector) }
        }
        if let fault = parser.stageFault { throw fault }
        return expression
    }

    /// Reads a log query; a metric query is an error.
    public func parseLogQuery(_ text: String) throws(ParseError) -> LogQuery {
        guard case .log(let query) = try parse(text) else {
            throw ParseError("only log selector is supported", at: .none)
        }
        return query
    }

    /// Reads a selector; a query with stages or a metric query is an error.
    /// - Parameter allowEmptyMatchers: whether `{}` and selectors that match everything are welcome.
    public func parseMatchers(_ text: String, allowEmptyMatchers: Bool = false) throws(ParseError) -> Selector {
        var parser = try parser(text)
        let expression = try parser.wholeExpression()
        try parser.throwDeferred()
        guard case .log(let query) = expression, query.stages.isEmpty, query.resultSteps.isEmpty else {
            throw ParseError("only label matchers are supported", at: .none)
        }
        if !allowEmptyMatchers { try checkSelects(query.selector) }
        return query.selector
    }

    private func parser(_ text: String) throws(ParseError) -> Parser {
        let size = text.utf8.count
        if size >= Self.sizeLimitBytes {
            throw ParseError("input size too long (\(size) > \(Self.sizeLimitBytes))")
        }
        if size == 0 && dialect == .loki { throw ParseError("syntax error: unexpected $end") }
        return Parser(tokens: Lexer.tokens(of: Array(text.utf8)), dialect: dialect, regexes: regexes)
    }

    /// At least one matcher must refuse the empty text, and with it streams that lack the label.
    private func checkSelects(_ selector: Selector) throws(ParseError) {
        let selects = selector.matchers.contains { matcher in
            switch matcher.matching {
            case .equal: !matcher.value.isEmpty
            case .matches: !regexes.matchesEmpty(RegexText.forRE2(matcher.value.bytes))
            case .notEqual: matcher.value.isEmpty
            case .notMatches: regexes.matchesEmpty(RegexText.forRE2(matcher.value.bytes))
            }
        }
        if selects { return }
        throw ParseError(
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
                + "For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will")
    }
}
