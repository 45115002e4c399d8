/// Selectors and stages.
extension Parser {
    mutating func logQuery() throws(ParseError) -> LogQuery {
        var query = LogQuery(selector: try selector())
        query.stages = try stages()
        if isNext(.pipe), peek(1).kind == .keyword(.unwrap) {
            advance()
            throw unexpected()
        }
        if dialect == .dendro { query.resultSteps = try resultSteps() }
        return query
    }

    mutating func selector() throws(ParseError) -> Selector {
        try expect(.openBrace)
        if take(.closeBrace) { return Selector([]) }
        var matchers = [try matcher("IDENTIFIER or }")]
        while take(.comma) { matchers.append(try matcher("IDENTIFIER")) }
        try expect(.closeBrace, "} or ,")
        return Selector(matchers)
    }

    private mutating func matcher(_ expected: String) throws(ParseError) -> Matcher {
        let name = try identifier(expected)
        guard let matching = matchOperator() else { throw unexpected("= or =~ or !~ or !=") }
        advance()
        return try matcher(name, matching, string())
    }

    /// A matcher whose regex is checked, if it has one.
    mutating func matcher(_ name: String, _ matching: MatchOperator, _ value: Text) throws(ParseError) -> Matcher {
        if matching.isRegex {
            try countRegex()
            if let fault = regexFault(value) { deferFault(fault) }
        }
        return Matcher(name, matching, value)
    }

    func matchOperator() -> MatchOperator? {
        guard case .symbol(let symbol) = token.kind else { return nil }
        return MatchOperator(rawValue: symbol.rawValue)
    }

    // MARK: Stages

    /// Stages up to the first token that begins none; `| unwrap` begins none.
    mutating func stages() throws(ParseError) -> [Stage] {
        var stages: [Stage] = []
        while true {
            if let comparison = lineFilterOperator() {
                advance()
                stages.append(finish(.lineFilter(try lineFilter(comparison))))
            } else if isNext(.pipe), peek(1).kind != .keyword(.unwrap), !isResultStepAhead() {
                advance()
                try countPasses()
                stages.append(finish(try stage()))
            } else {
                return stages
            }
        }
    }

    private func lineFilterOperator() -> LineFilterOperator? {
        guard case .symbol(let symbol) = token.kind else { return nil }
        return LineFilterOperator(rawValue: symbol.rawValue)
    }

    private mutating func lineFilter(_ comparison: LineFilterOperator) throws(ParseError) -> LineFilter {
        var terms = [try lineFilterTerm(comparison)]
        while take(.or) { terms.append(try lineFilterTerm(comparison)) }
        return LineFilter(comparison, terms)
    }

    private mutating func lineFilterTerm(_ comparison: LineFilterOperator) throws(ParseError) -> LineFilterTerm {
        if isNextFunction("ip") {
            let pattern = try ipPattern()
            if comparison != .contains && comparison != .notContains { stageReason = "ip: invalid operation" }
            return .ip(pattern)
        }
        let text = try string("STRING or ip")
        try countPasses()
        if comparison.isRegex {
            try countRegex()
            if let fault = regexFault(text) { stageFails(fault) }
        }
        guard comparison.isPattern else { return .text(text) }
        let pattern = Pattern(parsing: text.bytes)
        if let fault = pattern.faultAsFilter { stageFails(fault) }
        return .pattern(pattern)
    }

    mutating func ipPattern() throws(ParseError) -> IPPattern {
        advance()
        try expect(.open)
        let text = try string()
        try countPasses()
        try expect(.close)
        if let pattern = IPPattern(parsing: text) { return pattern }
        stageFails("ip: invalid pattern: \(QuotedText.quote(text.bytes))")
        let nowhere = IPAddress(isV6: false, value: 0)
        return IPPattern(text: text, low: nowhere, high: nowhere)
    }

