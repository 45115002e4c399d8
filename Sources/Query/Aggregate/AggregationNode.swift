internal import Bytes
internal import LogQL
internal import Model

/// `sum by (a)(…)` and its kin, step by step.
final class AggregationNode: EvaluationNode {
    private struct Group {
        var labels: Int
        var count = 0
        var value = 0.0
        var squares = 0.0
    }

    private let function: VectorFunction
    private let limit: Int
    private let operand: any EvaluationNode
    private let labels: LabelIndex
    private let grouping: LabelGrouping
    /// Group labels of each label set met.
    private var groupOf: [Int: Int] = [:]
    /// The one group of all series.
    private var wholeGroup: Int?

    init(_ aggregation: VectorAggregation, _ operand: any EvaluationNode, _ labels: LabelIndex) throws(QueryError) {
        function = aggregation.function
        limit = aggregation.parameter ?? 0
        self.operand = operand
        self.labels = labels
        grouping = LabelGrouping(aggregation.grouping ?? Grouping([]))
    }

    /// Where all series make one group, their labels need not be known.
    private func whole(at step: Int) throws(QueryError) -> StepValue? {
        guard grouping.isOfAll, function.isFolded, let numbers = try operand.numbers(at: step) else { return nil }
        try labels.meter.spend(numbers.count)
        guard let first = numbers.first else { return .vector([]) }
        var group = Group(labels: try labels.intern(LabelSet(canonical: [])), count: 1, value: first)
        for number in numbers.dropFirst() { add(number, to: &group) }
        return .vector([VectorSample(labels: group.labels, value: result(group))])
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        if let whole = try whole(at: step) { return whole }
        guard case .vector(let vector) = try operand.value(at: step) else {
            throw QueryError(.invalid, "unexpected expr type: \(function.rawValue) wants series, not a number")
        }
        try labels.meter.spend(vector.count &* 4)
        switch function {
        case .sort: return .vector(vector.sorted { AggregationNode.isLess($0.value, $1.value) })
        case .sortDescending: return .vector(vector.sorted { AggregationNode.isLess($1.value, $0.value) })
        case .topk, .bottomk, .approximateTopk: return .vector(try best(vector))
        default: return .vector(try folded(vector))
        }
    }

    /// NaN counts as less than any number.
    private static func isLess(_ a: Double, _ b: Double) -> Bool { a < b || a.isNaN && !b.isNaN }

    private func group(_ sample: VectorSample) throws(QueryError) -> Int {
        if let wholeGroup { return wholeGroup }
        if let known = groupOf[sample.labels] { return known }
        let group = try labels.intern(grouping.group(of: labels[sample.labels]))
        if grouping.isOfAll { wholeGroup = group }
        groupOf[sample.labels] = group
        return group
    }

    private func folded(_ vector: [VectorSample]) throws(QueryError) -> [VectorSample] {
        var groups: [Group] = []
        var positions: [Int: Int] = [:]
        for sample in vector {
            let group = try group(sample)
            if let position = positions[group] {
                add(sample.value, to: &groups[position])
            } else {
                positions[group] = groups.count
                groups.append(Group(labels: group, count: 1, value: sample.value))
            }
        }
        return groups.map { VectorSample(labels: $0.labels, value: result($0)) }
    }

    private func add(_ value: Double, to group: inout Group) {
        group.count += 1
        switch function {
        case .sum: group.value += value
        case .avg:
            let count = Double(group.count)
            if group.value.isInfinite {
                if value.isInfinite, (value > 0) == (group.value > 0) { return }
                if value.isFinite { return }
            }
            group.value = group.value + value / count - group.value / count
        case .min: if value < group.value || group.value.isNaN { group.value = value }
        case .max: if value > group.value || group.value.isNaN { group.value = value }
        case .stddev, .stdvar:
            let delta = value - group.value
            group.value += delta / Double(group.count)
            group.squares += delta * (value - group.value)
        default: break
        }
    }

    private func result(_ group: Group) -> Double {
        switch function {
        case .count: Double(group.count)
        case .stdvar: group.squares / Double(group.count)
        case .stddev: (group.squares / Double(group.count)).squareRoot()
        default: group.value
        }
    }

    /// The k largest (or smallest) of each group, with their own labels.
    private func best(_ vector: [VectorSample]) throws(QueryError) -> [VectorSample] {
        var groups: [[VectorSample]] = []
        var positions: [Int: Int] = [:]
        for sample in vector {
            let group = try group(sample)
            if let position = positions[group] {
                groups[position].append(sample)
            } else {
                positions[group] = groups.count
                groups.append([sample])
            }
        }
        var result: [VectorSample] = []
        for group in groups {
            let sorted =
                function == .bottomk
                ? group.sorted { $0.value < $1.value || $1.value.isNaN && !$0.value.isNaN }
                : group.sorted { $0.value > $1.value || $1.value.isNaN && !$0.value.isNaN }
            result += sorted.prefix(limit)
        }
        return result
    }
}

extension VectorFunction {
    /// Whether each group becomes one number.
    fileprivate var isFolded: Bool {
        switch self {
        case .sort, .sortDescending, .topk, .bottomk, .approximateTopk: false
        default: true
        }
    }
}

