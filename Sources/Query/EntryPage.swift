internal import Bytes
public import Model

/// How far an answer of entries has come: behind `count` entries of the moment `time`. Entries of one moment have an
/// order that does not change.
public struct EntryPosition: Hashable, Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    public var count: Int

    public init(time: Int64, count: Int) {
        self.time = time
        self.count = count
    }
}

/// A line with all its labels.
public struct PlainEntry: Hashable, Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    public var line: [UInt8]
    public var labels: LabelSet

    public init(time: Int64, line: [UInt8], labels: LabelSet) {
        self.time = time
        self.line = line
        self.labels = labels
    }

    /// Bytes of memory that the entry holds.
    public var heldBytes: Int { line.count + labels.encoded.count + 96 }

    init(_ entry: FoundEntry) {
        time = entry.time
        line = entry.line
        labels = LabelSet(canonical: StreamGrouping.merged(entry))
    }
}

/// Some entries of an answer, in order.
public struct EntryPage: Sendable {
    public var entries: [PlainEntry]
    /// Behind the last entry; nil if there are no more.
    public var next: EntryPosition?
    public var statistics: QueryStatistics
    public var warnings: [String]
}

extension EntryPage {
    /// Most entries of one moment that pages can step over.
    static let skippedLimit = 200_000

    /// Takes what was found from `position` on, its moment included, for a page of `limit` entries.
    init(
        _ found: [FoundEntry], after position: EntryPosition?, limit: Int, _ cost: QueryStatistics, _ warnings: [String]
    ) {
        let skipped = found.prefix { $0.time == position?.time }.prefix(position?.count ?? 0).count
        entries = found.dropFirst(skipped).map { PlainEntry($0) }
        statistics = cost
        statistics.entriesReturned = entries.count
        self.warnings = warnings
        guard entries.count >= limit, let last = entries.last else { return }
        let atLast = found.reversed().prefix { $0.time == last.time }.count
        next = EntryPosition(time: last.time, count: atLast)
    }
}
