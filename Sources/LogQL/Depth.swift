/// How deep trees are. A chain of operators of one strength, `a + b + c`, is one level.
extension BinaryOperation {
    /// The operations of a chain from left to right: the first has the leftmost operand, all have their right ones.
    var chain: [BinaryOperation] {
        var operations = [self]
        while case .binary(let left) = operations[operations.count - 1].left,
            left.function.precedence == function.precedence, !function.isRightAssociative
        {
            operations.append(left)
        }
        return operations.reversed()
    }
}

extension Expression {
    /// The number of levels of the tree.
    var depth: Int {
        switch self {
        case .log(let query): query.depth
        case .metric(let query): query.depth
        }
    }
}

extension LogQuery {
    fileprivate var depth: Int {
        1 + (stages.map { if case .labelFilter(let filter) = $0 { filter.depth } else { 0 } }.max() ?? 0)
    }
}

extension LogRange {
    fileprivate var depth: Int { max(query.depth, 1 + (unwrap?.filters.map(\.depth).max() ?? 0)) }
}

extension MetricQuery {
    fileprivate var depth: Int {
        switch self {
        case .literal, .vector: 1
        case .rangeAggregation(let aggregation): 1 + aggregation.range.depth
        case .vectorAggregation(let aggregation): 1 + aggregation.operand.depth
        case .labelReplace(let replace): 1 + replace.operand.depth
        case .variants(let variants): 1 + max(variants.range.depth, variants.metrics.map(\.depth).max() ?? 0)
        case .binary(let operation):
            1 + operation.chain.reduce(operation.chain[0].left.depth) { max($0, $1.right.depth) }
        }
    }
}

extension LabelFilter {
    fileprivate var depth: Int {
        switch self {
        case .all(let filters), .any(let filters): 1 + (filters.map(\.depth).max() ?? 0)
        default: 1
        }
    }
}
