// Files: the only storage target that makes system calls on files and folders.
//
// Everything above sees two small protocols, so that a simulation can lose unsynced bytes, tear writes, fill the disk
// or fail a sync. Paths are plain strings; modes are 0600 for files and 0700 for folders.

/// A failed operation on a file or folder: what, where, and the system's reason.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let path: String
    /// The system's error number; 0 when there is none (a short read, say).
    public let errno: Int32
    public let reason: String

    public init(_ operation: String, _ path: String, errno: Int32, reason: String) {
        self.operation = operation
        self.path = path
        self.errno = errno
        self.reason = reason
    }

    public var description: String { "\(operation) \(path): \(reason)" }
}

/// How a file is opened.
public enum OpenMode: Sendable, Hashable {
    case read
    /// Read and write an existing file.
    case update
    /// Make a new file, for reading and writing; one of that name must not exist.
    case create
}

/// An open file. Reads may come from any thread; writes from one at a time.
public protocol File: AnyObject, Sendable {
    var path: String { get }
    /// Bytes in the file now.
    func size() throws(FileError) -> Int
    /// Exactly `count` bytes from `offset`; fewer is an error (a truncated file is damage, not an end).
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8]
    /// Writes all of `bytes` at `offset`, growing the file as needed. Not durable before `sync`.
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError)
    /// Makes what was written durable (fdatasync). After a failure the file must not be trusted again.
    func sync() throws(FileError)
    /// Reserves space so that later writes inside `bytes` change no file size.
    func preallocate(bytes: Int) throws(FileError)
    func truncate(to bytes: Int) throws(FileError)
    func close()
}

/// A file system: the machine's, or one that fails on purpose.
public protocol FileSystem: Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File
    /// Replaces `target` atomically if it exists. Durable after `syncFolder` of both parents.
    func rename(_ path: String, to target: String) throws(FileError)
    /// A second name for the same file.
    func link(_ path: String, to target: String) throws(FileError)
    func remove(_ path: String) throws(FileError)
    /// Removes an empty folder.
    func removeFolder(_ path: String) throws(FileError)
    /// Makes the folder and its parents; fine if it is there.
    func createFolder(_ path: String) throws(FileError)
    /// Makes created, renamed and removed names in the folder durable.
    func syncFolder(_ path: String) throws(FileError)
    /// Names in the folder, sorted, without `.` and `..`; empty if the folder does not exist.
    func list(_ path: String) throws(FileError) -> [String]
    func exists(_ path: String) -> Bool
    /// Size in bytes of the file at `path`.
    func size(_ path: String) throws(FileError) -> Int
    /// Bytes free for us and bytes in all on the disk that holds `path`.
    func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int)
}

extension FileSystem {
    /// All bytes of the file, at most `limitBytes`.
    public func contents(of path: String, limitBytes: Int) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= limitBytes else {
            throw FileError("read", path, errno: 0, reason: "\(size) bytes, at most \(limitBytes) expected")
        }
        return try file.read(at: 0, count: size)
    }
}
