/// Aggregations, ranges and vector matching.
extension Parser {
    mutating func rangeAggregation(_ function: RangeFunction) throws(ParseError) -> MetricQuery {
        advance()
        try expect(.open)
        var parameter: String?
        if case .number(let text) = token.kind {
            parameter = text
            advance()
            try expect(.comma)
        } else if !isNext(.openBrace), !isNext(.open) {
            throw unexpected("NUMBER or { or (")
        }
        let range = try logRange()
        try expect(.close)
        let grouping = try grouping()
        return .rangeAggregation(try Validity.range(function, parameter, range, grouping))
    }

    mutating func vectorAggregation(_ function: VectorFunction) throws(ParseError) -> MetricQuery {
        advance()
        let before = try grouping()
        try expect(.open)
        var parameter: String?
        if case .number(let text) = token.kind, peek(1).kind == .symbol(.comma) {
            parameter = text
            advance()
            advance()
        }
        let operand = try metric()
        try expect(.close)
        let after = before == nil ? try grouping() : nil
        return .vectorAggregation(try Validity.vector(function, parameter, operand, before ?? after))
    }

    mutating func labelReplace() throws(ParseError) -> LabelReplace {
        advance()
        try expect(.open)
        let operand = try metric()
        var texts: [Text] = []
        for _ in 0..<4 {
            try expect(.comma)
            texts.append(try string())
        }
        try countRegex()
        try expect(.close)
        if let fault = regexFault(texts[3]) { throw ParseError("invalid regex in label_replace: \(fault)") }
        return LabelReplace(
            operand, destination: texts[0], replacement: texts[1], source: texts[2], regex: texts[3])
    }

    mutating func variants() throws(ParseError) -> Variants {
        advance()
        try expect(.open)
        var metrics = [try metric()]
        while take(.comma) { metrics.append(try metric()) }
        try expect(.close)
        if !take(.of) { throw unexpected("of") }
        try expect(.open)
        let range = try logRange()
        try expect(.close)
        return Variants(metrics, of: range)
    }

    // MARK: Ranges

    /// A log range with as much of it as stands inside the parentheses read so far.
    private struct PartialRange {
        var query: LogQuery
        var unwrap: Unwrap?
        var window: (range: Int64, offset: Int64)?
    }

    mutating func logRange() throws(ParseError) -> LogRange {
        let partial = try partialRange()
        guard let window = partial.window else { throw unexpected() }
        return LogRange(
            query: partial.query, unwrap: partial.unwrap, rangeNanoseconds: window.range,
            offsetNanoseconds: window.offset)
    }

    private mutating func partialRange() throws(ParseError) -> PartialRange {
        try descend()
        defer { ascend() }
        var partial: PartialRange
        if take(.open) {
            partial = try partialRange()
            try expect(.close)
        } else {
            guard isNext(.openBrace) else { throw unexpected() }
            partial = PartialRange(query: LogQuery(selector: try selector()))
            partial.window = try window()
            partial.query.stages = try stages()
            partial.unwrap = try unwrap()
        }
        if partial.window == nil {
            partial.window = try window()
            if partial.window != nil, partial.query.stages.isEmpty, partial.unwrap == nil {
                partial.unwrap = try unwrap()
            }
        }
        return partial
    }

    private mutating func window() throws(ParseError) -> (range: Int64, offset: Int64)? {
        guard case .range(let range) = token.kind else { return nil }
        advance()
        guard take(.offset) else { return (range, 0) }
        guard case .duration(let offset) = token.kind else { throw unexpected("DURATION") }
        advance()
        return (range, offset)
    }

    private mutating func unwrap() throws(ParseError) -> Unwrap? {
        guard isNext(.pipe), peek(1).kind == .keyword(.unwrap) else { return nil }
        advance()
        advance()
        var unwrap: Unwrap
        if case .function(let name) = token.kind, let conversion = Unwrap.Conversion(rawValue: name) {
            advance()
            try expect(.open)
            unwrap = Unwrap(try identifier(), conversion: conversion)
            try expect(.close)
        } else {
            unwrap = Unwrap(try identifier())
            if isNext(.open) { throw unexpected("RANGE or |") }
        }
        while isNext(.pipe) {
            advance()
            guard startsLabelFilter() else { throw unexpected("IDENTIFIER or (") }
            let filter = try labelFilter()
            _ = finish(.labelFilter(filter))
            unwrap.filters.append(filter)
        }
        return unwrap
    }

    // MARK: Grouping and matching

    mutating func grouping() throws(ParseError) -> Grouping? {
        guard isNext(.by) || isNext(.without) else { return nil }
        let isWithout = isNext(.without)
        advance()
        return Grouping(isWithout: isWithout, try labelList())
    }

    /// `(a, b)` or `()`.
    private mutating func labelList() throws(ParseError) -> [String] {
        try expect(.open)
        if take(.close) { return [] }
        var labels = [try identifier("IDENTIFIER or )")]
        while take(.comma) { try append(identifier(), to: &labels) }
        try expect(.close, ") or ,")
        return labels
    }

    mutating func vectorMatching() throws(ParseError) -> VectorMatching? {
        guard isNext(.on) || isNext(.ignoring) else { return nil }
        let isOn = isNext(.on)
        advance()
        var matching = VectorMatching(isOn: isOn, try labelList())
        guard isNext(.groupLeft) || isNext(.groupRight) else { return matching }
        matching.cardinality = isNext(.groupLeft) ? .manyToOne : .oneToMany
        advance()
        if isNext(.open), isLabelListAhead() { matching.included = try labelList() }
        return matching
    }

    /// Tells `group_left (a, b)` from a right operand in parentheses: names stand in no operand by themselves.
    private func isLabelListAhead() -> Bool {
        if case .identifier = peek(1).kind { return true }
        return peek(1).kind == .symbol(.close)
    }
}
