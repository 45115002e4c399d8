import Bytes
import Model

/// The trace maplet of a part, as it is made: which blocks may hold a row with a given indexed value. It only prunes.
struct TraceMaplet {
    let state: MapletState
    var parameters = MapletParameters()
    var pages: [UInt8] = []
    var exceptions: [UInt8] = []
    var exceptionIndexBytes = 0

    /// Makes the maplet of `pairs`.
    init(
        _ pairs: consuming TracePairs, blockCount: Int, valueSeed: UInt64, codec: Codec
    ) throws(PartError) {
        parameters.valueSeed = valueSeed
        guard blockCount <= PartLimits.mapletBlocks else {
            state = .tooManyBlocks
            return
        }
        guard !pairs.isOverfull else {
            state = .tooManyTraces
            return
        }
        // Keys take the place of their pairs: of many traces there are too many for two lists.
        var keys = pairs.takeSorted()
        var values: [UInt32] = []
        var others = MapletExceptions()
        var blocks: [UInt8] = []
        var index = 0
        while index < keys.count {
            let key = keys[index] >> 8
            blocks.removeAll(keepingCapacity: true)
            while index < keys.count && keys[index] >> 8 == key {
                blocks.append(UInt8(truncatingIfNeeded: keys[index]))
                index += 1
            }
            let isRun = blocks.count <= 3 && Int(blocks[blocks.count - 1]) - Int(blocks[0]) == blocks.count - 1
            let span = isRun ? MapletValue.Span(rawValue: UInt32(blocks.count - 1)) ?? .exception : .exception
            if span == .exception { others.append(key: key, blocks: blocks[...]) }
            keys[values.count] = key
            values.append(
                MapletValue(
                    fingerprint: MapletValue.fingerprint(of: key), firstBlock: Int(blocks[0]), span: span
                ).bits)
        }
        keys.removeLast(keys.count - values.count)
        guard !keys.isEmpty else {
            state = .present
            return
        }
        guard let function = TraceFunction(keys: keys, values: values, valueSeed: valueSeed) else {
            state = .unsolvable
            return
        }
        state = .present
        parameters = function.parameters
        pages = MapletPage.encode(function.slots)
        (exceptions, exceptionIndexBytes) = try others.encoded(codec: codec)
    }
}

/// Probes the maplet of an open part: at most three pages a value, and two frames if the value is an exception.
struct MapletProbe {
    let footer: PartFooter
    let source: PartSource
    private(set) var bytesRead = 0
    private var index: [UInt8]?

    init(footer: PartFooter, source: PartSource) {
        self.footer = footer
        self.source = source
    }

    /// Blocks that may hold a row with `value`, ascending.
    mutating func blocks(of value: borrowing ByteSpan) throws(PartError) -> [Int] {
        let parameters = footer.maplet
        guard parameters.keys > 0 else { return [] }
        let key = TraceNames.hash(value, seed: parameters.valueSeed) >> 8
        let (a, b, c) = TraceFunction.positions(key, parameters)
        var page: (number: Int, bytes: [UInt8])?
        var bits: UInt32 = 0
        for way in 0..<3 {
            let slot = way == 0 ? a : way == 1 ? b : c
            let number = slot / MapletPage.slots
            if page?.number != number { page = (number, try readPage(number)) }
            guard let page else { return [] }
            let count = min(MapletPage.slots, parameters.slots - number * MapletPage.slots)
            bits ^= MapletPage.slot(slot % MapletPage.slots, of: page.bytes, count: count)
        }
        let found = MapletValue(bits)
        guard found.fingerprint == MapletValue.fingerprint(of: key) else { return [] }
        let total = Int(footer.summary.blocks)
        guard found.span != .exception else { return try exception(key).filter { $0 < total } }
        return (found.firstBlock...(found.firstBlock + Int(found.span.rawValue))).filter { $0 < total }
    }

    private mutating func readPage(_ number: Int) throws(PartError) -> [UInt8] {
        let offset = number * MapletPage.fullBytes
        let count = min(MapletPage.fullBytes, footer.pages.count - offset)
        let bytes = try source.read(at: footer.pages.offset + offset, count: count)
        bytesRead += count
        guard MapletPage.isSound(bytes) else {
            throw RegionError("maplet page \(number)", at: 0, "checksum differs")
                .inFile(source.name, base: footer.pages.offset + offset)
        }
        return bytes
    }

    private mutating func exception(_ key: UInt64) throws(PartError) -> [Int] {
        guard footer.exceptions.count > 0 else { return [] }
        let hash = MapletExceptions.hash(of: key)
        let base = footer.exceptions.offset
        do throws(RegionError) {
            if index == nil { index = try readIndex() }
            guard let frame = try MapletExceptions.frame(for: hash, index: index ?? []) else { return [] }
            guard frame.end <= footer.exceptions.count - footer.exceptionIndexBytes else {
                throw RegionError("exceptions", at: 0, "frame lies outside")
            }
            let bytes = try region(footer.exceptionIndexBytes + frame.offset, frame.count)
            return try MapletExceptions.blocks(of: hash, in: try Frame.read(bytes, at: 0, region: "exceptions").raw)
        } catch {
            throw error.inFile(source.name, base: base)
        }
    }

    private mutating func readIndex() throws(RegionError) -> [UInt8] {
        try Frame.read(try region(0, footer.exceptionIndexBytes), at: 0, region: "exceptions").raw
    }

    /// Bytes of the exceptions region; what the system cannot read is reported as damage of the region.
    private mutating func region(_ offset: Int, _ count: Int) throws(RegionError) -> [UInt8] {
        do throws(PartError) {
            bytesRead += count
            return try source.read(at: footer.exceptions.offset + offset, count: count)
        } catch {
            throw RegionError("exceptions", at: offset, error.description)
        }
    }
}
