import Bytes

/// Distinct values in order of first use, by open addressing over 64-bit hashes.
struct ValueTable {
    private var slots: [UInt32]
    private var hashes: [UInt64] = []
    private(set) var values: [Slice] = []
    private var mask: Int

    init(expected: Int) {
        var capacity = 16
        while capacity < expected * 2 { capacity *= 2 }
        slots = [UInt32](repeating: 0, count: capacity)
        mask = capacity - 1
    }

    /// The number of `value`, new or known; nil when it would be the `limit`-th new one.
    @inline(__always)
    mutating func number(_ value: Slice, in arena: borrowing ByteSpan, limit: Int) -> Int? {
        let bytes = arena.extracting(value.range)
        let hash = Hash.keyed64(bytes)
        var at = Int(truncatingIfNeeded: hash) & mask
        while slots[at] != 0 {
            let number = Int(slots[at]) - 1
            if hashes[number] == hash, arena.extracting(values[number].range).equals(bytes) { return number }
            at = (at + 1) & mask
        }
        guard values.count < limit else { return nil }
        if (values.count + 1) * 2 > slots.count { grow(); return place(value, hash) }
        return place(value, hash)
    }

    private mutating func place(_ value: Slice, _ hash: UInt64) -> Int {
        var at = Int(truncatingIfNeeded: hash) & mask
        while slots[at] != 0 { at = (at + 1) & mask }
        values.append(value)
        hashes.append(hash)
        slots[at] = UInt32(values.count)
        return values.count - 1
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        mask = slots.count - 1
        for (number, hash) in hashes.enumerated() {
            var at = Int(truncatingIfNeeded: hash) & mask
            while slots[at] != 0 { at = (at + 1) & mask }
            slots[at] = UInt32(number + 1)
        }
    }
}
