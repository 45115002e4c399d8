import Bytes
import Chunks
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
    struct Remains: Sendable {
        let disk: MemoryFileSystem
        let databases: [String: [UInt8]]
        let ledger: Ledger.State
    }

    let seed: UInt64
    let omissions: Omissions
    let events: Events
    let folder: String
    let clock = Clock()
    var random: Dice
    var files: TappedFiles
    var ledger = Ledger()
    private var nextBatch = 0
    private var nextArchive = 0
    /// Counts what the seeds have met.
    let tally: Tally
    /// Whether the seed is about damage at rest, and about more lines than can be sealed in time.
    let isDamaged: Bool
    private let isSpilling: Bool
    private let encoderErrs: Bool
    /// Whether the seed is about catalogs that are older than what they are found with.
    let isRolledBack: Bool
    let remains = Mutex<Remains?>(nil)

    static let retentionDays = 5

    /// What happened, for the account of a seed that failed.
    let notes = Notes()

    final class Notes: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    init(
        seed: UInt64, omitting omissions: Omissions = [], with events: Events = [.faults],
        counting tally: Tally = Tally()
    ) {
        self.tally = tally
        self.seed = seed
        self.events = events
        self.omissions = omissions
        var dice = Dice(seed)
        isRolledBack = events.contains(.oldCatalogs) && dice.below(4) == 0
        isDamaged = events.contains(.damage) && !isRolledBack && dice.below(3) == 0
        isSpilling = events.contains(.spills) && dice.below(6) == 0
        encoderErrs = omissions.contains(.comparing) || (events.contains(.encoderErrors) && dice.below(8) == 0)
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
                if events.contains(.doubleCuts), random.below(3) == 0 {
                    faults = try await cutWhileOpening(machine)
                    if !faults.isEmpty { return faults }
                }
            }
            if isDamaged { return try await checkDamage() }
            let store = try open()
            var faults = await check(store, 2)
            await store.close()
            if faults.isEmpty { faults = try await checkArchives() }
            return faults
        } catch {
            return ["the store does not open: \(error)"]
        }
    }

    func open(_ path: String? = nil) throws -> Store {
        var configuration = StoreConfiguration(folder: path ?? folder)
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
        configuration.encoderTrial.errs = encoderErrs
        configuration.encoderTrial.compares = !omissions.contains(.comparing)
        if isSpilling { configuration.headBudgetBytes = 96 << 10 }
        configuration.report = { [notes, tally] in
            notes.add("\($0.level): \($0.text)")
            tally.note(report: $0.text)
        }
        return try Store.open(configuration)
    }

    // MARK: - A life

    private func live(_ store: Store) async -> [String] {
        prepareCut()
        let isFull = events.contains(.fullDisks) && !isSpilling && random.below(6) == 0
        if isFull { fillDisk() }
        let isFailing = events.contains(.faults) && !isSpilling && random.below(2) == 0
        let injected = isFailing ? injectFaults() : []
        if events.contains(.slowSyncs), random.below(6) == 0 {
            tally.note(.slowSyncs)
            files.syncMicroseconds.store(400, ordering: .relaxed)
        }
        for _ in 0..<(8 + random.below(20)) where remains.withLock({ $0 == nil }) {
            // What waits for heads to be sealed is let in by the second.
            if isSpilling { store.housekeep(1) }
            switch random.below(20) {
            case 0...13: await push(store)
            case 14...15: if events.contains(.merges) { await flush(store, isFull) } else { store.housekeep(1) }
            case 16: if events.contains(.deletions), !isRolledBack, !isDamaged { await delete(store) }
            case 17: await applyOrArchive(store)
            case 18:
                clock.advance(Nanoseconds.perDay / 2 * Int64(1 + random.below(8)))
                await store.enforceRetention()
                tally.note(.retention, if: store.statistics.retiredDays > 0)
            default: retry(store)
            }
        }
        noteStruck(injected)
        files.disk.clearFaults()
        files.strikeNow()
        files.disk.capacityBytes = .max
        files.syncMicroseconds.store(0, ordering: .relaxed)
        tally.note(.spills, if: store.statistics.spilledParts > 0)
        tally.note(.merges, if: store.statistics.mergedParts > 0)
        return []
    }

    private func flush(_ store: Store, _ isFull: Bool) async {
        let outcome = await store.flush()
        guard case .failure = outcome else { return }
        tally.note(isFull ? .flushesOfFullDisks : .failedFlushes)
    }

    private func noteStruck(_ injected: [MemoryFileSystem.Fault]) {
        let left = files.disk.pendingFaults
        for fault in injected where !left.contains(where: { $0.operations == fault.operations }) {
            tally.note(fault.errno == 5 ? .inputOutputErrors : .noSpaceErrors)
            switch fault.operations {
            case [.sync]: tally.note(.failedSyncs)
            case [.write]: tally.note(.shortWrites)
            case [.read]: tally.note(.failedReads)
            default: break
            }
        }
    }

    private func applyOrArchive(_ store: Store) async {
        guard events.contains(.snapshots), random.below(2) == 0 else { return await store.applyDeletions() }
        nextArchive += 1
        let path = folder + TappedFiles.snapshotMark + String(nextArchive)
        let held = ledger.now.acknowledged
        guard (try? await store.archive(to: path)) != nil else { return }
        ledger.change { $0.archives[path] = held }
    }

    /// Leaves room for a few groups of the log, or for a part.
    private func fillDisk() {
        guard let space = try? files.disk.space(folder) else { return }
        let room = random.below(160) << 10
        tally.note(.fullDisks)
        notes.add("-- disk full but for \(room) bytes")
        files.disk.capacityBytes = space.totalBytes - space.freeBytes + room
    }

    /// Decides when the power goes. What the clients know is noted first: what they hear later does not count.
    func prepareCut(within changes: Int = 140) {
        remains.withLock { $0 = nil }
        let cutSeed = random.next()
        let isCatalogLost = !isRolledBack && random.below(12) == 0
        let after = random.below(changes)
        let older = isRolledBack ? Moment() : nil
        let (files, ledger, folder, remains) = (files, ledger, folder, CutBox(self))
        if let older {
            files.look(after: after - min(after, random.below(30))) {
                let found = Simulation.databases(folder)
                if found == Simulation.databases(folder) { older.keep(found) }
            }
        }
        files.strike(after: after) { [notes, tally] step in
            notes.add("-- cut\(isCatalogLost ? ", catalog lost" : "")")
            tally.note(step ?? .cutBetween)
            tally.note(.lostCatalogs, if: isCatalogLost)
            // Databases and disk of one moment: again if the catalog's thread has written between the two looks.
            for _ in 0..<100 {
                // Before the disk, or another thread's look makes the older catalog the newer of the two.
                let early = older?.databases
                let known = ledger.now
                let databases = Simulation.databases(folder)
                let disk = files.disk.crash(seed: cutSeed)
                guard databases == Simulation.databases(folder) else { continue }
                var kept = databases
                if isCatalogLost { kept = kept.filter { !$0.key.hasPrefix("catalog") } }
                if let early {
                    notes.add("-- an older catalog")
                    tally.note(.oldCatalogs)
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

    private func injectFaults() -> [MemoryFileSystem.Fault] {
        var injected: [MemoryFileSystem.Fault] = []
        for _ in 0..<(1 + random.below(2)) {
            let kinds: [Set<MemoryFileSystem.Operation>] = [[.sync], [.write], [.rename], [.syncFolder], [], [.read]]
            let fault = MemoryFileSystem.Fault(
                kinds[random.below(kinds.count)], after: random.below(60), errno: random.below(2) == 0 ? 5 : 28,
                writtenBytes: random.below(700))
            notes.add("-- fault \(fault)")
            files.disk.inject(fault)
            injected.append(fault)
        }
        return injected
    }

    // MARK: - Steps

    private func push(_ store: Store) async {
        let number = nextBatch
        nextBatch += 1
        let days = random.below(5) == 0 ? 3 : 1
        tally.note(.batchesOverDays, if: days > 1)
        var rows: [(time: Int64, line: String)] = []
        for row in 0..<(1 + random.below(9)) {
            let age = Int64(random.below(days)) * Nanoseconds.perDay + Int64(random.below(1000)) * 1_000_000
            rows.append((clock.nowNanoseconds() - age, "\(Ledger.word(number)) row \(row)"))
        }
        let key = random.below(2) == 0 ? UInt64(number) : nil
        ledger.change { $0.sent[number] = Ledger.Entry(rows: rows, key: key) }
        let wait = random.below(3) > 0 && !isSpilling
        if wait { _ = await send(number, store) } else { sendOnly(number, store) }
    }

    /// Sends a batch that was not acknowledged again, as clients do.
    private func retry(_ store: Store) {
        let state = ledger.now
        let open = state.sent.keys.filter { !state.acknowledged.contains($0) && state.sent[$0]?.key != nil }.sorted()
        guard !open.isEmpty else { return }
        tally.note(.retries)
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
        tally.note(.deletions, if: made != nil)
        if made != nil { ledger.change { $0.deleted.insert(number) } }
    }
}
