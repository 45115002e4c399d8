import Bytes
import Files
import Index
import Model
import Synchronization
import WAL

/// Why a day was removed.
enum RetentionReason: String, Sendable, Hashable, CaseIterable {
    /// Older than retention.
    case age
    /// Parts took more than they may.
    case bytes
    /// Too little was free on the disk.
    case disk
}

/// What came of the last removals for the sake of free space.
struct RetentionOutcome: Sendable {
    /// Removing days has freed nothing, as when snapshots hold their files: no more go before there is room again.
    var isFutile = false
    /// The fewest bytes that were free since that was found, and how many more would show that the files went after
    /// all.
    var futileFreeBytes = 0
    var futileGainBytes = 0
    /// Today alone is over the limit, and that has been said.
    var isOver = false
}

/// Which days must go: the oldest first, never today's.
struct RetentionPlan: Sendable {
    /// File bytes of all tenants' parts by day.
    var bytesByDay: [Day: Int]
    var oldest: Day
    var today: Day
    /// 0: any number.
    var maximumBytes: Int
    /// What the disk lacks.
    var lackingBytes: Int

    /// The days and why, oldest first.
    var removals: [(day: Day, reason: RetentionReason)] {
        var total = bytesByDay.values.reduce(0, +)
        var lacking = lackingBytes
        var found: [(day: Day, reason: RetentionReason)] = []
        for (day, bytes) in bytesByDay.sorted(by: { $0.key < $1.key }) {
            let reason: RetentionReason
            if day < oldest {
                reason = .age
            } else if day >= today {
                break
            } else if maximumBytes > 0, total > maximumBytes {
                reason = .bytes
            } else if lacking > 0 {
                reason = .disk
            } else {
                break
            }
            found.append((day, reason))
            total -= bytes
            lacking -= bytes
        }
        return found
    }
}

extension Store {
    /// The first day that retention keeps by age.
    var oldestDay: Day {
        let now = configuration.clock.nowNanoseconds()
        return Day(of: now.subtractingReportingOverflow(configuration.retentionNanoseconds).partialValue)
    }

    /// Whether days must go because too little is free.
    var isBelowFloor: Bool { lackingBytes > 0 }

    private var lackingBytes: Int {
        guard configuration.retentionFreeBytes > 0,
            let space = try? configuration.files.space(configuration.folder)
        else { return 0 }
        let lacking = configuration.retentionFreeBytes - space.freeBytes
        return upkeep.withLock { upkeep in
            // Ingest takes room meanwhile: the gain counts from the least.
            upkeep.retention.futileFreeBytes = min(upkeep.retention.futileFreeBytes, space.freeBytes)
            let gain = space.freeBytes - upkeep.retention.futileFreeBytes
            if lacking <= 0 || gain >= upkeep.retention.futileGainBytes { upkeep.retention.isFutile = false }
            return upkeep.retention.isFutile ? 0 : max(lacking, 0)
        }
    }

