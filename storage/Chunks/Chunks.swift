public import Bytes
public import Model

// Chunks: immutable part files, `<id>.dlp`. How rows become blocks, how blocks become a file, and how a file is read
// back, checked, searched by trace id and merged.
//
// The target knows bytes, the model and the `File` protocol. It knows no WAL, no catalog, no queries and no threads:
// every call does its work on the thread of its caller. The format is specified in storage/FORMAT.md.

/// What is chosen for a new part.
public struct PartConfiguration: Sendable, Hashable {
    /// Compression of sections and frames; what does not shrink is stored as it is.
    public var codec: Codec
    /// Metadata names whose values the trace maplet indexes, in one namespace.
    public var indexedNames: [String]
    /// What new blocks are made of.
    public var kind: BlockKind
    /// Lines and metadata of a row block, in bytes; a longer row makes a block of its own.
    public var blockRawBytes: Int
    /// Rows of a block, at most 65,536.
    public var blockRows: Int
    /// Names of metadata that were demoted from labels (storage rule 12).
    public var fromLabelNames: [String]
    /// What a test does to the encoding of column blocks.
    public var trial = EncoderTrial()

    public init(
        codec: Codec = .best, indexedNames: [String] = FieldName.indexed, kind: BlockKind = .rows,
        blockRawBytes: Int = 1 << 20, blockRows: Int = PartLimits.writtenBlockRows, fromLabelNames: [String] = []
    ) {
        self.codec = codec
        self.indexedNames = indexedNames
        self.kind = kind
        self.blockRawBytes = min(max(blockRawBytes, 1), PartLimits.rowBytes)
        self.blockRows = min(max(blockRows, 1), PartLimits.writtenBlockRows)
        self.fromLabelNames = fromLabelNames
    }
}

/// How a test breaks the encoding of column blocks, to see that comparing them with their rows is what keeps the rows.
public struct EncoderTrial: Sendable, Hashable {
    /// Whether the encoder errs: one byte of a line of each block is another.
    public var errs = false
    /// Whether blocks are compared with their rows before they are published.
    public var compares = true

    public init() {}
}

/// Bounds on what is written and, more widely, on what is believed when read. Sizes in bytes.
public enum PartLimits {
    /// Rows that a row block gets at most: bounds its stream list, thus a directory frame.
    public static let writtenBlockRows = 65_536
    /// Line and metadata of one row.
    public static let rowBytes = 64 << 20
    /// Lines and metadata of a column block: more rows begin the next one.
    static let columnBlockRawBytes = 32 << 20
    /// Rows that a block may claim.
    static let blockRows = 1 << 20
    /// Lines and metadata that a block may claim.
    static let blockRawBytes = 128 << 20
    /// Decompressed size of one frame: 64 directory entries or 1 MiB of labels, with room.
    static let frameRawBytes = 16 << 20
    /// Decompressed size of all frames of a region.
    static let regionRawBytes = 512 << 20
    /// Raw size at which a frame of streams or directory entries is closed.
    static let frameTargetBytes = 1 << 20
    static let footerBytes = 4 << 20
    static let blocks = 1 << 20
    static let streams = 4 << 20
    /// Blocks that the maplet can number.
    static let mapletBlocks = 255
    /// Pairs of trace and block that a maplet is built from: bounds the memory of building at about 200 MiB.
    static let maximumTracePairs = 4 << 20
    /// Seeds that are tried before a part goes without a maplet (storage rule 14).
    static let mapletSeeds = 8
}

/// A stream of a part: its ordinal is its place in `Part.streams()`.
public struct PartStream: Sendable, Hashable {
    public let hash: Hash128
    public let labels: LabelSet

    public init(hash: Hash128, labels: LabelSet) {
        self.hash = hash
        self.labels = labels
    }
}

/// What a part holds of one stream.
public struct StreamTotals: Sendable, Hashable {
    public let hash: Hash128
    public let labels: LabelSet
    public internal(set) var rows: UInt64
    /// Lines and metadata before compression, in bytes.
    public internal(set) var rawBytes: UInt64
    /// Time of the first and last row, inclusive.
    public internal(set) var firstTime: Int64
    public internal(set) var lastTime: Int64
}
