import Files
import Index
import Model
import Synchronization

/// Removes files of dead parts; catalog thread only.
final class Collector: Sendable {
    private let blobs: FolderBlobStore
    private let catalog: any Catalog
    private let cache: PartCache
    private let report: @Sendable (StoreReport) -> Void
    /// Parts whose files could not be removed: nobody else remembers them until the next start.
    private let leftovers = Mutex<[PartSummary]>([])

    init(
        blobs: FolderBlobStore, catalog: any Catalog, cache: PartCache,
        report: @escaping @Sendable (StoreReport) -> Void
    ) {
        self.blobs = blobs
        self.catalog = catalog
        self.cache = cache
        self.report = report
    }

    /// Removes the file of a part; what fails is left for `retry`.
    func collect(_ summary: PartSummary) {
        cache.forget(summary.id)
        do {
            try remove(summary)
        } catch {
            report(StoreReport(.warning, "part \(summary.key) could not be removed, tried again: \(error)"))
            leftovers.withLock { $0.append(summary) }
        }
    }

    /// Whether files are left over.
    var hasLeftovers: Bool { leftovers.withLock { !$0.isEmpty } }

    /// Tries again to remove what was left over; whether all of it has gone.
    func retry() -> Bool {
        let all = leftovers.withLock { leftovers -> [PartSummary] in
            defer { leftovers = [] }
            return leftovers
        }
        let kept = all.filter { (try? remove($0)) == nil }
        leftovers.withLock { $0 += kept }
        return kept.isEmpty
    }

    private func remove(_ summary: PartSummary) throws {
        try blobs.delete(summary.key)
        var change = CatalogChange()
        change.forget = [summary.id]
        try catalog.commit(change)
        let folder = blobs.path(PartSummary.folder(tenant: summary.tenant, day: summary.day))
        guard let names = try? blobs.files.list(folder), names.isEmpty else { return }
        try? blobs.files.removeFolder(folder)
    }
}
