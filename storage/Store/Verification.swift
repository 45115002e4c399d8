import Bytes
import Chunks
public import Files
import Index
import Model
import WAL

/// What a check of a data folder found.
public struct VerificationReport: Sendable, Hashable {
    /// Part files looked at, their rows and bytes.
    public var parts = 0
    public var rows = 0
    public var bytes = 0
    /// Parts that are damaged.
    public var damagedParts = 0
    /// Records of the write-ahead log, and their rows: in parts already or to be replayed at the next start.
    public var walRecords = 0
    public var walRows = 0
    /// One sentence each: what is damaged, missing or contradicts itself.
    public var problems: [String] = []
    /// One sentence each: what the next start puts right by itself.
    public var notes: [String] = []

    public init() {}

    public var isSound: Bool { problems.isEmpty }
}

/// Checks a data folder or a snapshot that no server has open, and changes nothing in it: every part against its
/// checksums, the catalog against the parts, the write-ahead log.
public struct StoreVerification {
    private let folder: String
    private let isDeep: Bool
    private let files: ReadOnlyFileSystem
    private let blobs: FolderBlobStore
    private var report = VerificationReport()
    private var found: [String: PartSummary] = [:]
    private var storeID: Hash128?

    /// Runs the check.
    /// - Parameters:
    ///   - folder: the data folder; the caller holds its lock.
    ///   - isDeep: also decode every row and compare it with directory, labels and trace filter.
    ///   - progress: called with bytes of parts done and in all.
    public static func run(
        folder: String, isDeep: Bool, files: any FileSystem = PosixFileSystem(),
        progress: (_ doneBytes: Int, _ totalBytes: Int) -> Void = { _, _ in }
    ) throws(StoreError) -> VerificationReport {
        var verification = StoreVerification(folder: folder, isDeep: isDeep, files: ReadOnlyFileSystem(files))
        try verification.checkParts(progress)
        verification.checkState()
        verification.checkCatalog()
        verification.checkLog()
        verification.countQuarantine()
        return verification.report
    }

    private init(folder: String, isDeep: Bool, files: ReadOnlyFileSystem) {
        self.folder = folder
        self.isDeep = isDeep
        self.files = files
        blobs = FolderBlobStore(root: folder, temporary: folder + "/tmp", files: files)
    }

    private mutating func checkParts(_ progress: (Int, Int) -> Void) throws(StoreError) {
        var sizes: [(key: String, bytes: Int)] = []
        do throws(FileError) {
            for key in try blobs.list("tenants") { sizes.append((key, try files.size(blobs.path(key)))) }
        } catch {
            throw StoreError("the parts below \(folder) cannot be listed: \(error)")
        }
        let total = sizes.reduce(0) { $0 + $1.bytes }
        var done = 0
        progress(0, total)
        for (key, bytes) in sizes {
            checkPart(key)
            report.parts += 1
            report.bytes += bytes
            done += bytes
            progress(done, total)
        }
    }

    private mutating func checkPart(_ key: String) {
        do throws(PartError) {
            let file: any File
            do throws(FileError) {
                file = try blobs.open(key)
            } catch {
                throw PartError.unreadable(file: key, error)
            }
            defer { file.close() }
            let part = try Part(file: file, name: key)
            if part.summary.key != key { report.problems.append("\(key) is named \(part.summary.key) inside") }
            found[key] = part.summary
            storeID = storeID ?? part.summary.storeID
            report.rows += Int(clamping: part.summary.rows)
            let problems = part.verify(deep: isDeep)
            report.damagedParts += problems.isEmpty ? 0 : 1
            report.problems += problems.map(\.description)
        } catch {
            report.damagedParts += 1
            report.problems.append(error.description)
        }
    }

    /// Opens the state, each record of which carries a checksum, and learns the store's identity.
    private mutating func checkState() {
        let path = folder + "/state.sqlite"
        guard files.exists(path) else {
            report.problems.append("\(path) is missing: what only it knew (deletions, say) is lost")
            return
        }
        do {
            let state = try SQLiteState(path: path)
            defer { state.close() }
            for kind in StateKind.allCases {
                for key in try state.list(kind).damagedKeys {
                    report.problems.append("\(path): the record \(kind.rawValue) \(key) is damaged")
                }
            }
            guard let record = try state.get(.store, key: "identity") else {
                report.problems.append("\(path) does not name its store")
                return
            }
            var reader = ByteReader(record.bytes)
            storeID = Hash128(high: try reader.littleEndian(UInt64.self), low: try reader.littleEndian(UInt64.self))
        } catch {
            report.problems.append("\(error)")
        }
    }

