import Buffer
import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization

extension Store {
    /// What became of a part that a deletion is about.
    private enum Rewrite: Sendable {
        /// It holds none of the rows.
        case clean
        case image(PartImage, rows: Int)
        /// All of its rows go.
        case empty(rows: Int)
        case failed(String)
    }

    /// Removes from the disk what deletions have hidden, as far as their time to cancel has passed. A deletion ends
    /// when the files that held its rows are gone.
    public func applyDeletions() async {
        let isMine = upkeep.withLock { upkeep -> Bool in
            if upkeep.isDeleting || upkeep.isClosing { return false }
            upkeep.isDeleting = true
            return true
        }
        guard isMine else { return }
        let now = configuration.clock.nowNanoseconds()
        for tombstone in views.view.tombstones where tombstone.filter != nil {
            let age = now.subtractingReportingOverflow(tombstone.request.createdAt).partialValue
            let patience = Int64(clamping: configuration.deletionDelaySeconds) &* Nanoseconds.perSecond
            let id = tombstone.request.id
            guard tombstone.isUnderWay || age >= patience,
                upkeep.withLock({ mayTry($0.deletionBackoffs[id] ?? Backoff()) })
            else { continue }
            let hasWorked = await apply(tombstone)
            upkeep.withLock { upkeep in
                if hasWorked {
                    upkeep.deletionBackoffs[id] = nil
                } else {
                    note(false, &upkeep.deletionBackoffs[id, default: Backoff()])
                }
            }
        }
        let known = Set(views.view.tombstones.map(\.request.id))
        upkeep.withLock { upkeep in
            upkeep.isDeleting = false
            upkeep.deletionBackoffs = upkeep.deletionBackoffs.filter { known.contains($0.key) }
        }
    }

    /// - Returns: false if something failed; what has to wait has not.
    private func apply(_ tombstone: ActiveTombstone) async -> Bool {
        guard await begin(tombstone) else { return false }
        var isDone = true
        var hasFailed = false
        for key in views.view.days.keys.sorted() where key.tenant == tombstone.request.tenant {
            let day = views.view.days[key] ?? DayView()
            if day.heads.contains(where: { tombstone.touches($0) }) { isDone = false }
            guard day.parts.contains(where: { tombstone.touches($0.summary) }) else { continue }
            guard upkeep.withLock({ !$0.isClosing && $0.merging.insert(key).inserted }) else {
                isDone = false
                continue
            }
            for part in views.view.days[key]?.parts ?? [] where tombstone.touches(part.summary) {
                if !(await rewrite(part, tombstone)) { hasFailed = true }
            }
            mergeEnded(key)
        }
        // Files of replaced parts are collected on the catalog thread: wait until it has got there.
        _ = await onCatalogThread {}
        for key in tombstone.replacedKeys {
            if configuration.files.exists(blobs.path(key)) { isDone = false } else { tombstone.forget(key) }
        }
        guard isDone, !hasFailed else { return !hasFailed }
        return await finish(tombstone)
    }

    /// Notes that the request cannot be cancelled any more; false if it is gone or that cannot be stored.
    private func begin(_ tombstone: ActiveTombstone) async -> Bool {
        if tombstone.isUnderWay { return true }
        return await onCatalogThread { [self] in
            guard views.view.tombstones.contains(where: { $0 === tombstone }) else { return false }
            guard store(tombstone.request, .underWay) else { return false }
            tombstone.begin()
            return true
        } ?? false
    }

    /// - Returns: false if that it is processed could not be stored.
    private func finish(_ tombstone: ActiveTombstone) async -> Bool {
        await onCatalogThread { [self] in
            guard store(tombstone.request, .processed) else { return false }
            views.changeTombstones { $0.removeAll { $0 === tombstone } }
            configuration.report(StoreReport(.info, "delete request \(tombstone.request.id) is processed"))
            forgetOldRequests()
            return true
        } ?? false
    }

    /// Catalog thread.
    private func store(_ request: DeleteRequest, _ status: DeleteRequest.Status) -> Bool {
        var changed = request
        changed.status = status
        do throws(StateError) {
            try state.put(changed.record)
        } catch {
            configuration.report(StoreReport(.error, "delete request \(request.id) could not be updated: \(error)"))
            return false
        }
        requests.withLock { $0[request.id] = changed }
        return true
    }

