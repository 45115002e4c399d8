import Synchronization

/// A file system in memory that keeps apart what was written and what is durable, so that tests can crash it, fill it
/// up and make it fail. Everything it does follows from its seed and the calls made.
///
/// What it promises is what POSIX promises and no more: written bytes are durable after `sync` of the file, names
/// after `syncFolder`. A failed sync may have stored some of the bytes, and no later one stores the others.
public final class MemoryFileSystem: FileSystem {
    /// Kinds of operations, for faults.
    public enum Operation: Hashable, Sendable, CaseIterable {
        case open, read, write, sync, preallocate, truncate, rename, link, remove, createFolder, syncFolder, list
    }

    /// An operation that fails on purpose, once.
    public struct Fault: Hashable, Sendable {
        /// Kinds that count; empty means all that change something.
        public var operations: Set<Operation>
        /// How many operations of these kinds succeed first.
        public var after: Int
        /// The system's error number, 5 (EIO) or 28 (ENOSPC), say.
        public var errno: Int32
        /// A failing write leaves this many of its bytes.
        public var writtenBytes: Int

        public init(_ operations: Set<Operation> = [], after: Int = 0, errno: Int32 = 5, writtenBytes: Int = 0) {
            self.operations = operations
            self.after = after
            self.errno = errno
            self.writtenBytes = writtenBytes
        }
    }

    let state: Mutex<MemoryDisk>

    /// An empty file system, with room for `capacityBytes`.
    public init(seed: UInt64 = 0, capacityBytes: Int = .max) {
        state = Mutex(MemoryDisk(seed: seed, capacityBytes: capacityBytes))
    }

    private init(_ disk: MemoryDisk) {
        state = Mutex(disk)
    }

    /// What a machine might find after losing power now: everything durable, and of the rest a part chosen by `seed`:
    /// sectors of 512 bytes, one of them possibly cut at any byte, and names that were not synced.
    public func crash(seed: UInt64) -> MemoryFileSystem {
        MemoryFileSystem(state.withLock { $0.crashed(seed: seed) })
    }

    /// Makes an operation fail. Faults are tried in the order in which they were added.
    public func inject(_ fault: Fault) {
        state.withLock { $0.faults.append(fault) }
    }

    /// Takes back all faults that have not struck.
    public func clearFaults() {
        state.withLock { $0.faults = [] }
    }

    /// Faults that have not struck yet.
    public var pendingFaults: [Fault] { state.withLock { $0.faults } }

    /// Room for all files, in bytes.
    public var capacityBytes: Int {
        get { state.withLock { $0.capacityBytes } }
        set { state.withLock { $0.capacityBytes = newValue } }
    }

    /// Operations so far that changed something, for tests that fail each in turn.
    public var changeCount: Int { state.withLock { $0.changeCount } }

    /// How many operations of one kind there were.
    public func count(of operation: Operation) -> Int {
        state.withLock { $0.counts[operation] ?? 0 }
    }

    /// Changes bytes behind everybody's back, durably: damage at rest.
    public func damage(_ path: String, at offset: Int, _ change: (UInt8) -> UInt8) {
        state.withLock { disk in
            guard let node = disk.names[path], let old = disk.nodes[node]?.current[offset] else { return }
            disk.nodes[node]?.overwrite(change(old), at: offset)
        }
    }

    public func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let node = try access { (disk) throws(FileError) in try disk.open(path, mode) }
        return MemoryFile(path: path, node: node, system: self)
    }

    public func rename(_ path: String, to target: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.rename(path, to: target) }
    }

    public func link(_ path: String, to target: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.link(path, to: target) }
    }

    public func remove(_ path: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.remove(path) }
    }

    public func removeFolder(_ path: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.removeFolder(path) }
    }

    public func createFolder(_ path: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.createFolder(path) }
    }

    public func syncFolder(_ path: String) throws(FileError) {
        try access { (disk) throws(FileError) in try disk.syncFolder(path) }
    }

    public func list(_ path: String) throws(FileError) -> [String] {
        try access { (disk) throws(FileError) in try disk.list(path) }
    }

    public func exists(_ path: String) -> Bool {
        state.withLock { $0.names[path] != nil || $0.folders.contains(path) }
    }

    public func size(_ path: String) throws(FileError) -> Int {
        try access { (disk) throws(FileError) in
            guard let node = disk.names[path] else { throw MemoryDisk.missing("stat", path) }
            return disk.nodes[node]?.current.count ?? 0
        }
    }

    public func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) {
        state.withLock { (max($0.capacityBytes - $0.usedBytes, 0), $0.capacityBytes) }
    }

    /// Runs `body` with the disk; a detour over `Result`, for the lock does not know typed errors.
    func access<R: Sendable>(_ body: (inout MemoryDisk) throws(FileError) -> R) throws(FileError) -> R {
        let result: Result<R, FileError> = state.withLock { disk in
            do throws(FileError) { return .success(try body(&disk)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// An open file of a `MemoryFileSystem`.
final class MemoryFile: File {
    let path: String
    private let node: Int
    private let system: MemoryFileSystem

    init(path: String, node: Int, system: MemoryFileSystem) {
        self.path = path
        self.node = node
        self.system = system
    }

    func size() throws(FileError) -> Int {
        system.state.withLock { $0.nodes[node]?.current.count ?? 0 }
    }

    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        try system.access { (disk) throws(FileError) in
            _ = try disk.begin(.read, path)
            let bytes = disk.nodes[node]?.current ?? []
            guard offset >= 0, count >= 0, count <= bytes.count - offset else {
                throw FileError(
                    "read", path, errno: 0, reason: "file ends at byte \(bytes.count), \(offset + count) expected")
            }
            return Array(bytes[offset..<(offset + count)])
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        try system.access { (disk) throws(FileError) in try disk.write(bytes, at: offset, node, path) }
    }

    func sync() throws(FileError) {
        try system.access { (disk) throws(FileError) in try disk.sync(node, path) }
    }

    func preallocate(bytes: Int) throws(FileError) {
        try system.access { (disk) throws(FileError) in
            let size = disk.nodes[node]?.current.count ?? 0
            _ = try disk.begin(.preallocate, path)
            guard bytes > size else { return }
            try disk.makeRoom(bytes - size, "preallocate", path)
            disk.nodes[node]?.resize(to: bytes)
        }
    }

    func truncate(to bytes: Int) throws(FileError) {
        try system.access { (disk) throws(FileError) in
            _ = try disk.begin(.truncate, path)
            disk.nodes[node]?.resize(to: bytes)
        }
    }

    func close() {}
}
