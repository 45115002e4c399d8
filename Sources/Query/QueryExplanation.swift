internal import Bytes
public import LogQL
internal import Model
internal import Store

/// How a query is run: what storage decides, what each line passes, what is computed.
public struct QueryExplanation: Hashable, Sendable {
    public struct Step: Hashable, Sendable {
        /// `select`, `trace index`, `metadata`, `literal`, `stage`, `window`, `compute`, `result`.
        public let name: String
        public let detail: String
    }

    /// The query as it was understood.
    public let query: String
    public let steps: [Step]
}

extension QueryExecutor {
    /// Explains how a query is run; nothing is read.
    public func explain(_ expression: Expression, _ parameters: QueryParameters) throws(QueryError) -> QueryExplanation
    {
        let planner = Planner(options: options)
        var steps: [QueryExplanation.Step] = []
        switch expression {
        case .log(let query):
            let plan = try planner.plan(query, range: TimeRange(start: parameters.start, end: parameters.end))
            steps = self.steps(query, plan)
            for step in query.resultSteps {
                var alone = LogQuery(selector: Selector([]))
                alone.resultSteps = [step]
                steps.append(.init(name: "result", detail: String(alone.description.dropFirst(3))))
            }
        case .metric(let query):
            var leaves: [(RangeAggregation, Grouping?)] = []
            _ = try NumberedQuery(query, &leaves)
            for (leaf, outer) in leaves {
                let plan = try RangePlan(leaf, outer: outer, steps: parameters.steps, planner: planner)
                steps += self.steps(leaf.range.query, plan.log)
                let seconds = Double(leaf.range.rangeNanoseconds) / 1e9
                steps.append(
                    .init(
                        name: "window",
                        detail: "\(leaf.function.rawValue) over \(seconds) s, kept as \(plan.kind), "
                            + (outer == nil ? "series by the entry's labels" : "summed by the outer grouping at once")))
            }
            steps.append(.init(name: "compute", detail: "\(parameters.steps.count) steps of \(query.description)"))
        }
        return QueryExplanation(query: expression.description, steps: steps)
    }

    private func steps(_ query: LogQuery, _ plan: LogPlan) -> [QueryExplanation.Step] {
        var steps: [QueryExplanation.Step] = []
        let byMetadata = Set(options.highCardinality)
        let labels = query.selector.matchers.filter { !byMetadata.contains($0.name) }
        let metadata = query.selector.matchers.filter { byMetadata.contains($0.name) }
        steps.append(.init(name: "select", detail: "streams of \(Selector(labels))"))
        if let traced = plan.request.tracedValues {
            steps.append(.init(name: "trace index", detail: "blocks that may hold one of \(traced.count) values"))
        }
        if !metadata.isEmpty { steps.append(.init(name: "metadata", detail: "rows of \(Selector(metadata))")) }
        if !plan.pilot.isEmpty {
            steps.append(.init(name: "literal", detail: "rows that contain \(LabelSet.quoted(plan.pilot.text))"))
        }
        for stage in query.stages { steps.append(.init(name: "stage", detail: stage.description)) }
        return steps
    }
}
