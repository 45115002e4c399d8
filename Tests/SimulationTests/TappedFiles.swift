import Files
import Glibc
import Synchronization

/// What a build that was broken on purpose leaves out; nothing in the builds that are tested.
struct Omissions: OptionSet, Sendable {
    let rawValue: Int

    /// Syncs of the write-ahead log: batches are acknowledged before they are safe.
    static let logSyncs = Omissions(rawValue: 1)
    /// Syncs of part files: they are published before they are safe.
    static let partSyncs = Omissions(rawValue: 2)
    /// Syncs of folders: names may be lost.
    static let folderSyncs = Omissions(rawValue: 4)
    /// Syncs of part files come late: what is not safe yet is published.
    static let latePartSyncs = Omissions(rawValue: 8)
    /// Comparing blocks with their rows, while the encoder errs.
    static let comparing = Omissions(rawValue: 16)
}

/// A memory file system that counts changes and calls back just before a certain one: the moment of the power cut.
final class TappedFiles: FileSystem {
    let disk: MemoryFileSystem
    let omissions: Omissions
    private struct Tap {
        var left: Int
        var strike: (@Sendable (Case?) -> Void)?
        /// What is to be looked at some changes before.
        var early: (left: Int, look: @Sendable () -> Void)?
    }

    /// Changes between the publishing of a part and its late sync.
    private static let lateness = 6

    private let tap = Mutex(Tap(left: .max, strike: nil))
    /// How long each sync takes, in microseconds.
    let syncMicroseconds = Atomic<Int>(0)
    private let late = Mutex<[(file: any File, left: Int)]>([])

    init(_ disk: MemoryFileSystem, omitting omissions: Omissions = []) {
        self.disk = disk
        self.omissions = omissions
    }

    /// Calls `body` before the change number `after`, counted from now.
    /// - Parameter body: is told which step the cut comes before.
    func strike(after: Int, _ body: @escaping @Sendable (Case?) -> Void) {
        tap.withLock { ($0.left, $0.strike) = (after, body) }
    }

    /// The same beside it, for a look at things some changes before.
    func look(after: Int, _ body: @escaping @Sendable () -> Void) {
        tap.withLock { $0.early = (after, body) }
    }

    /// Calls it now if it has not been called.
    func strikeNow(before step: Case? = nil) {
        let strike = tap.withLock { tap -> (@Sendable (Case?) -> Void)? in
            defer { tap.strike = nil }
            return tap.strike
        }
        strike?(step)
    }

    func changes(_ step: Case? = nil) {
        let look = tap.withLock { tap -> (@Sendable () -> Void)? in
            guard let early = tap.early else { return nil }
            tap.early = early.left > 0 ? (early.left - 1, early.look) : nil
            return early.left > 0 ? nil : early.look
        }
        look?()
        let isDue = tap.withLock { tap in
            guard tap.strike != nil else { return false }
            tap.left -= 1
            return tap.left < 0
        }
        if isDue { strikeNow(before: step) }
        syncLate()
    }

    /// Syncs the file some changes later.
    fileprivate func syncLater(_ file: any File) {
        late.withLock { $0.append((file, TappedFiles.lateness)) }
    }

    private func syncLate() {
        let due = late.withLock { late -> [any File] in
            for index in late.indices { late[index].left -= 1 }
            defer { late.removeAll { $0.left <= 0 } }
            return late.filter { $0.left <= 0 }.map(\.file)
        }
        for file in due { try? file.sync() }
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        if mode == .create { changes() }
        try importDatabase(path)
        return TappedFile(try disk.open(path, mode), self)
    }

    func rename(_ path: String, to target: String) throws(FileError) {
        changes(.cutBeforeRename)
        // A database that is set aside; it does not lie on the simulated disk.
        if isDatabase(path), !disk.exists(path) { return try PosixFileSystem().remove(path) }
        try disk.rename(path, to: target)
    }

    func link(_ path: String, to target: String) throws(FileError) {
        changes()
        try disk.link(path, to: target)
    }

    func remove(_ path: String) throws(FileError) {
        changes(.cutBeforeRemoval)
        try disk.remove(path)
    }

    func removeFolder(_ path: String) throws(FileError) {
        changes()
        try disk.removeFolder(path)
    }

    func createFolder(_ path: String) throws(FileError) {
        changes()
        // SQLite writes its backups there.
        if path.contains(TappedFiles.snapshotMark) { try PosixFileSystem().createFolder(path) }
        try disk.createFolder(path)
    }

    /// What paths of snapshots have in them.
    static let snapshotMark = "-snapshot-"

    /// A database that SQLite has put beside the simulated disk comes onto it when it is first opened.
    private func importDatabase(_ path: String) throws(FileError) {
        guard path.contains(TappedFiles.snapshotMark), path.hasSuffix(".sqlite"), !disk.exists(path) else { return }
        let machine = PosixFileSystem()
        let bytes = try machine.contents(of: path, limitBytes: 1 << 28)
        try machine.remove(path)
        try disk.open(path, .create).write(bytes, at: 0)
    }

    func syncFolder(_ path: String) throws(FileError) {
        changes(.cutBeforeFolderSync)
        if !omissions.contains(.folderSyncs) { try disk.syncFolder(path) }
    }

    func list(_ path: String) throws(FileError) -> [String] { try disk.list(path) }
    func exists(_ path: String) -> Bool {
        disk.exists(path) || (isDatabase(path) && PosixFileSystem().exists(path))
    }

    private func isDatabase(_ path: String) -> Bool {
        path.contains(".sqlite") && !path.contains(TappedFiles.snapshotMark)
    }

    func size(_ path: String) throws(FileError) -> Int { try disk.size(path) }
    func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) { try disk.space(path) }
}

/// A file of it.
private final class TappedFile: File {
    private let file: any File
    private let system: TappedFiles

    init(_ file: any File, _ system: TappedFiles) {
        self.file = file
        self.system = system
    }

    var path: String { file.path }

    func size() throws(FileError) -> Int { try file.size() }
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] { try file.read(at: offset, count: count) }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        system.changes(path.contains("/wal/") ? .cutBeforeLogWrite : .cutBeforePartWrite)
        try file.write(bytes, at: offset)
    }

    func sync() throws(FileError) {
        let isLog = path.contains("/wal/")
        system.changes(isLog ? .cutBeforeLogSync : .cutBeforePartSync)
        let duration = system.syncMicroseconds.load(ordering: .relaxed)
        if duration > 0 { usleep(UInt32(duration)) }
        if system.omissions.contains(isLog ? .logSyncs : .partSyncs) { return }
        if !isLog, system.omissions.contains(.latePartSyncs) { return system.syncLater(file) }
        try file.sync()
    }

    func preallocate(bytes: Int) throws(FileError) {
        system.changes()
        try file.preallocate(bytes: bytes)
    }

    func truncate(to bytes: Int) throws(FileError) {
        system.changes()
        try file.truncate(to: bytes)
    }

    func close() { file.close() }
}
