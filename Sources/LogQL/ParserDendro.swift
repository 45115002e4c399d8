/// What dendro's own dialect adds.
extension Parser {
    /// A query without selector: nothing at all, a bare quoted text, or stages. Nil if the text begins otherwise.
    mutating func bareQuery() throws(ParseError) -> LogQuery? {
        var query = LogQuery(selector: Selector([]))
        switch token.kind {
        case .string(let bytes):
            advance()
            query.stages = [.lineFilter(LineFilter(.contains, [.text(Text(bytes: bytes))]))]
        case .end: return query
        case .symbol(let symbol) where symbol == .pipe || LineFilterOperator(rawValue: symbol.rawValue) != nil: break
        default: return nil
        }
        query.stages += try stages()
        query.resultSteps = try resultSteps()
        guard token.kind == .end else { throw unexpected() }
        return query
    }

    /// True at `| distinct name`, `| sort by` and `| limit 5`: no label filter begins like this.
    func isResultStepAhead() -> Bool {
        guard dialect == .dendro, isNext(.pipe) else { return false }
        switch (peek(1).kind, peek(2).kind) {
        case (.identifier("distinct"), .identifier), (.identifier("limit"), .number),
            (.function("sort"), .keyword(.by)):
            return true
        default: return false
        }
    }

    mutating func resultSteps() throws(ParseError) -> [ResultStep] {
        var steps: [ResultStep] = []
        while isResultStepAhead() {
            advance()
            try countPasses()
            let word = token.kind
            advance()
            switch word {
            case .function: steps.append(.sort(try sortKeys()))
            case .identifier("distinct"):
                var labels = [try identifier()]
                while take(.comma) { try append(identifier(), to: &labels) }
                steps.append(.distinct(labels))
            default:
                guard case .number(let text) = token.kind, let count = Int(text), count > 0 else {
                    throw ParseError("limit must be a whole number above 0", at: token.place)
                }
                advance()
                steps.append(.limit(count))
            }
        }
        return steps
    }

    private mutating func sortKeys() throws(ParseError) -> [SortKey] {
        advance()
        try expect(.open)
        var keys: [SortKey] = []
        var labels: [String] = []
        repeat {
            try append(identifier(), to: &labels)
            var key = SortKey(labels[labels.count &- 1])
            if case .identifier(let word) = token.kind, word == "asc" || word == "desc" {
                key.isDescending = word == "desc"
                advance()
            }
            keys.append(key)
        } while take(.comma)
        try expect(.close, ") or ,")
        return keys
    }
}
