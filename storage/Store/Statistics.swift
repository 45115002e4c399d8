public import Model
import Synchronization

/// Figures of a store at one moment, for metrics and health.
public struct StoreStatistics: Sendable {
    public var headRows = 0
    public var headBytes = 0
    public var heads = 0
    public var parts = 0
    public var partBytes = 0
    public var partRows = 0
    /// File bytes of parts by day.
    public var bytesByDay: [Day: Int] = [:]
    public var streams = 0
    public var walBytes = 0
    public var walSegments = 0
    public var walGroups = 0
    public var walRecords = 0
    public var walBytesWritten = 0
    public var walSyncs = 0
    public var walSyncNanoseconds = 0
    public var walFailures = 0
    /// Upper bounds in nanoseconds, and how many syncs took at most that long (cumulative).
    public var walSyncBuckets: [(upperNanoseconds: Int, count: Int)] = []
    public var acceptedRows = 0
    public var duplicateRows = 0
    public var repeatedBatches = 0
    public var sealedParts = 0
    public var mergedParts = 0
    public var sealFailures = 0
    public var retiredDays = 0
    public var damagedFiles = 0
    public var quarantinedFiles = 0
    /// Live parts whose file is gone: state was lost, answers touching them warn.
    public var missingParts = 0
    public var evictedBatchKeys = 0
    public var freeBytes = 0
    public var oldestDay: Day?
    /// Why nothing is accepted at the moment, or nil.
    public var refusal: String?

    public init() {}
}

/// Counters that many threads bump.
final class StoreCounters: Sendable {
    let acceptedRows = Atomic<Int>(0)
    let duplicateRows = Atomic<Int>(0)
    let repeatedBatches = Atomic<Int>(0)
    let sealedParts = Atomic<Int>(0)
    let mergedParts = Atomic<Int>(0)
    let sealFailures = Atomic<Int>(0)
    let retiredDays = Atomic<Int>(0)
    let damagedFiles = Atomic<Int>(0)
    let quarantinedFiles = Atomic<Int>(0)
    let missingParts = Atomic<Int>(0)
}
