import Bytes
import Model

/// Rows that were deleted must not swallow equal ones that are sent again: an equal row has the same verdict from each
/// deletion's filter, so the row at hand tells up to which sequence its older equals are hidden.
struct DeletedEquals: Sendable {
    /// Those of the tenant.
    let tombstones: [ActiveTombstone]

    init(_ view: View, _ tenant: TenantID) {
        tombstones = view.tombstones.filter { $0.request.tenant == tenant }
    }

    var isEmpty: Bool { tombstones.isEmpty }

    /// For rows that arrived with `sequence` or later: the highest sequence up to which equal rows are hidden, for
    /// those that have one.
    /// - Parameter streams: labels by the ordinals of `rows`.
    func cutoffs(_ rows: Rows, streams: [LabelSet], arrivedAt sequence: UInt64) -> [Int: UInt64] {
        var found: [Int: UInt64] = [:]
        for tombstone in tombstones where tombstone.request.sequence < sequence {
            guard let filter = tombstone.filter else { continue }
            let map = streams.enumerated().map { ordinal, labels in
                filter.tests.allSatisfy { $0.passes(labels) } ? StreamID(UInt32(ordinal)) : StreamID.none
            }
            let meant = LoadedRows(
                rows: rows, isSorted: false, streams: map, hidden: [], storedBytes: 0, rawBytes: 0)
            for row in filter.matches(meant, in: tombstone.request.range, labels: { streams[Int($0.index)] }) {
                found[row] = max(found[row] ?? 0, tombstone.request.sequence)
            }
        }
        return found
    }

    /// The same for one row whose bytes lie in `source`; 0 when none is hidden.
    func cutoff(
        _ row: RowEntry, in source: borrowing ByteSpan, labels: LabelSet, arrivedAt sequence: UInt64
    ) -> UInt64 {
        if isEmpty { return 0 }
        var bytes: [UInt8] = []
        bytes.append(span: source.extracting(row.line))
        bytes.append(span: source.extracting(row.metadata))
        let entry = RowEntry(
            time: row.time, stream: 0, lineOffset: 0, lineCount: Int(row.lineCount),
            metadataOffset: Int(row.lineCount), metadataCount: Int(row.metadataCount))
        let rows = Rows(entries: AppendOnly([entry]), arena: AppendOnly(bytes), count: 1)
        return cutoffs(rows, streams: [labels], arrivedAt: sequence)[0] ?? 0
    }
}

extension LabelTest {
    /// Whether a stream with these labels passes; an absent label is empty.
    fileprivate func passes(_ labels: LabelSet) -> Bool {
        let encoded = labels.encoded.span
        let value = LabelSet.range(of: name.span, in: encoded, 0..<encoded.count)
        return test.matches(encoded.extracting(value ?? 0..<0))
    }
}
