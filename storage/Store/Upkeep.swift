import Buffer
import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization
import WAL

/// What is under way beside ingest and queries.
struct Upkeep: Sendable {
    /// Heads frozen and not yet published.
    var sealing = 0
    /// Heads whose seal failed, or that were frozen since one failed, to be tried again; those that failed last come
    /// last, so that one that always fails keeps no other back.
    var failed: [Ingest.FrozenHead] = []
    /// When they are, one after the other: for a disk that is full fails them all.
    var sealBackoff = Backoff()
    /// When those are that have failed themselves.
    var headBackoffs: [ObjectIdentifier: Backoff] = [:]
    /// Monotonic time before which it is not said again that states cannot be saved, in nanoseconds.
    var stateReportNotBefore: Int64 = 0
    /// Days with a merge under way.
    var merging: Set<TenantDay> = []
    /// When merges are tried again after one failed.
    var mergeBackoff = Backoff()
    /// Who waits until no merge is under way.
    var mergeWaiters: [CheckedContinuation<Void, Never>] = []
    /// Who waits for certain heads to be in published parts.
    var headWaiters: [HeadWaiter] = []
    var isClosing = false
    /// What was spilled is being made columns.
    var isRepacking = false
    /// When it is tried again after it failed.
    var repackBackoff = Backoff()
    /// When files of dead parts that could not be removed are tried again.
    var collectBackoff = Backoff()
    /// Deletions are being applied.
    var isDeleting = false
    /// When those that failed are tried again, by request.
    var deletionBackoffs: [String: Backoff] = [:]
    /// Days are being removed, and what came of it the last time.
    var isRetaining = false
    var retentionWaiters: [CheckedContinuation<Void, Never>] = []
    var retention = RetentionOutcome()
    /// When days that could not be removed are tried again.
    var retentionBackoff = Backoff()
}

/// Waits until `heads` are in published parts (true), or one of them could not be sealed (false).
struct HeadWaiter: Sendable {
    var heads: Set<ObjectIdentifier>
    let continuation: CheckedContinuation<Bool, Never>
}

/// The thread that wakes the store every second.
final class Housekeeper: Sendable {
    /// How often it looks whether there is room on the disk.
    private static let looksPerSecond = 5
    private let isStopped = Gate(false)
    private let thread: OSThread

    /// - Parameters:
    ///   - look: called several times a second.
    ///   - wake: called with the number of seconds since the start.
    init(look: @escaping @Sendable () -> Void, wake: @escaping @Sendable (Int) -> Void) {
        let isStopped = self.isStopped
        thread = OSThread(name: "dendro-keeper") {
            let pause = Nanoseconds.perSecond / Int64(Housekeeper.looksPerSecond)
            var count = 0
            var heap = HeapWatch()
            while isStopped.wait(timeoutNanoseconds: pause, until: { $0 ? true : nil }) == nil {
                count += 1
                look()
                heap.tend()
                if count % Housekeeper.looksPerSecond == 0 { wake(count / Housekeeper.looksPerSecond) }
            }
        }
    }

    func stop() {
        isStopped.update { $0 = true }
        thread.join()
    }
}

extension Store {
    /// Once a second: freeze what is old, let in what waits, try again what failed, drop what has expired, merge.
    func housekeep(_ tick: Int) {
        committer.perform { [self] in
            committer.recover()
            freezeDueHeads()
        }
        admission.advance()
        cache.tend(isIngestBusy: ingest.headBytes > configuration.headBudgetBytes / 2)
        retrySeals()
        if tick % 60 == 1 || isBelowFloor, upkeep.withLock({ !$0.isRetaining && mayTry($0.retentionBackoff) }) {
            Task { await enforceRetention() }
        }
        if tick % 10 == 9, !views.view.tombstones.isEmpty {
            Task { await applyDeletions() }
        }
        startRepack()
        if collector.hasLeftovers, upkeep.withLock({ mayTry($0.collectBackoff) }) {
            catalogThread.submit { [self] in
                let isDone = collector.retry()
                upkeep.withLock { note(isDone, &$0.collectBackoff) }
            }
        }
        if tick % 5 == 0, upkeep.withLock({ mayTry($0.mergeBackoff) }), let due = dueMerge() {
            Task { await merge(due) }
        }
    }

