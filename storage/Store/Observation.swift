import Buffer
import Bytes
import Chunks
public import Index
public import Model
import Synchronization

// What is derived from rows as they come: request figures, error groups. Observers see every durable row exactly once,
// also over crashes: what they hand out to be kept is stored together with the sequence up to which each day was
// observed, before the log lets go of those rows. Rows in the log beyond that sequence are observed again at start,
// others never. No queue stands between: heads keep their rows until they are sealed, and sealing waits for observing.

/// Rows that became durable, in arrival order.
public struct ObservedRows: Sendable {
    public let tenant: TenantID
    public let rows: Rows
    /// Which of `rows`.
    public let range: Range<Int>
    /// Labels by the ordinal that `RowEntry.stream` is.
    public let streams: [LabelSet]
    /// Indexes in `range` that an older part holds too, ascending: to be skipped.
    public let hidden: [Int]

    public init(tenant: TenantID, rows: Rows, range: Range<Int>, streams: [LabelSet], hidden: [Int] = []) {
        self.tenant = tenant
        self.rows = rows
        self.range = range
        self.streams = streams
        self.hidden = hidden
    }
}

/// Derives something from rows. All calls come one at a time; readers come at any time.
public protocol RowObserver: AnyObject, Sendable {
    /// Before any row: what was kept. `list` reads the records of a kind.
    func restore(_ list: (StateKind) -> StateListing)
    /// Each durable row once. On a niced thread or a worker.
    func observe(_ rows: ObservedRows)
    /// What changed since the last call, to be stored in one transaction with the position. What is no count may wait
    /// for a later call, but not for one that is final.
    func takeChanges(isFinal: Bool) -> [StateChange]
    /// Retention keeps nothing older, in nanoseconds since 1970.
    func dropBefore(_ time: Int64)
}

/// Shows rows of heads to the observers and remembers how far.
final class Observation: Sendable {
    struct Progress {
        /// Sequence up to which the rows of each day were observed.
        var through: [TenantDay: UInt64] = [:]
        var isChanged = false
        /// Changes that could not be stored yet.
        var pending: [StateChange] = []
        /// Parts that were there before anything was observed: nothing is kept until they have been, too.
        var isRebuilding = false
    }

    static let positionKey = "position"
    /// 3: groups of errors are kept in other records, so that rows are to be observed again.
    private static let positionVersion: UInt32 = 3

    private let observers: [any RowObserver]
    private let views: ViewBox
    private let cache: PartCache
    private let progress: Mutex<Progress>

    /// - Parameter lastSequence: the highest that the store has used; a snapshot's position may be beyond it.
    init(
        _ observers: [any RowObserver], state: any StateStore, views: ViewBox, cache: PartCache, lastSequence: UInt64,
        report: (StoreReport) -> Void
    ) {
        self.observers = observers
        self.views = views
        self.cache = cache
        var start = Progress()
        if let record = try? state.get(.observation, key: Observation.positionKey),
            let through = Observation.decode(record)
        {
            start.through = through.mapValues { min($0, lastSequence) }
        } else {
            start.isRebuilding = views.view.days.values.contains { !$0.parts.isEmpty }
        }
        let isFresh = start.isRebuilding
        for observer in observers {
            observer.restore { kind in
                if isFresh { return StateListing() }
                do throws(StateError) {
                    let listing = try state.list(kind)
                    for key in listing.damagedKeys {
                        report(StoreReport(.error, "state record \(kind.rawValue) \(key) is damaged and left out"))
                    }
                    return listing
                } catch {
                    report(StoreReport(.error, "state records of \(kind.rawValue) cannot be read: \(error)"))
                    return StateListing()
                }
            }
        }
        progress = Mutex(start)
    }

    var isRebuilding: Bool { progress.withLock { $0.isRebuilding } }

    /// Observes what has come to the heads of `only`, or of all days.
    func catchUp(_ only: TenantDay? = nil) {
        progress.withLock { progress in
            let view = views.view
            for (key, day) in view.days where only == nil || only == key {
                for head in day.heads { observe(head, day, key, view, &progress) }
            }
        }
    }

