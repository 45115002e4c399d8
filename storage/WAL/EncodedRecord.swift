public import Bytes
public import Model

/// A batch in its WAL form, made on the caller's thread so that the committer only copies bytes. It stands for itself:
/// its label sets travel in it, so a damaged record takes no other with it.
public struct EncodedRecord: Sendable {
    public let tenant: TenantID
    /// What a repeat of the request is recognised by.
    public let key: Hash128?
    public let rowCount: Int
    /// The days that rows lie in, ascending, and how many rows each.
    public let days: [(day: Day, rows: Int)]
    /// Codec, flags, tenant, key and body size; then the body.
    let head: [UInt8]
    let body: [UInt8]

    static let hasKey: UInt8 = 1

    /// Encodes `batch`. Linear in its rows, no allocation per row.
    public init(_ batch: Batch) {
        let plain = EncodedRecord.body(of: batch)
        var codec = Codec.none
        var stored = plain
        if plain.count > WALFormat.compressionBytes, let small = try? Codec.lz4.compress(plain.span),
            small.count < plain.count
        {
            codec = .lz4
            stored = small
        }
        var head: [UInt8] = []
        head.append(codec.rawValue)
        head.append(batch.key == nil ? 0 : EncodedRecord.hasKey)
        head.appendPrefixed(batch.tenant.name)
        if let key = batch.key {
            head.appendLittleEndian(key.high)
            head.appendLittleEndian(key.low)
        }
        head.appendVarint(plain.count)
        self.head = head
        body = stored
        tenant = batch.tenant
        key = batch.key
        rowCount = batch.rows.count
        days = EncodedRecord.days(of: batch)
    }

    /// Bytes that the record takes in a group, frame included.
    public var sizeBytes: Int { WALFormat.frameBytes + payloadBytes }

    var payloadBytes: Int { head.count + body.count }

    /// Appends frame and payload to `group`.
    func append(to group: inout [UInt8], sequence: UInt64, seed: UInt32) {
        let start = group.count
        group.appendLittleEndian(UInt32(payloadBytes))
        group.appendLittleEndian(UInt32(0))
        group.appendLittleEndian(sequence)
        group.append(contentsOf: head)
        group.append(contentsOf: body)
        let checksum = RecordFrame.checksum(group, at: start, payloadBytes: payloadBytes, seed: seed)
        group.putLittleEndian(checksum, at: start + 4)
    }

    /// Label sets, then rows as differences, then the lines and metadata of all rows in one piece.
    private static func body(of batch: Batch) -> [UInt8] {
        var out: [UInt8] = []
        let labelBytes = batch.streams.reduce(0) { $0 + $1.encoded.count + 3 }
        out.reserveCapacity(20 + labelBytes + batch.rows.count * 14 + batch.arena.count)
        out.appendVarint(batch.streams.count)
        for labels in batch.streams { out.appendPrefixed(labels.encoded) }
        out.appendVarint(batch.rows.count)
        var time: Int64 = 0
        for row in batch.rows {
            out.appendZigzag(row.time &- time)
            out.appendVarint(UInt64(row.stream))
            out.appendVarint(UInt64(row.lineCount))
            out.appendVarint(UInt64(row.metadataCount))
            out.appendVarint(UInt64(row.flags.rawValue))
            time = row.time
        }
        out.append(contentsOf: batch.arena)
        return out
    }

    /// Counts runs of rows of one day: the usual batch hashes once.
    static func days(of batch: Batch) -> [(day: Day, rows: Int)] {
        var counts: [Day: Int] = [:]
        var current: Day?
        var range = TimeRange(start: 0, end: 0)
        var run = 0
        for row in batch.rows {
            if current == nil || !range.contains(row.time) {
                if let current { counts[current, default: 0] += run }
                let day = Day(of: row.time)
                current = day
                range = day.range
                run = 0
            }
            run += 1
        }
        if let current { counts[current, default: 0] += run }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
