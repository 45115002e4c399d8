import Buffer
import Bytes
import Model
import WAL

/// Puts WAL records back into heads at start, through the same check as a push; rows in parts already, or too old,
/// stay out.
final class Replayer {
    private let configuration: StoreConfiguration
    private let ingest: Ingest
    private let keys: BatchKeys
    private let sealer: Sealer
    private let oldest: Day
    private let now: Int64
    /// Sequences of deletions, by tenant, ascending: no head may hold rows from both sides of one.
    private var boundaries: [TenantID: [UInt64]]
    /// Heads that filled up during replay.
    private(set) var frozen: [Ingest.FrozenHead] = []

    init(
        configuration: StoreConfiguration, ingest: Ingest, keys: BatchKeys, sealer: Sealer,
        boundaries: [TenantID: [UInt64]]
    ) {
        self.configuration = configuration
        self.ingest = ingest
        self.keys = keys
        self.sealer = sealer
        self.boundaries = boundaries
        now = configuration.clock.nowNanoseconds()
        oldest = Day(of: now.subtractingReportingOverflow(configuration.retentionNanoseconds).partialValue)
    }

    func take(_ record: ReplayedRecord) {
        freezeAtBoundary(record.batch.tenant, record.sequence)
        let receipt = ingest.apply(sequence: record.sequence, batch: record.batch) { [ingest, oldest] key in
            ingest.isCovered(key, sequences: record.sequence...record.sequence, oldest: oldest)
        }
        if let key = record.batch.key {
            keys.restore(
                BatchKeys.FinishedKey(tenant: record.batch.tenant, key: key, receipt: receipt, time: now),
                isPublished: false)
        }
        frozen += ingest.freeze { head in
            head.rowCount >= configuration.headRows || head.rawBytes >= configuration.headBytes
        }
    }

    /// All records have been taken. What comes now lies behind every deletion, so heads from before one are closed.
    func finish() {
        frozen += ingest.freeze { boundaries[$0.tenant]?.isEmpty == false }
    }

    private func freezeAtBoundary(_ tenant: TenantID, _ sequence: UInt64) {
        guard let next = boundaries[tenant]?.first, next < sequence else { return }
        boundaries[tenant]?.removeAll { $0 < sequence }
        frozen += ingest.freeze { $0.tenant == tenant }
    }
}