    /// Drops whole days that are too old or for which there is no room: catalog first, then the view, then the files.
    /// Returns when all files that nobody reads are gone.
    public func enforceRetention() async {
        await retentionTurn()
        let lacking = lackingBytes
        let freed = await onCatalogThread { [self] in dropDays(lacking: lacking) } ?? 0
        await withCheckedContinuation { continuation in
            committer.perform { [self] in
                ingest.dropDays(before: oldestDay)
                releaseSegments()
                if !catalogThread.submitted({ continuation.resume() }) { continuation.resume() }
            }
        }
        judge(lacking: lacking, freed: freed)
        let waiters = upkeep.withLock { upkeep -> [CheckedContinuation<Void, Never>] in
            upkeep.isRetaining = false
            defer { upkeep.retentionWaiters = [] }
            return upkeep.retentionWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until nobody else removes days, and takes the turn.
    private func retentionTurn() async {
        while true {
            let isMine = upkeep.withLock { upkeep -> Bool in
                defer { upkeep.isRetaining = true }
                return !upkeep.isRetaining
            }
            if isMine { return }
            await withCheckedContinuation { continuation in
                let isOver = upkeep.withLock { upkeep -> Bool in
                    if upkeep.isRetaining { upkeep.retentionWaiters.append(continuation) }
                    return !upkeep.isRetaining
                }
                if isOver { continuation.resume() }
            }
        }
    }

    /// Stops removing days for free space when that frees none.
    private func judge(lacking: Int, freed: Int) {
        guard lacking > 0, freed > 0 else { return }
        let left = lackingBytes
        guard left > 0, lacking - left < freed / 2 else { return }
        upkeep.withLock { upkeep in
            upkeep.retention.isFutile = true
            upkeep.retention.futileFreeBytes = configuration.retentionFreeBytes - left
            upkeep.retention.futileGainBytes = freed / 2
        }
        configuration.report(
            StoreReport(
                .error,
                "removing \(freed >> 20) MiB of old days freed no space on the disk: snapshots or other "
                    + "programs hold it; no more days are removed for it before that changes"))
    }

    /// Catalog thread; the bytes of the files that go for want of free space.
    private func dropDays(lacking: Int) -> Int {
        let oldest = oldestDay
        var bytesByDay: [Day: Int] = [:]
        for (key, day) in views.view.days {
            bytesByDay[key.day, default: 0] += day.parts.reduce(0) { $0 + Int(clamping: $1.summary.fileBytes) }
        }
        let plan = RetentionPlan(
            bytesByDay: bytesByDay, oldest: oldest, today: Day(of: configuration.clock.nowNanoseconds()),
            maximumBytes: configuration.retentionMaximumBytes, lackingBytes: lacking)
        var freed = 0
        var hasFailed = false
        var left = bytesByDay.values.reduce(0, +)
        for (day, reason) in plan.removals {
            let (bytes, isWhole) = drop(day, reason)
            if !isWhole { hasFailed = true }
            left -= bytes
            freed += reason == .disk ? bytes : 0
        }
        upkeep.withLock { note(!hasFailed, &$0.retentionBackoff) }
        warnWhenOver(left)
        missing.withLock { losses in losses = losses.filter { $0.value.tenantDay.day >= oldest } }
        do throws(CatalogError) {
            try catalog.forgetHistory(before: oldest)
        } catch {
            configuration.report(StoreReport(.warning, "old coverage could not be forgotten: \(error)"))
        }
        return freed
    }

    /// Catalog thread: removes a day of all tenants; the bytes of its parts, and whether all of them went.
    private func drop(_ day: Day, _ reason: RetentionReason) -> (bytes: Int, isWhole: Bool) {
        var dropped: [TenantDay] = []
        var isWhole = true
        for key in views.view.days.keys.filter({ $0.day == day }).sorted() {
            do throws(CatalogError) {
                _ = try catalog.dropDay(tenant: key.tenant, day: key.day)
                dropped.append(key)
            } catch {
                isWhole = false
                configuration.report(StoreReport(.error, "retention of \(key) failed: \(error)"))
            }
        }
        var parts = 0
        var bytes = 0
        views.change { days in
            for key in dropped {
                for part in days[key]?.parts ?? [] {
                    parts += 1
                    bytes += Int(clamping: part.summary.fileBytes)
                    part.retire()
                }
                days[key]?.parts = []
            }
        }
        guard parts > 0 else { return (0, isWhole) }
        counters.retiredDays.add(1, ordering: .relaxed)
        counters.retired.withLock { retired in
            retired[reason, default: (0, 0)].days += 1
            retired[reason, default: (0, 0)].bytes += bytes
        }
        configuration.report(
            StoreReport(.info, "day \(day) removed: \(text(of: reason)); \(parts) parts, \(bytes >> 20) MiB"))
        return (bytes, isWhole)
    }

    private func text(of reason: RetentionReason) -> String {
        switch reason {
        case .age: "older than \(configuration.retentionDays) days"
        case .bytes: "parts took more than \(configuration.retentionMaximumBytes >> 20) MiB"
        case .disk: "less than \(configuration.retentionFreeBytes >> 20) MiB was free on the disk"
        }
    }

    private func warnWhenOver(_ bytes: Int) {
        let isOver = configuration.retentionMaximumBytes > 0 && bytes > configuration.retentionMaximumBytes
        let isNews = upkeep.withLock { upkeep -> Bool in
            defer { upkeep.retention.isOver = isOver }
            return isOver && !upkeep.retention.isOver
        }
        guard isNews else { return }
        configuration.report(
            StoreReport(
                .warning,
                "today's parts alone take \(bytes >> 20) MiB, more than the "
                    + "\(configuration.retentionMaximumBytes >> 20) MiB of retention; today is kept"))
    }
}
