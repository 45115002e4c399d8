public import Bytes

/// One row: where its bytes lie in an arena, when it was and which stream it belongs to. 32 bytes, no references.
public struct RowEntry: BitwiseCopyable, Hashable, Sendable {
    /// Nanoseconds since 1970-01-01 UTC.
    public var time: Int64
    /// Number of the stream: in a batch, head or part, that container's own ordinal.
    public var stream: UInt32
    public var lineOffset: UInt32
    public var lineCount: UInt32
    /// Metadata as encoded pairs (Labels.swift).
    public var metadataOffset: UInt32
    public var metadataCount: UInt32
    public var flags: RowFlags

    @inlinable
    public init(
        time: Int64, stream: UInt32, lineOffset: Int, lineCount: Int, metadataOffset: Int, metadataCount: Int,
        flags: RowFlags = []
    ) {
        self.time = time
        self.stream = stream
        self.lineOffset = UInt32(truncatingIfNeeded: lineOffset)
        self.lineCount = UInt32(truncatingIfNeeded: lineCount)
        self.metadataOffset = UInt32(truncatingIfNeeded: metadataOffset)
        self.metadataCount = UInt32(truncatingIfNeeded: metadataCount)
        self.flags = flags
    }

    /// The line's bytes in the arena.
    @inlinable public var line: Range<Int> { Int(lineOffset)..<(Int(lineOffset) + Int(lineCount)) }
    /// The metadata's bytes in the arena.
    @inlinable public var metadata: Range<Int> {
        Int(metadataOffset)..<(Int(metadataOffset) + Int(metadataCount))
    }
}

/// What is known of a row beside its bytes.
public struct RowFlags: OptionSet, BitwiseCopyable, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// A published part may hold an equal row: look before counting (storage rule 8).
    public static let suspect = RowFlags(rawValue: 1)
    /// The row carries a value that the trace maplet indexes.
    public static let traced = RowFlags(rawValue: 2)
}

/// Rows and their arena as readers see them: a head chunk or a decoded block. Rows below `count` never change.
public struct Rows: Sendable {
    public let entries: AppendOnly<RowEntry>
    public let arena: AppendOnly<UInt8>
    public let count: Int

    @inlinable
    public init(entries: AppendOnly<RowEntry>, arena: AppendOnly<UInt8>, count: Int) {
        self.entries = entries
        self.arena = arena
        self.count = count
    }

    /// Calls `body` with the row entries and the arena that they point into.
    @inlinable
    public func read<R, E: Error>(
        _ body: (_ entries: borrowing Span<RowEntry>, _ arena: borrowing ByteSpan) throws(E) -> R
    ) throws(E) -> R {
        try entries.withSpan(count: count) { (rows) throws(E) -> R in
            try arena.withSpan(count: arena.releasedCount) { (bytes) throws(E) -> R in
                try body(rows, bytes)
            }
        }
    }
}
