import Bytes
import Model
import Query
import Synchronization

@testable import Store

/// A row as tests write it.
struct TestRow: Sendable {
    var time: Int64
    var labels: [String: String]
    var line: [UInt8]
    var metadata: [String: String]

    init(_ time: Int64, _ labels: [String: String], _ line: String, _ metadata: [String: String] = [:]) {
        self.time = time
        self.labels = labels
        self.line = [UInt8](line.utf8)
        self.metadata = metadata
    }
}

/// Units of rows in memory, some sorted as blocks are, some in arrival order as heads are.
final class FakeStore: RecentData, StoreSnapshot {
    struct Unit: ScanUnit {
        let rows: Rows
        let isSorted: Bool
        let streams: [StreamID]
        let arrival: UInt64
        let firstTime: Int64
        let lastTime: Int64
        let hidden: [Int]
        let store: FakeStore

        var rowCount: Int { rows.count }
        var storedBytes: Int { isSorted ? 64 : 0 }

        func counts() throws(ScanError) -> [StreamCount]? {
            guard isSorted, store.givesCounts else { return nil }
            var found: [StreamID: StreamCount] = [:]
            rows.read { (entries, _) in
                for index in 0..<entries.count {
                    let entry = entries[index]
                    let stream = streams[Int(entry.stream)]
                    let old = found[stream]
                    found[stream] = StreamCount(
                        stream: stream, rows: (old?.rows ?? 0) + 1,
                        bytes: (old?.bytes ?? 0) + Int(entry.lineCount) + Int(entry.metadataCount),
                        firstTime: min(old?.firstTime ?? .max, entry.time),
                        lastTime: max(old?.lastTime ?? .min, entry.time))
                }
            }
            return found.values.filter { $0.stream != .none }
        }

        func load(_ need: ScanNeed) throws(ScanError) -> LoadedRows {
            store.loads.add(1, ordering: .relaxed)
            store.onLoad.withLock { $0 }?()
            if need == .times { store.timeLoads.add(1, ordering: .relaxed) }
            if store.isDamaged { throw ScanError("part 7 is damaged") }
            return LoadedRows(
                rows: rows, isSorted: isSorted, streams: streams, hidden: hidden, storedBytes: storedBytes,
                rawBytes: rows.arena.releasedCount)
        }
    }

    private let sets: [LabelSet]
    private let parts: Mutex<[Unit]> = Mutex([])
    let loads = Atomic<Int>(0)
    let timeLoads = Atomic<Int>(0)
    /// Called on the worker thread as a unit is loaded.
    let onLoad: Mutex<(@Sendable () -> Void)?> = Mutex(nil)
    let requests: Mutex<[ScanRequest]> = Mutex([])
    let givesCounts: Bool
    let isDamaged: Bool
    let oldestTime: Int64

    /// - Parameter units: rows of each unit in arrival order; sorted by time here where the flag says so.
    init(
        _ units: [(isSorted: Bool, rows: [TestRow])], hidden: [Int] = [], givesCounts: Bool = true,
        isDamaged: Bool = false, oldestTime: Int64 = .min
    ) {
        self.givesCounts = givesCounts
        self.isDamaged = isDamaged
        self.oldestTime = oldestTime
        var ordinals: [LabelSet: UInt32] = [:]
        var sets: [LabelSet] = []
        for unit in units {
            for row in unit.rows {
                let labels = LabelSet(row.labels.map { ($0.key, $0.value) })
                if ordinals[labels] == nil {
                    ordinals[labels] = UInt32(sets.count)
                    sets.append(labels)
                }
            }
        }
        self.sets = sets
        var made: [Unit] = []
        var arrival: UInt64 = 0
        for unit in units where !unit.rows.isEmpty {
            var rows = unit.rows
            if unit.isSorted {
                rows = rows.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
                    .map(\.element)
            }
            var arena: [UInt8] = []
            var entries: [RowEntry] = []
            for row in rows {
                let line = arena.count
                arena += row.line
                let metadata = arena.count
                arena += LabelSet(row.metadata.map { ($0.key, $0.value) }).encoded
                let stream = ordinals[LabelSet(row.labels.map { ($0.key, $0.value) })] ?? 0
                entries.append(
                    RowEntry(
                        time: row.time, stream: stream, lineOffset: line, lineCount: row.line.count,
                        metadataOffset: metadata, metadataCount: arena.count - metadata))
            }
            made.append(
                Unit(
                    rows: Rows(entries: AppendOnly(entries), arena: AppendOnly(arena), count: entries.count),
                    isSorted: unit.isSorted, streams: sets.indices.map { StreamID(UInt32($0)) }, arrival: arrival,
                    firstTime: rows.map(\.time).min() ?? 0, lastTime: rows.map(\.time).max() ?? 0, hidden: hidden,
                    store: self))
            arrival += 1
        }
        parts.withLock { $0 = made }
    }

