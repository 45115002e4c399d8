internal import Bytes
internal import LogQL
internal import Model

/// The label sets met while numbers are computed, each once.
final class LabelIndex {
    /// What computing may still use.
    let meter: WorkMeter
    private(set) var sets: [LabelSet] = []
    private var positions: [LabelSet: Int] = [:]

    init(_ meter: WorkMeter) {
        self.meter = meter
    }

    func intern(_ labels: LabelSet) throws(QueryError) -> Int {
        if let known = positions[labels] { return known }
        try meter.hold(labels.encoded.count + 96)
        try meter.spend(16)
        let position = sets.count
        sets.append(labels)
        positions[labels] = position
        return position
    }

    subscript(position: Int) -> LabelSet { sets[position] }
}

/// A value of a series at one step.
struct VectorSample {
    /// Position in the `LabelIndex`.
    var labels: Int
    var value: Double
}

/// What a part of a query is worth at one step.
enum StepValue {
    case scalar(Double)
    case vector([VectorSample])
}

/// A part of a metric query that can be computed step by step, in order.
protocol EvaluationNode: AnyObject {
    func value(at step: Int) throws(QueryError) -> StepValue
    /// The numbers of `value` without their labels, in the same order; nil where that is no less work.
    func numbers(at step: Int) throws(QueryError) -> [Double]?
}

extension EvaluationNode {
    func numbers(at step: Int) throws(QueryError) -> [Double]? { nil }
}

/// Makes nodes of a query's tree. Range aggregations take the tables of `leaves` in the order of their numbers.
struct EvaluationBuilder {
    let labels: LabelIndex
    let leaves: [(plan: RangePlan, table: SeriesTable)]

    func node(_ query: NumberedQuery) throws(QueryError) -> any EvaluationNode {
        switch query {
        case .leaf(let number):
            let leaf = leaves[number]
            switch leaf.plan.function {
            case .absentOverTime: return try AbsentNode(leaf.plan, leaf.table, labels)
            case .countDistinctOverTime: return try DistinctNode(leaf.plan, leaf.table, labels)
            default: return try RangeNode(leaf.plan, leaf.table, labels)
            }
        case .aggregation(let aggregation, let operand):
            return try AggregationNode(aggregation, try node(operand), labels)
        case .binary(let operation, let left, let right):
            return BinaryNode(operation, try node(left), try node(right), labels)
        case .literal(let value): return LiteralNode(.scalar(value))
        case .vector(let value):
            let empty = try labels.intern(LabelSet(canonical: []))
            return LiteralNode(.vector([VectorSample(labels: empty, value: value)]))
        case .replace(let replace, let operand): return try LabelReplaceNode(replace, try node(operand), labels)
        }
    }
}

/// A literal or `vector(N)`.
final class LiteralNode: EvaluationNode {
    private let constant: StepValue

    init(_ constant: StepValue) {
        self.constant = constant
    }

    func value(at step: Int) -> StepValue { constant }
}

/// A metric query whose range aggregations are numbered: what scans fill and evaluation reads.
indirect enum NumberedQuery: Sendable {
    case leaf(Int)
    case aggregation(VectorAggregation, NumberedQuery)
    case binary(BinaryOperation, NumberedQuery, NumberedQuery)
    case literal(Double)
    case vector(Double)
    case replace(LabelReplace, NumberedQuery)

    /// Numbers the range aggregations of `query` in the order written, appending them to `leaves` with the grouping of
    /// a sum around them.
    init(_ query: MetricQuery, _ leaves: inout [(RangeAggregation, Grouping?)]) throws(QueryError) {
        switch query {
        case .rangeAggregation(let aggregation):
            self = .leaf(leaves.count)
            leaves.append((aggregation, nil))
        case .vectorAggregation(let outer):
            if outer.function == .sum, case .rangeAggregation(let inner) = outer.operand, RangePlan.isSummable(inner) {
                let grouping = outer.grouping ?? Grouping([])
                // The series of the leaf are the groups already; names that `without` hides may still stand in them.
                let leaf = NumberedQuery.leaf(leaves.count)
                self = grouping.isWithout ? .aggregation(outer, leaf) : leaf
                leaves.append((inner, grouping))
            } else {
                self = .aggregation(outer, try NumberedQuery(outer.operand, &leaves))
            }
        case .binary(let operation):
            let left = try NumberedQuery(operation.left, &leaves)
            self = .binary(operation, left, try NumberedQuery(operation.right, &leaves))
        case .literal(let value): self = .literal(value)
        case .vector(let value): self = .vector(value)
        case .labelReplace(let replace): self = .replace(replace, try NumberedQuery(replace.operand, &leaves))
        case .variants: throw QueryError(.unsupported, "multi variant queries are disabled for this instance")
        }
    }

    /// Whether the query sorts anywhere: instant answers then keep their order.
    var sorts: Bool {
        switch self {
        case .aggregation(let aggregation, let operand):
            aggregation.function == .sort || aggregation.function == .sortDescending || operand.sorts
        case .binary(_, let left, let right): left.sorts || right.sorts
        case .replace(_, let operand): operand.sorts
        case .leaf, .literal, .vector: false
        }
    }
}
