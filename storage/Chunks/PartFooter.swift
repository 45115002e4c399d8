import Bytes
import Model

/// Where a region lies, in bytes from the start of the file.
struct Region: Hashable, Sendable {
    var offset: Int
    var count: Int

    var end: Int { offset + count }
}

/// Whether a part has a trace maplet, and why not; the raw value is its number on disk.
public enum MapletState: UInt8, Sendable, Hashable {
    case present = 1
    case tooManyBlocks = 2
    case tooManyTraces = 3
    /// No seed worked.
    case unsolvable = 4
}

/// How to probe the maplet.
struct MapletParameters: Hashable, Sendable {
    /// Seed of the values' hashes.
    var valueSeed: UInt64 = 0
    var seed: UInt64 = 0
    var keys = 0
    /// A power of two.
    var segmentLength = 0
    var segmentCount = 0

    var slots: Int { keys == 0 ? 0 : (segmentCount + 2) * segmentLength }
}

/// All of a part that is known without its directory. Encoded before the tail, uncompressed.
struct PartFooter: Sendable {
    var summary: PartSummary
    var tracedRows: UInt64 = 0
    var streamCount = 0
    var streams = Region(offset: 0, count: 0)
    var directory = Region(offset: 0, count: 0)
    var mapletState = MapletState.present
    var maplet = MapletParameters()
    var pages = Region(offset: 0, count: 0)
    var exceptions = Region(offset: 0, count: 0)
    /// Bytes of the first frame of the exceptions region.
    var exceptionIndexBytes = 0
    var indexedNames: [String] = []
    var fromLabelNames: [String] = []

    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        out.append(summary.id)
        out.append(summary.storeID)
        out.appendPrefixed(summary.tenant.name)
        out.appendZigzag(Int64(summary.day.number))
        out.appendVarint(UInt64(summary.generation))
        summary.coverage.append(to: &out)
        out.appendVarint(summary.inputs.count)
        for input in summary.inputs { out.append(input) }
        out.appendVarint(summary.rows)
        out.appendVarint(tracedRows)
        out.appendVarint(summary.rawBytes)
        out.appendVarint(UInt64(summary.blocks))
        out.appendLittleEndian(summary.firstTime)
        out.appendLittleEndian(summary.lastTime)
        out.append(summary.isUnclean ? 1 : 0)
        out.appendVarint(streamCount)
        for region in [streams, directory, pages, exceptions] {
            out.appendVarint(region.offset)
            out.appendVarint(region.count)
        }
        out.append(mapletState.rawValue)
        out.appendLittleEndian(maplet.valueSeed)
        out.appendLittleEndian(maplet.seed)
        out.appendVarint(maplet.keys)
        out.appendVarint(maplet.segmentLength)
        out.appendVarint(maplet.segmentCount)
        out.appendVarint(exceptionIndexBytes)
        for names in [indexedNames, fromLabelNames] {
            out.appendVarint(names.count)
            for name in names { out.appendPrefixed(name) }
        }
        out.appendVarint(0)  // length of the extension
        return out
    }

    /// Reads `bytes`, the footer of a file of `fileBytes` bytes, whose checksum was right.
    init(_ bytes: [UInt8], fileBytes: Int) throws(RegionError) {
        var reader = ByteReader(bytes)
        do throws(ReadError) {
            summary = PartSummary(
                id: try reader.hash128(), storeID: try reader.hash128(), tenant: TenantID(try reader.prefixedText()),
                day: Day(number: Int32(truncatingIfNeeded: try reader.zigzag())))
            summary.generation = UInt32(try reader.count(limit: Int(UInt32.max)))
            summary.coverage = try Coverage(from: &reader)
            for _ in 0..<(try reader.count(limit: reader.remaining / 16)) {
                summary.inputs.append(try reader.hash128())
            }
            summary.rows = try reader.varint()
            tracedRows = try reader.varint()
            summary.rawBytes = try reader.varint()
            summary.blocks = UInt32(try reader.count(limit: PartLimits.blocks))
            summary.firstTime = try reader.int64()
            summary.lastTime = try reader.int64()
            summary.isUnclean = try reader.byte() & 1 != 0
            summary.fileBytes = UInt64(max(fileBytes, 0))
            streamCount = try reader.count(limit: PartLimits.streams)
            streams = try reader.region()
            directory = try reader.region()
            pages = try reader.region()
            exceptions = try reader.region()
            try readMaplet(&reader)
            indexedNames = try reader.names()
            fromLabelNames = try reader.names()
            _ = try reader.prefixedRange()
            let end = fileBytes - PartFormat.tailBytes - bytes.count
            guard summary.blocks > 0, summary.firstTime <= summary.lastTime, streams.offset >= PartFormat.headerBytes,
                directory.offset == streams.end, pages.offset == directory.end, exceptions.offset == pages.end,
                exceptions.end == end, streams.count <= PartLimits.regionRawBytes,
                directory.count <= PartLimits.regionRawBytes
            else { throw ReadError("regions do not follow one another", at: 0) }
        } catch {
            throw RegionError("footer", at: error.offset, error.what)
        }
    }

    private mutating func readMaplet(_ reader: inout ByteReader) throws(ReadError) {
        let at = reader.offset
        guard let state = MapletState(rawValue: try reader.byte()) else {
            throw ReadError("unknown state of the maplet", at: at)
        }
        mapletState = state
        maplet.valueSeed = try reader.littleEndian(UInt64.self)
        maplet.seed = try reader.littleEndian(UInt64.self)
        maplet.keys = try reader.count(limit: PartLimits.maximumTracePairs)
        maplet.segmentLength = try reader.count(limit: TraceFunction.maximumSegmentLength)
        maplet.segmentCount = try reader.count(limit: 1 << 24)
        exceptionIndexBytes = try reader.count(limit: exceptions.count)
        guard state == .present, maplet.keys > 0 else {
            guard pages.count == 0 else { throw ReadError("maplet of nothing", at: at) }
            return
        }
        let length = maplet.segmentLength
        guard length > 0, length & (length - 1) == 0, maplet.segmentCount > 0,
            pages.count == MapletPage.regionBytes(slots: maplet.slots)
        else { throw ReadError("maplet parameters do not fit its pages", at: at) }
    }

    init(summary: PartSummary) {
        self.summary = summary
    }
}

extension [UInt8] {
    /// Appends `value`, high half first, each little-endian.
    mutating func append(_ value: Hash128) {
        appendLittleEndian(value.high)
        appendLittleEndian(value.low)
    }
}

extension ByteReader {
    mutating func hash128() throws(ReadError) -> Hash128 {
        let high = try littleEndian(UInt64.self)
        return Hash128(high: high, low: try littleEndian(UInt64.self))
    }

    fileprivate mutating func region() throws(ReadError) -> Region {
        let offset = try count(limit: 1 << 48)
        return Region(offset: offset, count: try count(limit: 1 << 48))
    }

    fileprivate mutating func names() throws(ReadError) -> [String] {
        var names: [String] = []
        for _ in 0..<(try count(limit: remaining)) { names.append(try prefixedText()) }
        return names
    }
}
