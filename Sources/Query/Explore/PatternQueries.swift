internal import Bytes
internal import LogQL
public import Model
public import Store

/// A text that many lines follow, with how many did, for one level.
public struct LogPattern: Hashable, Sendable {
    /// Lines in a step that begins at `time`, in nanoseconds since 1970-01-01 UTC.
    public struct Count: Hashable, Sendable {
        public let time: Int64
        public let lines: Int
    }

    /// As in `|> "…"`: `<_>` stands for what differs.
    public let text: String
    public let level: String
    /// Ascending.
    public let counts: [Count]
}

/// Patterns, most frequent first.
public struct LogPatterns: Hashable, Sendable {
    public var patterns: [LogPattern] = []
    /// One sentence each: what may be missing, and why.
    public var warnings: [String] = []

    public init() {}
}

/// What patterns are asked for. Times in nanoseconds since 1970-01-01 UTC.
public struct PatternsRequest: Hashable, Sendable {
    public var tenant: TenantID
    public var range: TimeRange
    /// A stream selector.
    public var selector: String
    public var stepNanoseconds: Int64
    /// Lines looked at, at most: the newest blocks'.
    public var lineLimit = 1_000_000
    /// Patterns of the answer: the most frequent.
    public var limit = 1000
    /// Whether `{}`, all streams, may be asked for.
    public var allowsAll = false

    public init(range: TimeRange, selector: String, stepNanoseconds: Int64, tenant: TenantID = .standard) {
        self.tenant = tenant
        self.range = range
        self.selector = selector
        self.stepNanoseconds = stepNanoseconds
    }
}

extension QueryExecutor {
    /// Patterns of the lines of the selected streams in the range, by level.
    public func patterns(_ request: PatternsRequest, source: any RecentData) async throws(QueryError) -> LogPatterns {
        let selector = try Exploration.selector(request.selector, allowsAll: request.allowsAll)
        let exploration = Exploration(self, request.tenant, source: source)
        let (tests, rowTests, demoted) = try Planner(options: options).split(selector)
        let entryTests = EntryTests(rowTests, demoted, exploration.snapshot)
        var scan = ScanRequest(range: exploration.clamped(request.range), tests: tests)
        scan.demotedTests = entryTests.labelTests
        let plan = try await exploration.plan(scan)
        let lane = PatternLane(scan.range, request, entryTests, exploration.control)
        try await exploration.visit(plan.units.sorted { $0.lastTime > $1.lastTime }, [lane])
        let buckets = TimeBuckets(widthNanoseconds: max(request.stepNanoseconds, 1))
        var result = LogPatterns()
        result.warnings = plan.warnings + lane.warnings
        result.patterns = try await exploration.onWorker {
            lane.miner.found.prefix(request.limit).map { found in
                LogPattern(
                    text: found.pattern.text, level: found.level.isEmpty ? "unknown" : found.level.text,
                    counts: found.counts.sorted { $0.key < $1.key }.map { step, lines in
                        LogPattern.Count(time: buckets.start(step), lines: lines)
                    })
            }
        }
        return result
    }
}

/// Shows the lines of units to a miner.
final class PatternLane: UnitLane, @unchecked Sendable {
    // Invariant: used by one visit at a time (`Exploration.visit`).
    private let range: TimeRange
    private let entryTests: EntryTests
    private let control: QueryControl
    private let buckets: TimeBuckets
    private let lineLimit: Int
    private var candidates = CandidateRows()
    private var lines = 0
    private var isCut = false
    private var faults: [String] = []
    private(set) var miner = PatternMiner()
    private static let levelName = [UInt8](text: "detected_level")

    init(_ range: TimeRange, _ request: PatternsRequest, _ entryTests: EntryTests, _ control: QueryControl) {
        self.range = range
        self.entryTests = entryTests
        self.control = control
        buckets = TimeBuckets(widthNanoseconds: max(request.stepNanoseconds, 1))
        lineLimit = request.lineLimit
    }

    var warnings: [String] {
        var result = faults
        if isCut { result.append("patterns are those of the newest \(lines) lines; there are more in the range") }
        if miner.droppedLines > 0 {
            result.append("\(miner.droppedLines) lines follow rare patterns that are not shown")
        }
        return result
    }

    func visit(_ unit: any ScanUnit) throws(QueryError) {
        if lines >= lineLimit {
            isCut = true
            return
        }
        do throws(ScanError) {
            add(try unit.load(.rows))
        } catch {
            faults.append(error.what)
        }
        try control.hold(miner.takeNewBytes())
    }

    private func add(_ loaded: LoadedRows) {
        loaded.rows.read { (entries, arena) in
            candidates.find(loaded, entries, arena, range: range, pilot: [])
            for row in candidates.rows.reversed() {
                let entry = entries[Int(row)]
                guard entryTests.passes(loaded.streams[Int(entry.stream)], arena, entry.metadata) else { continue }
                if lines >= lineLimit {
                    isCut = true
                    return
                }
                lines += 1
                let level = LabelSet.range(of: PatternLane.levelName.span, in: arena, entry.metadata) ?? 0..<0
                miner.add(
                    arena.extracting(entry.line), level: arena.extracting(level), step: buckets.number(entry.time))
            }
        }
    }
}
