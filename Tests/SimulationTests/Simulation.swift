import Bytes
import Files
import Glibc
import Model
import Synchronization

@testable import Store

/// One life of a store, or several: pushes, seals, merges, deletions, retention and failing disks, a power cut at some
/// change of some file, and what is found afterwards. All choices follow from the seed; the threads of the store add
/// their own order.
final class Simulation {
    /// A clock that the simulation moves.
    final class Clock: WallClock {
        private let now = Mutex<Int64>(1_795_460_737_000_000_000)
        func nowNanoseconds() -> Int64 { now.withLock { $0 } }
        func advance(_ nanoseconds: Int64) { now.withLock { $0 += nanoseconds } }
    }

    /// What a power cut leaves.
    private struct Remains: Sendable {
        let disk: MemoryFileSystem
        let databases: [String: [UInt8]]
        let ledger: Ledger.State
    }

    private let seed: UInt64
    private let omissions: Omissions
    private let events: Events
    private let folder: String
    private let clock = Clock()
    private var random: Dice
    private var files: TappedFiles
    private var ledger = Ledger()
    private var nextBatch = 0
    private var nextArchive = 0
    /// Whether the seed is about catalogs that are older than what they are found with.
    private let isRolledBack: Bool
    private let remains = Mutex<Remains?>(nil)

    private static let retentionDays = 5

    /// What happened, for the account of a seed that failed.
    private let notes = Notes()

    private final class Notes: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    /// What happens beside pushes, seals, retention and power cuts.
    struct Events: OptionSet, Sendable {
        let rawValue: Int

        static let faults = Events(rawValue: 1)
        static let deletions = Events(rawValue: 2)
        /// All heads sealed at once, and merges.
        static let merges = Events(rawValue: 4)
        /// Snapshots; the databases do not lie on the simulated disk, so that none comes further than its parts.
        static let snapshots = Events(rawValue: 8)
        /// Disks that fill up, and have room again later.
        static let fullDisks = Events(rawValue: 16)
        /// Catalogs of a moment before the power cut, as from a backup; not in lives with deletions, which know of
        /// no way back.
        static let oldCatalogs = Events(rawValue: 32)
    }

    init(seed: UInt64, omitting omissions: Omissions = [], with events: Events = [.faults]) {
        self.seed = seed
        self.events = events
        self.omissions = omissions
        var dice = Dice(seed)
        isRolledBack = events.contains(.oldCatalogs) && dice.below(4) == 0
        random = dice
        // The databases are real files; what they sync is not what is tested, so memory does where there is some.
        let root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        folder = "\(root)/dendro-sim-\(getpid())-\(seed)-\(omissions.rawValue)"
        let disk = MemoryFileSystem(seed: seed)
        // The folder that a data folder is made in was there before.
        try? disk.createFolder(root)
        try? disk.syncFolder("/")
        try? disk.syncFolder("/dev")
        files = TappedFiles(disk, omitting: omissions)
    }

    /// What is wrong after the lives and cuts of this seed; nothing, for a sound store.
    func run() async -> [String] {
        let faults = await lives()
        return faults.isEmpty ? [] : faults + notes.all
    }

    private func lives() async -> [String] {
        let machine = PosixFileSystem()
        try? machine.createFolder(folder)
        defer { clean(machine, all: true) }
        do {
            for round in 0..<2 {
                let store = try open()
                var faults = await check(store, round)
                if faults.isEmpty { faults = await live(store) }
                await store.close()
                if !faults.isEmpty { return faults }
                guard let left = remains.withLock({ $0 }) else { return ["round \(round): no cut"] }
                try restore(left, machine)
            }
            let store = try open()
            let faults = await check(store, 2)
            await store.close()
            return faults
        } catch {
            return ["the store does not open: \(error)"]
        }
    }

    private func open() throws -> Store {
        var configuration = StoreConfiguration(folder: folder)
        configuration.files = files
        configuration.clock = clock
        configuration.minimumFreeBytes = 0
        configuration.headRows = 24
        configuration.walSegmentBytes = 32 << 10
        configuration.mergeFanIn = 3
        configuration.blockRows = 64
        configuration.retentionDays = Simulation.retentionDays
        configuration.deletionDelaySeconds = 0
        configuration.rowFilters = WordFilters()
        configuration.workerNice = 0
        configuration.report = { [notes] in notes.add("\($0.level): \($0.text)") }
        return try Store.open(configuration)
    }

