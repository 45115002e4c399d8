import Buffer
import Files
public import Model
import Synchronization
import WAL

/// Figures of a store at one moment, for metrics and health.
public struct StoreStatistics: Sendable {
    /// Those that have lines, ascending.
    public var tenants: [TenantID] = []
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
    /// Blocks kept as rows because columns did not give them back byte for byte.
    public var refusedColumnBlocks = 0
    /// Parts written as rows because ingest was faster than sealing, so far, and those that still wait.
    public var spilledParts = 0
    public var waitingSpilledParts = 0
    /// Rows that were encoded anew when parts were merged.
    public var packedRows = 0
    public var retiredDays = 0
    /// Days and bytes removed, by reason: `age`, `bytes` or `disk`.
    public var retiredDaysByReason: [String: Int] = [:]
    public var retiredBytesByReason: [String: Int] = [:]
    /// Rows removed from the disk by deletions, and deletions whose rows are still there.
    public var deletedRows = 0
    public var pendingDeletions = 0
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
    let refusedColumnBlocks = Atomic<Int>(0)
    let spilledParts = Atomic<Int>(0)
    let packedRows = Atomic<Int>(0)
    let retiredDays = Atomic<Int>(0)
    let damagedFiles = Atomic<Int>(0)
    let quarantinedFiles = Atomic<Int>(0)
    let missingParts = Atomic<Int>(0)
    let deletedRows = Atomic<Int>(0)
    let retired = Mutex<[RetentionReason: (days: Int, bytes: Int)]>([:])
}

extension Store {
    /// Figures of this moment. Cheap: counters and one walk over the view.
    public var statistics: StoreStatistics {
        var result = StoreStatistics()
        result.tenants = Set(views.view.days.keys.map(\.tenant)).sorted { $0.name < $1.name }
        for (key, day) in views.view.days {
            for head in day.heads {
                result.heads += 1
                result.headRows += head.rowCount
                result.headBytes += head.sizeBytes
            }
            for part in day.parts {
                result.parts += 1
                if part.layout == .spilled { result.waitingSpilledParts += 1 }
                result.partBytes += Int(clamping: part.summary.fileBytes)
                result.partRows += Int(clamping: part.summary.rows)
                result.bytesByDay[key.day, default: 0] += Int(clamping: part.summary.fileBytes)
            }
            result.oldestDay = min(result.oldestDay ?? key.day, key.day)
        }
        result.streams = tables.count
        result.acceptedRows = counters.acceptedRows.load(ordering: .relaxed)
        result.duplicateRows = counters.duplicateRows.load(ordering: .relaxed)
        result.repeatedBatches = counters.repeatedBatches.load(ordering: .relaxed)
        result.sealedParts = counters.sealedParts.load(ordering: .relaxed)
        result.mergedParts = counters.mergedParts.load(ordering: .relaxed)
        result.sealFailures = counters.sealFailures.load(ordering: .relaxed)
        result.refusedColumnBlocks = counters.refusedColumnBlocks.load(ordering: .relaxed)
        result.spilledParts = counters.spilledParts.load(ordering: .relaxed)
        result.packedRows = counters.packedRows.load(ordering: .relaxed)
        result.retiredDays = counters.retiredDays.load(ordering: .relaxed)
        result.damagedFiles = counters.damagedFiles.load(ordering: .relaxed)
        result.quarantinedFiles = counters.quarantinedFiles.load(ordering: .relaxed)
        result.missingParts = counters.missingParts.load(ordering: .relaxed)
        result.deletedRows = counters.deletedRows.load(ordering: .relaxed)
        result.pendingDeletions = views.view.tombstones.count
        let retired = counters.retired.withLock { $0 }
        for reason in RetentionReason.allCases {
            result.retiredDaysByReason[reason.rawValue] = retired[reason]?.days ?? 0
            result.retiredBytesByReason[reason.rawValue] = retired[reason]?.bytes ?? 0
        }
        result.evictedBatchKeys = keys.evictedCount
        result.freeBytes = (try? configuration.files.space(configuration.folder).freeBytes) ?? 0
        if case .storageUnavailable(let reason, _) = admission.refusal { result.refusal = reason }
        addLogFigures(to: &result)
        return result
    }

    private func addLogFigures(to result: inout StoreStatistics) {
        let figures = committer.figures
        result.walBytes = figures.totalBytes
        result.walSegments = figures.segments
        result.walGroups = figures.groups
        result.walRecords = figures.records
        result.walBytesWritten = figures.bytes
        result.walSyncs = figures.syncs
        result.walSyncNanoseconds = Int(figures.syncNanoseconds)
        result.walFailures = figures.failures
        if figures.isFailing && result.refusal == nil { result.refusal = "the write-ahead log cannot be written" }
        var count = 0
        for (index, bound) in WALFigures.bucketBounds.enumerated() {
            count += figures.syncBuckets[index]
            result.walSyncBuckets.append((upperNanoseconds: Int(bound), count: count))
        }
    }
}
