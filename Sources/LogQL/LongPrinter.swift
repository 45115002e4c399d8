/// Writes a query over many lines: one stage a line, two spaces for each level.
///
/// Whatever fits on one line stays on one.
struct LongPrinter {
    private(set) var text = ""
    private var level = 0

    /// Writes one part of the query; a part on a level of its own begins a line.
    private mutating func line(_ content: String) {
        if !text.isEmpty { text += "\n" }
        text += String(repeating: "  ", count: level) + content
    }

    private func fits(_ content: String) -> Bool {
        content.utf8.count &+ 2 &* level <= Printer.lineLimit
    }

    private mutating func indented(_ body: (inout LongPrinter) -> Void) {
        level &+= 1
        body(&self)
        level &-= 1
    }

    mutating func query(_ query: LogQuery) {
        let short = query.description
        if fits(short) { return line(short) }
        selectorAndStages(query)
    }

    private mutating func selectorAndStages(_ query: LogQuery) {
        line(query.selector.description)
        indented { printer in
            for stage in query.stages { printer.line(stage.description) }
            for step in query.resultSteps {
                var part = Printer()
                part.step(step)
                printer.line(part.text)
            }
        }
    }

    mutating func metric(_ query: MetricQuery) {
        let short = query.description
        if fits(short) { return line(short) }
        var head = Printer()
        switch query {
        case .rangeAggregation(let aggregation):
            head.head(aggregation)
            line(head.text)
            indented { $0.range(aggregation.range) }
            line(")" + (aggregation.grouping.map { " " + Printer.grouping($0) } ?? ""))
        case .vectorAggregation(let aggregation):
            head.head(aggregation)
            line(head.text)
            indented { $0.metric(aggregation.operand) }
            line(")")
        case .binary(let operation):
            let chain = Printer.flatChain(operation)
            line("(")
            indented { $0.metric(chain[0].left) }
            for link in chain {
                line(Printer.connective(link))
                indented { $0.metric(link.right) }
            }
            line(")")
        case .labelReplace(let replace):
            line("label_replace(")
            indented { $0.metric(replace.operand) }
            head.labelReplaceTail(replace)
            line(head.text)
        case .variants(let variants): self.variants(variants)
        case .literal, .vector: line(short)
        }
    }

    private mutating func variants(_ variants: Variants) {
        line("variants(")
        indented { printer in
            for (position, metric) in variants.metrics.enumerated() {
                printer.metric(metric)
                if position < variants.metrics.count &- 1 { printer.text += "," }
            }
        }
        line(") of (")
        indented { $0.range(variants.range) }
        line(")")
    }

    private mutating func range(_ range: LogRange) {
        var short = Printer()
        short.range(range)
        if fits(short.text) { return line(short.text) }
        selectorAndStages(range.query)
        var tail = Printer()
        if let unwrap = range.unwrap {
            tail.unwrap(unwrap)
            indented { $0.line(tail.text) }
            tail.text = ""
        }
        tail.window(range)
        text += " " + tail.text
    }
}
