import Buffer
import Bytes
import Model
import Synchronization

/// A tenant's day: the unit of heads, parts and retention.
struct TenantDay: Hashable, Sendable, Comparable, CustomStringConvertible {
    let tenant: TenantID
    let day: Day

    static func < (a: TenantDay, b: TenantDay) -> Bool {
        a.day != b.day ? a.day < b.day : a.tenant < b.tenant
    }

    var description: String { "\(tenant) \(day)" }
}

/// Everything queryable of one tenant's day.
struct DayView: Sendable {
    var parts: [PartHandle] = []
    /// Frozen heads, oldest first, and the open one last.
    var heads: [Head] = []

    var isEmpty: Bool { parts.isEmpty && heads.isEmpty }
}

/// What exists at one moment: parts and heads by day. Immutable; a new one replaces it at each change (storage rule
/// 10).
final class View: Sendable {
    let days: [TenantDay: DayView]
    /// Deletions whose rows are still on the disk.
    let tombstones: [ActiveTombstone]

    init(days: [TenantDay: DayView], tombstones: [ActiveTombstone] = []) {
        self.days = days
        self.tombstones = tombstones
    }
}

/// The current view. Readers take the reference; writers replace it, one change at a time.
final class ViewBox: Sendable {
    private let current = Mutex(View(days: [:]))

    var view: View { current.withLock { $0 } }

    /// Applies `change` to the days and publishes the result as the new view.
    func change(_ change: (inout [TenantDay: DayView]) -> Void) {
        let old = current.withLock { current -> View in
            var days = current.days
            change(&days)
            let old = current
            current = View(days: days.filter { !$0.value.isEmpty }, tombstones: old.tombstones)
            return old
        }
        // The old view may hold the last reference to a dead part: let go of it outside the lock.
        withExtendedLifetime(old) {}
    }

    /// Applies `change` to the deletions in force.
    func changeTombstones(_ change: (inout [ActiveTombstone]) -> Void) {
        current.withLock { current in
            var tombstones = current.tombstones
            change(&tombstones)
            current = View(days: current.days, tombstones: tombstones)
        }
    }
}

/// Whether a part was written in haste.
enum PartLayout: UInt8, Sendable {
    /// Found at start: nobody has looked yet.
    case unknown = 0
    /// As it shall stay.
    case settled = 1
    /// Row blocks that wait to become columns (storage rule 5).
    case spilled = 2
}

/// A live part file. While anybody holds the handle the file stays on disk; once it is retired and the last view or
/// query lets go, the file is collected.
final class PartHandle: Sendable {
    let summary: PartSummary
    private let isRetired = Atomic<Bool>(false)
    private let isDamaged = Atomic<Bool>(false)
    private let failedMerges = Atomic<Int>(0)
    private static let mostFailedMerges = 3
    private let layoutNumber = Atomic<UInt8>(PartLayout.unknown.rawValue)
    private let collect: @Sendable (PartSummary) -> Void
    /// Pairs of an indexed value and a block that holds it, at most.
    let tracePairs: Int

    /// - Parameter tracePairs: nil where only the file tells: as many as rows.
    init(_ summary: PartSummary, tracePairs: Int? = nil, collect: @escaping @Sendable (PartSummary) -> Void) {
        self.summary = summary
        self.tracePairs = tracePairs ?? Int(clamping: summary.rows)
        self.collect = collect
    }

    deinit {
        if isRetired.load(ordering: .acquiring) { collect(summary) }
    }

    var tenantDay: TenantDay { TenantDay(tenant: summary.tenant, day: summary.day) }

    /// The catalog no longer counts the part: its file goes when the last reader has left.
    func retire() {
        isRetired.store(true, ordering: .releasing)
    }

    /// Notes that reading the file failed; true the first time.
    func markDamaged() -> Bool {
        !isDamaged.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// Whether its rows still wait to become columns.
    var layout: PartLayout {
        get { PartLayout(rawValue: layoutNumber.load(ordering: .relaxed)) ?? .unknown }
        set { layoutNumber.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Notes that it could not be merged, though all of it may be readable.
    /// - Parameter isFinal: another try would be of no use.
    func noteFailedMerge(isFinal: Bool) {
        failedMerges.add(isFinal ? PartHandle.mostFailedMerges : 1, ordering: .relaxed)
    }

    /// Whether merging it is worth a try.
    var isMergeable: Bool { !wasDamaged && failedMerges.load(ordering: .relaxed) < PartHandle.mostFailedMerges }

    var wasDamaged: Bool { isDamaged.load(ordering: .acquiring) }

    func overlaps(_ range: TimeRange) -> Bool {
        range.overlaps(first: summary.firstTime, last: summary.lastTime)
    }
}
