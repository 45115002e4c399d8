// Columns: rows of a block as columns, so that like stands beside like, compresses, and can be searched as it is.
//
// Lines are split into shapes (literal text with holes) and one column of values per hole path; each column is stored
// in the smallest encoding that gives the same bytes back. Knows bytes and the model's rows, nothing of parts or files.
// The format is described byte by byte in storage/COLUMNS-FORMAT.md.

/// A run of bytes in the block's arena: offset in the high, length in the low half.
struct Slice: BitwiseCopyable, Hashable, Sendable {
    let packed: UInt64

    @inline(__always)
    init(_ offset: Int, _ count: Int) {
        packed = UInt64(truncatingIfNeeded: offset) << 32 | UInt64(truncatingIfNeeded: count)
    }

    @inline(__always) var offset: Int { Int(truncatingIfNeeded: packed >> 32) }
    @inline(__always) var count: Int { Int(truncatingIfNeeded: packed & 0xffff_ffff) }
    @inline(__always) var range: Range<Int> { offset..<(offset + count) }
}

/// The bytes do not form a block of columns: damaged, or made by something else.
public struct ColumnError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Bounds of the format, each kept by the writer and checked by the reader.
enum ColumnLimits {
    /// Rows of a block: sixteen times what a sealed block holds.
    static let rows = 1 << 20
    /// Columns nested in columns (dictionaries and templates).
    static let depth = 4
    /// Shapes of lines, and columns of all of them: more means that keys are data, and such lines stay text.
    static let shapes = 4_000
    static let columns = 4_000
    /// Templates of one text column.
    static let templates = 4_096
    /// Holes of a shape, and nesting of JSON inside it.
    static let holes = 400
    static let jsonDepth = 10
    /// Variables of a text template.
    static let variables = 64
    /// Nodes, templates and references of a tree: each takes some hundred bytes of memory in a reader. Writers begin no
    /// more templates at a quarter of that; what lies under those begun stays below the rest.
    static let nodes = 1 << 19
    static let writtenNodes = 1 << 17
    /// Keys on the way to a JSON value, joined: each column keeps its own.
    static let pathBytes = 1_024
    /// The column tree before compression.
    static let treeBytes = 64 << 20
    /// Streams of at most this size lie in the tree.
    static let inlineBytes = 40
}
