public import Model

/// One line of an answer.
public struct LogEntry: Hashable, Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    public var line: [UInt8]
    /// Structured metadata and parsed labels; empty unless labels were to be categorised.
    public var metadata: LabelSet
    public var parsed: LabelSet

    public init(
        time: Int64, line: [UInt8], metadata: LabelSet = LabelSet(canonical: []),
        parsed: LabelSet = LabelSet(canonical: [])
    ) {
        self.time = time
        self.line = line
        self.metadata = metadata
        self.parsed = parsed
    }
}

/// Entries of one label set, in the direction asked for.
public struct LogStream: Hashable, Sendable {
    /// All visible labels, or the index labels alone when labels were to be categorised.
    public var labels: LabelSet
    public var entries: [LogEntry]

    public init(labels: LabelSet, entries: [LogEntry]) {
        self.labels = labels
        self.entries = entries
    }
}

/// A value at a moment.
public struct Sample: Hashable, Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    public var value: Double

    public init(time: Int64, value: Double) {
        self.time = time
        self.value = value
    }
}

/// Values of one label set over time, ascending.
public struct Series: Hashable, Sendable {
    public var labels: LabelSet
    public var samples: [Sample]

    public init(labels: LabelSet, samples: [Sample]) {
        self.labels = labels
        self.samples = samples
    }
}

/// What a query found.
public enum QueryResult: Hashable, Sendable {
    /// Sorted by label text.
    case streams([LogStream])
    /// Sorted by labels.
    case matrix([Series])
    /// One sample each; sorted by labels unless the query sorts.
    case vector([Series])
    case scalar(Sample)
}

/// What a query cost.
public struct QueryStatistics: Hashable, Sendable {
    /// Streams that the selectors chose.
    public var streams = 0
    public var partsConsidered = 0
    public var blocksConsidered = 0
    public var blocksPruned = 0
    /// Blocks opened; pieces of heads are not counted.
    public var blocksRead = 0
    /// Bytes read from disk, planning included.
    public var storedBytes = 0
    /// Bytes after decompression, of blocks and heads.
    public var rawBytes = 0
    /// Of these, bytes in heads.
    public var headBytes = 0
    /// Rows looked at, and of these those in heads.
    public var rows = 0
    public var headRows = 0
    /// Rows that passed all stages.
    public var matchedRows = 0
    /// Bytes of lines and of metadata of the rows looked at one by one.
    public var lineBytes = 0
    public var metadataBytes = 0
    /// Entries for streams, series else.
    public var entriesReturned = 0
    /// From the text to the answer, and of this the time before the first unit was read.
    public var executionNanoseconds: Int64 = 0
    public var queueNanoseconds: Int64 = 0
    /// Choosing parts and blocks; reading and testing them; computing steps from samples.
    public var planNanoseconds: Int64 = 0
    public var scanNanoseconds: Int64 = 0
    public var evaluationNanoseconds: Int64 = 0

    public init() {}

    /// Adds what another part of the same query cost.
    mutating func add(_ other: QueryStatistics) {
        streams += other.streams
        partsConsidered += other.partsConsidered
        blocksConsidered += other.blocksConsidered
        blocksPruned += other.blocksPruned
        blocksRead += other.blocksRead
        storedBytes += other.storedBytes
        rawBytes += other.rawBytes
        headBytes += other.headBytes
        rows += other.rows
        headRows += other.headRows
        matchedRows += other.matchedRows
        lineBytes += other.lineBytes
        metadataBytes += other.metadataBytes
        planNanoseconds += other.planNanoseconds
        scanNanoseconds += other.scanNanoseconds
    }
}

/// An answer with its price and its reservations.
public struct QueryAnswer: Hashable, Sendable {
    public var result: QueryResult
    public var statistics: QueryStatistics
    /// One sentence each: what may be missing, and why.
    public var warnings: [String]
    /// Whether labels were categorised (for the answer's encoding).
    public var categorizesLabels: Bool

    public init(
        result: QueryResult, statistics: QueryStatistics = QueryStatistics(), warnings: [String] = [],
        categorizesLabels: Bool = false
    ) {
        self.result = result
        self.statistics = statistics
        self.warnings = warnings
        self.categorizesLabels = categorizesLabels
    }
}
