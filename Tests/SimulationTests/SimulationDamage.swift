import Files
import Glibc
import Model
import Synchronization

@testable import Store

/// Damage at rest, cuts while the store opens, and snapshots.
extension Simulation {
    /// Opens the store and cuts the power meanwhile; what is left of that is what the next opening finds.
    func cutWhileOpening(_ machine: PosixFileSystem) async throws -> [String] {
        prepareCut(within: 16)
        let store = try open()
        tally.note(.cutWhileOpening, if: remains.withLock { $0 != nil })
        files.strikeNow()
        await store.close()
        guard let left = remains.withLock({ $0 }) else { return ["no second cut"] }
        try restore(left, machine)
        return []
    }

    /// Flips a bit in some file, and compares: lines may be missing where that is said, none may be wrong.
    func checkDamage() async throws -> [String] {
        guard let place = try flip() else { return [] }
        notes.add("-- bit flipped: \(place)")
        let before = notes.all.count
        let store = try open()
        let seen: (counts: [String: Int], warnings: [String])
        do { seen = try lines(store, isDamaged: true) } catch { return ["after \(place): \(error)"] }
        await store.close()
        let state = ledger.now
        let oldest = store.snapshot(.standard).oldestTime
        var faults: [String] = []
        let sent = Set(state.sent.values.flatMap { $0.rows.map(\.line) })
        for line in seen.counts.keys where !sent.contains(line) { faults.append("after \(place): unknown \(line)") }
        for (line, count) in seen.counts where count > 1 { faults.append("after \(place): \(line) \(count) times") }
        let lost = state.acknowledged.filter { number in
            state.sent[number]?.rows.contains { $0.time >= oldest && seen.counts[$0.line] == nil } ?? false
        }
        guard !lost.isEmpty else { return faults }
        let named = notes.all[before...].contains { $0.hasPrefix("warning") || $0.hasPrefix("error") }
        if named || !seen.warnings.isEmpty {
            tally.note(.namedDamage)
        } else {
            faults.append("after \(place): \(lost.sorted()) lost, and nothing says so")
        }
        return faults
    }

    /// Flips one bit where something is written; nil if there is no such file.
    private func flip() throws -> String? {
        switch random.below(4) {
        case 0: return flip(in: paths(below: folder + "/wal"), .flippedLog)
        case 1: return flip(in: paths(below: folder + "/tenants"), .flippedPart)
        case 2: return try flipDatabase("catalog", .flippedCatalog)
        default: return try flipDatabase("state", .flippedState)
        }
    }

    private func flip(in paths: [String], _ met: Case) -> String? {
        let written = paths.compactMap { path -> (String, Int)? in
            guard let bytes = try? files.disk.contents(of: path, limitBytes: 1 << 28),
                let last = bytes.lastIndex(where: { $0 != 0 })
            else { return nil }
            return (path, last + 1)
        }
        guard !written.isEmpty else { return nil }
        let (path, size) = written[random.below(written.count)]
        let (offset, bit) = (random.below(size), UInt8(1) << UInt8(random.below(8)))
        files.disk.damage(path, at: offset) { $0 ^ bit }
        tally.note(met)
        return "\(path), byte \(offset)"
    }

    private func flipDatabase(_ name: String, _ met: Case) throws -> String? {
        let machine = PosixFileSystem()
        let found = ["\(folder)/\(name).sqlite", "\(folder)/\(name).sqlite-wal"].filter {
            ((try? machine.size($0)) ?? 0) > 0
        }
        guard !found.isEmpty else { return nil }
        let path = found[random.below(found.count)]
        let offset = random.below(try machine.size(path))
        let file = try machine.open(path, .update)
        defer { file.close() }
        let byte = try file.read(at: offset, count: 1)
        try file.write(byte.map { $0 ^ 1 << UInt8(random.below(8)) }, at: offset)
        tally.note(met)
        return "\(path), byte \(offset)"
    }

    private func paths(below folder: String) -> [String] {
        ((try? files.disk.list(folder)) ?? []).flatMap { name -> [String] in
            let path = folder + "/" + name
            return (try? files.disk.size(path)) == nil ? paths(below: path) : [path]
        }
    }

    /// Every snapshot that was made must give a store with all that was acknowledged before it.
    func checkArchives() async throws -> [String] {
        guard let (archive, held) = ledger.now.archives.max(by: { $0.key < $1.key }) else { return [] }
        let target = folder + "-restored"
        let machine = PosixFileSystem()
        defer {
            for name in (try? machine.list(target)) ?? [] { try? machine.remove(target + "/" + name) }
            try? machine.removeFolder(target)
        }
        try files.disk.createFolder(target)
        _ = try ArchiveRestore.run(from: archive, to: target, files: files)
        try machine.createFolder(target)
        for name in ["/catalog.sqlite", "/state.sqlite"] {
            let file = try machine.open(target + name, .create)
            try file.write(try files.disk.contents(of: target + name, limitBytes: 1 << 28), at: 0)
            file.close()
        }
        let store = try open(target)
        let seen = try lines(store)
        let oldest = store.snapshot(.standard).oldestTime
        await store.close()
        tally.note(.restoredSnapshots)
        let state = ledger.now
        var faults = seen.warnings.map { "snapshot: warning: \($0)" }
        for number in held.subtracting(state.deletionsAsked).sorted() {
            let rows = (state.sent[number]?.rows ?? []).filter { $0.time >= oldest }
            let found = rows.filter { seen.counts[$0.line] != nil }.count
            if found < rows.count { faults.append("snapshot: \(found) of \(rows.count) rows of batch \(number)") }
        }
        for (line, count) in seen.counts where count > 1 { faults.append("snapshot: \(line) \(count) times") }
        return faults
    }
}
