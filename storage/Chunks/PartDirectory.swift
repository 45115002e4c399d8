/// What a block is made of; the raw value is its number on disk.
public enum BlockKind: UInt8, Sendable, Hashable, BitwiseCopyable {
    /// Rows one after another: BlockBuilder.swift.
    case rows = 1
    /// Columns that are searched as they are: ColumnBlockBuilder.swift.
    case columns = 2
}

/// One stream in one block, exact.
public struct BlockStream: Sendable, Hashable, BitwiseCopyable {
    /// The stream's place in the part's list of streams.
    public internal(set) var ordinal: UInt32
    public internal(set) var rows: UInt32
    /// Lines and metadata before compression, in bytes.
    public internal(set) var rawBytes: UInt64
    /// Time of its first and last row in the block, inclusive.
    public internal(set) var firstTime: Int64
    public internal(set) var lastTime: Int64
}

/// One block, as the directory knows it without opening it.
public struct BlockEntry: Sendable, Hashable, BitwiseCopyable {
    public internal(set) var kind: BlockKind
    /// Where the block lies in the file, in bytes.
    public internal(set) var offset: Int
    public internal(set) var storedBytes: Int
    /// Bytes from the block's start that hold times and streams of all rows.
    public internal(set) var leadBytes: Int
    /// Checksum of the block's header, so that a block is the one that was meant.
    public internal(set) var headerChecksum: UInt32
    public internal(set) var rows: Int
    /// Rows with a value that the trace maplet indexes.
    public internal(set) var tracedRows: Int
    /// Lines and metadata before compression, in bytes.
    public internal(set) var rawBytes: UInt64
    public internal(set) var firstTime: Int64
    public internal(set) var lastTime: Int64
    public internal(set) var lowestSequence: UInt64
    public internal(set) var highestSequence: UInt64
    /// Where its streams stand in `PartDirectory.blockStreams`; their order numbers them inside the block.
    var firstStream: Int
    var streamCount: Int

    /// Where its streams stand in `PartDirectory.blockStreams`.
    public var streams: Range<Int> { firstStream..<(firstStream + streamCount) }
}

/// All blocks of a part, and all their streams in one flat array.
public struct PartDirectory: Sendable {
    public internal(set) var blocks: [BlockEntry] = []
    /// Streams of block 0, then of block 1 …: see `BlockEntry.streams`.
    public internal(set) var blockStreams: [BlockStream] = []

    /// The streams of block `index`, in their order inside the block.
    public func streams(of index: Int) -> ArraySlice<BlockStream> { blockStreams[blocks[index].streams] }

    /// Memory held, in bytes.
    public var memoryBytes: Int {
        blocks.count * MemoryLayout<BlockEntry>.stride + blockStreams.count * MemoryLayout<BlockStream>.stride
    }

    /// Adds a block; its `firstStream` and `streamCount` are set here.
    mutating func append(_ entry: BlockEntry, streams: some Collection<BlockStream>) {
        var entry = entry
        entry.firstStream = blockStreams.count
        entry.streamCount = streams.count
        blocks.append(entry)
        blockStreams.append(contentsOf: streams)
    }
}
