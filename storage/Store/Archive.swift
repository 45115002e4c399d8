import Buffer
public import Bytes
public import Files
import Index
import Model
import Synchronization

/// A snapshot's own account of itself, written last: a folder without it is not a complete snapshot.
public struct ArchiveManifest: Sendable, Hashable {
    static let fileName = "snapshot.txt"
    private static let title = "dendro snapshot 1"

    public var storeID: Hash128
    /// When it was made, nanoseconds since 1970.
    public var time: Int64
    public var parts: Int
    public var rows: Int
    public var bytes: Int

    init(storeID: Hash128, time: Int64) {
        self.storeID = storeID
        self.time = time
        (parts, rows, bytes) = (0, 0, 0)
    }

    var text: String {
        """
        \(ArchiveManifest.title)
        made \(RFC3339.format(time))
        store \(storeID.hex)
        parts \(parts)
        rows \(rows)
        bytes \(bytes)

        """
    }

    /// Reads the account in `folder`; nil if there is none or it is of another version.
    public static func read(_ folder: String, _ files: any FileSystem = PosixFileSystem()) -> ArchiveManifest? {
        guard let bytes = try? files.contents(of: folder + "/" + fileName, limitBytes: 4096) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first == title[...] else { return nil }
        var values: [Substring: Substring] = [:]
        for line in lines.dropFirst() {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2 { values[words[0]] = words[1] }
        }
        guard let store = values["store"].flatMap({ Hash128(hex: $0) }),
            let made = values["made"], let time = RFC3339.parse([UInt8](made.utf8).span),
            let parts = values["parts"].flatMap({ Int($0) }), let rows = values["rows"].flatMap({ Int($0) }),
            let size = values["bytes"].flatMap({ Int($0) })
        else { return nil }
        var manifest = ArchiveManifest(storeID: store, time: time)
        (manifest.parts, manifest.rows, manifest.bytes) = (parts, rows, size)
        return manifest
    }
}

extension Store {
    /// Writes a snapshot of everything acknowledged before the call to `folder`, while the store goes on working.
    ///
    /// All heads are frozen and waited for, so that every such row is in a part; then, on the catalog thread, where
    /// nothing else can change either, the live parts are linked and both databases backed up. The folder appears
    /// under its name when it is complete and durable.
    public func archive(to folder: String) async throws(StoreError) -> ArchiveManifest {
        guard !isReadOnly else { throw StoreError("no snapshot is made of a folder that cannot be written: copy it") }
        try checkArchiveFolder(folder)
        guard await publishHeads() else {
            throw StoreError("what was received could not be written to parts, see the server's log; no snapshot made")
        }
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
            let isQueued = catalogThread.submitted { [self] in
                continuation.resume(returning: writeArchive(to: folder))
            }
            if !isQueued { continuation.resume(returning: .failure(StoreError("the server is stopping"))) }
        }
        return try result.get()
    }

    private typealias Outcome = Result<ArchiveManifest, StoreError>

    private func checkArchiveFolder(_ folder: String) throws(StoreError) {
        let files = configuration.files
        guard folder.hasPrefix("/"), !folder.hasSuffix("/"), !folder.split(separator: "/").contains("..") else {
            throw StoreError("a snapshot needs an absolute path without '..', not '\(folder)'")
        }
        guard !folder.hasPrefix(configuration.folder + "/"), folder != configuration.folder else {
            throw StoreError("\(folder) lies in the data folder; a snapshot belongs beside it")
        }
        for path in [folder, folder + ".partial"] where files.exists(path) {
            throw StoreError("\(path) exists already; choose another name or remove it")
        }
    }

    /// Catalog thread.
    private func writeArchive(to folder: String) -> Outcome {
        let draft = folder + ".partial"
        do {
            let manifest = try fillArchive(draft)
            try configuration.files.rename(draft, to: folder)
            try configuration.files.syncFolder(FolderCopy.parent(of: folder))
            configuration.report(
                StoreReport(.info, "snapshot \(folder) made: \(manifest.parts) parts, \(manifest.rows) rows"))
            return .success(manifest)
        } catch {
            FolderCopy(files: configuration.files).removeTree(draft)
            configuration.report(StoreReport(.error, "snapshot \(folder) failed: \(error)"))
            return .failure(StoreError("the snapshot could not be written: \(error)"))
        }
    }

    private func fillArchive(_ draft: String) throws -> ArchiveManifest {
        let now = configuration.clock.nowNanoseconds()
        var manifest = ArchiveManifest(storeID: storeID, time: now)
        let copier = FolderCopy(files: configuration.files)
        try copier.files.createFolder(draft + "/tenants")
        let lost = missing.withLock { Set($0.keys) }
        for part in try catalog.load(now: now).parts where !part.isDead && !lost.contains(part.summary.id) {
            try copier.linkOrCopy(blobs.path(part.summary.key), to: draft + "/" + part.summary.key)
            manifest.parts += 1
            manifest.rows += Int(clamping: part.summary.rows)
            manifest.bytes += Int(clamping: part.summary.fileBytes)
        }
        try catalog.backup(to: draft + "/catalog.sqlite")
        try state.backup(to: draft + "/state.sqlite")
        for database in ["/catalog.sqlite", "/state.sqlite"] { try copier.sync(draft + database) }
        try copier.write([UInt8](manifest.text.utf8), to: draft + "/" + ArchiveManifest.fileName)
        try copier.syncTree(draft)
        return manifest
    }
}

/// Makes a data folder of a snapshot.
public enum ArchiveRestore {
    /// Copies the snapshot in `archive` to `folder`, which must not exist or be empty. Parts are linked where both lie
    /// on one disk: they never change. The caller has checked the snapshot and holds its lock.
    public static func run(
        from archive: String, to folder: String, files: any FileSystem = PosixFileSystem()
    ) throws(StoreError) -> ArchiveManifest {
        guard let manifest = ArchiveManifest.read(archive, files) else {
            throw StoreError("\(archive) is not a complete snapshot: it has no readable \(ArchiveManifest.fileName)")
        }
        let draft = folder + ".partial"
        do throws(FileError) {
            guard try files.list(folder).isEmpty else { throw exists(folder) }
            guard !files.exists(draft) else { throw exists(draft) }
        } catch {
            throw StoreError("\(error.path): \(error.reason); nothing was restored")
        }
        let copier = FolderCopy(files: files)
        do throws(FileError) {
            let blobs = FolderBlobStore(root: archive, temporary: archive, files: files)
            try files.createFolder(draft + "/tenants")
            for key in try blobs.list("tenants") { try copier.linkOrCopy(blobs.path(key), to: draft + "/" + key) }
            for database in ["/catalog.sqlite", "/state.sqlite"] where files.exists(archive + database) {
                try copier.copy(archive + database, to: draft + database)
            }
            try copier.syncTree(draft)
            if files.exists(folder) { try files.removeFolder(folder) }
            try files.rename(draft, to: folder)
            try files.syncFolder(FolderCopy.parent(of: folder))
        } catch {
            copier.removeTree(draft)
            throw StoreError("the snapshot could not be restored: \(error)")
        }
        return manifest
    }

    private static func exists(_ path: String) -> FileError {
        FileError("restore", path, errno: 0, reason: "is there already and not empty")
    }
}

extension Hash128 {
    /// Reads 32 hexadecimal digits.
    fileprivate init?(hex: Substring) {
        guard hex.utf8.count == 32, let high = UInt64(hex.prefix(16), radix: 16),
            let low = UInt64(hex.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}
