import Bytes
import Columns
import Synchronization

/// Parsed heads of column blocks, the least recently used ones dropped beyond a number of bytes.
final class HeadCache: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
    }

    private struct Slot {
        let head: ColumnHead
        let sizeBytes: Int
        var lastUse: UInt64
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var tick: UInt64 = 0
        var bytes = 0
    }

    static let maximumBytes = 32 << 20

    private let state = Mutex(State())

    /// The head of a block, parsed now or before.
    func head<E: Error>(_ part: Hash128, _ block: Int, _ parse: () throws(E) -> ColumnHead) throws(E) -> ColumnHead {
        let key = Key(part: part, block: block)
        let known = state.withLock { state -> ColumnHead? in
            guard var slot = state.slots[key] else { return nil }
            state.tick += 1
            slot.lastUse = state.tick
            state.slots[key] = slot
            return slot.head
        }
        if let known { return known }
        let head = try parse()
        let size = head.memoryBytes
        state.withLock { state in
            state.tick += 1
            if let old = state.slots[key] { state.bytes -= old.sizeBytes }
            state.slots[key] = Slot(head: head, sizeBytes: size, lastUse: state.tick)
            state.bytes += size
            if state.bytes > HeadCache.maximumBytes { HeadCache.shrink(&state) }
        }
        return head
    }

    /// Drops the older half: one sort now and then instead of a search at every addition.
    private static func shrink(_ state: inout State) {
        for (key, slot) in state.slots.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
            guard state.bytes > maximumBytes / 2 else { return }
            state.slots[key] = nil
            state.bytes -= slot.sizeBytes
        }
    }
}