    /// Catalog thread: the oldest processed requests leave when there are too many.
    private func forgetOldRequests() {
        let all = requests.withLock { $0.values.sorted { $0.createdAt < $1.createdAt } }
        for request in all.filter({ $0.status == .processed }).prefix(max(0, all.count - DeleteRequest.limit)) {
            if (try? state.delete(.deleteRequest, key: request.id)) != nil {
                requests.withLock { $0[request.id] = nil }
            }
        }
    }

    /// Makes and publishes a successor of `part` without the rows; true when none of them is left in live parts.
    private func rewrite(_ part: PartHandle, _ tombstone: ActiveTombstone) async -> Bool {
        let outcome = await workers.run(.merge) { [self] in made(part, tombstone) }
        switch outcome {
        case .clean:
            tombstone.markClean(part.summary.id)
            return true
        case .failed(let reason):
            let text = "deletion \(tombstone.request.id) cannot rewrite part \(part.summary.key): \(reason)"
            configuration.report(StoreReport(.error, text))
            return false
        case .image(let image, let rows):
            return await onCatalogThread { [self] in replace(part, by: image, tombstone, rows) } ?? false
        case .empty(let rows):
            return await onCatalogThread { [self] in replace(part, by: nil, tombstone, rows) } ?? false
        }
    }

    /// Worker thread.
    private func made(_ part: PartHandle, _ tombstone: ActiveTombstone) -> Rewrite {
        do {
            let dropped = try hiddenRows(of: part, tombstone)
            if dropped.isEmpty { return .clean }
            let rows = dropped.values.reduce(0) { $0 + $1.count }
            let source = try cache.contents(part).part
            return try sealer.rewrite(source, dropping: dropped).map { .image($0, rows: rows) } ?? .empty(rows: rows)
        } catch let error as ScanError {
            return .failed(error.what)
        } catch {
            return .failed("\(error)")
        }
    }

    private func hiddenRows(of part: PartHandle, _ tombstone: ActiveTombstone) throws -> [Int: [Int]] {
        guard let filter = tombstone.filter else { return [:] }
        let table = tables.table(part.summary.tenant)
        let contents = try cache.contents(part)
        let streams = contents.streamMap(table.select(filter.tests, count: table.count))
        var dropped: [Int: [Int]] = [:]
        for index in 0..<contents.blockCount {
            let unit = BlockUnit(part: part, contents: contents, index: index, streams: streams, cache: cache)
            guard tombstone.touches(first: unit.firstTime, last: unit.lastTime, sequence: unit.lastSequence),
                contents.mayHold(block: index, tombstone.request.range, streams)
            else { continue }
            let loaded = try unit.load(filter.isDecidedByLabels ? .times : .rows)
            let rows = filter.matches(loaded, in: tombstone.request.range) { table.labels($0.index) }
            if !rows.isEmpty { dropped[index] = rows }
        }
        return dropped
    }

    /// Catalog thread: the successor's file, then one transaction, then the view. What was covered stays covered.
    private func replace(
        _ part: PartHandle, by image: PartImage?, _ tombstone: ActiveTombstone, _ rows: Int
    ) -> Bool {
        let key = part.tenantDay
        guard views.view.days[key]?.parts.contains(where: { $0 === part }) == true else { return false }
        do {
            var change = CatalogChange()
            if let image {
                guard try blobs.put(image.summary.key, image) else { return false }
                change.add = [AddedPart(image.summary, totals: image.streamStatistics)]
            }
            change.markDead = [part.summary.id]
            try catalog.commit(change)
        } catch {
            if let image { try? blobs.delete(image.summary.key) }
            configuration.report(StoreReport(.error, "publishing a deletion in \(key) failed: \(error)"))
            return false
        }
        tombstone.replace(part.summary, by: image?.summary.id)
        let handle = image.map { makeHandle($0) }
        views.change { days in
            days[key]?.parts.removeAll { $0 === part }
            if let handle { days[key]?.parts.append(handle) }
        }
        part.retire()
        counters.deletedRows.add(rows, ordering: .relaxed)
        return true
    }
}
