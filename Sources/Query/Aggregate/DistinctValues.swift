internal import Bytes

/// The different values of a series, by cell of time, as hashes. Of very many only those whose hash ends in `level`
/// zero bits are kept (adaptive sampling, after Wegman), which still merges and slides; the count is scaled up.
struct DistinctValues: Sendable {
    struct Item: Hashable, Sendable {
        /// -1 for a free place.
        var cell: Int32
        var hash: UInt64
    }

    private var slots: [Item] = []
    private(set) var count = 0
    /// 0: all values are kept.
    private(set) var level = 0

    static let itemBytes = 2 * MemoryLayout<Item>.stride

    /// What hashes are mixed with: they are the same on all servers, so that values could be made that all want one
    /// place.
    private static let placeKey = UInt64.random(in: .min ... .max) | 1

    /// How many values each one kept stands for.
    var weight: Double { Double(UInt64(1) << UInt64(level)) }

    /// Adds a value; false if it was known, or is not kept.
    mutating func insert(cell: Int32, hash: UInt64) -> Bool {
        if hash & (UInt64(1) << UInt64(level) &- 1) != 0 || cell < 0 { return false }
        if count * 2 >= slots.count { resize(to: max(slots.count * 2, 8)) }
        let at = place(Item(cell: cell, hash: hash))
        if slots[at].cell >= 0 { return false }
        slots[at] = Item(cell: cell, hash: hash)
        count += 1
        return true
    }

    private func place(_ item: Item) -> Int {
        let mask = slots.count - 1
        let cell = UInt64(UInt32(bitPattern: item.cell)) &* 0x9E37_79B1
        var at = Int(truncatingIfNeeded: Hash.mix(item.hash &+ cell, DistinctValues.placeKey)) & mask
        while slots[at].cell >= 0, slots[at] != item { at = (at + 1) & mask }
        return at
    }

    private mutating func resize(to size: Int) {
        let old = slots
        slots = [Item](repeating: Item(cell: -1, hash: 0), count: size)
        for item in old where item.cell >= 0 { slots[place(item)] = item }
    }

    /// Keeps about half of the values.
    mutating func thin() {
        if level < 48 { raise(to: level + 1) }
    }

    /// Keeps what a level keeps, if it is above the own.
    mutating func raise(to newLevel: Int) {
        guard newLevel > level, newLevel <= 48 else { return }
        level = newLevel
        let kept = items.filter { $0.hash & (UInt64(1) << UInt64(level) &- 1) == 0 }
        var size = 8
        while size < kept.count * 2 { size *= 2 }
        slots = [Item](repeating: Item(cell: -1, hash: 0), count: size)
        count = kept.count
        for item in kept { slots[place(item)] = item }
    }

    /// Adds the values of another part of the same series.
    mutating func merge(_ other: DistinctValues) {
        raise(to: other.level)
        for item in other.items { _ = insert(cell: item.cell, hash: item.hash) }
    }

    /// All, in no order.
    var items: [Item] { slots.filter { $0.cell >= 0 } }
}
