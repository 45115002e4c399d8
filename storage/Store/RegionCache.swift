import Bytes
import Synchronization

/// Parsed regions of blocks (heads, trigrams, counts), the least recently used ones dropped beyond a number of bytes.
final class RegionCache<Region: Sendable>: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
    }

    private struct Slot {
        let region: Region
        let sizeBytes: Int
        var lastUse: UInt64
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var tick: UInt64 = 0
        var bytes = 0
    }

    private let maximumBytes: Int
    private let size: @Sendable (Region) -> Int
    private let state = Mutex(State())

    /// - Parameter size: memory that a region holds, about, in bytes.
    init(maximumBytes: Int, size: @escaping @Sendable (Region) -> Int) {
        self.maximumBytes = maximumBytes
        self.size = size
    }

    /// The region of a block, parsed now or before.
    /// - Returns: also whether it had to be parsed.
    func region<E: Error>(
        _ part: Hash128, _ block: Int, _ parse: () throws(E) -> Region
    ) throws(E) -> (region: Region, isNew: Bool) {
        let key = Key(part: part, block: block)
        let known = state.withLock { state -> Region? in
            state.tick += 1
            state.slots[key]?.lastUse = state.tick
            return state.slots[key]?.region
        }
        if let known { return (known, false) }
        let region = try parse()
        let size = size(region)
        state.withLock { state in
            state.tick += 1
            if let old = state.slots[key] { state.bytes -= old.sizeBytes }
            state.slots[key] = Slot(region: region, sizeBytes: size, lastUse: state.tick)
            state.bytes += size
            if state.bytes > maximumBytes { shrink(&state) }
        }
        return (region, true)
    }

    /// Drops the older half: one sort now and then instead of a search at every addition.
    private func shrink(_ state: inout State) {
        for (key, slot) in state.slots.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
            guard state.bytes > maximumBytes / 2 else { return }
            state.slots[key] = nil
            state.bytes -= slot.sizeBytes
        }
    }
}
