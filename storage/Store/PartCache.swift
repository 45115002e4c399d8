import Bytes
import Chunks
import Columns
import Files
import Model
import Synchronization

/// Open parts with their directories, the least recently used ones closed beyond a number of files and of bytes.
final class PartCache: Sendable {
    private struct Slot {
        let contents: PartContents
        var lastUse: UInt64
    }

    private struct State {
        var slots: [Hash128: Slot] = [:]
        var tick: UInt64 = 0
        var bytes = 0
    }

    static let maximumFiles = 256
    static let maximumBytes = 64 << 20

    let blocks = BlockCaches()
    let readers = ReaderCache()
    private let blobs: any BlobStore
    private let tables: StreamTables
    private let counters: StoreCounters
    private let report: @Sendable (StoreReport) -> Void
    private let state = Mutex(State())
    /// Told of each part that was found damaged, once.
    private let onDamage = Mutex<(@Sendable (PartHandle, PartError) -> Void)?>(nil)

    /// Sets who is told of damage.
    func setDamageHandler(_ handler: @escaping @Sendable (PartHandle, PartError) -> Void) {
        onDamage.withLock { $0 = handler }
    }

    init(
        blobs: any BlobStore, tables: StreamTables, counters: StoreCounters,
        report: @escaping @Sendable (StoreReport) -> Void
    ) {
        self.blobs = blobs
        self.tables = tables
        self.counters = counters
        self.report = report
    }

    /// The opened part; reads its footer, streams and directory if it is not open. Worker threads only.
    func contents(_ handle: PartHandle) throws(PartError) -> PartContents {
        try contentsAndCost(handle).contents
    }

    /// The same, with the bytes that had to be read.
    func contentsAndCost(_ handle: PartHandle) throws(PartError) -> (contents: PartContents, bytesRead: Int) {
        let id = handle.summary.id
        let known = state.withLock { state -> PartContents? in
            guard var slot = state.slots[id] else { return nil }
            state.tick += 1
            slot.lastUse = state.tick
            state.slots[id] = slot
            return slot.contents
        }
        if let known { return (known, 0) }
        let opened = try open(handle)
        state.withLock { state in
            state.tick += 1
            if let old = state.slots[id] { state.bytes -= old.contents.memoryBytes }
            state.slots[id] = Slot(contents: opened, lastUse: state.tick)
            state.bytes += opened.memoryBytes
            while state.slots.count > PartCache.maximumFiles || state.bytes > PartCache.maximumBytes,
                state.slots.count > 1, let oldest = state.slots.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                state.bytes -= oldest.value.contents.memoryBytes
                state.slots[oldest.key] = nil
                readers.forget(oldest.key)
            }
        }
        return (opened, opened.part.planningBytes)
    }

    private func open(_ handle: PartHandle) throws(PartError) -> PartContents {
        let key = handle.summary.key
        let file: any File
        do throws(FileError) {
            file = try blobs.open(key)
        } catch {
            throw PartError.unreadable(file: key, error)
        }
        let part = try Part(file: file, name: key)
        return try PartContents(part: part, table: tables.table(handle.summary.tenant))
    }

    /// Keeps a reader of a block for the next who asks for it; not when its part has been closed meanwhile, whose file
    /// it would hold open.
    func keep(_ reader: consuming ColumnBlockReader, of contents: PartContents, _ block: Int) {
        let id = contents.part.summary.id
        let slim = readers.prepared(reader)
        state.withLock { state in
            guard let slot = state.slots[id], slot.contents === contents else { return }
            readers.put(slim, of: BlockPlace(part: id, block: block))
        }
    }

    /// Once a second: gives memory back that others need, or nobody.
    func tend(isIngestBusy: Bool) {
        readers.tend(isIngestBusy: isIngestBusy)
        blocks.tend(isIngestBusy: isIngestBusy)
    }

    /// Closes a part whose file is going away.
    func forget(_ id: Hash128) {
        state.withLock { state in
            if let slot = state.slots.removeValue(forKey: id) { state.bytes -= slot.contents.memoryBytes }
        }
        readers.forget(id)
    }

    /// Notes that `handle` could not be read and gives the sentence for the answer's warnings.
    func damage(_ handle: PartHandle, _ error: PartError) -> String {
        let text = "part \(handle.summary.key) is damaged, its rows of \(handle.summary.day) are missing: \(error)"
        if handle.markDamaged() {
            counters.damagedFiles.add(1, ordering: .relaxed)
            report(StoreReport(.error, text))
            onDamage.withLock { $0 }?(handle, error)
        }
        return text
    }
}
