import Bytes
import Model

/// The streams region: per ordinal the hash and the labels, so that labels survive the loss of every database. Frames
/// of {hash, varint length, canonical labels}.
enum StreamsRegion {
    static func encode(_ streams: [PartStream], codec: Codec) throws(PartError) -> [UInt8] {
        var out: [UInt8] = []
        var raw: [UInt8] = []
        let total = streams.reduce(0) { $0 + $1.labels.encoded.count + 26 }
        guard total <= PartLimits.regionRawBytes else {
            throw PartError.notWritable(reason: "labels of \(total) bytes, at most \(PartLimits.regionRawBytes)")
        }
        for stream in streams {
            raw.append(stream.hash)
            raw.appendPrefixed(stream.labels.encoded)
            if raw.count >= PartLimits.frameTargetBytes {
                try Frame.append(raw, codec: codec, to: &out)
                raw.removeAll(keepingCapacity: true)
            }
        }
        if !raw.isEmpty { try Frame.append(raw, codec: codec, to: &out) }
        return out
    }

    static func decode(_ bytes: [UInt8], count: Int) throws(RegionError) -> [PartStream] {
        var streams: [PartStream] = []
        var offset = 0
        var total = 0
        while offset < bytes.count {
            let frame = try Frame.read(bytes, at: offset, region: "streams")
            total += frame.raw.count
            guard total <= PartLimits.regionRawBytes else {
                throw RegionError("streams", at: offset, "over \(PartLimits.regionRawBytes) bytes")
            }
            var reader = ByteReader(frame.raw)
            do throws(ReadError) {
                while !reader.isAtEnd {
                    let hash = try reader.hash128()
                    streams.append(PartStream(hash: hash, labels: LabelSet(canonical: try reader.prefixed())))
                }
            } catch {
                throw RegionError("streams", at: offset, "frame: \(error.description)")
            }
            offset = frame.end
        }
        guard streams.count == count else {
            throw RegionError("streams", at: 0, "\(streams.count) streams, the footer says \(count)")
        }
        return streams
    }
}
