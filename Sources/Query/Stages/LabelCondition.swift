internal import Bytes
internal import LogQL

/// A label filter, compiled. Evaluated left to right; a value that cannot be read marks the entry and lets it pass.
indirect enum LabelCondition: Sendable {
    case text(UInt32, TextTest)
    case number(UInt32, Comparison, Double)
    case duration(UInt32, Comparison, Int64)
    case bytes(UInt32, Comparison, UInt64)
    case address(UInt32, isNegated: Bool, IPPattern)
    case all([LabelCondition])
    case any([LabelCondition])

    init(_ filter: LabelFilter, _ names: inout NameTable) throws(QueryError) {
        switch filter {
        case .text(let matcher):
            self = .text(names.intern(matcher.name), try LabelCondition.test(matcher))
        case .number(let name, let comparison, let value): self = .number(names.intern(name), comparison, value)
        case .duration(let name, let comparison, let value): self = .duration(names.intern(name), comparison, value)
        case .bytes(let name, let comparison, let value): self = .bytes(names.intern(name), comparison, value)
        case .ip(let name, let isNegated, let pattern):
            self = .address(names.intern(name), isNegated: isNegated, pattern)
        case .all(let filters): self = .all(try LabelCondition.list(filters, &names))
        case .any(let filters): self = .any(try LabelCondition.list(filters, &names))
        }
    }

    /// `=~ ""` keeps every entry, as in the reference: dashboards send it for a variable that is not set.
    private static func test(_ matcher: Matcher) throws(QueryError) -> TextTest {
        guard matcher.matching == .matches, matcher.value.isEmpty else {
            return try TextTest(matcher, dotMatchesNewline: isSomewhere(matcher.value.bytes))
        }
        return try TextTest(Matcher(matcher.name, .matches, ".*"), dotMatchesNewline: true)
    }

    /// `.*text.*` asks for a text anywhere in the value, on any of its lines.
    private static func isSomewhere(_ regex: [UInt8]) -> Bool {
        let anything = [UInt8](text: ".*")
        guard regex.count > 4, regex.starts(with: anything), regex.suffix(2).elementsEqual(anything) else {
            return false
        }
        return regex[2..<(regex.count - 2)].allSatisfy { LabelName.isNameByte($0) || $0 >= 0x80 || $0 == 0x20 }
    }

    private static func list(
        _ filters: [LabelFilter], _ names: inout NameTable
    ) throws(QueryError) -> [LabelCondition] {
        var made: [LabelCondition] = []
        for filter in filters { made.append(try LabelCondition(filter, &names)) }
        return made
    }

    /// Whether the entry passes.
    func holds(_ labels: inout EntryLabels) -> Bool {
        switch self {
        case .text(let name, let test): return LabelCondition.text(name, test, labels)
        case .number(let name, let comparison, let wanted):
            guard let index = labels.find(name) else { return false }
            guard let value = ValueText.number(labels.values.span.extracting(labels.slots[index].range)) else {
                return LabelCondition.unreadable(&labels, index)
            }
            return comparison.holds(value, wanted)
        case .duration(let name, let comparison, let wanted):
            guard let index = labels.find(name) else { return false }
            guard let value = ValueText.duration(labels.values.span.extracting(labels.slots[index].range)) else {
                return LabelCondition.unreadable(&labels, index)
            }
            return comparison.holds(value, wanted)
        case .bytes(let name, let comparison, let wanted):
            guard let index = labels.find(name) else { return false }
            guard let value = ValueText.size(labels.values.span.extracting(labels.slots[index].range)) else {
                return LabelCondition.unreadable(&labels, index)
            }
            return comparison.holds(value, wanted)
        case .address(let name, let isNegated, let pattern):
            if labels.fault != .none { return true }
            guard let index = labels.find(name) else { return false }
            let range = labels.slots[index].range
            return AddressScan.contains(pattern, in: labels.values.span.extracting(range)) != isNegated
        case .all(let conditions):
            var result = true
            for condition in conditions where !condition.holds(&labels) { result = false }
            return result
        case .any(let conditions):
            for condition in conditions where condition.holds(&labels) { return true }
            return false
        }
    }

    private static func text(_ name: UInt32, _ test: TextTest, _ labels: EntryLabels) -> Bool {
        if name == labels.errorName { return test.matches([UInt8](staticText: labels.fault.text).span) }
        return test.matches(labels.values.span.extracting(labels.valueRange(name)))
    }

    /// The entry is kept, with the first error it met.
    private static func unreadable(_ labels: inout EntryLabels, _ index: Int) -> Bool {
        if labels.fault == .none {
            let value = labels.values.span.extracting(labels.slots[index].range).text
            labels.setFault(.labelFilter, details: [UInt8](text: "invalid value \"\(value)\"").span)
        }
        return true
    }

    /// Names the condition looks at.
    var names: [UInt32] {
        switch self {
        case .text(let name, _), .number(let name, _, _), .duration(let name, _, _), .bytes(let name, _, _),
            .address(let name, _, _):
            [name]
        case .all(let conditions), .any(let conditions): conditions.flatMap(\.names)
        }
    }
}

extension Comparison {
    @inline(__always)
    func holds<T: Comparable>(_ value: T, _ wanted: T) -> Bool {
        switch self {
        case .equal: value == wanted
        case .notEqual: value != wanted
        case .greater: value > wanted
        case .greaterOrEqual: value >= wanted
        case .less: value < wanted
        case .lessOrEqual: value <= wanted
        }
    }
}

extension Array where Element == UInt8 {
    init(staticText text: StaticString) {
        self = text.withUTF8Buffer { unsafe [UInt8]($0) }
    }
}
