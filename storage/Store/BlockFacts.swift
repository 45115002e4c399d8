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

/// A block of a part.
struct BlockPlace: Hashable, Sendable {
    let part: Hash128
    let block: Int
}

/// What is known of blocks, by a question: the rows of a block never change.
final class BlockFacts<Question: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Key: Hashable {
        let place: BlockPlace
        let question: Question
    }

    /// Of a slot, beside what its key and value hold on the heap.
    private static var slotBytes: Int { 128 }

    private let known: RecentCache<Key, Value>
    private let maximumBytes: Int

    init(maximumBytes: Int) {
        known = RecentCache(maximumBytes: maximumBytes)
        self.maximumBytes = maximumBytes
    }

    /// Sets how much of its bytes it may hold from now on.
    func limit(toShare share: Int) { known.limit(to: maximumBytes / max(share, 1)) }

    subscript(place: BlockPlace, question: Question) -> Value? { known[Key(place: place, question: question)] }

    /// - Parameter sizeBytes: memory that question and value hold, about.
    func keep(_ value: Value, of place: BlockPlace, _ question: Question, sizeBytes: Int) {
        known.keep(value, for: Key(place: place, question: question), sizeBytes: sizeBytes + Self.slotBytes)
    }
}

/// The question to a region of a block: what stands in it?
struct WholeRegion: Hashable, Sendable {}

/// Parsed regions of blocks.
typealias RegionCache<Region: Sendable> = BlockFacts<WholeRegion, Region>

extension BlockFacts where Question == WholeRegion {
    /// The region of a block, parsed now or before.
    /// - Parameter size: memory that a region holds, about, in bytes.
    /// - Returns: also whether it had to be parsed.
    func region<E: Error>(
        _ place: BlockPlace, size: (Value) -> Int, _ parse: () throws(E) -> Value
    ) throws(E) -> (region: Value, isNew: Bool) {
        if let region = self[place, WholeRegion()] { return (region, false) }
        let region = try parse()
        keep(region, of: place, WholeRegion(), sizeBytes: size(region))
        return (region, true)
    }
}

/// All that is kept of blocks, besides their readers.
struct BlockCaches: Sendable {
    let heads = RegionCache<ColumnHead>(maximumBytes: 32 << 20)
    let trigrams = RegionCache<TrigramSet?>(maximumBytes: 8 << 20)
    let counts = RegionCache<RowCounts?>(maximumBytes: 16 << 20)
    let volumes = RegionCache<VolumeHistogram?>(maximumBytes: 8 << 20)
    /// Rows by kind, made of the counts and ready to be asked; by the column whose values matter.
    let kinds = BlockFacts<CountedColumn?, RowKinds>(maximumBytes: 8 << 20)
    /// Rows that pass a test of their lines, ascending, by the test: dashboards ask the same every few seconds.
    let answers = BlockFacts<[UInt8], [UInt16]>(maximumBytes: 8 << 20)
    /// What those who ask have worked out, each in a form of its own, by a key of theirs.
    let notes = BlockFacts<[UInt8], any Sendable>(maximumBytes: 8 << 20)

    /// Parts by which all of them shrink while ingest needs memory.
    private static let busyShare = 4

    /// Gives memory back that others need.
    func tend(isIngestBusy: Bool) {
        let share = isIngestBusy ? BlockCaches.busyShare : 1
        heads.limit(toShare: share)
        trigrams.limit(toShare: share)
        counts.limit(toShare: share)
        volumes.limit(toShare: share)
        kinds.limit(toShare: share)
        answers.limit(toShare: share)
        notes.limit(toShare: share)
    }
}
