import Bytes
public import Index
import Model
import Synchronization

/// The thread on which rows are observed, five times a second.
final class ObservationThread: Sendable {
    private let isStopped = Gate(false)
    private let thread: OSThread

    init(nice: Int, _ wake: @escaping @Sendable (Int) -> Void) {
        let isStopped = self.isStopped
        thread = OSThread(name: "dendro-observe", nice: nice) {
            var tick = 0
            while isStopped.wait(timeoutNanoseconds: Nanoseconds.perSecond / 5, until: { $0 ? true : nil }) == nil {
                tick &+= 1
                wake(tick)
            }
        }
    }

    func stop() {
        isStopped.update { $0 = true }
        thread.join()
    }
}

extension Store {
    /// Makes durable what observers know of all rows acknowledged before the call.
    public func saveObservations() async throws(StateError) {
        guard let observation else { return }
        await workers.run(.query) { observation.catchUp() }
        try await onState { state throws(StateError) in try observation.save(to: state) }
    }

    /// Stores facts of others; durable on return.
    public func saveState(_ changes: [StateChange]) async throws(StateError) {
        try await onState { state throws(StateError) in try state.apply(changes) }
    }

    /// Whether this process is the one to do a job in an interval, out of all that share the state.
    public func claim(_ job: String, slot: Int64, owner: UInt64) async throws(StateError) -> Bool {
        try await onState { state throws(StateError) in try state.claim(job, slot: slot, owner: owner) }
    }

    /// Records of a kind.
    public func listState(_ kind: StateKind) async throws(StateError) -> StateListing {
        try await onState { state throws(StateError) in try state.list(kind) }
    }

    /// What is wrong with the catalog or the state, or nil. Looks through both whole; blocks, and publishing waits.
    public func databaseFault() -> String? {
        let outcome = catalogThread.perform { [catalog, state] () -> String? in
            do throws(CatalogError) {
                if let fault = try catalog.firstFault() { return "catalog: \(fault)" }
            } catch {
                return error.description
            }
            do throws(StateError) {
                return try state.firstFault().map { "state: \($0)" }
            } catch {
                return error.description
            }
        }
        return outcome ?? "the server is stopping"
    }

    /// Whether rows from before anything was observed are still being looked at: counts are too low until then.
    public var isRebuildingObservations: Bool { observation?.isRebuilding ?? false }

    private func onState<R: Sendable>(
        _ body: @escaping @Sendable (any StateStore) throws(StateError) -> R
    ) async throws(StateError) -> R {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<R, StateError>, Never>) in
            let isQueued = catalogThread.submitted { [state] in
                do throws(StateError) {
                    continuation.resume(returning: .success(try body(state)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !isQueued { continuation.resume(returning: .failure(.closed)) }
        }
        return try result.get()
    }

    /// Catalog thread, before rows leave the log. A state that cannot be written must not stop lines from becoming
    /// safe: counts of the last rows may then be too low after a crash, and that is reported.
    func saveObservation(isFinal: Bool = false) {
        guard let observation else { return }
        do throws(StateError) {
            try observation.save(to: state, isFinal: isFinal)
        } catch {
            // It is tried every few seconds, and said every minute.
            let isSaid = upkeep.withLock { upkeep -> Bool in
                let now = Machine.monotonicNanoseconds()
                guard now >= upkeep.stateReportNotBefore else { return false }
                upkeep.stateReportNotBefore = now + 60 * Nanoseconds.perSecond
                return true
            }
            guard isSaid else { return }
            configuration.report(
                StoreReport(.error, "error groups and request figures could not be saved, tried again: \(error)"))
        }
    }

    /// Begins to observe; first, if nothing was ever observed, what older parts hold.
    func startObserving(_ keep: (ObservationThread) -> Void) {
        guard let observation else { return }
        if observation.isRebuilding {
            configuration.report(StoreReport(.info, "error groups and request figures are computed from the parts"))
            let days = views.view.days
            Task { await rebuildObservations(days, observation) }
        }
        keep(
            ObservationThread(nice: configuration.workerNice) { [weak self] tick in
                guard let self else { return }
                observation.catchUp()
                if tick % 50 == 0 { self.catalogThread.submit { self.saveObservation() } }
                if tick % 3000 == 1 { observation.dropBefore(self.oldestDay.start) }
            })
    }

    private func rebuildObservations(_ days: [TenantDay: DayView], _ observation: Observation) async {
        for (key, day) in days.sorted(by: { $0.key > $1.key }) {
            for part in day.parts {
                if upkeep.withLock({ $0.isClosing }) { return }
                let table = tables.table(key.tenant)
                let failure = await workers.run(.merge) { () -> ScanError? in
                    do throws(ScanError) {
                        try observation.observe(part, tenant: key.tenant, table: table)
                        return nil
                    } catch {
                        return error
                    }
                }
                if let failure {
                    configuration.report(
                        StoreReport(.warning, "request figures and error groups lack rows: \(failure)"))
                }
            }
        }
        observation.endRebuilding()
        catalogThread.submit { [weak self] in self?.saveObservation() }
        configuration.report(StoreReport(.info, "error groups and request figures have been computed"))
    }
}
