import Bytes
import Query
import Store

/// What has arrived for a tail and was not looked at yet.
struct TailBacklog: Sendable {
    /// What one step gives.
    struct Batch: Sendable {
        var streams: [LogStream] = []
        var missed = MissedRows()
        /// Monotonic nanoseconds at which the first of its rows came.
        var oldestArrival = Int64.max
        /// How long to wait before the next step: rows are held back for others to come.
        var waitNanoseconds: Int64 = 0
    }

    let follower: Follower
    let scan: TailScan
    /// How long rows are held back, in nanoseconds.
    let delay: Int64
    private var current: ArrivedRows?
    /// The next row of `current`.
    private var row = 0

    init(follower: Follower, scan: TailScan, delay: Int64) {
        self.follower = follower
        self.scan = scan
        self.delay = delay
    }

    /// Whether there is more to look at.
    var isWaiting: Bool { current != nil || follower.isWaiting }

    /// Looks at the next rows. Worker threads only.
    mutating func next(limit: Int) -> Batch {
        var batch = Batch()
        if current == nil {
            let taken = follower.take()
            current = taken.arrived
            batch.missed = taken.missed
            row = current?.range.lowerBound ?? 0
        }
        guard let first = current else { return batch }
        let due = first.arrivedAt &+ delay
        let now = Machine.monotonicNanoseconds()
        guard due <= now else {
            batch.waitNanoseconds = min(due &- now, delay)
            return batch
        }
        let found = scan.scan(first, from: row, limit: limit)
        batch.streams = found.streams
        batch.oldestArrival = first.arrivedAt
        row = found.nextRow
        if row >= first.range.upperBound { current = nil }
        return batch
    }
}
