import Bytes
import Model

// Encodings of the blobs in catalog.sqlite. Each blob's row holds its CRC32C.

extension Hash128 {
    /// 16 bytes, highest first: reads like `hex`.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(16)
        out.appendLittleEndian(high.byteSwapped)
        out.appendLittleEndian(low.byteSwapped)
        return out
    }

    init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(bytes, at: 0)
    }

    init(from reader: inout ByteReader) throws(ReadError) {
        self.init(reader.bytes, at: try reader.range(16).lowerBound)
    }

    private init(_ bytes: [UInt8], at offset: Int) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in offset..<(offset + 8) {
            high = high << 8 | UInt64(bytes[index])
            low = low << 8 | UInt64(bytes[index + 8])
        }
        self.init(high: high, low: low)
    }
}

extension PartSummary {
    /// CRC32C over all facts, in a fixed order.
    func checksum(coverage: [UInt8], inputs: [UInt8]) -> UInt32 {
        var out = id.bytes + storeID.bytes
        out.appendPrefixed(tenant.name)
        out.appendLittleEndian(day.number)
        out.appendLittleEndian(generation)
        for value in [rows, rawBytes, fileBytes, UInt64(blocks), isUnclean ? 1 : 0] { out.appendLittleEndian(value) }
        out.appendLittleEndian(firstTime)
        out.appendLittleEndian(lastTime)
        out.appendPrefixed(coverage)
        out.appendPrefixed(inputs)
        return Checksum.crc32c(out)
    }
}

/// Statistics of a part's streams, by catalog stream number.
///
/// Varint count; per stream, ascending by number: varint number - previous, varint rows, varint raw bytes, zigzag
/// first time - previous first time, varint last time - first time.
struct PartStreamsBlob {
    struct Entry {
        var stream: Int64
        var rows: UInt64
        var rawBytes: UInt64
        var firstTime: Int64
        var lastTime: Int64
    }

    var entries: [Entry] = []

    /// The blob of `entries`, which are sorted here.
    static func encode(_ entries: [Entry]) -> [UInt8] {
        var out: [UInt8] = []
        out.appendVarint(entries.count)
        var previous = Entry(stream: 0, rows: 0, rawBytes: 0, firstTime: 0, lastTime: 0)
        for entry in entries.sorted(by: { $0.stream < $1.stream }) {
            out.appendVarint(UInt64(bitPattern: entry.stream &- previous.stream))
            out.appendVarint(entry.rows)
            out.appendVarint(entry.rawBytes)
            out.appendZigzag(entry.firstTime &- previous.firstTime)
            out.appendVarint(UInt64(bitPattern: entry.lastTime &- entry.firstTime))
            previous = entry
        }
        return out
    }

    init(_ bytes: [UInt8]) throws(ReadError) {
        var reader = ByteReader(bytes)
        let count = try reader.count(limit: reader.remaining / 5)
        entries.reserveCapacity(count)
        var stream: Int64 = 0
        var firstTime: Int64 = 0
        for _ in 0..<count {
            stream = stream &+ Int64(bitPattern: try reader.varint())
            let rows = try reader.varint()
            let rawBytes = try reader.varint()
            firstTime = firstTime &+ (try reader.zigzag())
            let lastTime = firstTime &+ Int64(bitPattern: try reader.varint())
            entries.append(
                Entry(stream: stream, rows: rows, rawBytes: rawBytes, firstTime: firstTime, lastTime: lastTime))
        }
    }
}

/// Batch keys of one publish.
///
/// Varint count; per key: 16 bytes key, prefixed tenant, varint accepted rows, varint duplicate rows, zigzag time -
/// previous time.
enum BatchKeysBlob {
    static func encode(_ records: ArraySlice<BatchKeyRecord>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(records.count * 36)
        out.appendVarint(records.count)
        var previous: Int64 = 0
        for record in records {
            out.append(contentsOf: record.key.bytes)
            out.appendPrefixed(record.tenant.name)
            out.appendVarint(UInt64(clamping: record.receipt.acceptedRows))
            out.appendVarint(UInt64(clamping: record.receipt.duplicateRows))
            out.appendZigzag(record.time &- previous)
            previous = record.time
        }
        return out
    }

    static func decode(_ bytes: [UInt8]) throws(ReadError) -> [BatchKeyRecord] {
        var reader = ByteReader(bytes)
        let count = try reader.count(limit: reader.remaining / 20)
        var records: [BatchKeyRecord] = []
        records.reserveCapacity(count)
        var time: Int64 = 0
        for _ in 0..<count {
            let key = try Hash128(from: &reader)
            let tenant = TenantID(try reader.prefixedText())
            let accepted = try reader.count(limit: .max)
            let duplicates = try reader.count(limit: .max)
            time = time &+ (try reader.zigzag())
            let receipt = Receipt(acceptedRows: accepted, duplicateRows: duplicates)
            records.append(BatchKeyRecord(key: key, tenant: tenant, receipt: receipt, time: time))
        }
        return records
    }
}