    // MARK: - A life

    private func live(_ store: Store) async -> [String] {
        prepareCut()
        let isFull = events.contains(.fullDisks) && random.below(6) == 0
        if isFull { fillDisk() }
        let isFailing = events.contains(.faults) && random.below(2) == 0
        if isFailing { injectFaults() }
        // A flush waits until all is written.
        let hasFaults = isFull || isFailing
        for _ in 0..<(8 + random.below(20)) where remains.withLock({ $0 == nil }) {
            switch random.below(20) {
            case 0...13: await push(store)
            case 14...15: if hasFaults || !events.contains(.merges) { store.housekeep(1) } else { await store.flush() }
            case 16: if events.contains(.deletions), !isRolledBack { await delete(store) }
            case 17: await applyOrArchive(store)
            case 18:
                clock.advance(Nanoseconds.perDay / 2)
                _ = await store.enforceRetention()
            default: retry(store)
            }
        }
        files.disk.clearFaults()
        files.strikeNow()
        files.disk.capacityBytes = .max
        return []
    }

    private func applyOrArchive(_ store: Store) async {
        guard events.contains(.snapshots), random.below(2) == 0 else { return await store.applyDeletions() }
        nextArchive += 1
        _ = try? await store.archive(to: folder + "-snapshot-\(nextArchive)")
    }

    /// Leaves room for a few groups of the log, or for a part.
    private func fillDisk() {
        guard let space = try? files.disk.space(folder) else { return }
        let room = random.below(160) << 10
        notes.add("-- disk full but for \(room) bytes")
        files.disk.capacityBytes = space.totalBytes - space.freeBytes + room
    }

    /// Decides when the power goes. What the clients know is noted first: what they hear later does not count.
    private func prepareCut() {
        remains.withLock { $0 = nil }
        let cutSeed = random.next()
        let isCatalogLost = !isRolledBack && random.below(12) == 0
        let after = random.below(140)
        let older = isRolledBack ? Moment() : nil
        let (files, ledger, folder, remains) = (files, ledger, folder, CutBox(self))
        if let older {
            files.look(after: after - min(after, random.below(30))) {
                let found = Simulation.databases(folder)
                if found == Simulation.databases(folder) { older.keep(found) }
            }
        }
        files.strike(after: after) { [notes] in
            notes.add("-- cut\(isCatalogLost ? ", catalog lost" : "")")
            // Databases and disk of one moment: again if the catalog's thread has written between the two looks.
            for _ in 0..<100 {
                let known = ledger.now
                let databases = Simulation.databases(folder)
                let disk = files.disk.crash(seed: cutSeed)
                guard databases == Simulation.databases(folder) else { continue }
                var kept = databases
                if isCatalogLost { kept = kept.filter { !$0.key.hasPrefix("catalog") } }
                if let early = older?.databases {
                    notes.add("-- an older catalog")
                    kept = kept.filter { !$0.key.hasPrefix("catalog") }.merging(early) { first, _ in first }
                }
                return remains.put(disk, kept, known)
            }
        }
    }

    /// The catalog of an earlier moment.
    private final class Moment: Sendable {
        private let kept = Mutex<[String: [UInt8]]?>(nil)
        var databases: [String: [UInt8]]? { kept.withLock { $0 } }

        func keep(_ databases: [String: [UInt8]]) {
            kept.withLock { $0 = databases.filter { $0.key.hasPrefix("catalog") } }
        }
    }

    /// Hands what is left to the simulation, from whatever thread the cut came on.
    private final class CutBox: Sendable {
        private let target: @Sendable (Remains) -> Void

        init(_ simulation: Simulation) {
            let box = Unchecked(simulation)
            target = { left in box.simulation.remains.withLock { $0 = left } }
        }

        func put(_ disk: MemoryFileSystem, _ databases: [String: [UInt8]], _ ledger: Ledger.State) {
            target(Remains(disk: disk, databases: databases, ledger: ledger))
        }
    }

    /// Only `remains`, which has a lock, is touched through it.
    private struct Unchecked: @unchecked Sendable {
        let simulation: Simulation

