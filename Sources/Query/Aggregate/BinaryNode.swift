internal import Bytes
internal import Glibc
internal import LogQL
internal import Model

/// A binary operation, step by step (contract: logql 17).
final class BinaryNode: EvaluationNode {
    private let operation: BinaryOperation
    private let left: any EvaluationNode
    private let right: any EvaluationNode
    private let labels: LabelIndex
    private let signatures: LabelGrouping
    private let included: Set<[UInt8]>
    private var signatureOf: [Int: Int] = [:]
    private var resultOf: [Pair: Int] = [:]

    private struct Pair: Hashable {
        let many: Int
        let one: Int
    }

    init(
        _ operation: BinaryOperation, _ left: any EvaluationNode, _ right: any EvaluationNode, _ labels: LabelIndex
    ) {
        self.operation = operation
        self.left = left
        self.right = right
        self.labels = labels
        let matching = operation.matching
        signatures = LabelGrouping(isWithout: !(matching?.isOn ?? false), matching?.labels ?? [])
        included = Set((matching?.included ?? []).map { [UInt8](text: $0) })
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        let first = try left.value(at: step)
        let second = try right.value(at: step)
        switch (first, second) {
        case (.scalar(let a), .scalar(let b)):
            return .scalar(BinaryNode.compute(operation.function, a, b) ?? 0)
        case (.vector(let a), .scalar(let b)):
            try labels.meter.spend(a.count)
            return .vector(a.compactMap { withScalar($0, $0.value, b) })
        case (.scalar(let a), .vector(let b)):
            try labels.meter.spend(b.count)
            return .vector(b.compactMap { withScalar($0, a, $0.value) })
        case (.vector(let a), .vector(let b)):
            try labels.meter.spend((a.count &+ b.count) &* 4)
            return .vector(operation.function.isSet ? try combined(a, b) : try matched(a, b))
        }
    }

    /// The series' value stays where a comparison holds.
    private func withScalar(_ sample: VectorSample, _ a: Double, _ b: Double) -> VectorSample? {
        let result = BinaryNode.compute(operation.function, a, b)
        if operation.function.isComparison {
            if operation.returnsBool { return VectorSample(labels: sample.labels, value: result ?? 0) }
            return result == 1 ? sample : nil
        }
        return VectorSample(labels: sample.labels, value: result ?? .nan)
    }

    /// Comparisons give 1 or 0. Division by zero is NaN, never infinite.
    static func compute(_ function: BinaryFunction, _ a: Double, _ b: Double) -> Double? {
        switch function {
        case .add: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .divide: b == 0 ? .nan : a / b
        case .modulo: b == 0 ? .nan : fmod(a, b)
        case .power: pow(a, b)
        case .equal: a == b ? 1 : 0
        case .notEqual: a != b ? 1 : 0
        case .greater: a > b ? 1 : 0
        case .greaterOrEqual: a >= b ? 1 : 0
        case .less: a < b ? 1 : 0
        case .lessOrEqual: a <= b ? 1 : 0
        case .and, .or, .unless: nil
        }
    }

    private func signature(_ sample: VectorSample) throws(QueryError) -> Int {
        if let known = signatureOf[sample.labels] { return known }
        let signature = try labels.intern(signatures.group(of: labels[sample.labels]))
        signatureOf[sample.labels] = signature
        return signature
    }

    private func combined(_ a: [VectorSample], _ b: [VectorSample]) throws(QueryError) -> [VectorSample] {
        switch operation.function {
        case .or: a + (try chosen(b, whereIn: a, false))
        case .and: try chosen(a, whereIn: b, true)
        default: try chosen(a, whereIn: b, false)
        }
    }

    /// The samples whose signature is among those of `others`, or is not.
    private func chosen(
        _ samples: [VectorSample], whereIn others: [VectorSample], _ isWanted: Bool
    ) throws(QueryError) -> [VectorSample] {
        var present: Set<Int> = []
        for sample in others { present.insert(try signature(sample)) }
        var result: [VectorSample] = []
        for sample in samples where present.contains(try signature(sample)) == isWanted { result.append(sample) }
        return result
    }

    private func matched(_ a: [VectorSample], _ b: [VectorSample]) throws(QueryError) -> [VectorSample] {
        let cardinality = operation.matching?.cardinality ?? .oneToOne
        let isSwapped = cardinality == .oneToMany
        let (many, one) = isSwapped ? (b, a) : (a, b)
        var partners: [Int: VectorSample] = [:]
        for sample in one {
            if partners.updateValue(sample, forKey: try signature(sample)) != nil {
                throw QueryError(
                    .matching,
                    "found duplicate series on the \(isSwapped ? "left" : "right") hand-side;many-to-many matching not "
                        + "allowed: matching labels must be unique on one side")
            }
        }
        var seen: Set<Int> = []
        var result: [VectorSample] = []
        for sample in many {
            let signature = try signature(sample)
            guard let partner = partners[signature] else { continue }
            let (x, y) = isSwapped ? (partner.value, sample.value) : (sample.value, partner.value)
            let resultLabels = try resultLabels(sample, partner, cardinality)
            if !seen.insert(cardinality == .oneToOne ? signature : resultLabels).inserted {
                throw QueryError(
                    .matching,
                    cardinality == .oneToOne
                        ? "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                        : "multiple matches for labels: grouping labels must ensure unique matches")
            }
            let number = BinaryNode.compute(operation.function, x, y) ?? .nan
            if operation.function.isComparison, !operation.returnsBool {
                if number == 1 { result.append(VectorSample(labels: resultLabels, value: x)) }
            } else {
                result.append(VectorSample(labels: resultLabels, value: number))
            }
        }
        return result
    }

    private func resultLabels(
        _ many: VectorSample, _ one: VectorSample, _ cardinality: VectorMatching.Cardinality
    ) throws(QueryError) -> Int {
        let pair = Pair(many: many.labels, one: one.labels)
        if let known = resultOf[pair] { return known }
        var pairs = LabelPairs(labels[many.labels])
        if cardinality == .oneToOne {
            pairs = LabelPairs(signatures.group(of: labels[many.labels]))
        } else {
            pairs.pairs.removeAll { included.contains($0.name) }
            var added = LabelPairs(labels[one.labels])
            added.pairs.removeAll { !included.contains($0.name) || $0.value.isEmpty }
            pairs = pairs.adding(added)
        }
        let position = try labels.intern(pairs.labels)
        resultOf[pair] = position
        return position
    }
}
