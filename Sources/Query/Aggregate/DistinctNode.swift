internal import Model

/// `count_distinct_over_time`: how often each value occurs in the window is known as windows move on.
final class DistinctNode: EvaluationNode {
    private struct Cursor {
        let labels: Int
        let weight: Double
        /// By cell.
        let items: [DistinctValues.Item]
        var low = 0
        var high = 0
        var occurrences: [UInt64: Int32] = [:]
    }

    private let plan: RangePlan
    private let meter: WorkMeter
    private var cursors: [Cursor] = []

    init(_ plan: RangePlan, _ table: SeriesTable, _ labels: LabelIndex) throws(QueryError) {
        self.plan = plan
        meter = labels.meter
        for series in 0..<table.count {
            let values = table.distinct[series]
            try meter.spend(values.count &* 8)
            cursors.append(
                Cursor(
                    labels: try labels.intern(LabelSet(canonical: table.key(series))), weight: values.weight,
                    items: values.items.sorted { $0.cell < $1.cell }))
        }
    }

    func value(at step: Int) throws(QueryError) -> StepValue {
        let window = plan.windows.cells(step)
        var vector: [VectorSample] = []
        for series in cursors.indices {
            try meter.spend(2)
            try move(&cursors[series], to: window)
            let count = cursors[series].occurrences.count
            if count == 0 { continue }
            vector.append(
                VectorSample(labels: cursors[series].labels, value: Double(count) * cursors[series].weight))
        }
        return .vector(vector)
    }

    private func move(_ cursor: inout Cursor, to window: ClosedRange<Int>) throws(QueryError) {
        let before = cursor.high &+ cursor.low
        while cursor.high < cursor.items.count, Int(cursor.items[cursor.high].cell) <= window.upperBound {
            cursor.occurrences[cursor.items[cursor.high].hash, default: 0] &+= 1
            cursor.high += 1
        }
        while cursor.low < cursor.high, Int(cursor.items[cursor.low].cell) < window.lowerBound {
            let hash = cursor.items[cursor.low].hash
            let left = (cursor.occurrences[hash] ?? 1) &- 1
            cursor.occurrences[hash] = left > 0 ? left : nil
            cursor.low += 1
        }
        try meter.spend((cursor.high &+ cursor.low &- before) &* 4)
    }
}
