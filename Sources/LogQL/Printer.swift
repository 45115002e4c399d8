/// Writes trees as text that reads back as the same tree.
///
/// `description` is the one-line form. `formatted` breaks lines when that form is longer than `Printer.lineLimit`.
struct Printer {
    /// The longest one-line form, in characters.
    static let lineLimit = 100

    var text = ""

    mutating func list<Item>(_ items: [Item], _ separator: String, _ print: (inout Printer, Item) -> Void) {
        for (position, item) in items.enumerated() {
            if position > 0 { text += separator }
            print(&self, item)
        }
    }

    // MARK: Log queries

    mutating func query(_ query: LogQuery) {
        selector(query.selector)
        for stage in query.stages {
            text += " "
            self.stage(stage)
        }
        for step in query.resultSteps {
            text += " "
            self.step(step)
        }
    }

    mutating func selector(_ selector: Selector) {
        text += "{"
        list(selector.matchers, ", ") { $0.matcher($1) }
        text += "}"
    }

    mutating func matcher(_ matcher: Matcher) {
        text += matcher.name + matcher.matching.rawValue
        quoted(matcher.value)
    }

    mutating func quoted(_ value: Text) {
        text += QuotedText.quote(value.bytes)
    }

    mutating func stage(_ stage: Stage) {
        switch stage {
        case .lineFilter(let filter): lineFilter(filter)
        case .json(let extractions):
            text += extractions.isEmpty ? "| json" : "| json "
            list(extractions, ",") {
                $0.text += $1.name + "="
                $0.quoted($1.path.text)
            }
        case .logfmt(let parser): logfmt(parser)
        case .regexp(let regex): named("regexp", regex)
        case .pattern(let pattern): named("pattern", pattern.text)
        case .unpack: text += "| unpack"
        case .labelFilter(let filter):
            text += "| "
            labelFilter(filter)
        case .lineFormat(let template): named("line_format", template)
        case .labelFormat(let items):
            text += "| label_format "
            list(items, ",") { $0.labelFormatItem($1) }
        case .decolorize: text += "| decolorize"
        case .drop(let items):
            text += "| drop "
            list(items, ",") { $0.selection($1) }
        case .keep(let items):
            text += "| keep "
            list(items, ",") { $0.selection($1) }
        }
    }

    private mutating func named(_ name: String, _ value: Text) {
        text += "| \(name) "
        quoted(value)
    }

    private mutating func lineFilter(_ filter: LineFilter) {
        text += filter.comparison.rawValue + " "
        list(filter.alternatives, " or ") { printer, term in
            switch term {
            case .text(let value): printer.quoted(value)
            case .pattern(let pattern): printer.quoted(pattern.text)
            case .ip(let pattern): printer.ip(pattern)
            }
        }
    }

    private mutating func ip(_ pattern: IPPattern) {
        text += "ip("
        quoted(pattern.text)
        text += ")"
    }

    private mutating func logfmt(_ parser: LogfmtParser) {
        text += "| logfmt"
        if parser.isStrict { text += " --strict" }
        if parser.keepsEmpty { text += " --keep-empty" }
        if !parser.extractions.isEmpty { text += " " }
        list(parser.extractions, ",") {
            $0.text += $1.name + "="
            $0.quoted($1.expression)
        }
    }

    private mutating func labelFormatItem(_ item: LabelFormatItem) {
        text += item.destination + "="
        switch item.value {
        case .rename(let source): text += source
        case .template(let template): quoted(template)
        }
    }

    private mutating func selection(_ selection: LabelSelection) {
        switch selection {
        case .name(let name): text += name
        case .matcher(let matcher): self.matcher(matcher)
        }
    }

    mutating func labelFilter(_ filter: LabelFilter) {
        switch filter {
        case .text(let matcher): self.matcher(matcher)
        case .number(let name, let comparison, let value):
            text += name + comparison.rawValue + NumberText.print(value)
        case .duration(let name, let comparison, let nanoseconds):
            text += name + comparison.rawValue + DurationText.printGo(nanoseconds)
        case .bytes(let name, let comparison, let size):
            text += name + comparison.rawValue + SizeText.print(size)
        case .ip(let name, let isNegated, let pattern):
            text += name + (isNegated ? "!=" : "=")
            ip(pattern)
        case .all(let filters):
            text += "( "
            list(filters, " , ") { $0.labelFilter($1) }
            text += " )"
        case .any(let filters):
            text += "( "
            list(filters, " or ") { $0.labelFilter($1) }
            text += " )"
        }
    }

    mutating func step(_ step: ResultStep) {
        switch step {
        case .distinct(let labels): text += "| distinct " + labels.joined(separator: ",")
        case .sort(let keys):
            text += "| sort by ("
            list(keys, ", ") { $0.text += $1.label + ($1.isDescending ? " desc" : "") }
            text += ")"
        case .limit(let count): text += "| limit \(count)"
        }
    }
}

extension Expression: CustomStringConvertible {
    /// The query on one line.
    public var description: String {
        var printer = Printer()
        switch self {
        case .log(let query): printer.query(query)
        case .metric(let query): printer.metric(query)
        }
        return printer.text
    }

    /// The query on one line, or on many if one would be too long.
    public var formatted: String {
        var printer = LongPrinter()
        switch self {
        case .log(let query): printer.query(query)
        case .metric(let query): printer.metric(query)
        }
        return printer.text
    }
}

extension LogQuery: CustomStringConvertible {
    /// The query on one line.
    public var description: String {
        var printer = Printer()
        printer.query(self)
        return printer.text
    }
}

extension MetricQuery: CustomStringConvertible {
    /// The query on one line.
    public var description: String {
        var printer = Printer()
        printer.metric(self)
        return printer.text
    }
}

extension Selector: CustomStringConvertible {
    /// The selector on one line.
    public var description: String {
        var printer = Printer()
        printer.selector(self)
        return printer.text
    }
}

extension Stage: CustomStringConvertible {
    /// The stage as messages name it, its bar included.
    public var description: String {
        var printer = Printer()
        printer.stage(self)
        return printer.text
    }
}
