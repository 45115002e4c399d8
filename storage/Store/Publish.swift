import Bytes
import Chunks
import Files
import Index
import Model
import Synchronization
import WAL

extension Store {
    /// Catalog thread: file, then catalog, then view, then WAL (storage rule 1). A failure leaves nothing behind and
    /// the head where it is.
    func publish(_ sealed: Sealer.Sealed?, of frozen: Ingest.FrozenHead) {
        saveObservation()
        let finished = keys.takeUnpublished()
        var change = CatalogChange()
        let key = frozen.tenantDay
        change.cover = [DayCoverage(tenant: key.tenant, day: key.day, coverage: frozen.coverage)]
        change.batchKeys = finished.map {
            BatchKeyRecord(key: $0.key, tenant: $0.tenant, receipt: $0.receipt, time: $0.time)
        }
        var handle: PartHandle?
        do {
            if let sealed {
                let summary = sealed.image.summary
                try Reserve(configuration).check(summary.fileBytes)
                guard try blobs.put(summary.key, sealed.image) else {
                    throw FileError("publish", summary.key, errno: 0, reason: "the name is taken")
                }
                change.add = [AddedPart(summary, totals: sealed.image.streamStatistics)]
                handle = makeHandle(sealed.image, sealed.isSpilled ? .spilled : .settled)
            }
            try catalog.commit(change)
        } catch {
            keys.giveBack(finished)
            if let sealed { try? blobs.delete(sealed.image.summary.key) }
            return sealFailed(frozen, "\(error)")
        }
        counters.sealedParts.add(handle == nil ? 0 : 1, ordering: .relaxed)
        if sealed?.isSpilled == true { counters.spilledParts.add(1, ordering: .relaxed) }
        if let sealed { report(sealed.refusals, of: sealed.image) }
        let published = handle
        committer.perform { [self] in
            ingest.release(frozen, part: published, latest: sealed?.latest ?? [:])
            releaseSegments()
            sealFinished(frozen)
            admission.setStuck(false)
            admission.advance()
        }
    }

    /// Committer thread: segments whose every row is in a part are recycled.
    func releaseSegments() {
        let oldest = oldestDay
        do throws(WALError) {
            _ = try log.release { [ingest] tenant, day, sequences in
                ingest.isCovered(TenantDay(tenant: tenant, day: day), sequences: sequences, oldest: oldest)
            }
        } catch {
            configuration.report(StoreReport(.warning, "WAL segments could not be released: \(error)"))
        }
    }

    /// Counts and tells which blocks stayed rows though columns were wanted.
    func report(_ refusals: [String], of image: PartImage) {
        for refusal in refusals {
            counters.refusedColumnBlocks.add(1, ordering: .relaxed)
            configuration.report(StoreReport(.warning, "part \(image.summary.key): \(refusal)"))
        }
    }

    /// A handle for a live part; when it is retired and nobody reads it any more, its file goes.
    func makeHandle(_ image: PartImage, _ layout: PartLayout = .settled) -> PartHandle {
        let handle = PartHandle(image.summary, tracePairs: image.tracePairs) { [catalogThread, collector] summary in
            catalogThread.submit { collector.collect(summary) }
        }
        handle.layout = layout
        return handle
    }
}

extension AddedPart {
    /// A part for the catalog, with the totals that its directory gives.
    init(_ summary: PartSummary, totals: [StreamTotals]) {
        let streams = totals.map { total in
            StreamStatistics(
                hash: total.hash, labels: total.labels, rows: total.rows, rawBytes: total.rawBytes,
                firstTime: total.firstTime, lastTime: total.lastTime)
        }
        self.init(summary, streams: streams)
    }
}
