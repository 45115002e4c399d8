/// Reads an expression from tokens by recursive descent.
///
/// Faults of stages (regexes, addresses, paths) are kept back until the whole text has proved to be grammatical, since
/// the reference builds stages later than it parses.
struct Parser {
    private let tokens: [Token]
    private var index = 0
    let dialect: Dialect
    let regexes: any RegexChecker
    private var depth = 0
    private var operations = 0
    private var regexCount = 0
    private var passes = 0
    /// The first fault of a matcher's regex.
    private var deferred: ParseError?
    /// The first fault of a stage.
    private(set) var stageFault: ParseError?
    /// What is wrong with the stage being read.
    var stageReason: String?

    init(tokens: [Token], dialect: Dialect, regexes: any RegexChecker) {
        self.tokens = tokens
        self.dialect = dialect
        self.regexes = regexes
    }

    // MARK: Tokens

    /// The token to be read; the last one (end or fault) is never passed.
    var token: Token { tokens[index] }

    func peek(_ offset: Int) -> Token { tokens[min(index &+ offset, tokens.count &- 1)] }

    /// The token read last.
    private var lastRead: Token { tokens[max(index &- 1, 0)] }

    mutating func advance() {
        if index < tokens.count &- 1 { index &+= 1 }
    }

    func isNext(_ symbol: Symbol) -> Bool { token.kind == .symbol(symbol) }

    func isNext(_ keyword: Keyword) -> Bool { token.kind == .keyword(keyword) }

    func isNextFunction(_ name: String) -> Bool { token.kind == .function(name) }

    /// Passes the symbol if it is next.
    mutating func take(_ symbol: Symbol) -> Bool {
        guard isNext(symbol) else { return false }
        advance()
        return true
    }

