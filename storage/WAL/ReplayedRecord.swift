import Bytes
public import Model

/// A record that was read back.
public struct ReplayedRecord: Sendable {
    public let sequence: UInt64
    public let batch: Batch
}

extension ReplayedRecord {
    /// Reads the payload `bytes[range]`. All sizes are checked before memory is taken for them. Behind a right
    /// checksum only a fault of the writer, or another version, can make this fail.
    static func decode(_ bytes: [UInt8], _ range: Range<Int>, sequence: UInt64) throws(ReadError) -> ReplayedRecord {
        var reader = ByteReader(bytes, range)
        guard let codec = Codec(rawValue: try reader.byte()) else {
            throw ReadError("unknown codec", at: range.lowerBound)
        }
        let flags = try reader.byte()
        var batch = Batch(tenant: TenantID(try reader.prefixedText()))
        if flags & EncodedRecord.hasKey != 0 {
            batch.key = Hash128(
                high: try reader.littleEndian(UInt64.self), low: try reader.littleEndian(UInt64.self))
        }
        let size = try reader.count(limit: WALFormat.bodyBytes)
        // lz4 cannot expand beyond this: a false size costs no memory.
        guard size <= reader.remaining * 256 + 64 else { throw ReadError("body size", at: reader.offset) }
        guard codec != .none else {
            guard size == reader.remaining else { throw ReadError("body size", at: reader.offset) }
            try fill(&batch, &reader)
            return ReplayedRecord(sequence: sequence, batch: batch)
        }
        var plain = ByteReader(try decompress(bytes, reader.offset..<range.upperBound, codec, size))
        try fill(&batch, &plain)
        return ReplayedRecord(sequence: sequence, batch: batch)
    }

    private static func decompress(
        _ bytes: [UInt8], _ range: Range<Int>, _ codec: Codec, _ size: Int
    ) throws(ReadError) -> [UInt8] {
        do throws(CodecError) {
            return try codec.decompress(bytes.span.extracting(range), rawSize: size)
        } catch {
            throw ReadError("\(error)", at: range.lowerBound)
        }
    }

    private static func fill(_ batch: inout Batch, _ reader: inout ByteReader) throws(ReadError) {
        let streamCount = try reader.count(limit: reader.remaining)
        for ordinal in 0..<streamCount {
            let labels = LabelSet(canonical: try reader.prefixed())
            guard batch.intern(labels) == UInt32(ordinal) else {
                throw ReadError("label set twice", at: reader.offset)
            }
        }
        let rowCount = try reader.count(limit: streamCount == 0 ? 0 : reader.remaining / 5)
        var rows = reader
        var arena = try skipRows(&reader, rowCount, streamCount: streamCount)
        batch.reserve(rows: rowCount, bytes: arena.count)
        var time: Int64 = 0
        let span = reader.bytes.span
        for _ in 0..<rowCount {
            time = time &+ (try rows.zigzag())
            let stream = try rows.count(limit: streamCount - 1)
            let line = try rows.count(limit: arena.count)
            let metadata = try rows.count(limit: arena.count - line)
            let flags = try rows.count(limit: Int(UInt32.max))
            let middle = arena.lowerBound + line
            let end = middle + metadata
            batch.append(
                time: time, stream: UInt32(stream), line: span.extracting(arena.lowerBound..<middle),
                metadata: span.extracting(middle..<end), flags: RowFlags(rawValue: UInt32(flags)))
            arena = end..<arena.upperBound
        }
    }

    /// Walks over the rows to where the arena starts, and checks that their sizes add up to it.
    private static func skipRows(
        _ reader: inout ByteReader, _ rowCount: Int, streamCount: Int
    ) throws(ReadError) -> Range<Int> {
        var total = 0
        for _ in 0..<rowCount {
            _ = try reader.zigzag()
            _ = try reader.count(limit: streamCount - 1)
            total += try reader.count(limit: reader.remaining)
            total += try reader.count(limit: reader.remaining)
            _ = try reader.varint()
        }
        guard total == reader.remaining else { throw ReadError("lines of \(total) bytes", at: reader.offset) }
        return reader.offset..<reader.end
    }
}
