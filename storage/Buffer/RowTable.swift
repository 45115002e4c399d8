import Bytes

/// Open-addressing table from a row's hash to its number in the head, for finding equal rows. 8 bytes a slot: 32 bits
/// of hash, 32 bits of row number + 1. The hash covers stream, time, line and metadata, so rows of one nanosecond do
/// not pile up in one place.
struct RowTable {
    private var slots: [UInt64]
    private(set) var count = 0
    private var mask: Int

    init() {
        slots = [UInt64](repeating: 0, count: 1024)
        mask = 1023
    }

    /// Memory held, in bytes.
    var sizeBytes: Int { slots.count * 8 }

    /// Calls `isEqual` with each row number of the same hash; true if one is equal.
    @inline(__always)
    func contains(_ hash: UInt64, isEqual: (Int) -> Bool) -> Bool {
        var at = Int(truncatingIfNeeded: hash) & mask
        let tag = hash >> 32
        while slots[at] != 0 {
            if slots[at] >> 32 == tag, isEqual(Int(slots[at] & 0xffff_ffff) - 1) { return true }
            at = (at + 1) & mask
        }
        return false
    }

    /// Adds `row` under `hash`.
    mutating func insert(_ hash: UInt64, row: Int, rehash: (Int) -> UInt64) {
        if (count + 1) * 2 > slots.count { grow(rehash) }
        place(hash, row)
        count += 1
    }

    private mutating func place(_ hash: UInt64, _ row: Int) {
        var at = Int(truncatingIfNeeded: hash) & mask
        while slots[at] != 0 { at = (at + 1) & mask }
        slots[at] = (hash >> 32) << 32 | UInt64(row + 1)
    }

    private mutating func grow(_ rehash: (Int) -> UInt64) {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        mask = slots.count - 1
        for slot in old where slot != 0 {
            let row = Int(slot & 0xffff_ffff) - 1
            place(rehash(row), row)
        }
    }
}
