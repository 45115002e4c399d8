import Synchronization

/// Bytes of one object, readable in pieces, so that an upload never needs all of it in memory.
public protocol BlobSource {
    var sizeBytes: Int { get }
    /// Bytes `range` of the object.
    func read(_ range: Range<Int>) throws(FileError) -> [UInt8]
}

/// Where immutable parts live: a folder here, an object store later. Keys are relative paths, tenant first.
public protocol BlobStore: Sendable {
    /// Stores `source` under `key`, durable on return; false, and nothing changed, if the key is taken.
    func put(_ key: String, _ source: any BlobSource) throws(FileError) -> Bool
    /// Opens the object for ranged reads.
    func open(_ key: String) throws(FileError) -> any File
    /// Keys below `prefix`, sorted.
    func list(_ prefix: String) throws(FileError) -> [String]
    /// Removes the object; fine if it is not there.
    func delete(_ key: String) throws(FileError)
}

/// Blobs as files below a folder: written in `temporary`, synced, renamed, and the folder synced.
public struct FolderBlobStore: BlobStore {
    public let root: String
    public let temporary: String
    public let files: any FileSystem
    private let known = KnownFolders()

    /// - Parameters:
    ///   - root: the folder that keys are relative to.
    ///   - temporary: a folder on the same disk whose content may be removed at any start.
    public init(root: String, temporary: String, files: any FileSystem) {
        self.root = root
        self.temporary = temporary
        self.files = files
    }

    public func path(_ key: String) -> String { root + "/" + key }

    public func put(_ key: String, _ source: any BlobSource) throws(FileError) -> Bool {
        let target = path(key)
        guard !files.exists(target) else { return false }
        let draft = temporary + "/" + key.split(separator: "/").joined(separator: "_")
        if files.exists(draft) { try files.remove(draft) }
        let folder = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)])
        do throws(FileError) {
            try write(source, to: draft)
            try makeDurable(folder)
            try files.rename(draft, to: target)
        } catch {
            // On a full disk it would take the room that everybody waits for.
            try? files.remove(draft)
            throw error
        }
        try files.syncFolder(folder)
        return true
    }

    private func write(_ source: any BlobSource, to draft: String) throws(FileError) {
        let file = try files.open(draft, .create)
        defer { file.close() }
        var offset = 0
        while offset < source.sizeBytes {
            let end = min(offset + 1 << 20, source.sizeBytes)
            try file.write(try source.read(offset..<end), at: offset)
            offset = end
        }
        try file.sync()
    }

    /// Makes the folder, if it is not known to be durable.
    private func makeDurable(_ folder: String) throws(FileError) {
        if !known.contains(folder) || !files.exists(folder) {
            // It may be there and yet not durable: of a try whose sync failed, or of a process that ended early.
            try files.createFolder(folder)
            try syncParents(of: folder)
            known.insert(folder)
        }
    }

    public func open(_ key: String) throws(FileError) -> any File {
        try files.open(path(key), .read)
    }

    public func list(_ prefix: String) throws(FileError) -> [String] {
        var found: [String] = []
        try collect(prefix, into: &found)
        return found.sorted()
    }

    public func delete(_ key: String) throws(FileError) {
        let target = path(key)
        guard files.exists(target) else { return }
        try files.remove(target)
        try files.syncFolder(String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)]))
    }

    private func collect(_ prefix: String, into found: inout [String]) throws(FileError) {
        for name in try files.list(prefix.isEmpty ? root : path(prefix)) {
            let key = prefix.isEmpty ? name : prefix + "/" + name
            if key.hasSuffix(".dlp") { found.append(key) } else { try collect(key, into: &found) }
        }
    }

    /// A new folder is durable only when each parent up to `root` has been synced.
    private func syncParents(of folder: String) throws(FileError) {
        var current = folder
        while current.count > root.count, let slash = current.lastIndex(of: "/") {
            current = String(current[..<slash])
            try files.syncFolder(current)
        }
    }
}

/// Folders that are durable up to the root.
private final class KnownFolders: Sendable {
    /// Beyond, they are all forgotten and synced once more.
    private static let limit = 10_000

    private let paths = Mutex<Set<String>>([])

    func contains(_ path: String) -> Bool { paths.withLock { $0.contains(path) } }

    func insert(_ path: String) {
        paths.withLock { paths in
            if paths.count >= KnownFolders.limit { paths = [] }
            paths.insert(path)
        }
    }
}
