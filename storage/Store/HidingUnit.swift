import Bytes
import Model
import Synchronization

/// A unit some rows of which a deletion may hide. The one place where rows are hidden from queries, counts, series,
/// labels and statistics.
struct HidingUnit: ScanUnit {
    let base: any ScanUnit
    /// Those that may be about its rows, each with the streams it is about by the unit's ordinals.
    let tombstones: [(tombstone: ActiveTombstone, streams: [StreamID])]
    /// The block's place in the cache; nil for head chunks, whose rows grow.
    let place: BlockPlace?
    let cache: HiddenRowsCache
    let labels: @Sendable (StreamID) -> LabelSet

    var firstTime: Int64 { base.firstTime }
    var lastTime: Int64 { base.lastTime }
    var rowCount: Int { base.rowCount }
    var arrival: UInt64 { base.arrival }
    var storedBytes: Int { base.storedBytes }

    func counts() throws(ScanError) -> [StreamCount]? {
        guard place != nil, try hidden().isEmpty else { return nil }
        return try base.counts()
    }

    func volume() throws(ScanError) -> UnitVolume? {
        guard place != nil, try hidden().isEmpty else { return nil }
        return try base.volume()
    }

    /// Columns know nothing of hidden rows, so blocks that have some are read as rows.
    func columns() throws(ScanError) -> UnitColumns? {
        guard place != nil, try hidden().isEmpty else { return nil }
        return try base.columns()
    }

    func hidden() throws(ScanError) -> [Int] {
        if let known = known() { return known }
        return try load(.times).hidden
    }

    func load(_ need: ScanNeed) throws(ScanError) -> LoadedRows {
        if let known = known() {
            let loaded = try base.load(need)
            return loaded.hiding(known)
        }
        let isLabels = tombstones.allSatisfy { $0.tombstone.filter?.isDecidedByLabels ?? true }
        let loaded = try base.load(isLabels ? need : .rows)
        var found: Set<Int> = []
        for (tombstone, streams) in tombstones {
            guard let filter = tombstone.filter else { continue }
            let meant = LoadedRows(
                rows: loaded.rows, isSorted: loaded.isSorted, streams: streams, hidden: [], storedBytes: 0, rawBytes: 0)
            found.formUnion(filter.matches(meant, in: tombstone.request.range, labels: labels))
        }
        let rows = found.sorted()
        if let place { cache.put(rows, at: place, key) }
        return loaded.hiding(rows)
    }

    private func known() -> [Int]? { place.flatMap { cache.rows(at: $0, key) } }

    private var key: [String] { tombstones.map(\.tombstone.request.id) }
}

extension LoadedRows {
    /// The same with more rows hidden.
    fileprivate func hiding(_ more: [Int]) -> LoadedRows {
        if more.isEmpty { return self }
        return LoadedRows(
            rows: rows, isSorted: isSorted, streams: streams,
            hidden: hidden.isEmpty ? more : Set(hidden).union(more).sorted(), storedBytes: storedBytes,
            rawBytes: rawBytes)
    }
}

/// Which rows of blocks are hidden, so that a block is looked through once for each set of tombstones. Bounded: when
/// it is full, it begins anew.
final class HiddenRowsCache: Sendable {
    private struct State {
        var found: [BlockPlace: (key: [String], rows: [Int])] = [:]
        var rowCount = 0
    }

    /// Row numbers kept at most: 32 MiB.
    private static let rowLimit = 4 << 20
    private let state = Mutex(State())

    func rows(at place: BlockPlace, _ key: [String]) -> [Int]? {
        state.withLock { state in
            guard let found = state.found[place], found.key == key else { return nil }
            return found.rows
        }
    }

    func put(_ rows: [Int], at place: BlockPlace, _ key: [String]) {
        state.withLock { state in
            if state.rowCount + rows.count + 8 > HiddenRowsCache.rowLimit { state = State() }
            state.rowCount += rows.count + 8
            state.found[place] = (key, rows)
        }
    }
}
