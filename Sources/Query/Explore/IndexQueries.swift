internal import Bytes
internal import LogQL
public import Model
public import Store

/// What a selector's streams amount to in a range of time.
public struct IndexStatistics: Hashable, Sendable {
    public var streams = 0
    /// Pairs of a stream and a block (or piece of a head) that holds rows of it.
    public var chunks = 0
    /// Raw bytes of lines and metadata.
    public var bytes = 0
    public var entries = 0
    /// One sentence each: what may be missing, and why.
    public var warnings: [String] = []

    public init() {}
}

/// What volumes are asked for. Times in nanoseconds since 1970-01-01 UTC.
public struct VolumeRequest: Hashable, Sendable {
    /// What the items of the answer stand for.
    public enum Grouping: String, Hashable, Sendable, CaseIterable {
        /// Sets of labels: the target labels, else those that the selector names.
        case series
        /// Single label names.
        case labels
    }

    public var tenant: TenantID
    public var range: TimeRange
    /// A stream selector; `{}` is every stream.
    public var selector: String
    public var targetLabels: [String] = []
    public var grouping = Grouping.series
    /// Items of the answer: the largest.
    public var limit = 100
    /// Nil: one value for the range. Else a value for each multiple of the step.
    public var stepNanoseconds: Int64?

    public init(range: TimeRange, selector: String, tenant: TenantID = .standard) {
        self.tenant = tenant
        self.range = range
        self.selector = selector
    }
}

extension QueryExecutor {
    /// Streams, blocks, bytes and entries of a selector, exact.
    public func indexStatistics(
        _ selector: String, _ range: TimeRange, tenant: TenantID = .standard, source: any RecentData
    ) async throws(QueryError) -> IndexStatistics {
        let selector = try Exploration.selector(selector, allowsAll: false)
        let counts = try await counts(selector, range, TimeBuckets(widthNanoseconds: nil), tenant, source)
        var result = IndexStatistics()
        result.streams = counts.streams.count
        result.chunks = counts.chunks
        result.warnings = counts.warnings
        for stream in counts.streams {
            for (_, tally) in stream.tallies {
                result.bytes &+= tally.bytes
                result.entries &+= tally.rows
            }
        }
        return result
    }

    /// Bytes by labels, largest first, exact: a vector at the range's end, or with a step a matrix whose samples stand
    /// at the last millisecond of their step, the last one at the range's end (contract: http-api 8).
    public func volumes(_ request: VolumeRequest, source: any RecentData) async throws(QueryError) -> QueryAnswer {
        let selector = try Exploration.selector(request.selector, allowsAll: true)
        let buckets = TimeBuckets(widthNanoseconds: request.stepNanoseconds)
        let counts = try await counts(selector, request.range, buckets, request.tenant, source)
        let grouping = VolumeGrouping(request, selector)
        var groups: [LabelSet: [Int64: Int]] = [:]
        for stream in counts.streams {
            for key in grouping.keys(stream.labels) {
                for (bucket, tally) in stream.tallies { groups[key, default: [:]][bucket, default: 0] &+= tally.bytes }
            }
        }
        let sized = groups.map { (labels: $0.key, buckets: $0.value, bytes: $0.value.values.reduce(0, &+)) }
        let largest = sized.sorted {
            $0.bytes != $1.bytes ? $0.bytes > $1.bytes : LabelSet.isOrdered($0.labels, $1.labels)
        }
        let series = largest.prefix(max(request.limit, 0)).map { group in
            Series(
                labels: group.labels,
                samples: group.buckets.sorted { $0.key < $1.key }.map { bucket, bytes in
                    Sample(time: moment(bucket, buckets, request.range), value: Double(bytes))
                })
        }
        let hasSteps = request.stepNanoseconds != nil && !series.isEmpty
        return QueryAnswer(result: hasSteps ? .matrix(series) : .vector(series), warnings: counts.warnings)
    }

    /// Where the sample of a bucket stands.
    private func moment(_ bucket: Int64, _ buckets: TimeBuckets, _ range: TimeRange) -> Int64 {
        let end = buckets.end(bucket)
        return end >= range.end ? range.end : end &- Nanoseconds.perMillisecond
    }

    private struct Counts {
        var streams: [(labels: LabelSet, tallies: [Int64: StreamTally])] = []
        var chunks = 0
        var warnings: [String] = []
    }

    private func counts(
        _ selector: Selector, _ range: TimeRange, _ buckets: TimeBuckets, _ tenant: TenantID, _ source: any RecentData
    ) async throws(QueryError) -> Counts {
        let exploration = Exploration(self, tenant, source: source)
        let (tests, rowTests, demoted) = try Planner(options: options).split(selector)
        let entryTests = EntryTests(rowTests, demoted, exploration.snapshot)
        var request = ScanRequest(range: exploration.clamped(range), tests: tests)
        request.demotedTests = entryTests.labelTests
        let scan = request
        let plan = try await exploration.plan(scan)
        let lanes = (0..<exploration.laneCount(plan.units.count)).map { _ in
            CountLane(scan.range, buckets, entryTests, exploration.control)
        }
        try await exploration.visit(plan.units, lanes)
        var result = Counts()
        result.warnings = plan.warnings
        var merged: [StreamID: [Int64: StreamTally]] = [:]
        for lane in lanes {
            result.chunks += lane.chunks
            result.warnings += lane.warnings.filter { !result.warnings.contains($0) }
            for (stream, tallies) in lane.tallies {
                for (bucket, tally) in tallies {
                    merged[stream, default: [:]][bucket, default: StreamTally()].add(tally)
                }
            }
        }
        result.streams = merged.map { (exploration.snapshot.labels($0.key), $0.value) }
        return result
    }
}

/// Which items of a volume answer a stream belongs to.
private struct VolumeGrouping {
    /// Nil: all labels.
    private let names: Set<String>?
    private let grouping: VolumeRequest.Grouping

    init(_ request: VolumeRequest, _ selector: Selector) {
        grouping = request.grouping
        if !request.targetLabels.isEmpty {
            names = Set(request.targetLabels)
        } else if request.grouping == .labels || selector.matchers.isEmpty {
            names = nil
        } else {
            names = Set(selector.matchers.map(\.name))
        }
    }

    func keys(_ labels: LabelSet) -> [LabelSet] {
        let pairs = labels.pairs.filter { names?.contains($0.name) ?? true }
        switch grouping {
        case .series:
            // A stream without any of the labels is no part of the answer.
            return pairs.isEmpty ? [] : [LabelSet(pairs)]
        case .labels:
            return pairs.map { pair in
                var encoded: [UInt8] = []
                encoded.appendPrefixed(pair.name)
                encoded.appendPrefixed("")
                return LabelSet(canonical: encoded)
            }
        }
    }
}