        init(_ simulation: Simulation) { self.simulation = simulation }
    }

    private func injectFaults() {
        for _ in 0..<(1 + random.below(2)) {
            let kinds: [Set<MemoryFileSystem.Operation>] = [[.sync], [.write], [.rename], [.syncFolder], [], [.read]]
            let fault = MemoryFileSystem.Fault(
                kinds[random.below(kinds.count)], after: random.below(60), errno: random.below(2) == 0 ? 5 : 28,
                writtenBytes: random.below(700))
            notes.add("-- fault \(fault)")
            files.disk.inject(fault)
        }
    }

    // MARK: - Steps

    private func push(_ store: Store) async {
        let number = nextBatch
        nextBatch += 1
        let days = random.below(5) == 0 ? 3 : 1
        var rows: [(time: Int64, line: String)] = []
        for row in 0..<(1 + random.below(9)) {
            let age = Int64(random.below(days)) * Nanoseconds.perDay + Int64(random.below(1000)) * 1_000_000
            rows.append((clock.nowNanoseconds() - age, "\(Ledger.word(number)) row \(row)"))
        }
        let key = random.below(2) == 0 ? UInt64(number) : nil
        ledger.change { $0.sent[number] = Ledger.Entry(rows: rows, key: key) }
        let wait = random.below(3) > 0
        if wait { _ = await send(number, store) } else { sendOnly(number, store) }
    }

    /// Sends a batch that was not acknowledged again, as clients do.
    private func retry(_ store: Store) {
        let state = ledger.now
        let open = state.sent.keys.filter { !state.acknowledged.contains($0) && state.sent[$0]?.key != nil }.sorted()
        guard !open.isEmpty else { return }
        sendOnly(open[random.below(open.count)], store)
    }

    private func send(_ number: Int, _ store: Store) async -> Bool {
        guard let batch = ledger.now.sent[number]?.batch(stream: number % 5) else { return false }
        guard (try? await store.append(batch)) != nil else { return false }
        ledger.change { $0.acknowledged.insert(number) }
        return true
    }

    private func sendOnly(_ number: Int, _ store: Store) {
        guard let batch = ledger.now.sent[number]?.batch(stream: number % 5) else { return }
        store.append(batch) { [ledger] result in
            if (try? result.get()) != nil { ledger.change { $0.acknowledged.insert(number) } }
        }
    }

    private func delete(_ store: Store) async {
        let state = ledger.now
        let whole = state.acknowledged.subtracting(state.deletionsAsked).sorted()
        guard !whole.isEmpty else { return }
        let number = whole[random.below(whole.count)]
        ledger.change { $0.deletionsAsked.insert(number) }
        let range = TimeRange(start: 0, end: clock.nowNanoseconds() + 1)
        let made = try? await store.requestDeletion(of: "sim " + Ledger.word(number), in: range)
        if made != nil { ledger.change { $0.deleted.insert(number) } }
    }

    // MARK: - Afterwards

    /// Puts what the cut left in place of what there was.
    private func restore(_ left: Remains, _ machine: PosixFileSystem) throws {
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
        ledger = Ledger(state)
    }

    /// Compares what the store shows with what the clients know.
    private func check(_ store: Store, _ round: Int) async -> [String] {
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

    private func lines(_ store: Store) throws -> (counts: [String: Int], warnings: [String]) {
        let snapshot = store.snapshot(.standard)
        let plan = try snapshot.plan(ScanRequest(range: .all))
        var counts: [String: Int] = [:]
        for unit in plan.units {
            let loaded = try unit.load(.rows)
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

    private static func databases(_ folder: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        // The file before its log: what the log holds is then newer, never older.
        for name in ["state.sqlite", "state.sqlite-wal", "catalog.sqlite", "catalog.sqlite-wal"] {
            if let bytes = try? PosixFileSystem().contents(of: folder + "/" + name, limitBytes: 1 << 28) {
                found[name] = bytes
            }
        }
        return found
    }

    private func clean(_ machine: PosixFileSystem, all: Bool) {
        for name in (try? machine.list(folder)) ?? [] { try? machine.remove(folder + "/" + name) }
        if all { try? machine.removeFolder(folder) }
    }
}

/// Numbers that follow from a seed (SplitMix64).
struct Dice {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(limit, 1))) }
}
