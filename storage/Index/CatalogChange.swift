public import Bytes
public import Model

/// What one transaction of the catalog changes. Applied in the order of the properties.
public struct CatalogChange: Hashable, Sendable {
    /// The job this is part of, if it runs under a claim: the commit fails unless the claim still stands.
    public var lease: Lease?
    /// Dead parts whose files are gone: their rows and statistics leave the catalog.
    public var forget: [Hash128] = []
    /// New parts, live.
    public var add: [AddedPart] = []
    /// Parts that no longer count; unknown ids are ignored.
    public var markDead: [Hash128] = []
    /// Coverage that is lost (a live row without its file): WAL that is still there is replayed.
    public var uncover: [DayCoverage] = []
    /// Coverage gained.
    public var cover: [DayCoverage] = []
    /// Keys of batches accepted since the last commit, oldest first.
    public var batchKeys: [BatchKeyRecord] = []

    public init() {}

    public var isEmpty: Bool {
        forget.isEmpty && add.isEmpty && markDead.isEmpty && uncover.isEmpty && cover.isEmpty && batchKeys.isEmpty
    }
}

/// A new part with the streams it holds.
public struct AddedPart: Hashable, Sendable {
    public var summary: PartSummary
    /// Statistics per stream, in any order, each stream once.
    public var streams: [StreamStatistics]

    public init(_ summary: PartSummary, streams: [StreamStatistics] = []) {
        self.summary = summary
        self.streams = streams
    }
}

/// What a part (or a day) holds of one stream.
public struct StreamStatistics: Hashable, Sendable {
    /// Identity of the stream: the hash of `labels`.
    public var hash: Hash128
    public var labels: LabelSet
    public var rows: UInt64
    /// Lines and metadata before compression, in bytes.
    public var rawBytes: UInt64
    /// Time of the first and last row, inclusive.
    public var firstTime: Int64
    public var lastTime: Int64

    public init(
        hash: Hash128, labels: LabelSet, rows: UInt64, rawBytes: UInt64, firstTime: Int64, lastTime: Int64
    ) {
        self.hash = hash
        self.labels = labels
        self.rows = rows
        self.rawBytes = rawBytes
        self.firstTime = firstTime
        self.lastTime = lastTime
    }
}

/// Coverage of one tenant's day.
public struct DayCoverage: Hashable, Sendable {
    public var tenant: TenantID
    public var day: Day
    public var coverage: Coverage

    public init(tenant: TenantID, day: Day, coverage: Coverage) {
        self.tenant = tenant
        self.day = day
        self.coverage = coverage
    }
}

/// The key of an accepted batch and what its sender was told (storage rule 7).
public struct BatchKeyRecord: Hashable, Sendable {
    public var key: Hash128
    public var tenant: TenantID
    public var receipt: Receipt
    /// When it was accepted, nanoseconds since 1970.
    public var time: Int64

    public init(key: Hash128, tenant: TenantID, receipt: Receipt, time: Int64) {
        self.key = key
        self.tenant = tenant
        self.receipt = receipt
        self.time = time
    }

    /// How long a repeat is recognised: 15 minutes, longer than clients go on resending.
    public static let lifetimeNanoseconds = 15 * Nanoseconds.perMinute
    /// How many keys are kept at most, 8 MB of them; the oldest leave first.
    public static let capacity = 262_144
}

/// A claim of a periodic job.
public struct Lease: Hashable, Sendable {
    public var job: String
    public var owner: UInt64
    /// Fencing token: higher each time the job changes hands.
    public var token: UInt64
    /// When it ends, nanoseconds since 1970.
    public var until: Int64

    public init(job: String, owner: UInt64, token: UInt64, until: Int64) {
        self.job = job
        self.owner = owner
        self.token = token
        self.until = until
    }
}

/// A part's row.
public struct CatalogPart: Hashable, Sendable {
    public var summary: PartSummary
    /// Replaced, merged or dropped: the file goes as soon as nobody reads it.
    public var isDead: Bool

    public init(_ summary: PartSummary, isDead: Bool) {
        self.summary = summary
        self.isDead = isDead
    }
}

/// Parts changed after some revision.
public struct CatalogChanges: Hashable, Sendable {
    /// The revision these changes lead to.
    public var revision: UInt64
    public var parts: [CatalogPart]

    public init(revision: UInt64, parts: [CatalogPart]) {
        self.revision = revision
        self.parts = parts
    }
}

/// A stream's row.
public struct CatalogStream: Hashable, Sendable {
    public var tenant: TenantID
    public var hash: Hash128
    public var labels: LabelSet

    public init(tenant: TenantID, hash: Hash128, labels: LabelSet) {
        self.tenant = tenant
        self.hash = hash
        self.labels = labels
    }
}

/// The whole catalog but for the statistics.
public struct CatalogState: Hashable, Sendable {
    public var storeID: Hash128
    /// Number of commits so far.
    public var revision: UInt64
    /// Live and dead parts.
    public var parts: [CatalogPart] = []
    public var covered: [DayCoverage] = []
    /// Oldest first, at most `BatchKeyRecord.capacity`, none older than 15 minutes.
    public var batchKeys: [BatchKeyRecord] = []
    public var streams: [CatalogStream] = []
    /// The highest sequence ever covered, by writer: stays when the days it was in are gone.
    public var highestSequences: [UInt64: UInt64] = [:]

    public init(storeID: Hash128, revision: UInt64) {
        self.storeID = storeID
        self.revision = revision
    }
}
