internal import Bytes
internal import Store
internal import Synchronization

/// Hands out the units of a log query, best first, and merges what they give until the limit is reached and no unit
/// left can better it.
final class LogCollector: Sendable {
    private struct State {
        var nextUnit = 0
        /// Units handed out and not yet finished.
        var running: Set<Int> = []
        /// Entries that a unit still to come may precede, in order.
        var pending: [FoundEntry] = []
        /// Entries of the answer, in order.
        var kept: [FoundEntry] = []
        var lastKept: Int64?
        var heldBytes = 0
    }

    private let units: [any ScanUnit]
    private let direction: Direction
    private let limit: Int
    private let interval: Int64
    private let control: QueryControl
    private let state = Mutex(State())

    init(
        _ units: [any ScanUnit], _ direction: Direction, limit: Int, intervalNanoseconds: Int64, _ control: QueryControl
    ) {
        self.direction = direction
        self.limit = limit
        interval = intervalNanoseconds
        self.control = control
        self.units =
            direction == .forward
            ? units.sorted { ($0.firstTime, $0.arrival) < ($1.firstTime, $1.arrival) }
            : units.sorted { ($0.lastTime, $0.arrival) > ($1.lastTime, $1.arrival) }
    }

    /// The best time that a unit can hold.
    private func bound(_ index: Int) -> Int64 {
        direction == .forward ? units[index].firstTime : units[index].lastTime
    }

    /// A piece of work: the unit, how many entries of it count at most, and the time beyond which none does.
    struct Work {
        let index: Int
        let unit: any ScanUnit
        let limit: Int
        let worstTime: Int64?
    }

    /// The next unit worth reading, or nil.
    func next() -> Work? {
        state.withLock { state in
            guard state.nextUnit < units.count, state.kept.count < limit else { return nil }
            var worst: Int64?
            if interval <= 0, state.kept.count + state.pending.count >= limit {
                worst = state.pending.last?.time
            }
            let index = state.nextUnit
            if let worst, direction == .forward ? bound(index) > worst : bound(index) < worst {
                // All units left are worse still.
                state.nextUnit = units.count
                return nil
            }
            state.nextUnit += 1
            state.running.insert(index)
            return Work(index: index, unit: units[index], limit: interval > 0 ? .max : limit, worstTime: worst)
        }
    }

    /// Takes what a unit gave, in order.
    func finish(_ work: Work, _ entries: [FoundEntry]) throws(QueryError) {
        let more = state.withLock { state in
            state.running.remove(work.index)
            if !entries.isEmpty { state.pending = merge(state.pending, entries) }
            settle(&state)
            let held = state.pending.reduce(0) { $0 + $1.heldBytes } + state.kept.reduce(0) { $0 + $1.heldBytes }
            defer { state.heldBytes = max(state.heldBytes, held) }
            return max(held - state.heldBytes, 0)
        }
        try control.hold(more)
    }

    private func merge(_ a: [FoundEntry], _ b: [FoundEntry]) -> [FoundEntry] {
        if a.isEmpty { return b }
        var merged: [FoundEntry] = []
        merged.reserveCapacity(a.count + b.count)
        var i = 0
        var j = 0
        while i < a.count || j < b.count {
            if j == b.count || i < a.count && !b[j].precedes(a[i], direction) {
                merged.append(a[i])
                i += 1
            } else {
                merged.append(b[j])
                j += 1
            }
        }
        return merged
    }

    /// Moves entries to the answer that no unit left can precede; drops those beyond the limit.
    private func settle(_ state: inout State) {
        var frontier: Int64?
        for index in state.running {
            let time = bound(index)
            frontier = frontier.map { direction == .forward ? min($0, time) : max($0, time) } ?? time
        }
        if state.nextUnit < units.count {
            let time = bound(state.nextUnit)
            frontier = frontier.map { direction == .forward ? min($0, time) : max($0, time) } ?? time
        }
        var settled = 0
        for entry in state.pending {
            if let frontier, direction == .forward ? entry.time >= frontier : entry.time <= frontier { break }
            settled += 1
            guard state.kept.count < limit, isFarEnough(entry, state.lastKept) else { continue }
            state.kept.append(entry)
            state.lastKept = entry.time
        }
        state.pending.removeFirst(settled)
        if interval <= 0, state.pending.count > limit - state.kept.count {
            state.pending.removeLast(state.pending.count - max(limit - state.kept.count, 0))
        }
    }

    private func isFarEnough(_ entry: FoundEntry, _ last: Int64?) -> Bool {
        guard interval > 0, let last else { return true }
        let (distance, overflow) =
            direction == .forward
            ? entry.time.subtractingReportingOverflow(last) : last.subtractingReportingOverflow(entry.time)
        return overflow || distance >= interval
    }

    /// The answer's entries, in order. All units handed out must have been finished.
    var entries: [FoundEntry] {
        state.withLock { state in
            settle(&state)
            return state.kept
        }
    }
}