    mutating func take(_ keyword: Keyword) -> Bool {
        guard isNext(keyword) else { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: Symbol, _ expected: String? = nil) throws(ParseError) {
        if !take(symbol) { throw unexpected(expected ?? symbol.rawValue) }
    }

    mutating func identifier(_ expected: String = "IDENTIFIER") throws(ParseError) -> String {
        guard case .identifier(let name) = token.kind else { throw unexpected(expected) }
        advance()
        return name
    }

    mutating func string(_ expected: String = "STRING") throws(ParseError) -> Text {
        guard case .string(let bytes) = token.kind else { throw unexpected(expected) }
        advance()
        return Text(bytes: bytes)
    }

    /// The error for the token that is next.
    func unexpected(_ expected: String? = nil) -> ParseError {
        if case .fault(let message) = token.kind { return ParseError(message, at: token.place) }
        let expecting = expected.map { ", expecting \($0)" } ?? ""
        return ParseError("syntax error: unexpected \(token.name)\(expecting)", at: token.place)
    }

    // MARK: Bounds and late faults

    mutating func descend() throws(ParseError) {
        depth &+= 1
        if depth > Language.nestingLimit {
            throw ParseError("query nests deeper than \(Language.nestingLimit) levels", at: token.place)
        }
    }

    mutating func ascend() { depth &-= 1 }

    mutating func countOperation() throws(ParseError) {
        operations &+= 1
        if operations > Language.operationLimit {
            throw ParseError("more than \(Language.operationLimit) binary operations in one query", at: token.place)
        }
    }

    /// Counts the regex read last, before it is compiled.
    mutating func countRegex() throws(ParseError) {
        regexCount &+= 1
        if regexCount > Language.regexLimit {
            throw ParseError("more than \(Language.regexLimit) regular expressions in one query", at: lastRead.place)
        }
    }

    /// Counts what was read last: each time that it makes the query pass over a line.
    mutating func countPasses(_ count: Int = 1) throws(ParseError) {
        passes &+= count
        if passes > Language.passLimit {
            throw ParseError(
                "more than \(Language.passLimit) stages, filter texts and extractions in one query",
                at: lastRead.place)
        }
    }

    /// Adds a label to a list that may not be long.
    mutating func append(_ label: String, to labels: inout [String]) throws(ParseError) {
        if labels.count >= Language.labelLimit {
            throw ParseError("more than \(Language.labelLimit) labels in one list", at: lastRead.place)
        }
        labels.append(label)
    }

    mutating func deferFault(_ message: String) {
        if deferred == nil { deferred = ParseError(message) }
    }

    func throwDeferred() throws(ParseError) {
        if let deferred { throw deferred }
    }

    /// Turns what was found wrong while the stage was read into the stage's fault.
    mutating func finish(_ stage: Stage) -> Stage {
        if let reason = stageReason, stageFault == nil { stageFault = ParseError(stage: stage, reason: reason) }
        stageReason = nil
        return stage
    }

    mutating func stageFails(_ reason: String) {
        if stageReason == nil { stageReason = reason }
    }

    /// What is wrong with a regex, with the words clients know.
    func regexFault(_ regex: Text) -> String? {
        regexes.fault(in: RegexText.forRE2(regex.bytes)).map { "error parsing regexp: \($0)" }
    }

    // MARK: Expressions

    mutating func wholeExpression() throws(ParseError) -> Expression {
        if dialect == .dendro, let query = try bareQuery() { return .log(query) }
        let expression = try expression(atLeast: 0)
        guard token.kind == .end else { throw unexpected() }
        return expression
    }

    /// Operators bind as `BinaryFunction.precedence` says.
    mutating func expression(atLeast precedence: Int) throws(ParseError) -> Expression {
        try descend()
        defer { ascend() }
        var left = try operand()
        while let function = binaryFunction(), function.precedence >= precedence {
            try countOperation()
            advance()
            let returnsBool = take(.bool)
            let matching = try vectorMatching()
            let right = try expression(atLeast: function.precedence + (function.isRightAssociative ? 0 : 1))
            left = .metric(try Validity.binary(function, left, right, returnsBool, matching))
        }
        return left
    }

    /// An expression that must be a metric query.
    mutating func metric() throws(ParseError) -> MetricQuery {
        guard case .metric(let query) = try expression(atLeast: 0) else { throw unexpected() }
        return query
    }

    private func binaryFunction() -> BinaryFunction? {
        switch token.kind {
        case .keyword(let keyword): BinaryFunction(rawValue: keyword.rawValue)
        case .symbol(let symbol): BinaryFunction(rawValue: symbol.rawValue)
        default: nil
        }
    }

    private mutating func operand() throws(ParseError) -> Expression {
        switch token.kind {
        case .symbol(.openBrace): return .log(try logQuery())
        case .symbol(.open):
            advance()
            let inner = try expression(atLeast: 0)
            try expect(.close)
            return inner
        case .symbol(.plus), .symbol(.minus):
            let sign: Double = isNext(.minus) ? -1 : 1
            advance()
            return .metric(.literal(sign * (try literal("NUMBER"))))
        case .number: return .metric(.literal(try literal(nil)))
        case .function(let name): return .metric(try call(name))
        case .keyword(.variants): return .metric(.variants(try variants()))
        default: throw unexpected()
        }
    }

    private mutating func literal(_ expected: String?) throws(ParseError) -> Double {
        guard case .number(let text) = token.kind else { throw unexpected(expected) }
        guard let value = NumberText.value(text) else {
            throw ParseError(
                "unable to parse literal as a float: strconv.ParseFloat: parsing \"\(text)\": invalid syntax")
        }
        advance()
        return value
    }

    private mutating func call(_ name: String) throws(ParseError) -> MetricQuery {
        if let function = RangeFunction(rawValue: name), dialect == .dendro || function != .countDistinctOverTime {
            return try rangeAggregation(function)
        }
        if let function = VectorFunction(rawValue: name) { return try vectorAggregation(function) }
        switch name {
        case "vector":
            advance()
            try expect(.open)
            let value = try literal("NUMBER")
            try expect(.close)
            return .vector(value)
        case "label_replace": return .labelReplace(try labelReplace())
        default: throw unexpected()
        }
    }
}
