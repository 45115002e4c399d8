import Bytes

/// A section that is read by itself: {u8 1, u8 codec, varint raw bytes, stored bytes, u32 crc32c of all before}.
enum PackedSection {
    private static let version: UInt8 = 1

    static func pack(_ raw: [UInt8], _ codec: Codec) -> [UInt8] {
        var used = codec
        var stored = (try? codec.compress(raw.span)) ?? raw
        if stored.count >= raw.count {
            used = .none
            stored = raw
        }
        var out: [UInt8] = [version, used.rawValue]
        out.appendVarint(raw.count)
        out.append(contentsOf: stored)
        out.appendLittleEndian(Checksum.crc32c(out))
        return out
    }

    /// - Parameter limitBytes: size before compression that the section may have at most.
    static func unpack(_ encoded: [UInt8], limitBytes: Int) throws(ReadError) -> [UInt8] {
        guard encoded.count >= 7 else { throw ReadError("section ends early", at: 0) }
        let end = encoded.count - 4
        var tail = ByteReader(encoded, end..<encoded.count)
        var front = ByteReader(encoded, 0..<end)
        guard try tail.littleEndian(UInt32.self) == Checksum.crc32c(encoded, 0..<end) else {
            throw ReadError("checksum differs", at: end)
        }
        let found = try front.byte()
        guard found == version, let codec = Codec(rawValue: try front.byte()) else {
            throw ReadError("unknown form \(found)", at: 0)
        }
        let size = try front.count(limit: limitBytes)
        do throws(CodecError) {
            return try codec.decompress(encoded.span.extracting(front.offset..<end), rawSize: size)
        } catch {
            throw ReadError("\(error)", at: front.offset)
        }
    }
}
