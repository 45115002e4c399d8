public import Files

// WAL: the write-ahead log. A batch is safe once its record stands in a commit group that was synced.
//
// It knows batches (Model) and files (Files): nothing of heads, parts, catalogs, queries or HTTP. Who replays decides
// which rows are still wanted; who asks for release says what is covered. WAL-FORMAT.md describes the bytes.

/// Constants of the format. Changing one of the upper group makes old segments unreadable: raise `version` with it.
public enum WALFormat {
    /// First four bytes of every group: "DWAL".
    public static let magic: UInt32 = 0x4c41_5744
    public static let version: UInt16 = 1
    /// Groups start at multiples of this, the page size: no write changes a page that holds synced bytes.
    public static let alignmentBytes = 4096
    /// Size of a group's header.
    public static let headerBytes = 96
    /// No sequence comes near this: a header beyond it is wrong.
    static let lastSequence = UInt64.max >> 2
    /// Size of what stands before a record's payload: length, checksum, sequence.
    public static let frameBytes = 16

    /// Preallocated size of a segment; one that must hold a larger group is made larger.
    public static let segmentBytes = 32 << 20
    /// Released segments kept for overwriting: one for the next rotation, one for a burst.
    public static let spareCount = 2
    /// One record at most, with its frame; far above any request limit, so that replay can refuse a senseless length.
    public static let recordBytes = 256 << 20
    /// Bytes of a record's body after decompression, at most.
    public static let bodyBytes = 512 << 20
    /// Bodies above this are compressed: below, the group's padding is larger than what lz4 would save.
    public static let compressionBytes = 4096
    /// A commit group ends at this many bytes or records, so that no waiter's sync grows without bound.
    public static let groupBytes = 4 << 20
    public static let groupRecords = 1024
    /// Records waiting for the committer, at most this many bytes in all.
    public static let queueBytes = 64 << 20
    /// After this much silence an empty group is written, which vouches for the last one.
    public static let silenceNanoseconds: Int64 = 50_000_000

    /// `offset` rounded up to a group boundary.
    static func aligned(_ offset: Int) -> Int {
        (offset + alignmentBytes - 1) / alignmentBytes * alignmentBytes
    }

    /// Bytes that a group with `recordBytes` of records takes in the file.
    static func groupSize(_ recordBytes: Int) -> Int { aligned(headerBytes + recordBytes) }

    /// File name of segment `id`, with `suffix` "wal" or, when it waits to be overwritten, "spare".
    static func name(_ id: UInt64, _ suffix: String = "wal") -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits + "." + suffix
    }

    /// The id in a file name made by `name`, or nil.
    static func id(of name: String, _ suffix: String = "wal") -> UInt64? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == suffix, parts[0].utf8.count == 16 else { return nil }
        guard let id = UInt64(parts[0], radix: 16), WALFormat.name(id, suffix) == name else { return nil }
        return id
    }
}

/// A record could not be made durable, or the log's folder cannot be used.
public enum WALError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system refused an operation. Nothing of the group was acknowledged.
    case file(FileError)
    /// One record, or one group, is larger than the format allows.
    case tooLarge(sizeBytes: Int, limitBytes: Int)

    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .tooLarge(let size, let limit): "a WAL record of \(size) bytes is over the limit of \(limit)"
        }
    }

    /// The same for those who push: names no file of the server.
    var refusal: String {
        switch self {
        case .file(let error): "the write-ahead log cannot be written (\(error.operation): \(error.reason))"
        case .tooLarge: description
        }
    }
}
