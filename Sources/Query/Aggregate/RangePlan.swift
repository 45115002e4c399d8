internal import Bytes
internal import LogQL
internal import Model

/// Which labels of an entry make its series.
enum SeriesGrouping: Sendable {
    /// All visible ones; the unwrapped label left out.
    case all
    /// These, in order of their bytes.
    case by([UInt32])
    case without([UInt32])
}

/// A range aggregation made ready to scan.
struct RangePlan: Sendable {
    let function: RangeFunction
    let parameter: Double?
    let windows: Windows
    let rangeNanoseconds: Int64
    let kind: CellKind
    var log: LogPlan
    let unwrap: UnwrapStage?
    let grouping: SeriesGrouping
    /// Whether entries that a parser failed on are samples like others: the query asked for `__error__`.
    let toleratesErrors: Bool
    /// For `absent_over_time`: the labels of its one series.
    let absentLabels: LabelSet

    /// - Parameter outer: the grouping of a sum around it, when its sums may be taken at once.
    init(
        _ aggregation: RangeAggregation, outer: Grouping?, steps: Steps, planner: Planner
    ) throws(QueryError) {
        function = aggregation.function
        parameter = aggregation.parameter
        rangeNanoseconds = aggregation.range.rangeNanoseconds
        guard
            let windows = Windows(
                steps, rangeNanoseconds: rangeNanoseconds, offsetNanoseconds: aggregation.range.offsetNanoseconds)
        else { throw QueryError(.invalid, "range or offset out of bounds") }
        self.windows = windows
        kind = RangePlan.kind(aggregation.function, hasUnwrap: aggregation.range.unwrap != nil)
        var names = NameTable()
        unwrap = try aggregation.range.unwrap.map { (unwrap) throws(QueryError) in
            try UnwrapStage(unwrap, &names, countsTexts: aggregation.function == .countDistinctOverTime)
        }
        grouping = RangePlan.grouping(aggregation, outer, &names)
        let conditions = try RangePlan.conditionNames(aggregation.range.query.stages, &names)
        let needed = RangePlan.needed(grouping, unwrap, conditions)
        var log = try planner.plan(aggregation.range.query, range: windows.timeRange, names: names, needed: needed)
        log.pipeline.removeIdleStages()
        self.log = log
        toleratesErrors =
            (conditions.names + (unwrap?.names ?? [])).contains(NameTable.errorName)
            || RangePlan.mentionsError(aggregation.grouping) || RangePlan.mentionsError(outer)
        absentLabels = RangePlan.absentLabels(aggregation.range.query.selector)
    }

    /// Whether samples are needed in order of time: a quantile of the one window takes them all, as they come.
    var ordersSamples: Bool { windows.count != 1 || function != .quantileOverTime }

    /// Whether a sum around the function may be taken while scanning.
    static func isSummable(_ aggregation: RangeAggregation) -> Bool {
        guard aggregation.grouping == nil else { return false }
        switch aggregation.function {
        case .countOverTime, .rate, .bytesOverTime, .bytesRate, .sumOverTime: return true
        default: return false
        }
    }

    private static func kind(_ function: RangeFunction, hasUnwrap: Bool) -> CellKind {
        switch function {
        case .countOverTime, .absentOverTime: .count
        case .rate: hasUnwrap ? .sum : .count
        case .bytesOverTime, .bytesRate: .bytes
        case .sumOverTime: .sum
        case .minOverTime: .min
        case .maxOverTime: .max
        case .avgOverTime, .stddevOverTime, .stdvarOverTime: .moments
        case .firstOverTime: .first
        case .lastOverTime: .last
        case .rateCounter: .samples
        case .quantileOverTime: .sampled
        case .countDistinctOverTime: .distinct
        }
    }

    private static func grouping(
        _ aggregation: RangeAggregation, _ outer: Grouping?, _ names: inout NameTable
    ) -> SeriesGrouping {
        if aggregation.function == .absentOverTime { return .by([]) }
        guard let grouping = aggregation.grouping ?? outer else { return .all }
        var numbers: [UInt32] = []
        for label in Set(grouping.labels) { numbers.append(names.intern(label)) }
        if grouping.isWithout { return .without(numbers) }
        let sorted = numbers.map { (number: $0, rank: names.rank($0)) }.sorted { $0.rank < $1.rank }
        return .by(sorted.map(\.number))
    }

    private static func mentionsError(_ grouping: Grouping?) -> Bool {
        guard let grouping, !grouping.isWithout else { return false }
        return grouping.labels.contains("__error__")
    }

    /// Names that label filters look at, and whether other stages may look at any label.
    private static func conditionNames(
        _ stages: [Stage], _ names: inout NameTable
    ) throws(QueryError) -> (names: [UInt32], isOpen: Bool) {
        var found: [UInt32] = []
        var isOpen = false
        for stage in stages {
            switch stage {
            case .labelFilter(let filter): found += try LabelCondition(filter, &names).names
            case .lineFormat, .labelFormat, .unpack: isOpen = true
            case .drop(let selections), .keep(let selections):
                if selections.contains(where: { if case .matcher = $0 { true } else { false } }) { isOpen = true }
            default: break
            }
        }
        return (found, isOpen)
    }

    /// Labels that parsers have to find (contract: logql 14.3).
    private static func needed(
        _ grouping: SeriesGrouping, _ unwrap: UnwrapStage?, _ conditions: (names: [UInt32], isOpen: Bool)
    ) -> NeededLabels {
        guard case .by(let names) = grouping, !conditions.isOpen else { return .all }
        let all = names + (unwrap?.names ?? []) + conditions.names
        return NeededLabels(names: Array(Set(all)))
    }

    /// The `=` matchers whose name occurs once.
    private static func absentLabels(_ selector: Selector) -> LabelSet {
        var pairs: [(name: String, value: String)] = []
        var counts: [String: Int] = [:]
        for matcher in selector.matchers { counts[matcher.name, default: 0] += 1 }
        for matcher in selector.matchers where matcher.matching == .equal {
            guard counts[matcher.name] == 1 else { continue }
            pairs.append((matcher.name, matcher.value.string))
        }
        return LabelSet(pairs)
    }
}