    private mutating func checkCatalog() {
        let path = folder + "/catalog.sqlite"
        guard files.exists(path) else {
            report.notes.append("\(path) is missing and will be rebuilt from the parts")
            return
        }
        guard let storeID else { return }
        do throws(CatalogError) {
            let catalog = try SQLiteCatalog(path: path, storeID: storeID)
            defer { catalog.close() }
            compare(try catalog.load(now: 0))
        } catch {
            report.problems.append(
                error.needsRebuild ? "\(error); the next start rebuilds it from the parts" : "\(error)")
        }
    }

    private mutating func compare(_ catalog: CatalogState) {
        var known: Set<String> = []
        for part in catalog.parts {
            let key = part.summary.key
            known.insert(key)
            guard let inFile = found[key] else {
                if !part.isDead, !files.exists(blobs.path(key)) {
                    report.problems.append("part \(key) is missing: \(part.summary.rows) rows may be lost")
                }
                continue
            }
            if part.isDead {
                report.notes.append("part \(key) was replaced or removed; its file goes at the next start")
            } else if !StoreVerification.agree(part.summary, inFile) {
                report.problems.append("part \(key): the catalog says something else than the file's footer")
            }
        }
        for key in found.keys.sorted() where !known.contains(key) {
            report.notes.append("part \(key) is not in the catalog; the next start decides by what it covers")
        }
    }

    /// A part that overlaps others is marked unclean in the catalog only.
    private static func agree(_ row: PartSummary, _ file: PartSummary) -> Bool {
        var row = row
        row.isUnclean = file.isUnclean
        row.fileBytes = file.fileBytes
        return row == file
    }

    /// The replay itself on files that cannot be changed: nothing is set aside.
    private mutating func checkLog() {
        let path = folder + "/wal"
        guard let storeID, files.exists(path) else { return }
        do throws(WALError) {
            let replay = try WALReplay.replay(
                folder: path, quarantine: folder + "/quarantine", files: files, storeID: storeID
            ) { _ in }
            report.walRecords = replay.records
            report.walRows = replay.rows
            for damage in replay.damages {
                let place =
                    damage.range.isEmpty ? "" : ", bytes \(damage.range.lowerBound) to \(damage.range.upperBound)"
                report.problems.append("\(damage.path): \(damage.reason)\(place)")
            }
            if replay.tornBytes > 0 {
                report.notes.append("a crash left \(replay.tornBytes) unacknowledged bytes in the write-ahead log")
            }
        } catch {
            report.problems.append("the write-ahead log in \(path) cannot be read: \(error)")
        }
    }

    private mutating func countQuarantine() {
        let names = (try? files.list(folder + "/quarantine")) ?? []
        if !names.isEmpty {
            report.notes.append("\(folder)/quarantine holds \(names.count) files that earlier starts set aside")
        }
    }
}

/// A file system that refuses every change.
struct ReadOnlyFileSystem: FileSystem {
    private let base: any FileSystem

    init(_ base: any FileSystem) {
        self.base = base
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        guard mode == .read else { throw refusal("open", path) }
        return try base.open(path, mode)
    }

    func rename(_ path: String, to target: String) throws(FileError) { throw refusal("rename", path) }
    func link(_ path: String, to target: String) throws(FileError) { throw refusal("link", path) }
    func remove(_ path: String) throws(FileError) { throw refusal("remove", path) }
    func removeFolder(_ path: String) throws(FileError) { throw refusal("remove folder", path) }
    func createFolder(_ path: String) throws(FileError) { throw refusal("create folder", path) }
    func syncFolder(_ path: String) throws(FileError) { throw refusal("sync folder", path) }
    func list(_ path: String) throws(FileError) -> [String] { try base.list(path) }
    func exists(_ path: String) -> Bool { base.exists(path) }
    func size(_ path: String) throws(FileError) -> Int { try base.size(path) }
    func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) { try base.space(path) }

    private func refusal(_ operation: String, _ path: String) -> FileError {
        FileError(operation, path, errno: 0, reason: "nothing is changed in this folder")
    }
}
