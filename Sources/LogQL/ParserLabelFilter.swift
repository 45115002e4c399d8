/// Label filters.
extension Parser {
    func startsLabelFilter() -> Bool {
        if case .identifier = token.kind { return true }
        return isNext(.open)
    }

    /// Reads `a=1 and b=2 or c=3, d=4`.
    ///
    /// `and` binds tighter than `or`; a comma, or nothing, between two conditions takes all to its right as its second
    /// operand. While no `or` stands to the left that is a plain conjunction and read in a loop; otherwise the rest is
    /// read by a call of its own, whose depth is bounded.
    mutating func labelFilter() throws(ParseError) -> LabelFilter {
        try descend()
        defer { ascend() }
        var prefix: [LabelFilter] = []
        var alternatives: [LabelFilter] = []
        var conjunction: [LabelFilter] = []
        while true {
            conjunction.append(try condition())
            if take(.and) { continue }
            if take(.or) {
                alternatives.append(Self.all(conjunction))
                conjunction = []
                continue
            }
            let isComma = take(.comma)
            guard isComma || startsLabelFilter() else { break }
            if alternatives.isEmpty {
                prefix += conjunction
                conjunction = []
            } else {
                conjunction.append(try labelFilter())
                break
            }
        }
        alternatives.append(Self.all(conjunction))
        return Self.all(prefix + [Self.any(alternatives)])
    }

    private static func all(_ filters: [LabelFilter]) -> LabelFilter {
        if filters.count == 1 { return filters[0] }
        var flat: [LabelFilter] = []
        for filter in filters {
            if case .all(let inner) = filter { flat += inner } else { flat.append(filter) }
        }
        return .all(flat)
    }

    private static func any(_ filters: [LabelFilter]) -> LabelFilter {
        if filters.count == 1 { return filters[0] }
        var flat: [LabelFilter] = []
        for filter in filters {
            if case .any(let inner) = filter { flat += inner } else { flat.append(filter) }
        }
        return .any(flat)
    }

    private mutating func condition() throws(ParseError) -> LabelFilter {
        if take(.open) {
            let inner = try labelFilter()
            try expect(.close)
            return inner
        }
        guard case .identifier(let name) = token.kind else { throw unexpected() }
        advance()
        if let matching = matchOperator() {
            if case .string(let bytes) = peek(1).kind {
                advance()
                advance()
                return .text(try matcher(name, matching, Text(bytes: bytes)))
            }
            if matching.isRegex {
                advance()
                throw unexpected("STRING")
            }
            if peek(1).kind == .function("ip") {
                advance()
                return .ip(name: name, isNegated: matching == .notEqual, try ipPattern())
            }
        }
        guard let comparison = comparison() else { throw unexpected() }
        advance()
        return try quantity(name, comparison)
    }

    private func comparison() -> Comparison? {
        guard case .symbol(let symbol) = token.kind else { return nil }
        return symbol == .assign ? .equal : Comparison(rawValue: symbol.rawValue)
    }

    private mutating func quantity(_ name: String, _ comparison: Comparison) throws(ParseError) -> LabelFilter {
        switch token.kind {
        case .duration(let nanoseconds):
            advance()
            return .duration(name: name, comparison, nanoseconds: nanoseconds)
        case .bytes(let size):
            advance()
            return .bytes(name: name, comparison, size)
        default: break
        }
        var sign = 1.0
        if isNext(.plus) || isNext(.minus) {
            sign = isNext(.minus) ? -1 : 1
            advance()
        }
        guard case .number(let text) = token.kind else { throw unexpected() }
        guard let value = NumberText.value(text) ?? hexadecimal(text) else {
            throw ParseError("unable to parse \"\(text)\" as a number", at: token.place)
        }
        advance()
        return .number(name: name, comparison, sign * value)
    }

    /// `0x1f7`: Loki's clients get what Loki makes of it, a comparison with 0; dendro's dialect reads the number.
    private func hexadecimal(_ text: String) -> Double? {
        guard text.utf8.count > 2, text.lowercased().hasPrefix("0x") else { return nil }
        guard let value = UInt64(text.dropFirst(2).filter { $0 != "_" }, radix: 16) else { return nil }
        return dialect == .loki ? 0 : Double(value)
    }
}
