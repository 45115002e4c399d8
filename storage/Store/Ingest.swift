import Buffer
import Bytes
import Model
import Synchronization

/// What the committer thread owns: the heads, what is covered, and the order of sequences. Every method but the
/// counters runs on the committer thread (during start, on the starting thread before the committer exists).
final class Ingest: @unchecked Sendable {
    // Invariant behind @unchecked: mutable fields are touched on the committer thread only; `headBytes` is atomic.

    /// Heads of one tenant's day.
    private struct DayHeads {
        var open: Head?
        /// Heads that are being sealed.
        var frozen: [FrozenHead] = []
        /// Latest time of each stream in published parts of the day; nil until a head of the day is opened.
        var sealedThrough: [UInt32: Int64]?
    }

    /// A head that takes no more rows, and what its part will cover.
    struct FrozenHead: Sendable {
        let head: Head
        let coverage: Coverage

        var tenantDay: TenantDay { TenantDay(tenant: head.tenant, day: head.day) }
    }

    let writer: UInt64
    private let configuration: StoreConfiguration
    private let tables: StreamTables
    private let views: ViewBox
    private let counters: StoreCounters
    private let followers: Followers
    private let cache: PartCache
    /// Asks for the latest sealed time of each stream of a day, by stream number; reads part directories.
    private let sealedTimes: (TenantDay) -> [UInt32: Int64]
    private var days: [TenantDay: DayHeads] = [:]
    private(set) var covered: [TenantDay: Coverage]
    /// The highest sequence that the store has used.
    private(set) var lastSequence: UInt64
    /// The last record whose rows are in heads. During replay it lies before `lastSequence`: a head that is frozen then
    /// must not claim what is still to be read.
    private var appliedSequence: UInt64 = 0
    private var cardinality: LabelCardinality
    private let onUnbounded = Mutex<(@Sendable (String, TenantID, Int) -> Void)?>(nil)
    private let headBytesTotal = Atomic<Int>(0)

    init(
        writer: UInt64, configuration: StoreConfiguration, tables: StreamTables, views: ViewBox,
        counters: StoreCounters, followers: Followers, cache: PartCache,
        covered: [TenantDay: Coverage], lastSequence: UInt64, sealedTimes: @escaping (TenantDay) -> [UInt32: Int64]
    ) {
        self.writer = writer
        self.configuration = configuration
        self.tables = tables
        self.views = views
        self.counters = counters
        self.followers = followers
        self.cache = cache
        self.covered = covered
        self.lastSequence = lastSequence
        self.sealedTimes = sealedTimes
        cardinality = LabelCardinality(
            valuesLimit: configuration.labelValuesLimit, streamsLimit: configuration.streamsLimit)
    }

    /// Memory of all heads, in bytes; any thread.
    var headBytes: Int { headBytesTotal.load(ordering: .relaxed) }

    /// Puts the rows of a durable record into heads.
    /// - Parameter skips: days whose rows of this record are in a part already, or are too old (replay).
    func apply(sequence: UInt64, batch: Batch, skips: (TenantDay) -> Bool = { _ in false }) -> Receipt {
        lastSequence = max(lastSequence, sequence)
        appliedSequence = sequence
        var stored = 0
        var total = 0
        for (day, rows) in Ingest.split(batch) {
            total += rows.count
            let key = TenantDay(tenant: batch.tenant, day: day)
            if skips(key) { continue }
            stored += insert(sequence: sequence, batch: batch, rows: rows, into: key)
        }
        counters.acceptedRows.add(stored, ordering: .relaxed)
        counters.duplicateRows.add(total - stored, ordering: .relaxed)
        return Receipt(acceptedRows: stored, duplicateRows: total - stored)
    }

