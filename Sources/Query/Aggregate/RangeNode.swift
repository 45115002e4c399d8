internal import Bytes
internal import LogQL
internal import Model

/// A range aggregation whose samples are all there: each step looks at its window's cells, windows only move forward.
final class RangeNode: EvaluationNode {
    private struct Cursor {
        /// Cells (or samples) of the window at hand: [low, high).
        var low = 0
        var high = 0
        /// Sum of the numbers in the window, for counts.
        var running: Int64 = 0
    }

    private let plan: RangePlan
    private let table: SeriesTable
    private let meter: WorkMeter
    private let labels: LabelIndex
    /// Per series its labels' place; empty until labels are asked for.
    private var labelPlaces: [Int] = []
    private var cursors: [Cursor]
    private let seconds: Double
    /// Values of the window at hand.
    private var values: [Double] = []

    init(_ plan: RangePlan, _ table: SeriesTable, _ labels: LabelIndex) throws(QueryError) {
        self.plan = plan
        meter = labels.meter
        self.labels = labels
        var sorted = table
        if plan.ordersSamples { try sorted.sortSamples(meter) }
        self.table = sorted
        seconds = Double(plan.rangeNanoseconds) / 1e9
        cursors = [Cursor](repeating: Cursor(), count: table.count)
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        if labelPlaces.isEmpty {
            for series in cursors.indices {
                labelPlaces.append(try labels.intern(LabelSet(canonical: table.key(series))))
            }
        }
        var vector: [VectorSample] = []
        for series in cursors.indices {
            if let value = try number(series, step) {
                vector.append(VectorSample(labels: labelPlaces[series], value: value))
            }
        }
        return .vector(vector)
    }

    func numbers(at step: Int) throws(QueryError) -> [Double]? {
        var numbers: [Double] = []
        for series in cursors.indices {
            if let value = try number(series, step) { numbers.append(value) }
        }
        return numbers
    }

    private func number(_ series: Int, _ step: Int) throws(QueryError) -> Double? {
        try meter.spend(2)
        return plan.kind.keepsSamples ? try samplesValue(series, step) : try cellsValue(series, step)
    }

    private func cellsValue(_ series: Int, _ step: Int) throws(QueryError) -> Double? {
        let window = plan.windows.cells(step)
        let count = table.cells[series].count
        var cursor = cursors[series]
        let isCount = plan.kind == .count || plan.kind == .bytes
        while cursor.high < count, Int(table.cells[series][cursor.high].index) <= window.upperBound {
            cursor.running &+= table.cells[series][cursor.high].number
            cursor.high += 1
        }
        while cursor.low < cursor.high, Int(table.cells[series][cursor.low].index) < window.lowerBound {
            cursor.running &-= table.cells[series][cursor.low].number
            cursor.low += 1
        }
        cursors[series] = cursor
        guard cursor.low < cursor.high else { return nil }
        try meter.spend(isCount ? 1 : cursor.high - cursor.low)
        if isCount { return number(Double(cursor.running)) }
        var total = table.cells[series][cursor.low]
        for position in (cursor.low + 1)..<max(cursor.high, cursor.low + 1) {
            total.merge(plan.kind, table.cells[series][position])
        }
        return number(total)
    }

    private func number(_ total: Double) -> Double {
        plan.function == .rate || plan.function == .bytesRate ? total / seconds : total
    }

    private func number(_ total: Cell) -> Double {
        switch plan.function {
        case .rate: total.a / seconds
        case .stdvarOverTime: total.b / Double(total.number)
        case .stddevOverTime: (total.b / Double(total.number)).squareRoot()
        default: total.a
        }
    }

    private func samplesValue(_ series: Int, _ step: Int) throws(QueryError) -> Double? {
        let start = plan.windows.start(step)
        let end = plan.windows.end(step)
        let count = table.samples[series].count
        var cursor = cursors[series]
        while cursor.high < count, table.samples[series][cursor.high].time <= end { cursor.high += 1 }
        while cursor.low < cursor.high, table.samples[series][cursor.low].time <= start { cursor.low += 1 }
        // In any order, but all in the one window.
        if !plan.ordersSamples { (cursor.low, cursor.high) = (0, count) }
        cursors[series] = cursor
        guard cursor.low < cursor.high else { return nil }
        let window = table.samples[series][cursor.low..<cursor.high]
        try meter.spend(window.count)
        if plan.function == .rateCounter { return CounterRate.value(window, seconds: seconds) }
        values.removeAll(keepingCapacity: true)
        for sample in window { values.append(sample.value) }
        return try Quantile.value(plan.parameter ?? 0, &values, meter)
    }
}

/// `absent_over_time`: 1 where no series has a sample in the window.
final class AbsentNode: EvaluationNode {
    private let range: RangeNode
    private let labels: Int

    init(_ plan: RangePlan, _ table: SeriesTable, _ labels: LabelIndex) throws(QueryError) {
        range = try RangeNode(plan, table, labels)
        self.labels = try labels.intern(plan.absentLabels)
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        guard case .vector(let present) = try range.value(at: step), present.isEmpty else { return .vector([]) }
        return .vector([VectorSample(labels: labels, value: 1)])
    }
}

/// `rate_counter`, by the reference's formula: counter resets are added, then the increase is extrapolated with sample
/// spacing in microseconds and the range in seconds (contract: logql 15).
enum CounterRate {
    static func value(_ samples: ArraySlice<TimedValue>, seconds: Double) -> Double {
        guard samples.count >= 2, let first = samples.first, let last = samples.last else { return 0 }
        var increase = last.value - first.value
        var previous = 0.0
        for sample in samples {
            if sample.value < previous { increase += previous }
            previous = sample.value
        }
        let span = Double(last.time &- first.time) / 1000
        var toStart = seconds
        if increase > 0, first.value >= 0 {
            let toZero = span * (first.value / increase)
            if toZero < toStart { toStart = toZero }
        }
        let average = span / Double(samples.count - 1)
        let extended = span + (toStart < average * 1.1 ? toStart : average / 2)
        return increase * (extended / span) / seconds
    }
}
