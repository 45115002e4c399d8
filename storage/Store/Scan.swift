public import Bytes
public import Columns
public import Model

// What the query side sees of storage: one snapshot, units of rows in it, and nothing of files or heads.

/// A stream in this process: an index into the tenant's stream table. Never on disk.
public struct StreamID: Hashable, Comparable, Sendable, BitwiseCopyable {
    public let index: UInt32

    @inlinable
    public init(_ index: UInt32) {
        self.index = index
    }

    /// In a unit's stream map: not selected.
    public static let none = StreamID(.max)

    @inlinable
    public static func < (a: StreamID, b: StreamID) -> Bool { a.index < b.index }
}

/// A test of one label value. Storage calls it once per distinct value, with the empty value for "absent".
public protocol ValueTest: Sendable {
    func matches(_ value: borrowing ByteSpan) -> Bool
}

/// A test of the stream label `name`.
public struct LabelTest: Sendable {
    public let name: [UInt8]
    public let test: any ValueTest

    public init(name: [UInt8], test: any ValueTest) {
        self.name = name
        self.test = test
    }
}

/// What a scan is after. All tests must hold; storage may return more rows than asked for in time and never fewer:
/// the caller compares times and row predicates itself.
public struct ScanRequest: Sendable {
    public var range: TimeRange
    /// Tests on stream labels (index labels only).
    public var tests: [LabelTest]
    /// Tests on labels that have become metadata: they hold for streams in parts without such metadata, elsewhere the
    /// caller compares each row's label or metadata.
    public var demotedTests: [LabelTest] = []
    /// Not nil: only rows that carry one of these values under an indexed name (trace_id …) are wanted, so blocks that
    /// the trace maplet rules out need not be opened. Rows still have to be compared.
    public var tracedValues: [[UInt8]]?

    public init(range: TimeRange, tests: [LabelTest] = [], tracedValues: [[UInt8]]? = nil) {
        self.range = range
        self.tests = tests
        self.tracedValues = tracedValues
    }
}

/// How much of a unit is needed.
public enum ScanNeed: Sendable, Hashable {
    /// Time and stream of each row; lines and metadata may be empty.
    case times
    /// Everything.
    case rows
}

/// A unit that could not be read. The query goes on without it and says so.
public struct ScanError: Error, Hashable, Sendable, CustomStringConvertible {
    public let what: String

    public init(_ what: String) {
        self.what = what
    }

    public var description: String { what }
}

/// Rows of one stream in one unit, known without opening it.
public struct StreamCount: Sendable, Hashable {
    public let stream: StreamID
    public let rows: Int
    /// Raw bytes of lines and metadata.
    public let bytes: Int
    public let firstTime: Int64
    public let lastTime: Int64

    public init(stream: StreamID, rows: Int, bytes: Int, firstTime: Int64, lastTime: Int64) {
        self.stream = stream
        self.rows = rows
        self.bytes = bytes
        self.firstTime = firstTime
        self.lastTime = lastTime
    }
}

/// Rows of a unit by stream and span of time, known without opening it.
public struct UnitVolume: Sendable {
    public let histogram: VolumeHistogram
    /// By the histogram's numbers: the stream, or `StreamID.none` when the request's tests exclude it.
    public let streams: [StreamID]
    /// Bytes read from the file for this.
    public let storedBytesRead: Int
}

/// Rows of a unit in memory.
public struct LoadedRows: Sendable {
    /// Blocks: sorted by time, then arrival. Head chunks: in arrival order, times in any order.
    public let rows: Rows
    public let isSorted: Bool
    /// For each stream ordinal of `rows` its stream, or `StreamID.none` when the request's tests exclude it.
    public let streams: [StreamID]
    /// Indexes of rows that must not be seen (duplicates of older rows), ascending.
    public let hidden: [Int]
    /// Bytes read from disk, and bytes after decompression.
    public let storedBytes: Int
    public let rawBytes: Int

    public init(
        rows: Rows, isSorted: Bool, streams: [StreamID], hidden: [Int], storedBytes: Int, rawBytes: Int
    ) {
        self.rows = rows
        self.isSorted = isSorted
        self.streams = streams
        self.hidden = hidden
        self.storedBytes = storedBytes
        self.rawBytes = rawBytes
    }
}

/// A block of a part, or a chunk of a head: the piece of work of a scan.
public protocol ScanUnit: Sendable {
    /// Times of its first and last row, inclusive; for a head chunk, bounds at the snapshot.
    var firstTime: Int64 { get }
    var lastTime: Int64 { get }
    var rowCount: Int { get }
    /// Arrival order among units that hold rows of equal time: compare (time, arrival, row).
    var arrival: UInt64 { get }
    /// Size on disk; 0 for a head chunk.
    var storedBytes: Int { get }
    /// Exact counts per selected stream, all times, or nil when only loading tells (heads, unclean parts).
    func counts() throws(ScanError) -> [StreamCount]?
    /// Exact counts per selected stream and span of time, or nil as with `counts`, or where they were not made.
    func volume() throws(ScanError) -> UnitVolume?
    /// The unit's columns, for questions that need no rows; nil where rows are kept as they came (heads, row blocks).
    func columns() throws(ScanError) -> UnitColumns?
    /// Indexes of the rows that a deletion hides, ascending; `load` hides them as well, and units that hide any have
    /// neither counts, volume nor columns. May read the unit: worker threads only.
    func hidden() throws(ScanError) -> [Int]
    /// Reads, checks and decodes. Blocks the calling thread: worker threads only.
    func load(_ need: ScanNeed) throws(ScanError) -> LoadedRows
}

extension ScanUnit {
    public func volume() throws(ScanError) -> UnitVolume? { nil }
    public func columns() throws(ScanError) -> UnitColumns? { nil }
    public func hidden() throws(ScanError) -> [Int] { [] }
}

/// The units that a request has to look at, in no particular order, and what was pruned on the way.
public struct ScanPlan: Sendable {
    public var units: [any ScanUnit] = []
    public var partsConsidered = 0
    public var blocksConsidered = 0
    public var blocksPruned = 0
    /// Bytes read from disk to plan (directories, maplets), cache misses only.
    public var planningBytes = 0
    /// One sentence each: files that are damaged or missing and may have held rows of this answer.
    public var warnings: [String] = []

    public init() {}
}

/// Everything queryable of one tenant at one moment.
public protocol StoreSnapshot: Sendable {
    /// The moment after which nothing is older than retention allows: queries must clamp their start to it.
    var oldestTime: Int64 { get }
    /// Labels of a stream of this snapshot.
    func labels(_ stream: StreamID) -> LabelSet
    /// Streams that pass all tests and have rows in the range (to the block's or day's precision), ascending.
    func streams(_ request: ScanRequest) throws(ScanError) -> [StreamID]
    /// The units to look at. Reads directories: worker threads only.
    func plan(_ request: ScanRequest) throws(ScanError) -> ScanPlan
}

/// Where queries get their snapshots from.
public protocol RecentData: Sendable {
    /// A consistent view of `tenant`; keeps its files readable as long as it is held.
    func snapshot(_ tenant: TenantID) -> any StoreSnapshot
}

/// Runs blocking work off the event loops.
public protocol WorkScheduler: Sendable {
    /// Runs `work` on a worker thread.
    func run<R: Sendable>(_ priority: WorkPriority, _ work: @escaping @Sendable () -> R) async -> R
}

/// Kinds of work on the worker threads. Decoding large bodies and queries take turns; seals come before merges; the
/// two pairs have threads of their own.
public enum WorkPriority: Sendable, Hashable, CaseIterable {
    case decode
    case query
    case seal
    case merge
}
