// Buffer: rows that are durable in the WAL but not yet in a part, queryable at once.
//
// A head belongs to one tenant and day. The committer thread is its only writer; queries read chunks up to their
// released count without a lock. Buffer knows the model and nothing of files, SQLite or HTTP.

/// Sizes of head memory, in bytes.
public enum HeadSizes {
    /// Arena of a head's first chunk: late days get many small heads.
    static let firstArenaBytes = 64 << 10
    /// Arena of later chunks; a batch that needs more gets a chunk of its own size.
    static let arenaBytes = 256 << 10
    /// One row entry is reserved per this many arena bytes.
    static let bytesPerRow = 64
}
