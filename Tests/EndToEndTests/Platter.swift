import Foundation
import Glibc

/// The disk below a server's data folder, as the preloaded `Tests/Platter/platter.c` keeps it: what was synced. Cutting
/// it off puts that, and nothing or a random share of the rest, in the place of the folder. Needs no root.
final class Platter {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    enum Cut: String, CaseIterable {
        /// Nothing that was not synced is there.
        case strict
        /// A random share of it is: pieces of files, whole changes of names.
        case torn
    }

    private struct Entry: Hashable {
        let inode: UInt64
        let isFolder: Bool
    }

    private typealias Folder = [String: Entry]

    /// What a folder's sync would change.
    private struct Change {
        let folder: UInt64
        let name: String
        let old: Entry?
        let new: Entry?
    }

    static let compiler = ["cc", "gcc", "clang"].first { OtherService.has($0) }

    /// What was not synced at the cuts, and how much of it came through.
    struct Tally: CustomStringConvertible {
        private(set) var kept = 0
        private(set) var lost = 0

        var total: Int { kept + lost }
        var description: String { "\(lost) lost, \(kept) kept" }

        fileprivate mutating func count(isKept: Bool) {
            if isKept { kept += 1 } else { lost += 1 }
        }
    }

    /// Changes of names, and pieces of files.
    private(set) var names = Tally()
    private(set) var pieces = Tally()

    private let folder: String
    private let disk: String
    private let library: String

    /// - Parameter folder: the data folder, which is made; the platter lies beside it.
    init(below folder: String) throws {
        self.folder = folder
        disk = folder + ".platter"
        library = folder + ".platter.so"
        try Platter.compile("platter.c", to: library, ["-shared", "-fPIC"])
        try make(folder)
        try empty()
    }

    deinit {
        try? FileManager.default.removeItem(atPath: disk)
        try? FileManager.default.removeItem(atPath: library)
    }

    /// Compiles a file of `Tests/Platter`.
    static func compile(_ source: String, to target: String, _ options: [String] = []) throws {
        guard let compiler else { throw Failure(description: "there is no C compiler") }
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let path = folder.appendingPathComponent("Platter/" + source).path
        let compiled = try OtherService.run([compiler, "-O1", "-pthread"] + options + ["-o", target, path])
        guard compiled.status == 0 else { throw Failure(description: "\(path): \(compiled.output)") }
    }

    /// What a server on this platter is started with.
    /// - Parameters:
    ///   - pattern: paths below the data folder whose syncs reach nothing.
    ///   - sync: the number of the sync that the server does not come to: it is killed there.
    func environment(ignoring pattern: String? = nil, until sync: Int? = nil) -> [String: String] {
        var variables = ["LD_PRELOAD": library, "PLATTER_DATA": folder, "PLATTER_DISK": disk]
        variables["PLATTER_IGNORE"] = pattern
        variables["PLATTER_SYNCS"] = sync.map(String.init)
        return variables
    }

    /// Makes of the data folder, whose server was killed, what a loss of power leaves.
    func cut(_ kind: Cut, seed: UInt64) throws {
        var random = Chance(state: seed)
        let root = try status(of: folder).inode
        var folders = try syncedFolders()
        guard folders[root] != nil else { throw Failure(description: "the server was not started on the platter") }
        folders = merged(folders, try liveFolders(), share: kind == .torn ? random.share() : 0, &random)
        let pieceBytes = random.isLucky(0.5) ? 512 : 4096
        for inode in try FileManager.default.contentsOfDirectory(atPath: disk + "/files").sorted() {
            try tear(inode, pieceBytes: pieceBytes, share: kind == .torn ? random.share() : 0, &random)
        }
        try FileManager.default.removeItem(atPath: folder)
        try build(root, at: folder, folders)
        try empty()
    }

    /// A platter without anything, for a server that is to be started.
    private func empty() throws {
        try? FileManager.default.removeItem(atPath: disk)
        for folder in [disk, disk + "/files", disk + "/names", disk + "/live"] { try make(folder) }
    }

    private func make(_ folder: String) throws {
        guard mkdir(folder, 0o700) == 0 else { throw Failure(description: "\(folder): error \(errno)") }
    }

