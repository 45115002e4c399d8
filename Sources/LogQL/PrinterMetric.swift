/// Metric queries on one line.
extension Printer {
    mutating func metric(_ query: MetricQuery) {
        switch query {
        case .rangeAggregation(let aggregation):
            head(aggregation)
            range(aggregation.range)
            text += ")"
            if let grouping = aggregation.grouping { text += " " + Self.grouping(grouping) }
        case .vectorAggregation(let aggregation):
            head(aggregation)
            metric(aggregation.operand)
            text += ")"
        case .binary(let operation):
            let chain = Self.flatChain(operation)
            text += "("
            metric(chain[0].left)
            for link in chain {
                text += " \(Self.connective(link)) "
                metric(link.right)
            }
            text += ")"
        case .literal(let value): text += Self.literal(value)
        case .vector(let value): text += "vector(\(NumberText.printFixed(value)))"
        case .labelReplace(let replace):
            text += "label_replace("
            metric(replace.operand)
            labelReplaceTail(replace)
        case .variants(let variants):
            text += "variants("
            list(variants.metrics, ", ") { $0.metric($1) }
            text += ") of ("
            range(variants.range)
            text += ")"
        }
    }

    /// The name, the parenthesis and the quantile.
    mutating func head(_ aggregation: RangeAggregation) {
        text += aggregation.function.rawValue + "("
        if let parameter = aggregation.parameter { text += NumberText.print(parameter) + "," }
    }

    /// The name, the grouping, the parenthesis and the k.
    mutating func head(_ aggregation: VectorAggregation) {
        text += aggregation.function.rawValue
        if let grouping = aggregation.grouping { text += " " + Self.grouping(grouping) }
        text += "("
        if let parameter = aggregation.parameter { text += "\(parameter)," }
    }

    mutating func labelReplaceTail(_ replace: LabelReplace) {
        for value in [replace.destination, replace.replacement, replace.source, replace.regex] {
            text += ","
            quoted(value)
        }
        text += ")"
    }

    mutating func range(_ range: LogRange) {
        query(range.query)
        if let unwrap = range.unwrap {
            text += " "
            self.unwrap(unwrap)
        }
        window(range)
    }

    mutating func unwrap(_ unwrap: Unwrap) {
        text += "| unwrap "
        text += unwrap.conversion == .number ? unwrap.label : "\(unwrap.conversion.rawValue)(\(unwrap.label))"
        for filter in unwrap.filters {
            text += " | "
            labelFilter(filter)
        }
    }

    mutating func window(_ range: LogRange) {
        text += "[\(DurationText.printPrometheus(range.rangeNanoseconds))]"
        if range.offsetNanoseconds != 0 { text += " offset \(DurationText.printGo(range.offsetNanoseconds))" }
    }

    static func grouping(_ grouping: Grouping) -> String {
        "\(grouping.isWithout ? "without" : "by") (\(grouping.labels.joined(separator: ",")))"
    }

    /// The operations written between one pair of parentheses: one, unless the chain is long. A long chain is written
    /// flat, since the reader follows parentheses to a bounded depth only.
    static func flatChain(_ operation: BinaryOperation) -> [BinaryOperation] {
        let chain = operation.chain
        return chain.count > 16 ? chain : [operation]
    }

    /// The operator and how series are matched.
    static func connective(_ operation: BinaryOperation) -> String {
        var text = operation.function.rawValue
        if operation.returnsBool { text += " bool" }
        guard let matching = operation.matching else { return text }
        text += " \(matching.isOn ? "on" : "ignoring") (\(matching.labels.joined(separator: ",")))"
        switch matching.cardinality {
        case .oneToOne: return text
        case .manyToOne: text += " group_left"
        case .oneToMany: text += " group_right"
        }
        return text + " (\(matching.included.joined(separator: ",")))"
    }

    /// Values without a literal of their own are written as operations that give them.
    static func literal(_ value: Double) -> String {
        if value.isNaN { return "(0 / 0)" }
        if value.isInfinite { return value > 0 ? "(10 ^ 999)" : "(-10 ^ 999)" }
        return NumberText.print(value)
    }
}
