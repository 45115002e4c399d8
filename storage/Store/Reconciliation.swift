import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization

/// Brings catalog and folder into agreement at start (storage rule 1). Coverage decides, never absence from the
/// catalog: a file without a row is adopted, or removed only if live, readable parts cover all that it covers.
struct Reconciliation {
    let configuration: StoreConfiguration
    let blobs: FolderBlobStore
    let catalog: any Catalog
    let catalogState: CatalogState
    let counters: StoreCounters
    let storeID: Hash128
    private(set) var live: [PartSummary] = []
    private(set) var covered: [TenantDay: Coverage] = [:]
    private(set) var missing: [Hash128: Store.Loss] = [:]
    /// Streams of adopted parts: the catalog has not named them.
    private(set) var streams: [CatalogStream] = []
    private var lost: [PartSummary] = []
    private var change = CatalogChange()

    init(
        configuration: StoreConfiguration, blobs: FolderBlobStore, catalog: any Catalog, catalogState: CatalogState,
        counters: StoreCounters, storeID: Hash128
    ) {
        self.configuration = configuration
        self.blobs = blobs
        self.catalog = catalog
        self.catalogState = catalogState
        self.counters = counters
        self.storeID = storeID
    }

    mutating func run() throws(StoreError) {
        let keys: Set<String>
        do throws(FileError) {
            keys = Set(try blobs.list("tenants"))
        } catch {
            throw StoreError("the parts below \(configuration.folder) cannot be listed: \(error)")
        }
        for entry in catalogState.covered {
            covered[TenantDay(tenant: entry.tenant, day: entry.day), default: Coverage()].formUnion(entry.coverage)
        }
        var known: Set<String> = []
        for part in catalogState.parts {
            known.insert(part.summary.key)
            switch (!part.isDead, keys.contains(part.summary.key)) {
            case (true, true): live.append(part.summary)
            case (true, false): lost.append(part.summary)
            case (false, let exists): collect(part.summary, exists: exists)
            }
        }
        adopt(keys.subtracting(known).sorted())
        settleLosses()
        commit()
    }

    /// Live rows without their files. Where live parts of a higher generation hold all of it, or the day is over, the
    /// catalog is older than the parts, as from a backup. Otherwise state was lost: answers warn, and what no live part
    /// covers is asked of the WAL again.
    private mutating func settleLosses() {
        let now = configuration.clock.nowNanoseconds()
        let oldest = Day(of: now.subtractingReportingOverflow(configuration.retentionNanoseconds).partialValue)
        for summary in lost {
            let key = TenantDay(tenant: summary.tenant, day: summary.day)
            var hole = summary.coverage
            var unreplaced = summary.coverage
            for part in live where part.tenant == key.tenant && part.day == key.day {
                hole.subtract(part.coverage)
                if part.generation > summary.generation { unreplaced.subtract(part.coverage) }
            }
            if key.day < oldest || (unreplaced.isEmpty && !summary.coverage.isEmpty) {
                change.markDead.append(summary.id)
                continue
            }
            lose(summary, key)
            guard !hole.isEmpty else { continue }
            covered[key]?.subtract(hole)
            change.uncover.append(DayCoverage(tenant: key.tenant, day: key.day, coverage: hole))
        }
    }

    private mutating func lose(_ summary: PartSummary, _ key: TenantDay) {
        let text =
            "part \(summary.key) is missing: \(summary.rows) rows between \(RFC3339.format(summary.firstTime)) and "
            + "\(RFC3339.format(summary.lastTime)) may be lost"
        missing[summary.id] = Store.Loss(tenantDay: key, text: text)
        counters.missingParts.add(1, ordering: .relaxed)
        configuration.report(StoreReport(.error, text))
    }

    private mutating func collect(_ summary: PartSummary, exists: Bool) {
        do throws(FileError) {
            if exists { try blobs.delete(summary.key) }
            change.forget.append(summary.id)
        } catch {
            configuration.report(StoreReport(.warning, "dead part \(summary.key) could not be removed: \(error)"))
        }
    }

