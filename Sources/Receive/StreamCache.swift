import Bytes

/// Finds the stream of an entry by the bytes of its labels, so that only the first entry of a stream builds it.
struct StreamCache: Sendable {
    private struct Entry {
        var hash: UInt64
        var keyStart: Int
        var keyCount: Int
        var stream: Int
    }

    private var entries: [Entry] = []
    private var keys: [UInt8] = []
    /// Open addressing: 1 + index of the entry, 0 is free; at most half full.
    private var table = [UInt32](repeating: 0, count: 64)

    /// The stream stored under `key`, or nil.
    func find(_ key: borrowing ByteSpan, hash: UInt64) -> Int? {
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while table[slot] != 0 {
            let entry = entries[Int(table[slot]) - 1]
            if entry.hash == hash,
                keys.span.extracting(entry.keyStart..<(entry.keyStart + entry.keyCount)).equals(key)
            {
                return entry.stream
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Stores `stream` under `key`, which must be new.
    mutating func insert(_ key: [UInt8], hash: UInt64, stream: Int) {
        entries.append(Entry(hash: hash, keyStart: keys.count, keyCount: key.count, stream: stream))
        keys.append(contentsOf: key)
        if entries.count * 2 > table.count {
            table = [UInt32](repeating: 0, count: table.count * 2)
            for index in 0..<entries.count { place(index) }
        } else {
            place(entries.count - 1)
        }
    }

    private mutating func place(_ index: Int) {
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: entries[index].hash) & mask
        while table[slot] != 0 { slot = (slot + 1) & mask }
        table[slot] = UInt32(index + 1)
    }
}
