import Bytes
import Columns
import Synchronization

/// What was made lately, by key; the least recently used is dropped beyond a number of bytes.
final class RecentCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot {
        let value: Value
        let sizeBytes: Int
        var lastUse: UInt64
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var tick: UInt64 = 0
        var bytes = 0
        var limitBytes: Int
    }

    private let state: Mutex<State>

    init(maximumBytes: Int) {
        state = Mutex(State(limitBytes: maximumBytes))
    }

    /// Sets how much may be held from now on.
    func limit(to bytes: Int) {
        state.withLock { state in
            state.limitBytes = bytes
            if state.bytes > bytes { shrink(&state) }
        }
    }

    subscript(key: Key) -> Value? {
        state.withLock { state in
            state.tick += 1
            state.slots[key]?.lastUse = state.tick
            return state.slots[key]?.value
        }
    }

    /// - Parameter sizeBytes: memory that key and value hold, about.
    func keep(_ value: Value, for key: Key, sizeBytes: Int) {
        state.withLock { state in
            state.tick += 1
            if let old = state.slots[key] { state.bytes -= old.sizeBytes }
            state.slots[key] = Slot(value: value, sizeBytes: sizeBytes, lastUse: state.tick)
            state.bytes += sizeBytes
            if state.bytes > state.limitBytes { shrink(&state) }
        }
    }

    /// Drops the older half: one sort now and then instead of a search at every addition.
    private func shrink(_ state: inout State) {
        for (key, slot) in state.slots.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
            guard state.bytes > state.limitBytes / 2 else { return }
            state.slots[key] = nil
            state.bytes -= slot.sizeBytes
        }
    }
}

/// Parsed regions of blocks: heads, trigrams, counts.
final class RegionCache<Region: Sendable>: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
    }

    private let known: RecentCache<Key, Region>
    private let size: @Sendable (Region) -> Int

    /// - Parameter size: memory that a region holds, about, in bytes.
    init(maximumBytes: Int, size: @escaping @Sendable (Region) -> Int) {
        known = RecentCache(maximumBytes: maximumBytes)
        self.size = size
    }

    /// Sets how much may be held from now on.
    func limit(to bytes: Int) { known.limit(to: bytes) }

    /// The region of a block, parsed now or before.
    /// - Returns: also whether it had to be parsed.
    func region<E: Error>(
        _ part: Hash128, _ block: Int, _ parse: () throws(E) -> Region
    ) throws(E) -> (region: Region, isNew: Bool) {
        let key = Key(part: part, block: block)
        if let region = known[key] { return (region, false) }
        let region = try parse()
        known.keep(region, for: key, sizeBytes: size(region))
        return (region, true)
    }
}

/// Which rows of blocks pass a test of their lines, for those who ask again: dashboards put the same questions every
/// few seconds, and the rows of a block never change.
final class AnswerCache: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
        let test: [UInt8]
    }

    private let known = RecentCache<Key, [UInt16]>(maximumBytes: 8 << 20)

    /// The rows that pass `test`, ascending, if they were found and kept.
    func rows(_ part: Hash128, _ block: Int, passing test: [UInt8]) -> [UInt16]? {
        known[Key(part: part, block: block, test: test)]
    }

    /// Keeps the rows that pass `test`: all of them, ascending.
    func keep(_ part: Hash128, _ block: Int, _ rows: [UInt16], passing test: [UInt8]) {
        // The slot, the heads of two arrays, and a share of the table's free places.
        let size = test.count + rows.count * 2 + 192
        known.keep(rows, for: Key(part: part, block: block, test: test), sizeBytes: size)
    }
}

/// Rows of blocks by kind, made of their counts and ready to be asked.
final class KindsCache: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
        let column: CountedColumn?
    }

    private let known = RecentCache<Key, RowKinds>(maximumBytes: 8 << 20)

    /// Rows by stream, shape and value of `column`, if they were kept.
    func kinds(_ part: Hash128, _ block: Int, by column: CountedColumn?) -> RowKinds? {
        known[Key(part: part, block: block, column: column)]
    }

    func keep(_ part: Hash128, _ block: Int, _ kinds: RowKinds, by column: CountedColumn?) {
        known.keep(kinds, for: Key(part: part, block: block, column: column), sizeBytes: kinds.memoryBytes)
    }
}

/// What those who ask have worked out about blocks, each in a form of its own.
final class BlockNotes: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
        let text: [UInt8]
    }

    private let known = RecentCache<Key, any Sendable>(maximumBytes: 8 << 20)

    func note(_ part: Hash128, _ block: Int, _ key: [UInt8]) -> (any Sendable)? {
        known[Key(part: part, block: block, text: key)]
    }

    func keep(_ part: Hash128, _ block: Int, _ note: any Sendable, _ key: [UInt8], sizeBytes: Int) {
        known.keep(note, for: Key(part: part, block: block, text: key), sizeBytes: sizeBytes + key.count + 160)
    }
}
