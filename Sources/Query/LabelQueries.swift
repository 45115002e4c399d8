internal import Bytes
internal import LogQL
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
        if !names.isEmpty { names.formUnion(options.demoted) }
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
        if options.demoted.contains(name) {
            values.formUnion(try await demotedValues(name, request, source: source))
        }
        return values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Label sets of the streams, sorted. No selector at all, or a single `{}`, means every stream.
    public func series(_ request: LabelsRequest, source: any RecentData) async throws(QueryError) -> [LabelSet] {
        try await streamLabels(request, source: source, emptySelectorIsAll: request.selectors.count == 1)
    }

    /// Label sets of the streams that the request selects, sorted, each once.
    private func streamLabels(
        _ request: LabelsRequest, source: any RecentData, emptySelectorIsAll: Bool
    ) async throws(QueryError) -> [LabelSet] {
        var selectors: [Selector] = []
        for text in request.selectors {
            do throws(ParseError) {
                let language = Language(regexes: RegexEngine())
                selectors.append(
                    try language.parseMatchers(text, allowEmptyMatchers: emptySelectorIsAll && text == "{}"))
            } catch {
                throw QueryError(.parse, error.description)
            }
        }
        if selectors.isEmpty { selectors = [Selector([])] }
        let control = QueryControl(
            seconds: limits.querySeconds.value, memoryBytes: limits.queryMemoryBytes.value, shared: memory)
        let snapshot = source.snapshot(request.tenant)
        var range = request.range
        range.start = max(range.start, snapshot.oldestTime)
        var found: Set<LabelSet> = []
        for selector in selectors where !range.isEmpty {
            let (tests, rowTests, demoted) = try Planner(options: options).split(selector)
            let search = StreamSearch(
                request: ScanRequest(range: range, tests: tests), rowTests: rowTests, demoted: demoted,
                snapshot: snapshot,
                control: control, options: options)
            let outcome = await withTaskCancellationHandler {
                await scheduler.run(.query) { search.run() }
            } onCancel: {
                control.cancel()
            }
            found.formUnion(try outcome.get())
        }
        return found.sorted(by: LabelSet.isOrdered)
    }
}

/// Finds streams: by their labels, and where selectors name high-cardinality labels, by their entries.
private struct StreamSearch: Sendable {
    var request: ScanRequest
    let rowTests: [MetadataTest]
    let demoted: [DemotedTest]
    let snapshot: any StoreSnapshot
    let control: QueryControl
    let options: QueryOptions

    func run() -> Result<Set<LabelSet>, QueryError> {
        do throws(QueryError) {
            let streams = rowTests.isEmpty && demoted.isEmpty ? try byLabels() : try byEntries()
            return .success(Set(streams.map { snapshot.labels($0) }))
        } catch {
            return .failure(error)
        }
    }

    private func byLabels() throws(QueryError) -> [StreamID] {
        // One of many selectors.
        try control.check()
        do throws(ScanError) {
            return try snapshot.streams(request)
        } catch {
            throw QueryError(.failed, error.what)
        }
    }

    private func byEntries() throws(QueryError) -> [StreamID] {
        var asked = request
        asked.demotedTests = demoted.map(\.labelTest)
        for test in rowTests where options.indexed.contains(test.name.text) {
            if let values = test.test.exactValues { asked.tracedValues = values }
        }
        let pilot = asked.tracedValues.flatMap { $0.count == 1 ? $0[0] : nil } ?? []
        var found: Set<StreamID> = []
        do throws(ScanError) {
            for unit in try snapshot.plan(asked).units {
                try check().get()
                let loaded = try unit.load(.rows)
                add(loaded, pilot, &found)
            }
        } catch {
            throw QueryError(.failed, error.what)
        }
        try control.check()
        return found.sorted()
    }

    /// A query's end as the end of the scan; the caller asks again for the reason.
    private func check() -> Result<Void, ScanError> {
        do throws(QueryError) {
            try control.check()
            return .success(())
        } catch {
            return .failure(ScanError(error.message))
        }
    }

    private func add(_ loaded: LoadedRows, _ pilot: [UInt8], _ found: inout Set<StreamID>) {
        var candidates = CandidateRows()
        loaded.rows.read { (entries, arena) in
            candidates.find(loaded, entries, arena, range: request.range, pilot: pilot)
            for row in candidates.rows {
                let entry = entries[Int(row)]
                let stream = loaded.streams[Int(entry.stream)]
                if found.contains(stream) { continue }
                var passes = true
                for test in rowTests where !test.passes(arena, entry.metadata) { passes = false }
                for test in demoted where passes {
                    passes = test.passes(snapshot.labels(stream), arena, entry.metadata)
                }
                if passes { found.insert(stream) }
            }
        }
    }
}
