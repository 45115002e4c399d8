import Buffer
import Bytes
import Model
import Synchronization

/// A delete request in force: it hides its rows until they are gone from the disk (storage rule 11).
///
/// Heads are frozen when a request is made and again at its sequence during replay, and parts that it touches are not
/// merged, so every head and every block lies either before or behind its sequence as a whole.
final class ActiveTombstone: Sendable {
    let request: DeleteRequest
    /// Nil when the text cannot be compiled any more: answers that it touches say so.
    let filter: (any RowFilter)?
    private let progress = Mutex(Progress())

    private struct Progress {
        /// Parts that have been looked through and hold none of the rows.
        var clean: Set<Hash128> = []
        /// Keys of parts that were replaced and whose files must be gone before the request has been met.
        var replaced: Set<String> = []
        var isUnderWay = false
    }

    init(_ request: DeleteRequest, filter: (any RowFilter)?) {
        self.request = request
        self.filter = filter
        progress.withLock { $0.isUnderWay = request.status != .received }
    }

    var isUnderWay: Bool { progress.withLock { $0.isUnderWay } }
    var replacedKeys: Set<String> { progress.withLock { $0.replaced } }

    /// From now on it cannot be cancelled.
    func begin() { progress.withLock { $0.isUnderWay = true } }

    func isClean(_ part: Hash128) -> Bool { progress.withLock { $0.clean.contains(part) } }
    func markClean(_ part: Hash128) { progress.withLock { _ = $0.clean.insert(part) } }

    func forget(_ key: String) { progress.withLock { _ = $0.replaced.remove(key) } }

    /// `part` was replaced by `successor`, which holds none of the rows.
    func replace(_ part: PartSummary, by successor: Hash128?) {
        progress.withLock { progress in
            progress.replaced.insert(part.key)
            if let successor { progress.clean.insert(successor) }
        }
    }

    /// Whether rows of the part may be meant.
    func touches(_ part: PartSummary) -> Bool {
        part.tenant == request.tenant && request.range.overlaps(first: part.firstTime, last: part.lastTime)
            && part.coverage.intervals.contains { $0.after < request.sequence } && !isClean(part.id)
    }

    /// Whether rows of the head, which must belong to the tenant, may be meant.
    func touches(_ head: Head) -> Bool {
        head.chunks.contains { chunk in
            touches(first: chunk.bounds.first, last: chunk.bounds.last, sequence: chunk.firstSequence)
        }
    }

    /// Whether rows of a block or head chunk may be meant, by time and by a sequence: of a block the last, of a chunk,
    /// which lies on one side as a whole, the first.
    func touches(first: Int64, last: Int64, sequence: UInt64) -> Bool {
        request.range.overlaps(first: first, last: last) && sequence <= request.sequence
    }
}

extension View {
    /// Tombstones of the tenant that may hide rows in the range.
    func tombstones(_ tenant: TenantID, _ range: TimeRange) -> [ActiveTombstone] {
        tombstones.filter { tombstone in
            let asked = tombstone.request
            return asked.tenant == tenant && asked.range.start < range.end && range.start < asked.range.end
        }
    }

    /// On which side of each deletion of its tenant a part lies. Only parts of the same sides may be merged: a block
    /// made anew of rows from before and behind a deletion would be hidden, or shown, as a whole.
    func sides(_ part: PartSummary) -> [Bool] {
        tombstones.filter { $0.request.tenant == part.tenant }.map { tombstone in
            part.coverage.intervals.contains { $0.after < tombstone.request.sequence }
        }
    }

    /// Whether a deletion waits that may be about rows of the part: it must not be merged with others then.
    func awaitsDeletion(_ part: PartSummary) -> Bool {
        tombstones.contains { $0.touches(part) }
    }
}
