import Bytes
import Index
public import Model

/// A request to delete entries, as it was made and how far it has come.
public struct DeleteRequest: Sendable, Hashable {
    public enum Status: UInt8, Sendable, Hashable {
        /// The entries are hidden; it can be cancelled.
        case received = 0
        /// Parts are being rewritten without the entries.
        case underWay = 1
        /// The entries are gone from the disk.
        case processed = 2
    }

    /// Eight hexadecimal digits.
    public let id: String
    public let tenant: TenantID
    public let query: String
    /// Entries from `range.start` and before `range.end`.
    public let range: TimeRange
    /// Nanoseconds since 1970.
    public let createdAt: Int64
    /// Rows up to this WAL sequence are meant: what comes later is not.
    let sequence: UInt64
    public internal(set) var status = Status.received

    /// Most requests that are remembered, processed ones among them.
    public static let limit = 1000
    /// Longest query text, in bytes.
    public static let queryBytes = 131_071
}

extension DeleteRequest {
    private static let version: UInt32 = 1

    /// The request as a record of the state database.
    var record: StateRecord {
        var out: [UInt8] = []
        out.appendPrefixed(tenant.name)
        out.appendPrefixed(query)
        out.appendLittleEndian(range.start)
        out.appendLittleEndian(range.end)
        out.appendLittleEndian(createdAt)
        out.appendLittleEndian(sequence)
        out.append(status.rawValue)
        return StateRecord(kind: .deleteRequest, key: id, version: DeleteRequest.version, bytes: out)
    }

    /// Reads a record.
    init(_ record: StateRecord) throws(ReadError) {
        guard record.version == DeleteRequest.version else {
            throw ReadError("delete request of version \(record.version)", at: 0)
        }
        var reader = ByteReader(record.bytes)
        id = record.key
        tenant = TenantID(try reader.prefixedText())
        query = try reader.prefixedText()
        let start = Int64(bitPattern: try reader.littleEndian(UInt64.self))
        let end = Int64(bitPattern: try reader.littleEndian(UInt64.self))
        range = TimeRange(start: start, end: end)
        createdAt = Int64(bitPattern: try reader.littleEndian(UInt64.self))
        sequence = try reader.littleEndian(UInt64.self)
        guard let status = Status(rawValue: try reader.byte()) else {
            throw ReadError("status of a delete request", at: reader.offset)
        }
        self.status = status
    }
}