    /// One sorted unit.
    convenience init(_ rows: [TestRow]) {
        self.init([(true, rows)])
    }

    func snapshot(_ tenant: TenantID) -> any StoreSnapshot { self }

    func labels(_ stream: StreamID) -> LabelSet { sets[Int(stream.index)] }

    private func selected(_ request: ScanRequest) -> [Bool] {
        sets.map { labels in
            request.tests.allSatisfy { test in
                let value = LabelSet.range(of: test.name.span, in: labels.encoded.span, 0..<labels.encoded.count)
                return test.test.matches(labels.encoded.span.extracting(value ?? 0..<0))
            }
        }
    }

    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID] {
        selected(request).enumerated().filter(\.element).map { StreamID(UInt32($0.offset)) }
    }

    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan {
        requests.withLock { $0.append(request) }
        let selected = selected(request)
        var plan = ScanPlan()
        for unit in parts.withLock({ $0 }) where request.range.overlaps(first: unit.firstTime, last: unit.lastTime) {
            let map = unit.streams.map { selected[Int($0.index)] ? $0 : StreamID.none }
            plan.units.append(
                Unit(
                    rows: unit.rows, isSorted: unit.isSorted, streams: map, arrival: unit.arrival,
                    firstTime: unit.firstTime, lastTime: unit.lastTime, hidden: unit.hidden, store: self))
        }
        return plan
    }
}

/// Runs work on threads that all tests share: those that run the tests themselves must not wait for it.
struct TestScheduler: WorkScheduler {
    private static let workers = Workers(count: 2, nice: 0)

    func run<R: Sendable>(_ priority: WorkPriority, _ work: @escaping @Sendable () -> R) async -> R {
        await TestScheduler.workers.run(priority, work)
    }
}

let second: Int64 = 1_000_000_000

/// An executor without a limit of time, which a machine under load may reach before a query is begun.
func makeExecutor(_ change: (inout Limits) -> Void = { _ in }) -> QueryExecutor {
    var limits = Limits()
    limits.querySeconds.value = 0
    change(&limits)
    return QueryExecutor(scheduler: TestScheduler(), limits: limits)
}

/// Lines of a log query in the answer's order within each stream, streams one behind the other.
func lines(
    _ query: String, _ store: FakeStore, start: Int64 = 0, end: Int64 = 1000 * second, limit: Int = 100,
    _ direction: Direction = .forward, interval: Int64 = 0
) async throws -> [String] {
    let parameters = QueryParameters(
        range: start, end, limit: limit, direction: direction, intervalNanoseconds: interval)
    guard case .streams(let streams) = try await makeExecutor().run(query, parameters, source: store).result else {
        return ["no streams"]
    }
    return streams.flatMap { $0.entries.map { String(decoding: $0.line, as: UTF8.self) } }
}

/// Label texts of a log query's streams.
func streamLabels(_ query: String, _ store: FakeStore) async throws -> [String] {
    let parameters = QueryParameters(range: 0, 1000 * second, direction: .forward)
    guard case .streams(let streams) = try await makeExecutor().run(query, parameters, source: store).result else {
        return ["no streams"]
    }
    return streams.map(\.labels.description)
}

/// Values of an instant query by label text.
func instant(
    _ query: String, _ store: FakeStore, at time: Int64 = 1000 * second
) async throws -> [String: Double] {
    let answer = try await makeExecutor().run(query, QueryParameters(instant: time), source: store)
    switch answer.result {
    case .vector(let series):
        var found: [String: Double] = [:]
        for one in series { found[one.labels.description] = one.samples.first?.value }
        return found
    case .scalar(let sample): return ["scalar": sample.value]
    default: return ["neither vector nor scalar": 0]
    }
}
