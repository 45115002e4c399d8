#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The rules that combine what the grammar allows separately.
enum Validity {
    static func range(
        _ function: RangeFunction, _ parameter: String?, _ range: LogRange, _ grouping: Grouping?
    ) throws(ParseError) -> RangeAggregation {
        let name = function.rawValue
        var quantile: Double?
        if let parameter {
            guard function == .quantileOverTime else {
                throw ParseError("parameter \(parameter) not supported for operation \(name)")
            }
            guard let value = NumberText.value(parameter) else {
                throw ParseError("invalid parameter for operation \(name): \(parameter)")
            }
            quantile = value
        } else if function == .quantileOverTime {
            throw ParseError("parameter required for operation \(name)")
        }
        if grouping != nil, !allowsGrouping(function) {
            throw ParseError("grouping not allowed for \(name) aggregation")
        }
        if range.unwrap != nil, !allowsUnwrap(function) {
            throw ParseError("invalid aggregation \(name) with unwrap")
        }
        if range.unwrap == nil, needsUnwrap(function) {
            throw ParseError("invalid aggregation \(name) without unwrap")
        }
        return RangeAggregation(function, parameter: quantile, range, grouping: grouping)
    }

    static func vector(
        _ function: VectorFunction, _ parameter: String?, _ operand: MetricQuery, _ grouping: Grouping?
    ) throws(ParseError) -> VectorAggregation {
        let name = function.rawValue
        var count: Int?
        if function.takesParameter {
            guard let parameter else { throw ParseError("parameter required for operation \(name)") }
            guard let value = Int(parameter) else { throw ParseError("invalid parameter \(name)(\(parameter),") }
            if value <= 0 { throw ParseError("invalid parameter (must be greater than 0) \(name)(\(parameter)") }
            count = value
        } else if let parameter {
            throw ParseError("unsupported parameter for operation \(name)(\(parameter),")
        }
        if grouping != nil {
            switch function {
            case .approximateTopk: throw ParseError("grouping not allowed for \(name) aggregation")
            case .sort, .sortDescending: throw ParseError("sort and sort_desc doesn't allow grouping by")
            default: break
            }
        }
        return VectorAggregation(function, parameter: count, operand, grouping: grouping)
    }

    /// Joins two operands; two literals become one.
    static func binary(
        _ function: BinaryFunction, _ left: Expression, _ right: Expression, _ returnsBool: Bool,
        _ matching: VectorMatching?
    ) throws(ParseError) -> MetricQuery {
        let left = try metric(left, "left", function)
        let right = try metric(right, "right", function)
        if function.isSet {
            for (side, query) in [("left", left), ("right", right)] {
                guard case .literal(let value) = query else { continue }
                throw ParseError(
                    "unexpected literal for \(side) leg of logical/set binary operation "
                        + "(\(function.rawValue)): \(NumberText.printFixed(value))")
            }
        }
        if case .literal(let first) = left, case .literal(let second) = right {
            return .literal(fold(function, first, second))
        }
        return .binary(BinaryOperation(function, left, right, returnsBool: returnsBool, matching: matching))
    }

    private static func metric(
        _ expression: Expression, _ side: String, _ function: BinaryFunction
    ) throws(ParseError) -> MetricQuery {
        switch expression {
        case .metric(let query): return query
        case .log:
            throw ParseError(
                "unexpected type for \(side) leg of binary operation (\(function.rawValue)): a log query")
        }
    }

    /// The value of two scalars; comparisons give 1 or 0, division by zero gives NaN.
    static func fold(_ function: BinaryFunction, _ left: Double, _ right: Double) -> Double {
        switch function {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: right == 0 ? .nan : left / right
        case .modulo: right == 0 ? .nan : left.truncatingRemainder(dividingBy: right)
        case .power: pow(left, right)
        case .equal: left == right ? 1 : 0
        case .notEqual: left != right ? 1 : 0
        case .greater: left > right ? 1 : 0
        case .greaterOrEqual: left >= right ? 1 : 0
        case .less: left < right ? 1 : 0
        case .lessOrEqual: left <= right ? 1 : 0
        case .and, .or, .unless: .nan
        }
    }

    private static func allowsGrouping(_ function: RangeFunction) -> Bool {
        switch function {
        case .avgOverTime, .minOverTime, .maxOverTime, .stddevOverTime, .stdvarOverTime, .quantileOverTime,
            .firstOverTime, .lastOverTime, .countDistinctOverTime:
            true
        default: false
        }
    }

    private static func allowsUnwrap(_ function: RangeFunction) -> Bool {
        switch function {
        case .countOverTime, .bytesOverTime, .bytesRate: false
        default: true
        }
    }

    private static func needsUnwrap(_ function: RangeFunction) -> Bool {
        switch function {
        case .countOverTime, .bytesOverTime, .bytesRate, .rate, .absentOverTime: false
        default: true
        }
    }
}
