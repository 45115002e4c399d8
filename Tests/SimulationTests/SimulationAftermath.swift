import Bytes
import Files
import Model

@testable import Store

/// What a power cut leaves, and what the store shows of it.
extension Simulation {
    /// Puts what the cut left in place of what there was.
    func restore(_ left: Remains, _ machine: PosixFileSystem) throws {
        clean(machine, all: false)
        for (name, bytes) in left.databases {
            let file = try machine.open(folder + "/" + name, .create)
            try file.write(bytes, at: 0)
            file.close()
        }
        left.disk.capacityBytes = .max
        files = TappedFiles(left.disk, omitting: omissions)
        var state = left.ledger
        // What was sent and never answered is as open as before.
        state.sent.merge(ledger.now.sent) { first, _ in first }
        state.deletionsAsked.formUnion(ledger.now.deletionsAsked)
        state.archives = state.archives.filter { files.disk.exists($0.key) }
        ledger = Ledger(state)
    }

    /// Compares what the store shows with what the clients know.
    func check(_ store: Store, _ round: Int) async -> [String] {
        let seen: (counts: [String: Int], warnings: [String])
        do { seen = try lines(store) } catch { return ["round \(round): \(error)"] }
        var faults = seen.warnings.map { "round \(round): warning: \($0)" }
        let state = ledger.now
        let oldest = store.snapshot(.standard).oldestTime
        var expected: Set<String> = []
        for (number, entry) in state.sent.sorted(by: { $0.key < $1.key }) {
            let rows = entry.rows.filter { $0.time >= oldest }
            expected.formUnion(entry.rows.map(\.line))
            let found = rows.filter { seen.counts[$0.line] != nil }.count
            let isKnown = state.acknowledged.contains(number)
            if state.deleted.contains(number), found > 0 { faults.append("round \(round): \(number) is back") }
            if state.deletionsAsked.contains(number) { continue }
            if isKnown, found < rows.count {
                faults.append("round \(round): \(found) of \(rows.count) rows of acknowledged batch \(number)")
            }
            if !isKnown, found > 0, found < rows.count {
                faults.append("round \(round): \(found) of \(rows.count) rows of open batch \(number)")
            }
        }
        for (line, count) in seen.counts where count > 1 { faults.append("round \(round): \(line) \(count) times") }
        for line in seen.counts.keys where !expected.contains(line) { faults.append("round \(round): unknown \(line)") }
        return faults
    }

    func lines(_ store: Store, isDamaged: Bool = false) throws -> (counts: [String: Int], warnings: [String]) {
        let snapshot = store.snapshot(.standard)
        var plan = try snapshot.plan(ScanRequest(range: .all))
        var counts: [String: Int] = [:]
        for unit in plan.units {
            let loaded: LoadedRows
            do {
                loaded = try unit.load(.rows)
            } catch {
                guard isDamaged else { throw error }
                plan.warnings.append("\(error)")
                continue
            }
            let hidden = Set(loaded.hidden)
            loaded.rows.read { entries, arena in
                for row in 0..<entries.count where !hidden.contains(row) {
                    guard loaded.streams[Int(entries[row].stream)] != .none, entries[row].time >= snapshot.oldestTime
                    else { continue }
                    counts[arena.extracting(entries[row].line).text, default: 0] += 1
                }
            }
        }
        return (counts, plan.warnings)
    }

    static func databases(_ folder: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        // The file before its log: what the log holds is then newer, never older.
        for name in ["state.sqlite", "state.sqlite-wal", "catalog.sqlite", "catalog.sqlite-wal"] {
            if let bytes = try? PosixFileSystem().contents(of: folder + "/" + name, limitBytes: 1 << 28) {
                found[name] = bytes
            }
        }
        return found
    }

    func clean(_ machine: PosixFileSystem, all: Bool) {
        for name in (try? machine.list(folder)) ?? [] { try? machine.remove(folder + "/" + name) }
        if all { try? machine.removeFolder(folder) }
    }
}
