import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization

/// Parts of one day that belong together in one file.
final class MergeWork: Sendable {
    let tenantDay: TenantDay
    private let held: Mutex<[PartHandle]>

    init(tenantDay: TenantDay, parts: [PartHandle]) {
        self.tenantDay = tenantDay
        held = Mutex(parts)
    }

    /// The parts; none any more once the work is over.
    var parts: [PartHandle] { held.withLock { $0 } }

    /// Lets go of the parts, whose files may go then, whoever still holds the work.
    func letGo() { held.withLock { $0 = [] } }
}

extension Store {
    /// Largest part that merging makes: the trace maplet numbers blocks with 8 bits.
    static let mergedBlocks = 250

    /// The next merge that is worth its bytes, marked as under way; nil when nothing is due.
    func dueMerge() -> MergeWork? {
        let oldest = oldestDay
        let view = views.view
        let days = view.days.sorted { $0.key > $1.key }
        return upkeep.withLock { upkeep in
            guard !upkeep.isClosing else { return nil }
            for (key, day) in days where key.day >= oldest && !upkeep.merging.contains(key) {
                // What was spilled is taken by `dueRepack`, a few at a time.
                let free = day.parts.filter { $0.layout != .spilled && !view.awaitsDeletion($0.summary) }
                let groups = Dictionary(grouping: free) { view.sides($0.summary) }.values
                guard let parts = groups.lazy.compactMap({ self.mergeable($0, of: key) }).first else { continue }
                upkeep.merging.insert(key)
                return MergeWork(tenantDay: key, parts: parts)
            }
            return nil
        }
    }

    /// Parts among `parts`, all of one side of each deletion, that are worth merging now.
    private func mergeable(_ parts: [PartHandle], of key: TenantDay) -> [PartHandle]? {
        Store.mergeable(parts, fanIn: configuration.mergeFanIn) ?? (isClosed(key) ? underFilled(parts) : nil)
    }

    /// Whether the day is over for an hour: little will come any more.
    private func isClosed(_ key: TenantDay) -> Bool {
        let now = configuration.clock.nowNanoseconds()
        return Day(of: now.subtractingReportingOverflow(3_600 * Nanoseconds.perSecond).partialValue) > key.day
    }

    /// Small parts of a closed day that fill blocks only when they are put together.
    private func underFilled(_ parts: [PartHandle]) -> [PartHandle]? {
        guard let parts = Store.mergeable(parts, fanIn: 2) else { return nil }
        let rows = parts.reduce(UInt64(0)) { $0 &+ $1.summary.rows }
        let blocks = parts.reduce(UInt64(0)) { $0 &+ UInt64($1.summary.blocks) }
        return rows < blocks &* UInt64(configuration.blockRows) / 2 ? parts : nil
    }

    /// The smallest parts of like size, if enough have gathered: each byte is copied a logarithmic number of times. As
    /// many as have room in one maplet: without it the lookup of a trace opens every block.
    static func mergeable(_ parts: [PartHandle], fanIn: Int) -> [PartHandle]? {
        let healthy = parts.filter { $0.isMergeable && $0.summary.blocks < UInt32(mergedBlocks / 2) }
        let sorted = healthy.sorted { $0.summary.rawBytes < $1.summary.rawBytes }
        guard sorted.count >= fanIn else { return nil }
        for start in 0...(sorted.count - fanIn) {
            var blocks = 0
            var pairs = 0
            var chosen: [PartHandle] = []
            let ceiling = max(sorted[start].summary.rawBytes, 1 << 20) &* 8
            for part in sorted[start...] where chosen.count < 2 * fanIn && part.summary.rawBytes <= ceiling {
                blocks += Int(part.summary.blocks)
                let (sum, overflow) = pairs.addingReportingOverflow(part.tracePairs)
                guard blocks <= mergedBlocks, !overflow, sum <= PartImage.mostTracePairs else { break }
                pairs = sum
                chosen.append(part)
            }
            if chosen.count >= fanIn { return chosen }
        }
        return nil
    }

    /// Merges and publishes; the inputs' files go when their last reader has left.
    /// - Returns: whether the output took their place.
    @discardableResult
    func merge(_ work: MergeWork) async -> Bool {
        let outcome: Result<Sealer.Merged, PartError> = await workers.run(.merge) { [sealer] in
            do throws(PartError) {
                return .success(try sealer.merge(work.parts))
            } catch {
                return .failure(error)
            }
        }
        return await withCheckedContinuation { continuation in
            let isQueued = catalogThread.submitted { [self] in
                var isPublished = false
                switch outcome {
                case .success(let merged): isPublished = publishMerge(merged, of: work)
                case .failure(let error): mergeFailed(work, error)
                }
                work.letGo()
                mergeEnded(work.tenantDay)
                continuation.resume(returning: isPublished)
            }
            guard !isQueued else { return }
            work.letGo()
            mergeEnded(work.tenantDay)
            continuation.resume(returning: false)
        }
    }

    /// What cannot be merged is left as it is until the next start, and its neighbours are merged without it.
    private func mergeFailed(_ work: MergeWork, _ error: PartError) {
        let culprits = work.parts.filter { $0.summary.key == error.file }
        // What could not be read may be readable the next time.
        let isPassing = if case .unreadable = error { true } else { false }
        for part in culprits.isEmpty ? work.parts : culprits { part.noteFailedMerge(isFinal: !isPassing) }
        upkeep.withLock { note(false, &$0.mergeBackoff) }
        configuration.report(StoreReport(.error, "merging \(work.tenantDay) failed: \(error)"))
    }

    /// Catalog thread: the output's file, then one transaction that adds it and kills its inputs, then the view.
    private func publishMerge(_ merged: Sealer.Merged, of work: MergeWork) -> Bool {
        let image = merged.image
        let parts = work.parts
        let ids = Set(parts.map(\.summary.id))
        let view = views.view
        let live = view.days[work.tenantDay]?.parts ?? []
        guard ids.isSubset(of: live.map(\.summary.id)) else { return false }
        // A deletion may have come between its inputs since they were chosen.
        guard let first = parts.first,
            parts.allSatisfy({ view.sides($0.summary) == view.sides(first.summary) })
        else { return false }
        do {
            try Reserve(configuration).check(image.summary.fileBytes)
            guard try blobs.put(image.summary.key, image) else { return false }
            var change = CatalogChange()
            change.add = [AddedPart(image.summary, totals: image.streamStatistics)]
            change.markDead = Array(ids)
            try catalog.commit(change)
        } catch {
            try? blobs.delete(image.summary.key)
            upkeep.withLock { note(false, &$0.mergeBackoff) }
            configuration.report(StoreReport(.error, "publishing a merge of \(work.tenantDay) failed: \(error)"))
            return false
        }
        upkeep.withLock { note(true, &$0.mergeBackoff) }
        let handle = makeHandle(image)
        views.change { days in
            days[work.tenantDay]?.parts.removeAll { ids.contains($0.summary.id) }
            days[work.tenantDay]?.parts.append(handle)
        }
        for part in parts { part.retire() }
        counters.mergedParts.add(ids.count, ordering: .relaxed)
        counters.packedRows.add(merged.packedRows, ordering: .relaxed)
        report(merged.refusals, of: image)
        return true
    }
}