    private mutating func stage() throws(ParseError) -> Stage {
        guard case .keyword(let keyword) = token.kind else {
            guard startsLabelFilter() else { throw unexpected() }
            return .labelFilter(try labelFilter())
        }
        switch keyword {
        case .json:
            advance()
            return .json(try jsonExtractions())
        case .logfmt:
            advance()
            return .logfmt(try logfmtParser())
        case .regexp:
            advance()
            return .regexp(try regexp())
        case .pattern:
            advance()
            let pattern = Pattern(parsing: try string().bytes)
            if let fault = pattern.faultAsParser { deferFault("invalid pattern parser: \(fault)") }
            return .pattern(pattern)
        case .unpack, .decolorize:
            advance()
            return keyword == .unpack ? .unpack : .decolorize
        case .lineFormat:
            advance()
            return .lineFormat(try string())
        case .labelFormat:
            advance()
            return .labelFormat(try labelFormatItems())
        case .drop, .keep:
            advance()
            let items = try labelSelections()
            return keyword == .drop ? .drop(items) : .keep(items)
        default: throw unexpected()
        }
    }

    // MARK: Arguments of stages

    /// `a="x", b`: names and expressions; a name alone is its own expression.
    private mutating func extractions() throws(ParseError) -> [(name: String, text: Text)] {
        var items: [(name: String, text: Text)] = []
        guard case .identifier = token.kind else { return items }
        repeat {
            let name = try identifier()
            items.append((name, take(.assign) ? try string() : Text(name)))
        } while take(.comma)
        return items
    }

    private mutating func jsonExtractions() throws(ParseError) -> [JSONExtraction] {
        var parsed: [JSONExtraction] = []
        for (name, text) in try extractions() {
            let path = jsonPath(text)
            // The line is looked through for each step of the path.
            try countPasses(max(path.elements.count, 1))
            parsed.append(JSONExtraction(name, path))
        }
        return parsed
    }

    private mutating func jsonPath(_ text: Text) -> JSONPath {
        do throws(PathFault) {
            return try JSONPath(parsing: text)
        } catch {
            stageFails("cannot parse expression [\(text.string)]: \(error.message)")
            return JSONPath(elements: [], text: text)
        }
    }

    private mutating func logfmtParser() throws(ParseError) -> LogfmtParser {
        var parser = LogfmtParser()
        while case .flag(let name) = token.kind {
            advance()
            if name == "--strict" { parser.isStrict = true } else { parser.keepsEmpty = true }
        }
        for (name, text) in try extractions() {
            try countPasses()
            do throws(PathFault) {
                let key = try PathText.logfmtKey(text.bytes)
                parser.extractions.append(LogfmtExtraction(name, expression: text, key: Text(bytes: key)))
            } catch {
                stageFails("cannot parse expression [\(text.string)]: \(error.message)")
                parser.extractions.append(LogfmtExtraction(name, text))
            }
        }
        return parser
    }

    private mutating func regexp() throws(ParseError) -> Text {
        let regex = try string()
        try countRegex()
        if let fault = regexFault(regex) {
            deferFault("invalid regexp parser: \(fault)")
            return regex
        }
        let names = RegexText.captureNames(of: regex.bytes)
        if names.isEmpty { deferFault("invalid regexp parser: at least one named capture must be supplied") }
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            deferFault("invalid regexp parser: duplicate extracted label name '\(name)'")
        }
        return regex
    }

    private mutating func labelFormatItems() throws(ParseError) -> [LabelFormatItem] {
        var items: [LabelFormatItem] = []
        var seen: Set<String> = []
        repeat {
            let destination = try identifier()
            try expect(.assign)
            if case .identifier(let source) = token.kind {
                advance()
                items.append(LabelFormatItem(destination, .rename(from: source)))
            } else {
                items.append(LabelFormatItem(destination, .template(try string("IDENTIFIER or STRING"))))
                try countPasses()
            }
            if destination == "__error__" { stageFails("__error__ cannot be formatted") }
            if !seen.insert(destination).inserted {
                stageFails("multiple label name '\(destination)' not allowed in a single format operation")
            }
        } while take(.comma)
        return items
    }

    private mutating func labelSelections() throws(ParseError) -> [LabelSelection] {
        var items: [LabelSelection] = []
        repeat {
            let name = try identifier()
            if let matching = matchOperator() {
                advance()
                items.append(.matcher(try matcher(name, matching, string())))
            } else {
                items.append(.name(name))
            }
        } while take(.comma)
        return items
    }
}