    /// The rows of a batch by day, in order. Nearly always one day: then no row is copied twice.
    private static func split(_ batch: Batch) -> [(Day, [RowEntry])] {
        guard let first = batch.rows.first else { return [] }
        let day = Day(of: first.time)
        let range = day.range
        if batch.rows.allSatisfy({ range.contains($0.time) }) { return [(day, batch.rows)] }
        var byDay: [Day: [RowEntry]] = [:]
        for row in batch.rows { byDay[Day(of: row.time), default: []].append(row) }
        return byDay.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func insert(sequence: UInt64, batch: Batch, rows: [RowEntry], into key: TenantDay) -> Int {
        let head = openHead(key)
        let older = days[key]?.frozen.map(\.head) ?? []
        let table = tables.table(key.tenant)
        var ordinals = [UInt32](repeating: .max, count: batch.streams.count)
        var bytes = 0
        var first = Int64.max
        var last = Int64.min
        for row in rows {
            bytes += Int(row.lineCount) + Int(row.metadataCount)
            first = min(first, row.time)
            last = max(last, row.time)
            let stream = Int(row.stream)
            if ordinals[stream] == .max {
                let labels = batch.streams[stream]
                let number = table.number(for: labels)
                var isNew = false
                ordinals[stream] = head.ordinal(number: number, labels: labels) {
                    isNew = true
                    return days[key]?.sealedThrough?[number] ?? .min
                }
                if isNew { noteValues(number, labels, key) }
            }
        }
        head.begin(record: sequence, rows: rows.count, bytes: bytes)
        var stored = 0
        var storedBytes = 0
        let source = batch.arena.span
        let deleted = DeletedEquals(views.view, key.tenant)
        for row in rows {
            let isStored = head.append(row, ordinal: ordinals[Int(row.stream)], from: source, older: older) {
                (older, row, source) in
                let labels = batch.streams[Int(row.stream)]
                return older.lastSequence <= deleted.cutoff(row, in: source, labels: labels, arrivedAt: sequence)
            }
            guard isStored else { continue }
            stored += 1
            storedBytes += Int(row.lineCount) + Int(row.metadataCount)
        }
        head.release(first: first, last: last, rows: stored, rawBytes: storedBytes)
        if stored > 0, followers.isWatched {
            followers.announce(key.tenant) { arrived(stored, in: head, key, table) }
        }
        return stored
    }

    /// Sets who is told of a label with too many values: its name, tenant and the limit.
    func setDemotionHandler(_ handler: @escaping @Sendable (String, TenantID, Int) -> Void) {
        onUnbounded.withLock { $0 = handler }
    }

    /// The name is metadata now.
    func forgetValues(of name: String, _ tenant: TenantID) { cardinality.forget(name, tenant) }

    private func noteValues(_ number: UInt32, _ labels: LabelSet, _ key: TenantDay) {
        guard let name = cardinality.note(number, labels, key) else { return }
        onUnbounded.withLock { $0 }?(name, key.tenant, cardinality.valuesLimit)
    }

    /// The rows released last, for those who follow. Suspects among them are looked up in the parts of this moment:
    /// later ones may hold these very rows.
    private func arrived(_ count: Int, in head: Head, _ key: TenantDay, _ table: StreamTable) -> ArrivedRows? {
        guard let (chunk, rows) = head.latest(count) else { return nil }
        let hasSuspects = chunk.suspects.withLock { ($0.rows.last ?? -1) >= rows.lowerBound }
        guard hasSuspects else { return ArrivedRows(chunk, rows, head, table, nil) }
        let view = views.view
        let suspects = SuspectResolver(
            parts: view.days[key]?.parts ?? [], cache: cache, deleted: DeletedEquals(view, key.tenant))
        return ArrivedRows(chunk, rows, head, table, suspects)
    }

    private func openHead(_ key: TenantDay) -> Head {
        if let head = days[key]?.open { return head }
        if days[key]?.sealedThrough == nil {
            let times = sealedTimes(key)
            days[key, default: DayHeads()].sealedThrough = times
            for number in times.keys { noteValues(number, tables.table(key.tenant).labels(number), key) }
        }
        let head = Head(
            tenant: key.tenant, day: key.day, openedAt: Machine.monotonicNanoseconds(),
            keepsDuplicates: configuration.keepsDuplicates)
        days[key, default: DayHeads()].open = head
        views.change { $0[key, default: DayView()].heads.append(head) }
        return head
    }

    /// Freezes every open head that `isDue` names; its rows, and all sequences of its day so far, become one part.
    func freeze(where isDue: (Head) -> Bool) -> [FrozenHead] {
        var frozen: [FrozenHead] = []
        for (key, heads) in days {
            guard let head = heads.open, isDue(head) else { continue }
            let coverage = coverage(of: head, key)
            days[key]?.open = nil
            days[key]?.frozen.append(FrozenHead(head: head, coverage: coverage))
            frozen.append(FrozenHead(head: head, coverage: coverage))
        }
        return frozen
    }

    /// From the last covered sequence before the head's first row to now, less what parts and other frozen heads hold:
    /// every row of this tenant's day among these sequences is in the head, or was a duplicate. Live parts never cover
    /// one sequence twice, for when the catalog is lost, a part counts as left over once others cover all of it.
    private func coverage(of head: Head, _ key: TenantDay) -> Coverage {
        var after: UInt64 = 0
        for interval in covered[key]?.intervals ?? [] where interval.writer == writer {
            if interval.through < head.firstSequence { after = max(after, interval.through) }
        }
        var coverage = Coverage(writer: writer, after: after, through: appliedSequence)
        if let held = covered[key] { coverage.subtract(held) }
        for frozen in days[key]?.frozen ?? [] { coverage.subtract(frozen.coverage) }
        return coverage
    }

    /// The head's part is published (`part`), or all its rows were duplicates (nil): the head goes, the part comes,
    /// in one step for all readers.
    func release(_ frozen: FrozenHead, part: PartHandle?, latest: [UInt32: Int64]) {
        let key = frozen.tenantDay
        days[key]?.frozen.removeAll { $0.head === frozen.head }
        covered[key, default: Coverage()].formUnion(frozen.coverage)
        if days[key]?.sealedThrough != nil {
            days[key]?.sealedThrough?.merge(latest) { max($0, $1) }
        }
        for older in days[key]?.frozen ?? [] { raise(older.head, latest) }
        if let open = days[key]?.open { raise(open, latest) }
        views.change { days in
            days[key]?.heads.removeAll { $0 === frozen.head }
            if let part { days[key, default: DayView()].parts.append(part) }
        }
        updateHeadBytes()
    }

    private func raise(_ head: Head, _ latest: [UInt32: Int64]) {
        for (number, time) in latest { head.raiseSealedThrough(number: number, to: time) }
    }

    /// Forgets heads of days that retention has dropped.
    func dropDays(before oldest: Day) {
        for key in days.keys where key.day < oldest {
            if let open = days[key]?.open { views.change { $0[key]?.heads.removeAll { $0 === open } } }
            days[key]?.open = nil
            if days[key]?.frozen.isEmpty ?? true { days[key] = nil }
        }
        covered = covered.filter { $0.key.day >= oldest }
        cardinality.dropDays(before: oldest)
        updateHeadBytes()
    }

    /// Whether no rows of this day in WAL records of these sequences need to be replayed any more.
    func isCovered(_ key: TenantDay, sequences: ClosedRange<UInt64>, oldest: Day) -> Bool {
        if key.day < oldest { return true }
        let asked = Coverage(writer: writer, after: sequences.lowerBound &- 1, through: sequences.upperBound)
        return covered[key]?.contains(asked) == true
    }

    /// Sums the heads' memory anew, after rows were added or heads released.
    func updateHeadBytes() {
        var sum = 0
        for heads in days.values {
            sum += heads.open?.sizeBytes ?? 0
            for frozen in heads.frozen { sum += frozen.head.sizeBytes }
        }
        headBytesTotal.store(sum, ordering: .relaxed)
    }

    /// Open heads, for choosing which to freeze.
    var openHeads: [Head] { days.values.compactMap(\.open) }
}

/// The stream tables of all tenants.
final class StreamTables: Sendable {
    private let tables = Mutex<[TenantID: StreamTable]>([:])

    func table(_ tenant: TenantID) -> StreamTable {
        tables.withLock { tables in
            if let known = tables[tenant] { return known }
            let table = StreamTable()
            tables[tenant] = table
            return table
        }
    }

    /// Streams of all tenants.
    var count: Int { tables.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}
