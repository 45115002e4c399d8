import Files

/// Links, copies and syncs whole folders for snapshots.
struct FolderCopy: Sendable {
    /// Bytes in memory at once.
    private static let pieceBytes = 1 << 20

    let files: any FileSystem

    /// The folder that `path` lies in.
    static func parent(of path: String) -> String {
        let parent = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return parent.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : String(parent)
    }

    /// A second name for a file that never changes, or a copy where the disk is another one.
    func linkOrCopy(_ path: String, to target: String) throws(FileError) {
        try files.createFolder(FolderCopy.parent(of: target))
        do throws(FileError) {
            try files.link(path, to: target)
        } catch {
            if !files.exists(path) { throw error }
            try copy(path, to: target)
        }
    }

    /// A durable copy.
    func copy(_ path: String, to target: String) throws(FileError) {
        let source = try files.open(path, .read)
        defer { source.close() }
        let file = try files.open(target, .create)
        defer { file.close() }
        let size = try source.size()
        var offset = 0
        while offset < size {
            let count = min(FolderCopy.pieceBytes, size - offset)
            try file.write(try source.read(at: offset, count: count), at: offset)
            offset += count
        }
        try file.sync()
    }

    /// A new durable file of `bytes`.
    func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        let file = try files.open(path, .create)
        defer { file.close() }
        try file.write(bytes, at: 0)
        try file.sync()
    }

    /// Makes the content of a file durable that somebody else has written.
    func sync(_ path: String) throws(FileError) {
        let file = try files.open(path, .update)
        defer { file.close() }
        try file.sync()
    }

    /// Makes all names below `folder` durable, innermost first.
    func syncTree(_ folder: String) throws(FileError) {
        for name in try files.list(folder) where !name.contains(".") { try syncTree(folder + "/" + name) }
        try files.syncFolder(folder)
    }

    /// Removes a folder that was given up, as far as that is possible.
    func removeTree(_ folder: String) {
        for name in (try? files.list(folder)) ?? [] {
            let inner = folder + "/" + name
            if (try? files.remove(inner)) == nil { removeTree(inner) }
        }
        try? files.removeFolder(folder)
    }
}
