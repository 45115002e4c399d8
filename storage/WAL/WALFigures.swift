/// Figures of a log for metrics.
public struct WALFigures: Sendable, Hashable {
    /// Upper bounds of the histogram of sync durations, in nanoseconds.
    public static let bucketBounds: [Int64] = [
        100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 1_000_000_000,
    ]

    /// Groups with records, and the records and bytes in them.
    public internal(set) var groups = 0
    public internal(set) var records = 0
    public internal(set) var bytes = 0
    /// Syncs of segments, those of empty groups included, and their total duration.
    public internal(set) var syncs = 0
    public internal(set) var syncNanoseconds: Int64 = 0
    /// Syncs that took at most as long as each of `bucketBounds`, not cumulative; the last element counts longer ones.
    public internal(set) var syncBuckets = [Int](repeating: 0, count: bucketBounds.count + 1)
    /// Groups that could not be made durable.
    public internal(set) var failures = 0
    /// The last group failed: storage is unavailable until one succeeds.
    public internal(set) var isFailing = false
    public internal(set) var segments = 0
    public internal(set) var totalBytes = 0

    public init() {}

    mutating func noteSync(nanoseconds: Int64) {
        syncs += 1
        syncNanoseconds &+= nanoseconds
        let bucket = WALFigures.bucketBounds.firstIndex { nanoseconds <= $0 } ?? WALFigures.bucketBounds.count
        syncBuckets[bucket] += 1
    }
}
