import Bytes

/// A compressed run of bytes with its sizes and checksum: what streams, directory and exceptions regions consist of.
/// 16-byte header {u8 codec, 3 zero bytes, u32 stored, u32 raw, u32 crc32c of the 12 bytes before and the payload}.
enum Frame {
    static let headerBytes = 16

    /// Appends `raw` as one frame.
    static func append(_ raw: [UInt8], codec: Codec, to out: inout [UInt8]) throws(PartError) {
        guard raw.count <= PartLimits.frameRawBytes else {
            throw PartError.notWritable(reason: "frame of \(raw.count) bytes, at most \(PartLimits.frameRawBytes)")
        }
        let packed = try Packed(raw.span, codec: codec)
        let start = out.count
        out.append(contentsOf: [packed.codec.rawValue, 0, 0, 0])
        out.appendLittleEndian(UInt32(packed.bytes.count))
        out.appendLittleEndian(UInt32(raw.count))
        let seed = Checksum.crc32c(out, start..<(start + 12))
        out.appendLittleEndian(Checksum.crc32c(packed.bytes, seed: seed))
        out.append(contentsOf: packed.bytes)
    }

    /// The raw bytes of the frame at `offset` of `bytes`, and the offset after it.
    static func read(_ bytes: [UInt8], at offset: Int, region: String) throws(RegionError) -> (raw: [UInt8], end: Int) {
        guard offset >= 0, bytes.count - offset >= headerBytes else {
            throw RegionError(region, at: offset, "frame ends early")
        }
        let stored = Int(PartFormat.word(bytes, offset + 4))
        let rawBytes = Int(PartFormat.word(bytes, offset + 8))
        let start = offset + headerBytes
        guard stored <= bytes.count - start, rawBytes <= PartLimits.frameRawBytes else {
            throw RegionError(region, at: offset, "frame of \(stored) for \(rawBytes) bytes does not fit")
        }
        let seed = Checksum.crc32c(bytes, offset..<(offset + 12))
        guard Checksum.crc32c(bytes, start..<(start + stored), seed: seed) == PartFormat.word(bytes, offset + 12) else {
            throw RegionError(region, at: offset, "checksum differs")
        }
        guard let codec = Codec(rawValue: bytes[offset]) else {
            throw RegionError(region, at: offset, "codec \(bytes[offset]) is unknown", isUnsupported: true)
        }
        do throws(CodecError) {
            let raw = try codec.decompress(bytes.span.extracting(start..<(start + stored)), rawSize: rawBytes)
            return (raw, start + stored)
        } catch {
            throw RegionError(region, at: start, error.description, isUnsupported: error == .unavailable(codec))
        }
    }
}

/// Bytes as they are stored: compressed, or as they are where that is no longer.
struct Packed {
    let codec: Codec
    let bytes: [UInt8]

    init(_ raw: borrowing ByteSpan, codec wanted: Codec) throws(PartError) {
        guard wanted != .none, raw.count > 0 else {
            codec = .none
            bytes = [UInt8](copying: raw)
            return
        }
        do throws(CodecError) {
            let packed = try wanted.compress(raw)
            let isSmaller = packed.count < raw.count
            codec = isSmaller ? wanted : .none
            bytes = isSmaller ? packed : [UInt8](copying: raw)
        } catch {
            throw PartError.notWritable(reason: error.description)
        }
    }
}
