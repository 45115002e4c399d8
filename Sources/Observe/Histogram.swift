/// Durations counted in fixed buckets. Observing one costs a few comparisons and two atomic additions.
public final class Histogram: Sendable {
    /// Bounds that request times are judged by, in nanoseconds: 1 ms to 60 s.
    public static let requestBounds: [Int] = [
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 25_000_000_000, 60_000_000_000,
    ]

    /// Upper bounds of the buckets in nanoseconds, ascending; what lies beyond the last is counted in the total only.
    public let bounds: [Int]
    private let buckets: [Counter]
    private let beyond = Counter()
    private let sum = Counter()

    public init(bounds: [Int] = Histogram.requestBounds) {
        self.bounds = bounds
        buckets = bounds.map { _ in Counter() }
    }

    /// Counts a duration.
    public func observe(nanoseconds: Int) {
        sum.add(nanoseconds)
        for index in bounds.indices where nanoseconds <= bounds[index] {
            buckets[index].add()
            return
        }
        beyond.add()
    }

    /// The buckets at this moment, cumulative as Prometheus wants them.
    public var snapshot: HistogramSnapshot {
        var cumulative = 0
        var counts: [Int] = []
        counts.reserveCapacity(buckets.count)
        for bucket in buckets {
            cumulative += bucket.value
            counts.append(cumulative)
        }
        return HistogramSnapshot(
            bounds: bounds, counts: counts, total: cumulative + beyond.value, sumNanoseconds: sum.value)
    }
}

/// A histogram at one moment.
public struct HistogramSnapshot: Hashable, Sendable {
    /// Upper bounds in nanoseconds, ascending.
    public var bounds: [Int]
    /// For each bound how many durations were at most that long.
    public var counts: [Int]
    /// All durations.
    public var total: Int
    public var sumNanoseconds: Int

    public init(bounds: [Int], counts: [Int], total: Int, sumNanoseconds: Int) {
        self.bounds = bounds
        self.counts = counts
        self.total = total
        self.sumNanoseconds = sumNanoseconds
    }

    /// Adds `other`, which has the same bounds.
    public mutating func add(_ other: HistogramSnapshot) {
        guard other.bounds == bounds else { return }
        for index in counts.indices { counts[index] += other.counts[index] }
        total += other.total
        sumNanoseconds += other.sumNanoseconds
    }
}