    /// Rows of a head beyond the day's sequence. A day's heads come oldest first, so that none is passed over.
    private func observe(_ head: Head, _ day: DayView, _ key: TenantDay, _ view: View, _ progress: inout Progress) {
        for chunk in head.chunks {
            let rows = chunk.rows
            let seen = progress.through[key] ?? 0
            guard rows.count > 0, let next = chunk.position(after: seen, released: rows.count) else { continue }
            let range = next.firstRow..<rows.count
            if !range.isEmpty {
                let suspects = SuspectResolver(
                    parts: day.parts, cache: cache, deleted: DeletedEquals(view, key.tenant))
                show(
                    ObservedRows(
                        tenant: key.tenant, rows: rows, range: range, streams: head.streams,
                        hidden: suspects.hiddenRows(chunk, rows, head.directory).filter { range.contains($0) }))
            }
            progress.through[key] = next.through
            progress.isChanged = true
        }
    }

    /// Shows all rows of a part that was there before anything was observed.
    func observe(_ part: PartHandle, tenant: TenantID, table: StreamTable) throws(ScanError) {
        let contents: PartContents
        do throws(PartError) {
            contents = try cache.contents(part)
        } catch {
            throw ScanError(cache.damage(part, error))
        }
        let map = contents.streamMap([Bool](repeating: true, count: table.count))
        let labels = map.map { $0 == .none ? LabelSet(canonical: []) : table.labels($0.index) }
        for index in 0..<contents.blockCount {
            let unit = BlockUnit(part: part, contents: contents, index: index, streams: map, cache: cache)
            let loaded = try unit.load(.rows)
            progress.withLock { _ in
                show(
                    ObservedRows(
                        tenant: tenant, rows: loaded.rows, range: 0..<loaded.rows.count, streams: labels,
                        hidden: loaded.hidden))
            }
        }
    }

    /// Older parts have all been observed: what is known is kept from now on.
    func endRebuilding() {
        progress.withLock {
            $0.isRebuilding = false
            $0.isChanged = true
        }
    }

    private func show(_ rows: ObservedRows) {
        for observer in observers { observer.observe(rows) }
    }

    func dropBefore(_ time: Int64) {
        progress.withLock { progress in
            let oldest = Day(of: time)
            progress.through = progress.through.filter { $0.key.day >= oldest }
            for observer in observers { observer.dropBefore(time) }
        }
    }

    /// Stores what the observers want kept, and how far they are, in one transaction. Catalog thread.
    func save(to state: any StateStore, isFinal: Bool = false) throws(StateError) {
        let changes = progress.withLock { progress -> [StateChange] in
            guard !progress.isRebuilding else { return [] }
            var changes = progress.pending
            progress.pending = []
            for observer in observers { changes += observer.takeChanges(isFinal: isFinal) }
            guard progress.isChanged || !changes.isEmpty else { return [] }
            progress.isChanged = false
            changes.removeAll { if case .put(let record) = $0 { record.kind == .observation } else { false } }
            changes.append(.put(Observation.encode(progress.through)))
            return changes
        }
        guard !changes.isEmpty else { return }
        do throws(StateError) {
            try state.apply(changes)
        } catch {
            progress.withLock { $0.pending = Observation.latest(changes + $0.pending) }
            throw error
        }
    }

    /// The last change of each record: what waits grows with the records, not with the tries.
    static func latest(_ changes: [StateChange]) -> [StateChange] {
        var seen = Set<StateChange.Record>()
        return changes.reversed().filter { seen.insert($0.record).inserted }.reversed()
    }

    // The position: count, then per day its number (8), sequence (8) and the tenant's name (length as varint, bytes).

    private static func encode(_ through: [TenantDay: UInt64]) -> StateRecord {
        var bytes: [UInt8] = []
        bytes.appendVarint(UInt64(through.count))
        for (key, sequence) in through.sorted(by: { $0.key < $1.key }) {
            bytes.appendLittleEndian(UInt64(bitPattern: Int64(key.day.number)))
            bytes.appendLittleEndian(sequence)
            bytes.appendPrefixed([UInt8](key.tenant.name.utf8))
        }
        return StateRecord(kind: .observation, key: positionKey, version: positionVersion, bytes: bytes)
    }

    private static func decode(_ record: StateRecord) -> [TenantDay: UInt64]? {
        guard record.version == positionVersion else { return nil }
        var reader = ByteReader(record.bytes)
        var through: [TenantDay: UInt64] = [:]
        do {
            for _ in 0..<min(try reader.varint(), 1_000_000) {
                let day = Int64(bitPattern: try reader.littleEndian(UInt64.self))
                let sequence = try reader.littleEndian(UInt64.self)
                let tenant = TenantID(try reader.prefixedText())
                through[TenantDay(tenant: tenant, day: Day(number: Int32(clamping: day)))] = sequence
            }
        } catch {
            return nil
        }
        return through
    }
}
