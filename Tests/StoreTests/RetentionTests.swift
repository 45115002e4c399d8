import Bytes
import Files
import Model
import Synchronization
import Testing

@testable import Store

/// The machine's files on a disk whose free space a test sets: what is removed is added to it.
final class SpaceFileSystem: FileSystem {
    private let base = PosixFileSystem()
    private let state: Mutex<(freeBytes: Int, givesBack: Bool, refused: String?)>
    private let keepsFiles = Mutex(false)

    init(freeBytes: Int, givesBack: Bool = true) {
        state = Mutex((freeBytes, givesBack, nil))
    }

    func setFree(_ bytes: Int) { state.withLock { $0.freeBytes = bytes } }

    /// Files in whose path this stands cannot be made from now on.
    func refuse(_ text: String?) { state.withLock { $0.refused = text } }

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let refused = state.withLock { $0.refused }
        if mode == .create, let refused, path.contains(refused) {
            throw FileError("open", path, errno: 5, reason: "refused")
        }
        return try base.open(path, mode)
    }

    func rename(_ path: String, to target: String) throws(FileError) { try base.rename(path, to: target) }
    func link(_ path: String, to target: String) throws(FileError) { try base.link(path, to: target) }
    func removeFolder(_ path: String) throws(FileError) { try base.removeFolder(path) }
    func createFolder(_ path: String) throws(FileError) { try base.createFolder(path) }
    func syncFolder(_ path: String) throws(FileError) { try base.syncFolder(path) }
    func list(_ path: String) throws(FileError) -> [String] { try base.list(path) }
    func exists(_ path: String) -> Bool { base.exists(path) }
    func size(_ path: String) throws(FileError) -> Int { try base.size(path) }

    /// Whether parts cannot be removed from now on.
    func keepParts(_ isKept: Bool) { keepsFiles.withLock { $0 = isKept } }

    func remove(_ path: String) throws(FileError) {
        if path.hasSuffix(".dlp"), keepsFiles.withLock({ $0 }) {
            throw FileError("remove", path, errno: 5, reason: "refused")
        }
        let bytes = (try? base.size(path)) ?? 0
        try base.remove(path)
        state.withLock { if $0.givesBack { $0.freeBytes += bytes } }
    }

    func space(_ path: String) throws(FileError) -> (freeBytes: Int, totalBytes: Int) {
        (state.withLock { $0.freeBytes }, 1 << 40)
    }
}

/// Days that go before their time: over the size, or for want of room.
@Suite struct RetentionTests {
    let folder = ScratchFolder()
    let clock = TestClock()
    let reports = ReportLog()

    private var now: Int64 { clock.nowNanoseconds() }

    /// Four days, today among them, each in a part of its own.
    private func fill(_ store: Store) async throws {
        for day in 0..<4 {
            let start = now - Int64(day) * Nanoseconds.perDay
            _ = try await store.append(batch((0..<50).map { (start + Int64($0), "day \(day)") }))
        }
        await store.flush()
    }

    private func open(
        _ files: any FileSystem, _ change: (inout StoreConfiguration) -> Void = { _ in }
    ) throws -> Store {
        var configuration = StoreConfiguration(folder: folder.path)
        configuration.clock = clock
        configuration.files = files
        configuration.minimumFreeBytes = 0
        let reports = self.reports
        configuration.report = { reports.add($0) }
        change(&configuration)
        return try Store.open(configuration)
    }

    private func days(_ store: Store) throws -> [String] { Set(try store.lines()).sorted() }

    @Test(arguments: [
        (0, 0, ["-9"]), (250, 0, ["-9", "-2"]), (150, 0, ["-9", "-2", "-1"]), (1, 0, ["-9", "-2", "-1"]),
        (0, 1, ["-9"]), (0, 101, ["-9", "-2"]), (0, 100_000, ["-9", "-2", "-1"]), (250, 201, ["-9", "-2", "-1"]),
    ])
    func theOldestGoFirstAndNeverToday(maximum: Int, lacking: Int, expected: [String]) {
        let today = Day(of: now)
        let plan = RetentionPlan(
            bytesByDay: Dictionary(
                uniqueKeysWithValues: [-9, -2, -1, 0].map { (Day(number: today.number + $0), 100) }),
            oldest: Day(number: today.number - 5), today: today, maximumBytes: maximum, lackingBytes: lacking)
        #expect(plan.removals.map { "\($0.day.number - today.number)" } == expected)
        #expect(plan.removals.first?.reason == .age)
    }

    @Test func daysOverTheSizeGo() async throws {
        let store = try open(PosixFileSystem()) { $0.retentionMaximumBytes = 1 << 40 }
        try await fill(store)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1", "day 2", "day 3"])
        let bytes = store.statistics.partBytes
        await store.close()
        let smaller = try open(PosixFileSystem()) { $0.retentionMaximumBytes = bytes * 5 / 8 }
        await smaller.enforceRetention()
        #expect(try days(smaller) == ["day 0", "day 1"])
        #expect(folder.files("tenants", ".dlp").count == 2)
        #expect(smaller.statistics.retiredDaysByReason["bytes"] == 2)
        #expect(smaller.statistics.retiredBytesByReason["bytes"] ?? 0 > 0)
        #expect(reports.all.count { $0.contains("removed: parts took more than") } == 2)
        await smaller.close()
        let least = try open(PosixFileSystem()) { $0.retentionMaximumBytes = 1 }
        await least.enforceRetention()
        #expect(try days(least) == ["day 0"])
        #expect(reports.all.contains { $0.contains("today is kept") })
        await least.close()
    }

