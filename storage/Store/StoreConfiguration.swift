public import Bytes
public import Chunks
public import Files
import Model

/// How a store is opened. Sizes in bytes, times in seconds.
public struct StoreConfiguration: Sendable {
    /// The data folder: `wal/`, `tmp/`, `quarantine/`, `tenants/`, `catalog.sqlite`, `state.sqlite`.
    public var folder: String
    public var files: any FileSystem = PosixFileSystem()
    public var clock: any WallClock = SystemClock()
    /// Compression of blocks at rest.
    public var codec: Codec = .best
    /// What sealed blocks are made of, and how many rows they have at most.
    public var blockKind = BlockKind.columns
    public var blockRows = 65_536
    /// Metadata names that the trace maplet indexes.
    public var indexedNames: [String] = FieldName.indexed
    /// Whole days older than this go.
    public var retentionDays = 30
    /// The oldest days go, but never today's, while parts take more than this (0: as much as they like) …
    public var retentionMaximumBytes = 0
    /// … or while less than this is free on the disk (0: whatever is free).
    public var retentionFreeBytes = 0
    /// Whether equal entries (stream, time, line, metadata) are all kept, instead of one of them.
    public var keepsDuplicates = false
    /// A label with more values than this in a day becomes metadata, as does the one with most when a day has more
    /// streams than this.
    public var labelValuesLimit = 10_000
    public var streamsLimit = 50_000
    /// How long a deletion can be cancelled before its rows leave the disk.
    public var deletionDelaySeconds = 86_400
    /// Compiles what deletions are about; nil: nothing can be deleted.
    public var rowFilters: (any RowFilterCompiler)?
    /// A head becomes a part at this many rows, raw bytes or seconds since its first row.
    public var headRows = 65_536
    public var headBytes = 16 << 20
    public var headAgeSeconds = 300
    /// Memory of all heads, open and frozen.
    public var headBudgetBytes = 32 << 20
    /// Heads are written as rows, which is quick, while ingest is faster than sealing and such parts take at most this
    /// and a twentieth of the disk; they become columns when there is time.
    public var spillBudgetBytes = 4 << 30
    /// Bytes in WAL segments beyond which the oldest heads are sealed early.
    public var walBudgetBytes = 256 << 20
    /// Size at which a WAL segment is made.
    public var walSegmentBytes = 32 << 20
    /// Below this much free disk nothing is accepted.
    public var minimumFreeBytes = 128 << 20
    /// Parts of a day are merged when this many of a size class have gathered.
    public var mergeFanIn = 8
    public var workerThreads = 2
    public var workerNice = 5
    /// See every row once; what they want kept is in the state.
    public var observers: [any RowObserver] = []
    /// Called with what operators should know; any thread.
    public var report: @Sendable (StoreReport) -> Void = { _ in }

    /// Set where the data folder cannot be written: an empty folder for copies of the two databases, which change while
    /// they are read. Then nothing is taken, changed or removed.
    public var scratchFolder: String?

    public init(folder: String) {
        self.folder = folder
    }

    /// Set by tests only.
    var encoderTrial = EncoderTrial()

    /// By how much the free disk must exceed the floor before batches are taken again.
    var roomBytes: Int { min(16 << 20, minimumFreeBytes / 8) }

    var walFolder: String { folder + "/wal" }
    var temporaryFolder: String { folder + "/tmp" }
    var quarantineFolder: String { folder + "/quarantine" }
    var catalogPath: String { (scratchFolder ?? folder) + "/catalog.sqlite" }
    var statePath: String { (scratchFolder ?? folder) + "/state.sqlite" }
    var retentionNanoseconds: Int64 { Int64(clamping: retentionDays) &* Nanoseconds.perDay }
}

/// Something an operator should know about the store.
public struct StoreReport: Sendable, Hashable, CustomStringConvertible {
    public enum Level: String, Sendable, Hashable {
        case info, warning, error
    }

    public let level: Level
    public let text: String

    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }

    public var description: String { text }
}

/// The store cannot be opened: what stands in the way and what to do.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