    /// Committer thread: heads that are full, old, too many, or that pin old WAL segments become parts.
    func freezeDueHeads() {
        let now = Machine.monotonicNanoseconds()
        let age = Int64(configuration.headAgeSeconds) * Nanoseconds.perSecond
        // A sixteenth early, so that the next record would hardly make two half-full blocks of one.
        let rows = configuration.headRows - configuration.headRows / 16
        var frozen = ingest.freeze { head in
            head.rowCount >= rows || head.rawBytes >= configuration.headBytes
                || now - head.openedAt >= age
        }
        var pins = log.failedSegmentPins
        if log.totalBytes > configuration.walBudgetBytes * 3 / 4 { pins += log.oldestSegmentPins }
        if !pins.isEmpty { frozen += freeze(holding: pins) }
        let open = ingest.openHeads
        if open.count > 256 || ingest.headBytes > configuration.headBudgetBytes {
            let largest = open.max { $0.sizeBytes < $1.sizeBytes }
            frozen += ingest.freeze { $0 === largest || open.count > 256 }
        }
        for head in frozen { seal(head) }
    }

    /// Committer thread: freezes the heads that hold rows of these. Not those of the same day that came later: while a
    /// segment waits for a head that cannot be sealed, every batch would become a part.
    private func freeze(holding pins: [SegmentPin]) -> [Ingest.FrozenHead] {
        var through: [TenantDay: UInt64] = [:]
        for pin in pins {
            let key = TenantDay(tenant: pin.tenant, day: pin.day)
            through[key] = max(through[key] ?? 0, pin.sequences.upperBound)
        }
        return ingest.freeze { head in
            through[TenantDay(tenant: head.tenant, day: head.day)].map { head.reachesBack(to: $0) } ?? false
        }
    }

    /// Refuses batches while the disk is nearly full, and takes them again as soon as it is not.
    func checkSpace() {
        guard let space = try? configuration.files.space(configuration.folder) else { return }
        let hasGivenUp = Reserve(configuration)
            .adapt(freeBytes: space.freeBytes, totalBytes: space.totalBytes)
        if hasGivenUp {
            configuration.report(
                StoreReport(.warning, "the disk is full to the brim: the reserve is given up for deletions and states"))
        }
        switch admission.standingRefusal {
        case nil where space.freeBytes < configuration.minimumFreeBytes:
            let reason =
                "disk is full: \(space.freeBytes >> 20) MiB free, \(configuration.minimumFreeBytes >> 20) needed"
            configuration.report(StoreReport(.error, reason + "; nothing is accepted until there is room"))
            admission.setRefusal(.storageUnavailable(reason: reason, retryAfterSeconds: 10))
        case .storageUnavailable where space.freeBytes >= configuration.minimumFreeBytes + configuration.roomBytes:
            configuration.report(StoreReport(.info, "there is room on the disk again; batches are accepted"))
            admission.setRefusal(nil)
        default: break
        }
    }

    /// Freezes every head, and waits until all that was received before the call is in published parts; false if some
    /// of it could not be written.
    func publishHeads() async -> Bool {
        await withCheckedContinuation { continuation in
            committer.perform { [self] in
                let frozen = ingest.freeze(where: { _ in true })
                let heads = Set(views.view.days.values.flatMap(\.heads).map { ObjectIdentifier($0) })
                // What failed before is tried again now, not at the next second.
                let retries = upkeep.withLock { upkeep -> [Ingest.FrozenHead]? in
                    if upkeep.isClosing { return nil }
                    if !heads.isEmpty {
                        upkeep.headWaiters.append(HeadWaiter(heads: heads, continuation: continuation))
                    }
                    upkeep.sealBackoff = Backoff()
                    upkeep.headBackoffs = [:]
                    defer { upkeep.failed = [] }
                    return upkeep.failed
                }
                for head in frozen { seal(head) }
                for head in retries ?? [] { submitSeal(head) }
                if heads.isEmpty || retries == nil { continuation.resume(returning: heads.isEmpty) }
            }
        }
    }

