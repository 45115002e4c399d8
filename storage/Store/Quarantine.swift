import Bytes
import Chunks
import Files
import Model
import Synchronization

extension Store {
    /// Sets a part aside that cannot be opened at all. A part with a damaged block stays: its other blocks are served.
    func setAside(_ part: PartHandle, _ error: PartError) {
        guard error.isOfWholeFile else { return }
        catalogThread.submit { [self] in moveToQuarantine(part, error) }
    }

    /// Catalog thread. The part's row stays live in the catalog: at each start the part counts as missing, so that
    /// answers go on saying so until retention takes its day.
    private func moveToQuarantine(_ part: PartHandle, _ error: PartError) {
        let summary = part.summary
        let key = part.tenantDay
        guard views.view.days[key]?.parts.contains(where: { $0 === part }) == true else { return }
        let target = configuration.quarantineFolder + "/" + summary.key.split(separator: "/").joined(separator: "_")
        do throws(FileError) {
            try configuration.files.rename(blobs.path(summary.key), to: target)
            try configuration.files.syncFolder(configuration.quarantineFolder)
        } catch let move {
            configuration.report(StoreReport(.error, "part \(summary.key) could not be set aside: \(move)"))
            return
        }
        let text =
            "part \(summary.key) is damaged and set aside: \(summary.rows) rows between "
            + "\(RFC3339.format(summary.firstTime)) and \(RFC3339.format(summary.lastTime)) are missing"
        missing.withLock { $0[summary.id] = Loss(tenantDay: key, text: text) }
        views.change { days in days[key]?.parts.removeAll { $0 === part } }
        cache.forget(summary.id)
        counters.quarantinedFiles.add(1, ordering: .relaxed)
        counters.missingParts.add(1, ordering: .relaxed)
        configuration.report(StoreReport(.error, "part \(summary.key) was moved to \(target): \(error)"))
    }
}

extension PartError {
    /// Whether nothing of the file can be used. What the system could not read may be readable the next time.
    fileprivate var isOfWholeFile: Bool {
        guard case .damaged(_, let region, _, _) = self else { return false }
        return ["header", "tail", "footer", "streams", "directory"].contains { region.hasPrefix($0) }
    }
}
