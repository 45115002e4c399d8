internal import Bytes
internal import LogQL
internal import Model

/// A template of line_format or label_format, compiled.
struct Template: Sendable {
    let nodes: [TemplateNode]
    let definitions: [String: [TemplateNode]]

    /// - Parameter stage: the stage that the template belongs to, for messages.
    init(_ text: Text, stage: Stage, _ names: inout NameTable) throws(QueryError) {
        do throws(TemplateFault) {
            (nodes, definitions) = try TemplateParser.parse(text.bytes, &names)
        } catch {
            let what = if case .lineFormat = stage { "line" } else { "label" }
            let reason = "invalid \(what) template: template: \(what):1: \(error.message)"
            throw QueryError(.parse, ParseError(stage: stage, reason: reason).description)
        }
    }
}

/// What a running template sees of the entry.
struct TemplateContext: ~Copyable {
    let values: [UInt8]
    /// Visible labels, with their numbers.
    let labels: [(name: UInt32, key: [UInt8], range: Range<Int>)]
    let line: [UInt8]
    let time: Int64

    /// The value of a label; nil if it is absent.
    func label(_ name: UInt32) -> [UInt8]? {
        for label in labels where label.name == name { return [UInt8](values[label.range]) }
        return nil
    }

    func label(_ key: [UInt8]) -> [UInt8]? {
        for label in labels where label.key == key { return [UInt8](values[label.range]) }
        return nil
    }

    /// All labels, sorted by name.
    var labelPairs: [(key: [UInt8], value: TemplateValue)] {
        labels.map { ($0.key, .text([UInt8](values[$0.range]))) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}

/// Runs templates on entries. A template may copy what it prints: formatting is not the path of every line.
struct TemplateRunner {
    /// The labels as they were when the first template of a stage ran.
    private var group: (values: [UInt8], labels: [(name: UInt32, key: [UInt8], range: Range<Int>)])?
    private var isGrouped = false

    mutating func beginGroup() {
        isGrouped = true
        group = nil
    }

    mutating func endGroup() {
        isGrouped = false
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
        let seen = group ?? TemplateRunner.capture(labels)
        group = seen
        let context = TemplateContext(
            values: seen.values, labels: seen.labels, line: [UInt8](copying: line), time: time)
        var run = TemplateRun(context, template.definitions)
        do throws(TemplateFault) {
            try run.run(template.nodes)
            out.append(contentsOf: run.out)
            return true
        } catch {
            labels.setFault(.template, details: [UInt8](text: error.message).span)
            return false
        }
    }

    private static func capture(
        _ labels: EntryLabels
    ) -> (values: [UInt8], labels: [(name: UInt32, key: [UInt8], range: Range<Int>)]) {
        var values = labels.values
        var found: [(name: UInt32, key: [UInt8], range: Range<Int>)] = []
        for slot in labels.slots where slot.category != .gone {
            found.append((slot.name, [UInt8](labels.names.bytes[labels.names.range(slot.name)]), slot.range))
        }
        if labels.fault != .none {
            let start = values.count
            values.append(contentsOf: [UInt8](staticText: labels.fault.text))
            found.append((labels.errorName, [UInt8](text: "__error__"), start..<values.count))
        }
        if !labels.faultDetails.isEmpty {
            let start = values.count
            values.append(contentsOf: labels.faultDetails)
            found.append((labels.errorDetailsName, [UInt8](text: "__error_details__"), start..<values.count))
        }
        return (values, found)
    }
}
