import Bytes

/// Blocks of the traces that do not lie in one, two or three blocks in a row: sorted by the upper 32 bits of their key.
/// The region: an index frame {per frame u32 first hash, u32 offset from the index's end, u32 bytes}, then frames of up
/// to 512 entries {varint hash difference, varint count, varint block differences}.
struct MapletExceptions {
    static let entriesPerFrame = 512
    static let indexEntryBytes = 12

    private(set) var hashes: [UInt32] = []
    private var firstBlocks: [Int] = []
    private var blocks: [UInt8] = []

    static func hash(of key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key >> 24) }

    /// Adds blocks of a trace; keys come in ascending order. Traces with equal hashes are united.
    mutating func append(key: UInt64, blocks more: ArraySlice<UInt8>) {
        let hash = MapletExceptions.hash(of: key)
        if hashes.last == hash, let start = firstBlocks.last {
            let united = Set(blocks[start...]).union(more).sorted()
            blocks.removeSubrange(start...)
            blocks.append(contentsOf: united)
        } else {
            hashes.append(hash)
            firstBlocks.append(blocks.count)
            blocks.append(contentsOf: more)
        }
    }

    /// The region's bytes and how many of them are the index; nothing when there are no exceptions.
    func encoded(codec: Codec) throws(PartError) -> (bytes: [UInt8], indexBytes: Int) {
        guard !hashes.isEmpty else { return ([], 0) }
        var frames: [UInt8] = []
        var index: [UInt8] = []
        var start = 0
        while start < hashes.count {
            let end = min(start + MapletExceptions.entriesPerFrame, hashes.count)
            var raw: [UInt8] = []
            var previous: UInt32 = 0
            for entry in start..<end {
                raw.appendVarint(UInt64(hashes[entry] - previous))
                previous = hashes[entry]
                let stop = entry + 1 < hashes.count ? firstBlocks[entry + 1] : blocks.count
                raw.appendVarint(stop - firstBlocks[entry])
                var last = 0
                for block in blocks[firstBlocks[entry]..<stop] {
                    raw.appendVarint(Int(block) - last)
                    last = Int(block)
                }
            }
            let offset = frames.count
            try Frame.append(raw, codec: codec, to: &frames)
            index.appendLittleEndian(hashes[start])
            index.appendLittleEndian(UInt32(offset))
            index.appendLittleEndian(UInt32(frames.count - offset))
            start = end
        }
        var out: [UInt8] = []
        try Frame.append(index, codec: .none, to: &out)
        let indexBytes = out.count
        out.append(contentsOf: frames)
        return (out, indexBytes)
    }

    /// Where the frame that may hold `hash` lies behind the index; nil when none does.
    static func frame(for hash: UInt32, index: [UInt8]) throws(RegionError) -> Region? {
        guard index.count % indexEntryBytes == 0 else { throw RegionError("exceptions", at: 0, "odd index") }
        var low = 0
        var high = index.count / indexEntryBytes
        while low < high {
            let middle = (low + high) / 2
            if PartFormat.word(index, middle * indexEntryBytes) <= hash { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let at = (low - 1) * indexEntryBytes
        return Region(offset: Int(PartFormat.word(index, at + 4)), count: Int(PartFormat.word(index, at + 8)))
    }

    /// The blocks of `hash` in a raw frame; empty when it is not there.
    static func blocks(of hash: UInt32, in raw: [UInt8]) throws(RegionError) -> [Int] {
        var reader = ByteReader(raw)
        var current: UInt64 = 0
        do throws(ReadError) {
            while !reader.isAtEnd {
                current &+= try reader.varint()
                let count = try reader.count(limit: PartLimits.mapletBlocks)
                var found: [Int] = []
                var block = 0
                for _ in 0..<count {
                    block += try reader.count(limit: PartLimits.mapletBlocks)
                    if current == UInt64(hash) { found.append(block) }
                }
                if current == UInt64(hash) { return found }
            }
            return []
        } catch {
            throw RegionError("exceptions", at: error.offset, error.what)
        }
    }
}
