internal import Bytes
internal import Model

/// Computes a metric query over its steps, a few milliseconds at a time. All of it is work for worker threads, `init`
/// included: tables of millions of samples are sorted there.
final class EvaluationRun: @unchecked Sendable {
    // Invariant: used by one piece of work at a time; the coordinator starts the next piece when the last has ended.
    private let root: any EvaluationNode
    private let labels: LabelIndex
    private let steps: Steps
    private let control: QueryControl
    private let seriesLimit: Int
    private let allowsPartial: Bool
    private var step = 0
    private var positions: [Int: Int] = [:]
    private var series: [(labels: Int, samples: [Sample])] = []
    private var isScalar = false
    /// Whether series beyond the limit were left out.
    private(set) var isCut = false

    private static let pieceNanoseconds: Int64 = 8_000_000

    init(
        _ query: NumberedQuery, _ leaves: [(plan: RangePlan, table: SeriesTable)], _ steps: Steps,
        _ control: QueryControl, seriesLimit: Int, allowsPartial: Bool
    ) throws(QueryError) {
        labels = LabelIndex(WorkMeter(control))
        self.steps = steps
        self.control = control
        self.seriesLimit = seriesLimit
        self.allowsPartial = allowsPartial
        root = try EvaluationBuilder(labels: labels, leaves: leaves).node(query)
    }

    var seriesCount: Int { series.count }

    /// Computes some steps more; true when all are done.
    func advance() throws(QueryError) -> Bool {
        let end = Machine.monotonicNanoseconds() + EvaluationRun.pieceNanoseconds
        while step < steps.count {
            try control.check()
            let time = steps.time(step)
            switch try root.value(at: step) {
            case .scalar(let value):
                isScalar = true
                try add(VectorSample(labels: try labels.intern(LabelSet(canonical: [])), value: value), time)
            case .vector(let vector):
                for sample in vector { try add(sample, time) }
                try control.hold(vector.count * MemoryLayout<Sample>.stride)
            }
            step += 1
            if Machine.monotonicNanoseconds() > end { break }
        }
        return step >= steps.count
    }

    private func add(_ sample: VectorSample, _ time: Int64) throws(QueryError) {
        let value = Sample(time: time, value: sample.value)
        // Of an instant, equal label sets stay apart: label_replace can make them.
        if steps.count > 1, let position = positions[sample.labels] {
            series[position].samples.append(value)
            return
        }
        guard series.count < seriesLimit else {
            if !allowsPartial { throw QueryError.tooManySeries(seriesLimit) }
            isCut = true
            return
        }
        positions[sample.labels] = series.count
        series.append((sample.labels, [value]))
    }

    func result(_ kind: QueryParameters.Kind, sorts: Bool) throws(QueryError) -> QueryResult {
        try control.check()
        if kind == .instant, isScalar { return .scalar(series.first?.samples.first ?? Sample(time: 0, value: 0)) }
        var all = series.map { Series(labels: labels[$0.labels], samples: $0.samples) }
        if kind == .range || !sorts { all.sort { LabelSet.isOrdered($0.labels, $1.labels) } }
        return kind == .instant ? .vector(all) : .matrix(all)
    }
}
