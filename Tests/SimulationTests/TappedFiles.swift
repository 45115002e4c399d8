import Files
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
}

/// A memory file system that counts changes and calls back just before a certain one: the moment of the power cut.
final class TappedFiles: FileSystem {
    let disk: MemoryFileSystem
    let omissions: Omissions
    private struct Tap {
        var left: Int
        var strike: (@Sendable () -> Void)?
        /// What is to be looked at some changes before.
        var early: (left: Int, look: @Sendable () -> Void)?
    }

    /// Changes between the publishing of a part and its late sync.
    private static let lateness = 6

    private let tap = Mutex(Tap(left: .max, strike: nil))
    private let late = Mutex<[(file: any File, left: Int)]>([])

    init(_ disk: MemoryFileSystem, omitting omissions: Omissions = []) {
        self.disk = disk
        self.omissions = omissions
    }

    /// Calls `body` before the change number `after`, counted from now.
    func strike(after: Int, _ body: @escaping @Sendable () -> Void) {
        tap.withLock { ($0.left, $0.strike) = (after, body) }
    }

    /// The same beside it, for a look at things some changes before.
    func look(after: Int, _ body: @escaping @Sendable () -> Void) {
        tap.withLock { $0.early = (after, body) }
    }

    /// Calls it now if it has not been called.
    func strikeNow() {
        let strike = tap.withLock { tap in
            defer { tap.strike = nil }
            return tap.strike
        }
        strike?()
    }

    func changes() {
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
        if isDue { strikeNow() }
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
        return TappedFile(try disk.open(path, mode), self)
    }

    func rename(_ path: String, to target: String) throws(FileError) {
        changes()
        try disk.rename(path, to: target)
    }

    func link(_ path: String, to target: String) throws(FileError) {
        changes()
        try disk.link(path, to: target)
    }

    func remove(_ path: String) throws(FileError) {
        changes()
        try disk.remove(path)
    }

    func removeFolder(_ path: String) throws(FileError) {
        changes()
        try disk.removeFolder(path)
    }

    func createFolder(_ path: String) throws(FileError) {
        changes()
        try disk.createFolder(path)
    }

    func syncFolder(_ path: String) throws(FileError) {
        changes()
        if !omissions.contains(.folderSyncs) { try disk.syncFolder(path) }
    }

    func list(_ path: String) throws(FileError) -> [String] { try disk.list(path) }
    func exists(_ path: String) -> Bool { disk.exists(path) }
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
        system.changes()
        try file.write(bytes, at: offset)
    }

    func sync() throws(FileError) {
        system.changes()
        let isLog = path.contains("/wal/")
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
