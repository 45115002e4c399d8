import Bytes
import Columns
import Synchronization

/// Readers of column blocks between two pieces of work, with what they have decoded: the numbers of streams, shapes and
/// often asked columns need not be decompressed for every query. Bounded in bytes.
final class ReaderCache: Sendable {
    private struct Key: Hashable {
        let part: Hash128
        let block: Int
    }

    private struct Slot {
        let reader: ColumnBlockReader
        let sizeBytes: Int
        /// Place in `order`.
        var place: Int
    }

    private struct State {
        var slots: [Key: Slot] = [:]
        var order: [Key] = []
        var bytes = 0
        var limitBytes = ReaderCache.maximumBytes
        /// Seconds since a reader was asked for.
        var idleSeconds = 0
        var random: UInt64 = 0x9e37_79b9_7f4a_7c15
    }

    static let maximumBytes = 64 << 20
    /// The same while ingest needs memory.
    static let busyBytes = 8 << 20
    /// After so long without a question nothing is kept.
    static let patienceSeconds = 120
    /// What one reader may hold: more is shed before it is kept.
    static let maximumReaderBytes = 2 << 20

    private let state = Mutex(State())

    /// Takes the reader of a block out, if it waits here.
    func take(_ part: Hash128, _ block: Int) -> ColumnBlockReader? {
        state.withLock { state in
            state.idleSeconds = 0
            return ReaderCache.remove(Key(part: part, block: block), &state)
        }
    }

    /// Once a second: gives memory back that others need, or nobody.
    func tend(isIngestBusy: Bool) {
        state.withLock { state in
            state.limitBytes = isIngestBusy ? ReaderCache.busyBytes : ReaderCache.maximumBytes
            state.idleSeconds += 1
            if state.idleSeconds > ReaderCache.patienceSeconds {
                (state.slots, state.order, state.bytes) = ([:], [], 0)
            } else {
                ReaderCache.shrink(&state)
            }
        }
    }

    /// A reader that has served, made ready to wait here.
    func prepared(_ reader: consuming ColumnBlockReader) -> ColumnBlockReader {
        var reader = reader
        reader.shed(to: ReaderCache.maximumReaderBytes)
        reader.renew()
        return reader
    }

    /// Keeps a prepared reader for the next who asks for its block.
    func put(_ part: Hash128, _ block: Int, _ reader: ColumnBlockReader) {
        let key = Key(part: part, block: block)
        let size = reader.keptBytes
        state.withLock { state in
            _ = ReaderCache.remove(key, &state)
            state.slots[key] = Slot(reader: reader, sizeBytes: size, place: state.order.count)
            state.order.append(key)
            state.bytes += size
            ReaderCache.shrink(&state)
        }
    }

    /// Queries pass over blocks in rounds: leaving by chance keeps a share of them, leaving by age none.
    private static func shrink(_ state: inout State) {
        while state.bytes > state.limitBytes, !state.order.isEmpty {
            state.random = state.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let place = Int(truncatingIfNeeded: (state.random >> 33) % UInt64(state.order.count))
            _ = ReaderCache.remove(state.order[place], &state)
        }
    }

    /// Lets go of all readers of a part that is being closed.
    func forget(_ part: Hash128) {
        state.withLock { state in
            for key in state.order where key.part == part { _ = ReaderCache.remove(key, &state) }
        }
    }

    private static func remove(_ key: Key, _ state: inout State) -> ColumnBlockReader? {
        guard let slot = state.slots.removeValue(forKey: key) else { return nil }
        state.bytes -= slot.sizeBytes
        let last = state.order.removeLast()
        if slot.place < state.order.count {
            state.order[slot.place] = last
            state.slots[last]?.place = slot.place
        }
        return slot.reader
    }
}