    /// Files that no row names: newest generation first, so that leftovers of a merge find its output live.
    private mutating func adopt(_ keys: [String]) {
        var found: [(summary: PartSummary, part: Part)] = []
        for key in keys {
            do throws(PartError) {
                let part = try open(key)
                guard part.summary.key == key else {
                    throw PartError.damaged(
                        file: key, region: "footer", offset: 0, reason: "it names \(part.summary.key)")
                }
                found.append((part.summary, part))
            } catch {
                quarantine(key, error)
            }
        }
        found.sort { ($0.summary.generation, $0.summary.rows) > ($1.summary.generation, $1.summary.rows) }
        for (summary, part) in found {
            var others = Coverage()
            for other in live where other.tenant == summary.tenant && other.day == summary.day {
                others.formUnion(other.coverage)
            }
            if !summary.coverage.isEmpty, others.contains(summary.coverage) {
                remove(summary)
            } else {
                admit(summary, part)
            }
        }
    }

    private func open(_ key: String) throws(PartError) -> Part {
        let file: any File
        do throws(FileError) {
            file = try blobs.open(key)
        } catch {
            throw PartError.unreadable(file: key, error)
        }
        return try Part(file: file, name: key)
    }

    private func remove(_ summary: PartSummary) {
        do throws(FileError) {
            try blobs.delete(summary.key)
            configuration.report(StoreReport(.info, "part \(summary.key) was left over from a merge and is removed"))
        } catch {
            configuration.report(StoreReport(.warning, "part \(summary.key) could not be removed: \(error)"))
        }
    }

    private mutating func admit(_ found: PartSummary, _ part: Part) {
        var summary = found
        let key = TenantDay(tenant: summary.tenant, day: summary.day)
        let siblings = live.filter { $0.tenant == summary.tenant && $0.day == summary.day }
        let replaced = siblings.filter {
            $0.generation < summary.generation && !$0.coverage.isEmpty && summary.coverage.contains($0.coverage)
        }
        for dead in replaced {
            live.removeAll { $0.id == dead.id }
            change.markDead.append(dead.id)
        }
        let overlapping = siblings.contains { other in
            !replaced.contains(other) && other.coverage.overlaps(summary.coverage)
        }
        if overlapping {
            summary.isUnclean = true
            configuration.report(
                StoreReport(.warning, "part \(summary.key) overlaps another one; rows of both are kept"))
        }
        do throws(PartError) {
            let added = AddedPart(summary, totals: try part.streamStatistics())
            streams += added.streams.map { CatalogStream(tenant: summary.tenant, hash: $0.hash, labels: $0.labels) }
            change.add.append(added)
        } catch {
            return quarantine(summary.key, error)
        }
        live.append(summary)
        covered[key, default: Coverage()].formUnion(summary.coverage)
        change.cover.append(
            DayCoverage(tenant: summary.tenant, day: summary.day, coverage: summary.coverage))
        configuration.report(StoreReport(.info, "part \(summary.key) was not in the catalog and is adopted"))
    }

    private func quarantine(_ key: String, _ error: PartError) {
        counters.quarantinedFiles.add(1, ordering: .relaxed)
        let target = configuration.quarantineFolder + "/" + key.split(separator: "/").joined(separator: "_")
        do throws(FileError) {
            try configuration.files.rename(blobs.path(key), to: target)
            configuration.report(StoreReport(.error, "part \(key) is damaged and was moved to \(target): \(error)"))
        } catch let move {
            configuration.report(
                StoreReport(.error, "part \(key) is damaged (\(error)) and could not be set aside: \(move)"))
        }
    }

    private mutating func commit() {
        guard !change.isEmpty else { return }
        do {
            try catalog.commit(change)
        } catch {
            configuration.report(
                StoreReport(
                    .error, "the catalog could not be brought up to date, it will be at the next start: \(error)"))
        }
    }
}
