public import LogQL
public import Model
public import Store

/// What is asked of the label index: a time range and, optionally, selectors.
public struct LabelsRequest: Hashable, Sendable {
    public var tenant: TenantID
    public var range: TimeRange
    /// Selector texts; any may hold. None: all streams.
    public var selectors: [String]

    public init(range: TimeRange, selectors: [String] = [], tenant: TenantID = .standard) {
        self.tenant = tenant
        self.range = range
        self.selectors = selectors
    }
}

extension QueryExecutor {
    /// Names of stream labels, sorted. High-cardinality names never appear.
    public func labelNames(_ request: LabelsRequest, source: any RecentData) async throws(QueryError) -> [String] {
        var names: Set<String> = []
        for labels in try await streamLabels(request, source: source, emptySelectorIsAll: false) {
            for pair in labels.pairs { names.insert(pair.name) }
        }
        names.subtract(options.highCardinality)
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Values of one stream label, sorted. None for unknown and high-cardinality names.
    public func labelValues(
        _ name: String, _ request: LabelsRequest, source: any RecentData
    ) async throws(QueryError) -> [String] {
        if options.highCardinality.contains(name) { return [] }
        var values: Set<String> = []
        for labels in try await streamLabels(request, source: source, emptySelectorIsAll: false) {
            if let value = labels.value(of: name) { values.insert(value) }
        }
        return values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Label sets of the streams, sorted. No selector at all, or a single `{}`, means every stream.
    public func series(_ request: LabelsRequest, source: any RecentData) async throws(QueryError) -> [LabelSet] {
        try await streamLabels(request, source: source, emptySelectorIsAll: request.selectors.count == 1)
    }
}