    private func status(of path: String) throws -> Entry {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Failure(description: "\(path): error \(errno)") }
        return Entry(inode: UInt64(status.st_ino), isFolder: status.st_mode & S_IFMT == S_IFDIR)
    }

    // MARK: Names

    /// The folders as they were synced, by number.
    private func syncedFolders() throws -> [UInt64: Folder] {
        var folders: [UInt64: Folder] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: disk + "/names") {
            // 0 is a list that was being written.
            guard let inode = UInt64(file), inode != 0 else { continue }
            var entries: Folder = [:]
            let text = try String(contentsOfFile: disk + "/names/" + file, encoding: .utf8)
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
                guard parts.count == 3, let number = UInt64(parts[1]) else {
                    throw Failure(description: "names/\(file): \(line)")
                }
                entries[parts[2]] = Entry(inode: number, isFolder: parts[0] == "d")
            }
            folders[inode] = entries
        }
        return folders
    }

    /// The folders as the server saw them last, by number. Files that the platter does not know get a place there.
    private func liveFolders() throws -> [UInt64: Folder] {
        var folders: [UInt64: Folder] = [:]
        var paths = [folder]
        while let path = paths.popLast() {
            var entries: Folder = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
                let entry = try status(of: path + "/" + name)
                entries[name] = entry
                if entry.isFolder {
                    paths.append(path + "/" + name)
                } else if link(path + "/" + name, disk + "/live/\(entry.inode)") == 0 {
                    _ = FileManager.default.createFile(atPath: disk + "/files/\(entry.inode)", contents: nil)
                }
            }
            folders[try status(of: path).inode] = entries
        }
        return folders
    }

    /// `synced` with a random share of what was changed since. Changes that concern the same file come together: a
    /// rename is never there by half.
    private func merged(
        _ synced: [UInt64: Folder], _ live: [UInt64: Folder], share: Double, _ random: inout Chance
    ) -> [UInt64: Folder] {
        var changes: [Change] = []
        for folder in Set(synced.keys).union(live.keys).sorted() {
            let (old, new) = (synced[folder] ?? [:], live[folder] ?? [:])
            for name in Set(old.keys).union(new.keys).sorted() where old[name] != new[name] {
                changes.append(Change(folder: folder, name: name, old: old[name], new: new[name]))
            }
        }
        var groups: [UInt64: UInt64] = [:]
        func group(_ inode: UInt64) -> UInt64 {
            var inode = inode
            while let next = groups[inode] { inode = next }
            return inode
        }
        for change in changes {
            guard let old = change.old, let new = change.new else { continue }
            let (first, second) = (group(old.inode), group(new.inode))
            if first != second { groups[first] = second }
        }
        var isKept: [UInt64: Bool] = [:]
        var result = synced
        for change in changes {
            guard let entry = change.old ?? change.new else { continue }
            let number = group(entry.inode)
            let keeps = isKept[number] ?? random.isLucky(share)
            isKept[number] = keeps
            if keeps { result[change.folder, default: [:]][change.name] = change.new }
            names.count(isKept: keeps)
        }
        return result
    }

    private func build(_ inode: UInt64, at path: String, _ folders: [UInt64: Folder]) throws {
        try make(path)
        for (name, entry) in folders[inode] ?? [:] {
            if entry.isFolder {
                try build(entry.inode, at: path + "/" + name, folders)
            } else if link("\(disk)/files/\(entry.inode)", path + "/" + name) != 0 {
                throw Failure(description: "\(path)/\(name), file \(entry.inode): error \(errno)")
            }
        }
    }

    // MARK: Bytes

    /// Overwrites random pieces of a file with what the server wrote there after its last sync.
    private func tear(_ inode: String, pieceBytes: Int, share: Double, _ random: inout Chance) throws {
        // A file that the platter was about to know when the server was killed has its place, but no name there yet.
        guard access("\(disk)/live/\(inode)", F_OK) == 0 else { return }
        let old = try Data(contentsOf: URL(fileURLWithPath: "\(disk)/files/\(inode)"))
        let new = try Data(contentsOf: URL(fileURLWithPath: "\(disk)/live/\(inode)"))
        if old == new { return }
        let (smaller, larger) = (min(old.count, new.count), max(old.count, new.count))
        let between = max(smaller, Int.random(in: smaller...larger, using: &random) / pieceBytes * pieceBytes)
        let sizes = share > 0 ? [old.count, new.count, between] : []
        let size = sizes.randomElement(using: &random) ?? old.count
        let descriptor = open("\(disk)/files/\(inode)", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: "file \(inode): error \(errno)") }
        defer { close(descriptor) }
        for offset in stride(from: 0, to: new.count, by: pieceBytes) {
            let piece = new[offset..<min(offset + pieceBytes, new.count)]
            let isSame = offset + piece.count <= old.count && old[offset..<offset + piece.count] == piece
            if isSame { continue }
            let keeps = offset < size && random.isLucky(share)
            pieces.count(isKept: keeps)
            if !keeps { continue }
            let count = piece.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
            guard count == piece.count else { throw Failure(description: "file \(inode): error \(errno)") }
        }
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw Failure(description: "file \(inode): error \(errno)")
        }
    }
}

/// Random numbers that are the same at each run (SplitMix64).
private struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func isLucky(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &self) < share }

    /// None, some or all, each often enough.
    mutating func share() -> Double { [0, 0.25, 0.5, 0.75, 1].randomElement(using: &self) ?? 0 }
}