    @Test func daysGoWhileTheDiskIsTooFull() async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30)
        let store = try open(files) { $0.retentionFreeBytes = 1 << 20 }
        try await fill(store)
        await store.enforceRetention()
        #expect(try days(store).count == 4)
        files.setFree(1 << 20 - 1)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1", "day 2"], "\(reports.all)")
        #expect(store.statistics.retiredDaysByReason["disk"] == 1)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1", "day 2"])
        await store.close()
    }

    /// Snapshots hold the files of removed days: without this guard every day would go for nothing.
    @Test func removingStopsWhenItFreesNothing() async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30, givesBack: false)
        let store = try open(files) { $0.retentionFreeBytes = 1 << 20 }
        try await fill(store)
        files.setFree(1 << 20 - 1)
        await store.enforceRetention()
        await store.enforceRetention()
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1", "day 2"], "\(reports.all)")
        files.setFree(1 << 30)
        await store.enforceRetention()
        files.setFree(1 << 20 - 1)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1"])
        await store.close()
    }

    /// What a slow query held goes with it: then removing days is of use again, though there is still too little room.
    /// Ingest may go on meanwhile: the gain shows against the least that was free.
    /// - Parameters: quarters of a day's part that the disk lacks before the files go, and afterwards.
    @Test(arguments: [(6, 1), (12, 6)])
    func removingGoesOnWhenTheFilesWentAfterAll(before: Int, after: Int) async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30, givesBack: false)
        let store = try open(files) { $0.retentionFreeBytes = 1 << 30 }
        try await fill(store)
        let quarter = store.statistics.partBytes / 16
        files.setFree(1 << 30 - quarter * 6)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1"], "\(reports.all)")
        files.setFree(1 << 30 - quarter * before)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0", "day 1"])
        files.setFree(1 << 30 - quarter * after)
        await store.enforceRetention()
        #expect(try days(store) == ["day 0"])
        await store.close()
    }

    @Test func aFullDiskRefusesAndTakesAgain() async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30)
        let store = try open(files) { $0.minimumFreeBytes = 1 << 20 }
        files.setFree(1)
        store.checkSpace()
        let time = now
        await #expect(throws: IngestError.self) { _ = try await store.append(batch([(time, "refused")])) }
        #expect(store.statistics.refusal != nil)
        files.setFree(1 << 30)
        store.checkSpace()
        _ = try await store.append(batch([(time, "taken")]))
        #expect(try store.lines() == ["taken"])
        await store.close()
    }

    /// Parts that took the last room would take the reserve with them.
    @Test func partsLeaveTheReserve() async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30)
        let store = try open(files) { $0.minimumFreeBytes = 8 << 20 }
        let reserve = folder.path + "/reserve"
        _ = try await store.append(batch([(now, "kept")]))
        #expect(files.exists(reserve))
        files.setFree(1 << 20)
        store.checkSpace()
        await #expect(throws: StoreError.self) { try await store.flush().get() }
        #expect(files.exists(reserve))
        // Somebody else takes it all: now it goes, and comes back with the room, also below the floor.
        files.setFree(0)
        store.checkSpace()
        #expect(!files.exists(reserve))
        files.setFree(2 << 20)
        store.checkSpace()
        #expect(!files.exists(reserve))
        files.setFree(4 << 20)
        store.checkSpace()
        #expect(files.exists(reserve))
        #expect(store.statistics.refusal != nil)
        await #expect(throws: Never.self) { try await store.flush().get() }
        #expect(try store.lines() == ["kept"])
        await store.close()
    }

    /// A disk that stays full is not written to every second.
    @Test func sealsThatFailAreTriedLessAndLess() {
        var backoff = Backoff()
        #expect(!backoff.isFailing)
        var (now, tries): (Int64, [Int64]) = (0, [])
        while now < 200 * Nanoseconds.perSecond {
            if backoff.allows(now: now, freeBytes: 100) {
                tries.append(now / Nanoseconds.perSecond)
                backoff.fail(now: now, freeBytes: 100)
                // Its neighbour, a moment later.
                backoff.fail(now: now + 1, freeBytes: 90)
            }
            now += Nanoseconds.perSecond / 5
        }
        #expect(tries == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181])
        #expect(!backoff.allows(now: now, freeBytes: 1 << 20))
        #expect(backoff.allows(now: now, freeBytes: 100 + 1 << 20))
    }

    @Test func sealsThatFailedAreTriedAgainByThemselves() async throws {
        let files = SpaceFileSystem(freeBytes: 1 << 30)
        let store = try open(files) { $0.minimumFreeBytes = 1 << 20 }
        _ = try await store.append(batch([(now, "one")]))
        files.setFree(100)
        for _ in 0..<3 { await #expect(throws: StoreError.self) { try await store.flush().get() } }
        // The store's own looks may have tried, too.
        #expect(store.statistics.sealFailures >= 3)
        files.setFree(1 << 30)
        for tick in 1...1_000 where store.statistics.parts == 0 {
            store.housekeep(tick * 60)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(store.statistics.parts == 1)
        #expect(try store.lines() == ["one"])
        await store.close()
    }
}

/// What a store has reported.
final class ReportLog: Sendable {
    private let texts = Mutex<[String]>([])

    func add(_ report: StoreReport) { texts.withLock { $0.append(report.text) } }
    var all: [String] { texts.withLock { $0 } }
}
