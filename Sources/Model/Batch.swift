public import Bytes

/// One accepted request, normalised: levels, service names, demoted labels and arrival times are decided. What the WAL
/// stores is this, so replay decides nothing anew.
public struct Batch: Sendable {
    public var tenant: TenantID
    /// Label sets used by the rows, each once.
    public private(set) var streams: [LabelSet] = []
    /// Rows in the order in which they were sent; `stream` indexes `streams`, offsets point into `arena`.
    public private(set) var rows: [RowEntry] = []
    /// Lines and metadata of all rows.
    public private(set) var arena: [UInt8] = []
    /// What a repeat of this request is recognised by; nil when it may not be taken for one (storage rule 7).
    public var key: Hash128?
    private var ordinals: [LabelSet: UInt32] = [:]

    public init(tenant: TenantID = .standard) {
        self.tenant = tenant
    }

    public var isEmpty: Bool { rows.isEmpty }

    /// Raw size in bytes: lines and metadata.
    public var sizeBytes: Int { arena.count }

    /// Makes room at once.
    public mutating func reserve(rows rowCount: Int, bytes: Int) {
        rows.reserveCapacity(rowCount)
        arena.reserveCapacity(bytes)
    }

    /// The ordinal of the stream with these labels, new or known.
    public mutating func intern(_ labels: LabelSet) -> UInt32 {
        if let known = ordinals[labels] { return known }
        let ordinal = UInt32(streams.count)
        streams.append(labels)
        ordinals[labels] = ordinal
        return ordinal
    }

    /// Adds a row whose line and metadata `write` appends to the arena: first the line, returning how many bytes of
    /// what it wrote are the line; the rest is metadata in canonical encoding.
    @inline(__always)
    public mutating func append(time: Int64, stream: UInt32, flags: RowFlags = [], write: (inout [UInt8]) -> Int) {
        let start = arena.count
        let lineCount = write(&arena)
        precondition(
            lineCount >= 0 && start + lineCount <= arena.count && arena.count <= Int(UInt32.max),
            "BUG: line of \(lineCount) in \(arena.count - start) bytes")
        rows.append(
            RowEntry(
                time: time, stream: stream, lineOffset: start, lineCount: lineCount, metadataOffset: start + lineCount,
                metadataCount: arena.count - start - lineCount, flags: flags))
    }

    /// Adds a row with a copy of `line` and `metadata` (canonical encoding).
    public mutating func append(
        time: Int64, stream: UInt32, line: borrowing ByteSpan, metadata: borrowing ByteSpan, flags: RowFlags = []
    ) {
        let start = arena.count
        arena.append(span: line)
        arena.append(span: metadata)
        precondition(arena.count <= Int(UInt32.max), "BUG: batch of \(arena.count) bytes")
        rows.append(
            RowEntry(
                time: time, stream: stream, lineOffset: start, lineCount: line.count,
                metadataOffset: start + line.count, metadataCount: metadata.count, flags: flags))
    }
}

/// What became of a batch.
public struct Receipt: Hashable, Sendable {
    /// Rows stored by this request (or by the first of equal requests).
    public var acceptedRows: Int
    /// Rows that were there already, or came twice in the batch.
    public var duplicateRows: Int

    public init(acceptedRows: Int, duplicateRows: Int) {
        self.acceptedRows = acceptedRows
        self.duplicateRows = duplicateRows
    }
}

/// Why a batch was not stored. Nothing of it is.
public enum IngestError: Error, Hashable, Sendable {
    /// Memory, WAL or row-part budget is used up; try again after `retryAfterSeconds`.
    case overloaded(retryAfterSeconds: Int)
    /// The disk refused the write or is full; try again after `retryAfterSeconds`.
    case storageUnavailable(reason: String, retryAfterSeconds: Int)
    /// The server is stopping.
    case stopping
}

/// Where accepted batches go: the embedded WAL and head here, objects later.
public protocol IngestSink: Sendable {
    /// Stores `batch` durably, or throws; returns only when a crash can no longer lose it.
    func append(_ batch: Batch) async throws(IngestError) -> Receipt
}
