internal import Bytes
internal import LogQL

/// `| unwrap duration(label) | filter …`: the number that an entry stands for.
struct UnwrapStage: Sendable {
    let name: UInt32
    let conversion: Unwrap.Conversion
    let conditions: [LabelCondition]
    /// Whether values are told apart as texts: the number is then their hash.
    private let countsTexts: Bool

    init(_ unwrap: Unwrap, _ names: inout NameTable, countsTexts: Bool = false) throws(QueryError) {
        self.countsTexts = countsTexts
        name = names.intern(unwrap.label)
        // Columns of numbers serve numbers only; texts are read from rows there.
        conversion = countsTexts ? .bytes : unwrap.conversion
        var made: [LabelCondition] = []
        for filter in unwrap.filters { made.append(try LabelCondition(filter, &names)) }
        conditions = made
    }

    /// The value; nil if the entry has none or a filter drops it. What cannot be read marks the entry and counts as 0.
    func value(_ labels: inout EntryLabels) -> Double? {
        let range = labels.valueRange(name)
        if range.isEmpty { return nil }
        let value = read(labels.values.span.extracting(range))
        if value == nil, labels.fault == .none {
            let text = labels.values.span.extracting(range).text
            labels.setFault(.sampleExtraction, details: [UInt8](text: "invalid value \"\(text)\"").span)
        }
        for condition in conditions where !condition.holds(&labels) { return nil }
        return value ?? 0
    }

    func read(_ text: borrowing ByteSpan) -> Double? {
        if countsTexts { return Double(bitPattern: Hash.hash64(text)) }
        switch conversion {
        case .number: return ValueText.number(text)
        case .bytes: return ValueText.size(text).map { Double($0) }
        case .duration, .durationSeconds: return ValueText.duration(text).map { Double($0) / 1e9 }
        }
    }

    /// Names that the value and the filters behind it look at.
    var names: [UInt32] { [name] + conditions.flatMap(\.names) }
}
