import Bytes
import Chunks
import Files
import Model
import Synchronization

// When ingest is faster than sealing, heads are written as rows, which takes a fraction of the work, and become columns
// when there is time (storage rule 5).

extension Store {
    /// Parts that become columns in one piece of work: it holds a worker thread for about a second.
    private static let repackedParts = 4

    /// Worker thread: whether the next head is to be written as rows. Yes while batches wait for memory and the disk
    /// has room for it.
    func shouldSpill() -> Bool {
        guard configuration.blockKind == .columns, configuration.spillBudgetBytes > 0, admission.isHoldingBack else {
            return false
        }
        return spilledBytes < spillLimitBytes
    }

    /// Whether so much waits to become columns that it comes before everything but acknowledging.
    private var isRepackUrgent: Bool {
        let waiting = spilledBytes
        return waiting > 0 && waiting > spillLimitBytes / 2
    }

    /// File bytes of parts that wait to become columns.
    private var spilledBytes: Int {
        views.view.days.values.reduce(0) { sum, day in
            day.parts.reduce(sum) {
                $1.layout == .spilled && $1.isMergeable ? $0 &+ Int(clamping: $1.summary.fileBytes) : $0
            }
        }
    }

    private var spillLimitBytes: Int {
        let disk = (try? configuration.files.space(configuration.folder))?.totalBytes ?? 0
        return min(configuration.spillBudgetBytes, disk / 20)
    }

    /// A few parts of one day that wait to become columns, marked as being merged; nil when there are none, or while
    /// heads wait to be sealed.
    func dueRepack() -> MergeWork? {
        let view = views.view
        let oldest = oldestDay
        let isUrgent = isRepackUrgent
        let days = view.days.sorted { $0.key > $1.key }
        return upkeep.withLock { upkeep in
            guard !upkeep.isClosing, upkeep.sealing <= upkeep.failed.count || isUrgent else { return nil }
            for (key, day) in days where key.day >= oldest && !upkeep.merging.contains(key) {
                let waiting = day.parts.filter {
                    $0.layout == .spilled && $0.isMergeable && !view.awaitsDeletion($0.summary)
                }
                guard let first = waiting.first else { continue }
                let alike = waiting.filter { view.sides($0.summary) == view.sides(first.summary) }
                upkeep.merging.insert(key)
                return MergeWork(tenantDay: key, parts: Array(alike.prefix(Store.repackedParts)))
            }
            return nil
        }
    }

    /// Makes columns of what was spilled, unless that is under way.
    func startRepack() {
        let isStarted = upkeep.withLock { upkeep -> Bool in
            if upkeep.isRepacking || upkeep.isClosing || !mayTry(upkeep.repackBackoff) { return false }
            upkeep.isRepacking = true
            return true
        }
        guard isStarted else { return }
        Task {
            let isDone = await repack()
            upkeep.withLock {
                $0.isRepacking = false
                note(isDone, &$0.repackBackoff)
            }
        }
    }

    /// Makes columns of what was spilled, until nothing waits or heads have to be sealed; false when that failed.
    @discardableResult
    private func repack() async -> Bool {
        await findSpilled()
        while let work = dueRepack() {
            guard await merge(work) else { return false }
        }
        return true
    }

    /// Makes columns of every part that was spilled, also before the start; returns when it is done.
    public func makeColumns() async {
        while await findSpilled() {}
        await mergesDone()
        await repack()
        await mergesDone()
    }

    /// Looks at one part that was there at start: was it spilled? Merged parts are settled. False when all are known.
    @discardableResult
    private func findSpilled() async -> Bool {
        for day in views.view.days.values {
            for part in day.parts where part.layout == .unknown {
                guard part.summary.generation == 0, !part.wasDamaged else {
                    part.layout = .settled
                    continue
                }
                await workers.run(.merge) { [sealer] in part.layout = (try? sealer.layout(of: part)) ?? .settled }
                return true
            }
        }
        return false
    }
}
