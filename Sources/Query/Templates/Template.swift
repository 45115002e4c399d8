internal import Bytes
internal import LogQL
internal import Model

/// A template of line_format or label_format, compiled.
struct Template: Sendable {
    let nodes: [TemplateNode]
    let definitions: [String: [TemplateNode]]

    /// - Parameter stage: the stage that the template belongs to, for messages.
    init(_ text: Text, stage: Stage) throws(QueryError) {
        do throws(TemplateFault) {
            (nodes, definitions) = try TemplateParser.parse(text.bytes)
        } catch {
            let what = if case .lineFormat = stage { "line" } else { "label" }
            let reason = "invalid \(what) template: template: \(what):1: \(error.message)"
            throw QueryError(.parse, ParseError(stage: stage, reason: reason).description)
        }
    }
}

/// What a running template sees of the entry.
struct TemplateContext {
    private let values: [UInt8]
    /// Visible labels, sorted by name.
    private let labels: [(key: [UInt8], range: Range<Int>)]
    let line: [UInt8]
    let time: Int64

    /// - Parameter labels: in any order; of equal names the first counts.
    init(values: [UInt8], labels: [(key: [UInt8], range: Range<Int>)], line: [UInt8], time: Int64) {
        self.values = values
        self.labels = labels.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        self.line = line
        self.time = time
    }

    /// What is to be seen of an entry as its labels are now. Their values are copied: those of the entry stand in one
    /// list with those of all streams, and change between templates.
    init(_ labels: EntryLabels, _ line: borrowing ByteSpan, _ time: Int64) {
        var values: [UInt8] = []
        var found: [(key: [UInt8], range: Range<Int>)] = []
        for slot in labels.slots where slot.category != .gone {
            let start = values.count
            values.append(labels.values, slot.range)
            found.append(([UInt8](labels.names.bytes[labels.names.range(slot.name)]), start..<values.count))
        }
        if labels.fault != .none {
            let start = values.count
            values.append(contentsOf: [UInt8](staticText: labels.fault.text))
            found.append(([UInt8](text: "__error__"), start..<values.count))
        }
        if !labels.faultDetails.isEmpty {
            let start = values.count
            values.append(contentsOf: labels.faultDetails)
            found.append(([UInt8](text: "__error_details__"), start..<values.count))
        }
        self.init(values: values, labels: found, line: [UInt8](copying: line), time: time)
    }

    /// How many labels there are.
    var count: Int { labels.count }

    /// The label at a place in the order of names.
    func label(at place: Int) -> (key: [UInt8], value: [UInt8]) {
        (labels[place].key, [UInt8](values[labels[place].range]))
    }

    /// The value of a label; nil if it is absent.
    func label(_ key: [UInt8]) -> [UInt8]? {
        var low = 0
        var high = labels.count
        while low < high {
            let middle = (low + high) / 2
            if labels[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        guard low < labels.count, labels[low].key == key else { return nil }
        return [UInt8](values[labels[low].range])
    }
}

/// Runs templates on entries. A template may copy what it prints: formatting is not the path of every line.
struct TemplateRunner {
    /// What the first template of a stage saw.
    private var group: TemplateContext?
    private var budget = TemplateBudget()
    private var regexes = TemplateRegexes()

    /// Another entry follows.
    mutating func beginEntry() {
        budget = TemplateBudget()
    }

    mutating func beginGroup() {
        group = nil
    }

    mutating func endGroup() {
        group = nil
    }

    /// Runs one template; false if it failed (the entry is marked then).
    mutating func run(
        _ template: Template, _ line: borrowing ByteSpan, _ time: Int64, _ labels: inout EntryLabels,
        into out: inout [UInt8]
    ) -> Bool {
        beginGroup()
        defer { endGroup() }
        return runInGroup(template, line, time, &labels, into: &out)
    }

    /// Runs one of the templates of a stage.
    mutating func runInGroup(
        _ template: Template, _ line: borrowing ByteSpan, _ time: Int64, _ labels: inout EntryLabels,
        into out: inout [UInt8]
    ) -> Bool {
        let context: TemplateContext
        if let group { context = group } else { context = TemplateContext(labels, line, time) }
        group = context
        var run = TemplateRun(context, template.definitions, budget, regexes)
        var fault: TemplateFault?
        do throws(TemplateFault) {
            try run.run(template.nodes)
        } catch {
            fault = error
        }
        budget = run.budget
        regexes = run.regexes
        if let fault {
            labels.setFault(.template, details: [UInt8](text: fault.message).span)
            return false
        }
        out.append(contentsOf: run.out)
        return true
    }
}