    /// The day's parts are free for the next merge.
    func mergeEnded(_ key: TenantDay) {
        let waiters = upkeep.withLock { upkeep -> [CheckedContinuation<Void, Never>] in
            upkeep.merging.remove(key)
            guard upkeep.merging.isEmpty else { return [] }
            defer { upkeep.mergeWaiters = [] }
            return upkeep.mergeWaiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until no merge is under way.
    func mergesDone() async {
        await withCheckedContinuation { continuation in
            let isDone = upkeep.withLock { upkeep -> Bool in
                if upkeep.merging.isEmpty { return true }
                upkeep.mergeWaiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    /// Counts the head as being sealed and queues the work; behind those that failed while they wait.
    func seal(_ frozen: Ingest.FrozenHead) {
        let waits = upkeep.withLock { upkeep -> Bool in
            upkeep.sealing += 1
            guard upkeep.sealBackoff.isFailing, !upkeep.failed.isEmpty else { return false }
            upkeep.failed.append(frozen)
            return true
        }
        if !waits { submitSeal(frozen) }
    }

    /// Tries one head again whose seal failed, as often as is of use, and all of them once that has worked: a disk that
    /// stays full costs neither a core nor a line of the log every second.
    private func retrySeals() {
        let retries = upkeep.withLock { upkeep -> [Ingest.FrozenHead] in
            guard !upkeep.failed.isEmpty, mayTry(upkeep.sealBackoff) else { return [] }
            var due = upkeep.failed.filter { frozen in
                upkeep.headBackoffs[ObjectIdentifier(frozen.head)].map { mayTry($0) } ?? true
            }
            if upkeep.sealBackoff.isFailing { due.removeLast(max(due.count - 1, 0)) }
            upkeep.failed.removeAll { frozen in due.contains { $0.head === frozen.head } }
            return due
        }
        for frozen in retries { submitSeal(frozen) }
    }

    /// Whether what failed is worth another try now.
    func mayTry(_ backoff: Backoff) -> Bool {
        !backoff.isFailing || backoff.allows(now: Machine.monotonicNanoseconds(), freeBytes: freeBytes)
    }

    /// Notes whether something worked.
    func note(_ hasWorked: Bool, _ backoff: inout Backoff) {
        if hasWorked {
            backoff = Backoff()
        } else {
            backoff.fail(now: Machine.monotonicNanoseconds(), freeBytes: freeBytes)
        }
    }

    /// Bytes that are free on the disk; 0 where it does not say.
    private var freeBytes: Int { (try? configuration.files.space(configuration.folder))?.freeBytes ?? 0 }

    private func submitSeal(_ frozen: Ingest.FrozenHead) {
        workers.submit(.seal) { [self] in
            if upkeep.withLock({ $0.isClosing }) { return }
            observation?.catchUp(frozen.tenantDay)
            do throws(PartError) {
                let sealed = try sealer.seal(frozen, in: views.view, isSpill: shouldSpill())
                catalogThread.submit { [self] in publish(sealed, of: frozen) }
            } catch {
                sealFailed(frozen, "\(error)")
            }
        }
    }

    func sealFailed(_ frozen: Ingest.FrozenHead, _ reason: String) {
        counters.sealFailures.add(1, ordering: .relaxed)
        configuration.report(
            StoreReport(.error, "sealing \(frozen.tenantDay) failed, its rows stay in the WAL: \(reason)"))
        admission.setStuck(true)
        let head = ObjectIdentifier(frozen.head)
        let waiters = upkeep.withLock { upkeep -> [HeadWaiter] in
            upkeep.failed.append(frozen)
            note(false, &upkeep.sealBackoff)
            note(false, &upkeep.headBackoffs[head, default: Backoff()])
            defer { upkeep.headWaiters.removeAll { $0.heads.contains(head) } }
            return upkeep.headWaiters.filter { $0.heads.contains(head) }
        }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
    }

    /// Committer thread: the head has gone; tells those who waited for it last.
    func sealFinished(_ frozen: Ingest.FrozenHead) {
        // Taken out one by one while the head is still there: its place in memory may be another head's soon.
        let head = ObjectIdentifier(frozen.head)
        let done = upkeep.withLock { upkeep -> [HeadWaiter] in
            upkeep.sealing -= 1
            note(true, &upkeep.sealBackoff)
            upkeep.headBackoffs[head] = nil
            for index in upkeep.headWaiters.indices { upkeep.headWaiters[index].heads.remove(head) }
            defer { upkeep.headWaiters.removeAll { $0.heads.isEmpty } }
            return upkeep.headWaiters.filter { $0.heads.isEmpty }
        }
        for waiter in done { waiter.continuation.resume(returning: true) }
    }
}
