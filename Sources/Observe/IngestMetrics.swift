import Synchronization

/// What came in and what became of it.
public final class IngestMetrics: Sendable {
    /// Lines and bytes of accepted requests: line bytes, without metadata.
    public let lines = Counter()
    public let lineBytes = Counter()
    /// Body bytes as received, compressed or not.
    public let bodyBytes = Counter()
    public let duplicates = Counter()
    /// Entries whose own timestamp could not be read and that got their arrival time.
    public let unreadableTimestamps = Counter()
    /// Requests answered "try again".
    public let pushedBack = Counter()
    private let rejected = Mutex<[String: Int]>([:])
    private let scrubbed = Mutex<[String: Int]>([:])

    init() {}

    /// Counts `count` entries that were not taken, by `reason`: a name out of a fixed set.
    public func reject(_ reason: String, count: Int) {
        rejected.withLock { $0[reason, default: 0] += count }
    }

    /// Counts secrets that were taken out of lines, by the rule that found them.
    public func scrub(_ rule: String, count: Int) {
        scrubbed.withLock { $0[rule, default: 0] += count }
    }

    /// Secrets that were taken out, by rule.
    public func scrubbed(_ rule: String) -> Int { scrubbed.withLock { $0[rule] ?? 0 } }

    /// Entries that were not taken, by reason.
    public var rejectedByReason: [(reason: String, count: Int)] {
        rejected.withLock { Array($0) }.map { (reason: $0.key, count: $0.value) }.sorted { $0.reason < $1.reason }
    }
}

/// What queries cost.
public final class QueryMetrics: Sendable {
    public let queries = Counter()
    public let failures = Counter()
    /// Bytes read from disk, and rows' bytes looked at after decompression.
    public let storedBytes = Counter()
    public let rawBytes = Counter()
    public let lines = Counter()
    public let blocksConsidered = Counter()
    public let blocksPruned = Counter()
    public let blocksRead = Counter()

    init() {}
}

/// Live tails.
public final class TailMetrics: Sendable {
    public let running = Counter()
    /// Entries sent.
    public let entries = Counter()
    /// Rows that clients were too slow for.
    public let missed = Counter()

    init() {}
}
