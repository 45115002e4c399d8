import Bytes
import Columns
import Synchronization

/// Readers of column blocks between two pieces of work, with what they have decoded: the numbers of streams, shapes and
/// often asked columns need not be decompressed for every query. Bounded in bytes.
final class ReaderCache: Sendable {
    private struct Slot {
        var reader: ColumnBlockReader
        var sizeBytes: Int
        /// Place in `order`.
        var place: Int
    }

    /// In bytes, but for patience.
    struct Limits: Sendable {
        var maximum = 96 << 20
        /// The same while ingest needs memory.
        var busy = 8 << 20
        /// What one reader may hold: more is shed before it is kept.
        var reader = 8 << 20
        /// What is left of readers when there is no room for all that they hold: the large ones shrink before any goes.
        var slimReader = 2 << 20
        /// After so many seconds without a question nothing is kept.
        var patienceSeconds = 120
    }

    private struct State {
        var slots: [BlockPlace: Slot] = [:]
        var order: [BlockPlace] = []
        /// Readers that hold more than a slim one, the latest last; some may have gone.
        var large: [BlockPlace] = []
        var bytes = 0
        var limitBytes: Int
        /// Seconds since a reader was asked for.
        var idleSeconds = 0
        var random: UInt64 = 0x9e37_79b9_7f4a_7c15
    }

    private let limits: Limits
    private let state: Mutex<State>

    init(_ limits: Limits = Limits()) {
        self.limits = limits
        state = Mutex(State(limitBytes: limits.maximum))
    }

    /// Memory that waiting readers hold, about, in bytes.
    var heldBytes: Int { state.withLock { $0.bytes } }

    /// Takes the reader of a block out, if it waits here.
    func take(_ block: BlockPlace) -> ColumnBlockReader? {
        state.withLock { state in
            state.idleSeconds = 0
            return ReaderCache.remove(block, &state)
        }
    }

    /// Once a second: gives memory back that others need, or nobody.
    func tend(isIngestBusy: Bool) {
        state.withLock { state in
            state.limitBytes = isIngestBusy ? limits.busy : limits.maximum
            state.idleSeconds += 1
            if state.idleSeconds > limits.patienceSeconds {
                (state.slots, state.order, state.large, state.bytes) = ([:], [], [], 0)
            } else {
                shrink(&state)
            }
        }
    }

    /// A reader that has served, made ready to wait here.
    func prepared(_ reader: consuming ColumnBlockReader) -> ColumnBlockReader {
        var reader = reader
        reader.shed(to: limits.reader)
        reader.renew()
        return reader
    }

    /// Keeps a prepared reader for the next who asks for its block.
    func put(_ reader: ColumnBlockReader, of block: BlockPlace) {
        let size = reader.keptBytes
        state.withLock { state in
            _ = ReaderCache.remove(block, &state)
            state.slots[block] = Slot(reader: reader, sizeBytes: size, place: state.order.count)
            state.order.append(block)
            if size > limits.slimReader { ReaderCache.list(block, &state) }
            state.bytes += size
            shrink(&state)
        }
    }

    /// Queries pass over blocks in rounds: leaving by chance keeps a share of them, leaving by age none.
    private func shrink(_ state: inout State) {
        if state.bytes > state.limitBytes { makeSlim(&state) }
        while state.bytes > state.limitBytes, !state.order.isEmpty {
            state.random = state.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let place = Int(truncatingIfNeeded: (state.random >> 33) % UInt64(state.order.count))
            _ = ReaderCache.remove(state.order[place], &state)
        }
    }

    /// Lists a large reader; now and then those that have gone, or are there twice, leave the list.
    private static func list(_ block: BlockPlace, _ state: inout State) {
        state.large.append(block)
        guard state.large.count > 2 * state.slots.count + 64 else { return }
        var seen: Set<BlockPlace> = []
        let latest = state.large.reversed().filter { state.slots[$0] != nil && seen.insert($0).inserted }
        state.large = latest.reversed()
    }

    /// Sheds what large readers hold, those first that have waited longest, until there is room.
    private func makeSlim(_ state: inout State) {
        var next = 0
        while state.bytes > state.limitBytes, next < state.large.count {
            let key = state.large[next]
            next += 1
            guard var slot = state.slots.removeValue(forKey: key) else { continue }
            slot.reader.shed(to: limits.slimReader)
            let size = slot.reader.keptBytes
            state.bytes -= slot.sizeBytes - size
            slot.sizeBytes = size
            state.slots[key] = slot
        }
        state.large.removeFirst(next)
    }

    /// Lets go of all readers of a part that is being closed.
    func forget(_ part: Hash128) {
        state.withLock { state in
            for block in state.order where block.part == part { _ = ReaderCache.remove(block, &state) }
        }
    }

    private static func remove(_ block: BlockPlace, _ state: inout State) -> ColumnBlockReader? {
        guard let slot = state.slots.removeValue(forKey: block) else { return nil }
        state.bytes -= slot.sizeBytes
        let last = state.order.removeLast()
        if slot.place < state.order.count {
            state.order[slot.place] = last
            state.slots[last]?.place = slot.place
        }
        return slot.reader
    }
}
