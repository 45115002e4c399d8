internal import Bytes
internal import LogQL

/// `| label_format a=b, c="{{.d}}"`: items run left to right; all templates of one stage see the labels as they were
/// when the first of them ran (contract: logql 10).
struct LabelFormatStage: Sendable {
    private enum Item: Sendable {
        case rename(to: UInt32, from: UInt32)
        case template(to: UInt32, Template)
    }

    private let items: [Item]

    init(_ items: [LabelFormatItem], stage: Stage, _ names: inout NameTable) throws(QueryError) {
        var made: [Item] = []
        for item in items {
            let destination = names.intern(item.destination)
            switch item.value {
            case .rename(let source): made.append(.rename(to: destination, from: names.intern(source)))
            case .template(let text):
                made.append(.template(to: destination, try Template(text, stage: stage)))
            }
        }
        self.items = made
    }

    func run(
        _ line: borrowing ByteSpan, _ time: Int64, _ labels: inout EntryLabels, _ templates: inout TemplateRunner
    ) {
        templates.beginGroup()
        for index in items.indices {
            switch items[index] {
            case .rename(let destination, let source):
                guard let slot = labels.find(source) else { continue }
                let moved = labels.slots[slot]
                labels.removeSlot(slot)
                labels.put(
                    LabelSlot(name: destination, start: moved.start, count: moved.count, category: .parsed))
            case .template(let destination, let template):
                var text: [UInt8] = []
                guard templates.runInGroup(template, line, time, &labels, into: &text) else { continue }
                let start = labels.values.count
                labels.values.append(contentsOf: text)
                labels.setParsed(destination, from: start)
            }
        }
        templates.endGroup()
    }
}