/// `by (…)` and `without (…)` on finished label sets.
struct LabelGrouping {
    private let isWithout: Bool
    private let names: Set<[UInt8]>

    init(_ grouping: Grouping) {
        self.init(isWithout: grouping.isWithout, grouping.labels + (grouping.isWithout ? ["__name__"] : []))
    }

    init(isWithout: Bool, _ labels: [String]) {
        self.isWithout = isWithout
        names = Set(labels.map { [UInt8](text: $0) })
    }

    /// Whether all series are one group.
    var isOfAll: Bool { !isWithout && names.isEmpty }

    func group(of labels: LabelSet) -> LabelSet {
        var pairs = LabelPairs(labels)
        pairs.pairs.removeAll { names.contains($0.name) == isWithout }
        return pairs.labels
    }
}

/// `label_replace(v, "dst", "replacement", "src", "regex")`.
final class LabelReplaceNode: EvaluationNode {
    private let operand: any EvaluationNode
    private let labels: LabelIndex
    private let regex: Regex
    private let destination: [UInt8]
    private let source: [UInt8]
    private let replacement: Expansion
    private var replaced: [Int: Int] = [:]

    init(_ replace: LabelReplace, _ operand: any EvaluationNode, _ labels: LabelIndex) throws(QueryError) {
        self.operand = operand
        self.labels = labels
        destination = replace.destination.bytes
        source = replace.source.bytes
        do throws(RegexFault) {
            let text = [UInt8](text: "^(?:") + replace.regex.bytes + [UInt8](text: ")$")
            regex = try Regex(text, dotMatchesNewline: false)
        } catch {
            throw QueryError(.parse, "parse error : invalid regex in label_replace: \(error.text)")
        }
        replacement = Expansion(replace.replacement.bytes, regex)
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        guard case .vector(let vector) = try operand.value(at: step) else {
            throw QueryError(.invalid, "unexpected expr type: label_replace wants series, not a number")
        }
        try labels.meter.spend(vector.count)
        var result = vector
        for position in result.indices { result[position].labels = try replace(result[position].labels) }
        return .vector(result)
    }

    private func replace(_ position: Int) throws(QueryError) -> Int {
        if let known = replaced[position] { return known }
        var pairs = LabelPairs(labels[position])
        let text = pairs.value(source) ?? []
        var offsets: [Int64] = []
        var result = position
        if Regex.isUTF8(text.span), regex.find(text.span, .full, into: &offsets) {
            let limit = TemplateRun.outputLimitBytes
            guard let value = replacement.expand(text, offsets, limitBytes: limit) else {
                throw QueryError(
                    .limit, "label_replace makes a label of more than \(limit) bytes; use a shorter replacement")
            }
            try labels.meter.spend(replacement.pieceCount &+ value.count / 16)
            if value.isEmpty { pairs.remove(destination) } else { pairs.set(destination, value) }
            result = try labels.intern(pairs.labels)
        }
        replaced[position] = result
        return result
    }
}

/// A replacement text with `$1`, `${1}`, `$name` and `$$`, by Go's rules.
struct Expansion: Sendable {
    private enum Piece: Sendable {
        case literal([UInt8])
        case group(Int)
    }

    private var pieces: [Piece] = []

    /// What one expansion takes, in steps.
    var pieceCount: Int { pieces.count }

    init(_ text: [UInt8], _ regex: Regex) {
        var literal: [UInt8] = []
        var at = 0
        while at < text.count {
            guard text[at] == 0x24, at + 1 < text.count else {
                literal.append(text[at])
                at += 1
                continue
            }
            if text[at + 1] == 0x24 {
                literal.append(0x24)
                at += 2
                continue
            }
            guard let (name, end) = Expansion.name(text, at + 1) else {
                literal.append(0x24)
                at += 1
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            let number = Int(name) ?? regex.groupNames.firstIndex(of: name).map { $0 + 1 } ?? -1
            pieces.append(.group(number))
            at = end
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    private static func name(_ text: [UInt8], _ start: Int) -> (String, Int)? {
        let isBraced = text[start] == 0x7b
        let from = isBraced ? start + 1 : start
        var end = from
        while end < text.count, LabelName.isNameByte(text[end]) { end += 1 }
        if end == from { return nil }
        if isBraced { guard end < text.count, text[end] == 0x7d else { return nil } }
        return (String(decoding: text[from..<end], as: UTF8.self), isBraced ? end + 1 : end)
    }

    /// What the replacement makes of a match; nil if that is more than `limitBytes`.
    func expand(_ text: [UInt8], _ offsets: [Int64], limitBytes: Int) -> [UInt8]? {
        var result: [UInt8] = []
        for piece in pieces {
            let part: ArraySlice<UInt8>
            switch piece {
            case .literal(let bytes): part = bytes[...]
            case .group(let number):
                // Compared so that no number, however large, overflows.
                guard number >= 0, number < offsets.count / 2 else { continue }
                let (start, end) = (Int(offsets[2 * number]), Int(offsets[2 * number + 1]))
                guard start >= 0, start <= end, end <= text.count else { continue }
                part = text[start..<end]
            }
            if part.count > limitBytes - result.count { return nil }
            result += part
        }
        return result
    }
}
