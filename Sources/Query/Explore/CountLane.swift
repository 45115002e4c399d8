internal import Bytes
internal import Model
internal import Store

/// Pieces of time for which counts are kept apart: multiples of a width, or all of it as one.
struct TimeBuckets: Hashable, Sendable {
    /// Nil: one piece.
    let widthNanoseconds: Int64?

    /// Number of the piece that holds `time`; equal numbers mean equal pieces.
    @inline(__always)
    func number(_ time: Int64) -> Int64 {
        guard let width = widthNanoseconds else { return 0 }
        let quotient = time / width
        return time % width < 0 ? quotient &- 1 : quotient
    }

    /// First instant of a piece; saturates.
    func start(_ number: Int64) -> Int64 {
        guard let width = widthNanoseconds else { return .min }
        let (value, overflow) = number.multipliedReportingOverflow(by: width)
        return overflow ? (number < 0 ? .min : .max) : value
    }

    /// First instant after a piece; saturates.
    func end(_ number: Int64) -> Int64 { widthNanoseconds == nil ? .max : start(number &+ 1) }
}

/// What of a stream lies in a piece of time.
struct StreamTally: Hashable, Sendable {
    var rows = 0
    /// Raw bytes of lines and metadata.
    var bytes = 0

    mutating func add(_ other: StreamTally) {
        rows &+= other.rows
        bytes &+= other.bytes
    }
}

/// Counts rows and bytes of streams: from directories where a block's rows of a stream lie in one piece of the range,
/// from the rows where they do not.
final class CountLane: UnitLane, @unchecked Sendable {
    // Invariant: used by one visit at a time (`Exploration.visit`).
    private let range: TimeRange
    private let buckets: TimeBuckets
    /// Tests on the metadata of each entry: where there are any, directories do not tell.
    private let entryTests: EntryTests
    private let control: QueryControl
    private var candidates = CandidateRows()
    private(set) var tallies: [StreamID: [Int64: StreamTally]] = [:]
    /// Pairs of a unit and a stream with rows in the range.
    private(set) var chunks = 0
    private(set) var warnings: [String] = []
    /// Not yet accounted for.
    private var newTallies = 0

    private static let tallyBytes = 64

    init(_ range: TimeRange, _ buckets: TimeBuckets, _ entryTests: EntryTests, _ control: QueryControl) {
        self.range = range
        self.buckets = buckets
        self.entryTests = entryTests
        self.control = control
    }

    func visit(_ unit: any ScanUnit) throws(QueryError) {
        var opened: Set<StreamID> = []
        do throws(ScanError) {
            if entryTests.isEmpty, let counts = try unit.counts() {
                for count in counts {
                    guard range.overlaps(first: count.firstTime, last: count.lastTime) else { continue }
                    let first = buckets.number(count.firstTime)
                    if range.covers(first: count.firstTime, last: count.lastTime),
                        first == buckets.number(count.lastTime)
                    {
                        chunks += 1
                        add(StreamTally(rows: count.rows, bytes: count.bytes), count.stream, first)
                    } else {
                        opened.insert(count.stream)
                    }
                }
                if opened.isEmpty { return }
                count(try unit.load(.rows), only: opened)
            } else {
                count(try unit.load(.rows), only: nil)
            }
        } catch {
            warnings.append(error.what)
        }
        try control.hold(newTallies * CountLane.tallyBytes)
        newTallies = 0
    }

    private func count(_ loaded: LoadedRows, only: Set<StreamID>?) {
        let wanted = loaded.streams.map { $0 != .none && only?.contains($0) ?? true }
        var seen = [Bool](repeating: false, count: wanted.count)
        loaded.rows.read { (entries, arena) in
            candidates.find(loaded, entries, arena, range: range, pilot: [])
            var run = (ordinal: UInt32.max, bucket: Int64.min, tally: StreamTally())
            for row in candidates.rows {
                let entry = entries[Int(row)]
                guard wanted[Int(entry.stream)],
                    entryTests.passes(loaded.streams[Int(entry.stream)], arena, entry.metadata)
                else { continue }
                let bucket = buckets.number(entry.time)
                if entry.stream != run.ordinal || bucket != run.bucket {
                    close(run, loaded)
                    run = (entry.stream, bucket, StreamTally())
                    seen[Int(entry.stream)] = true
                }
                run.tally.rows &+= 1
                run.tally.bytes &+= Int(entry.lineCount) &+ Int(entry.metadataCount)
            }
            close(run, loaded)
        }
        chunks += seen.count { $0 }
    }

    private func close(_ run: (ordinal: UInt32, bucket: Int64, tally: StreamTally), _ loaded: LoadedRows) {
        guard run.tally.rows > 0 else { return }
        add(run.tally, loaded.streams[Int(run.ordinal)], run.bucket)
    }

    private func add(_ tally: StreamTally, _ stream: StreamID, _ bucket: Int64) {
        if tallies[stream]?[bucket] == nil { newTallies += 1 }
        tallies[stream, default: [:]][bucket, default: StreamTally()].add(tally)
    }
}
