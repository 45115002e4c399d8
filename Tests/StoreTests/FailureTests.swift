import Bytes
import Files
import Index
import Model
import Synchronization
import Testing

@testable import Store

/// What cannot be done now must not be tried for ever, and keeps nothing else back.
@Suite struct FailureTests {
    let folder = ScratchFolder()
    let clock = TestClock()
    let files = SpaceFileSystem(freeBytes: 1 << 30)

    private var now: Int64 { clock.nowNanoseconds() }
    private var today: String { "\(Day(of: now))" }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock) {
            $0.files = files
            change(&$0)
        }
    }

    /// Lets the store try again what failed: it does when the disk has got room.
    private func retry(_ store: Store, until isDone: () -> Bool) async throws {
        for step in 1...500 where !isDone() {
            files.setFree(1 << 30 + step << 21)
            store.housekeep(step * 60 + 2)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(isDone())
    }

    @Test func aHeadThatAlwaysFailsKeepsNoOtherBack() async throws {
        let store = try open { $0.headRows = 2 }
        files.refuse(today)
        _ = try await store.append(batch([(now, "stays in the log")]))
        await #expect(throws: StoreError.self) { try await store.flush().get() }
        for day in 1...3 {
            let start = now - Int64(day) * Nanoseconds.perDay
            _ = try await store.append(batch([(start, "a\(day)"), (start, "b\(day)")]))
        }
        try await retry(store) { store.statistics.parts == 3 }
        #expect(try store.lines().count == 7)
        files.refuse(nil)
        try await retry(store) { store.statistics.parts == 4 }
        await store.close()
    }

    /// A segment that cannot be released made a head of every batch that came after it.
    @Test func rowsOfLaterSegmentsGatherInOneHead() async throws {
        let store = try open {
            $0.walSegmentBytes = 64 << 10
            $0.walBudgetBytes = 64 << 10
            // Not for their age: a busy machine may take minutes for this.
            $0.headAgeSeconds = 100_000
        }
        files.refuse(today)
        _ = try await store.append(batch([(now, "first")]))
        await #expect(throws: StoreError.self) { try await store.flush().get() }
        let key = TenantDay(tenant: .standard, day: Day(of: now))
        let failed = store.views.view.days[key]?.heads.count ?? 0
        // Each record takes 4 KiB of the log.
        for step in 0..<30 {
            _ = try await store.append(batch([(now + 100 + Int64(step), "later")]))
            store.housekeep(step * 60 + 2)
        }
        #expect(store.views.view.days[key]?.heads.count ?? 0 <= failed + 2)
        files.refuse(nil)
        try await retry(store) { store.statistics.parts > 0 }
        await store.close()
    }

    /// Three parts of today.
    private func fill(_ store: Store) async throws {
        for step in 0..<3 {
            _ = try await store.append(batch([(now + Int64(step), "line \(step)")]))
            await store.flush()
        }
    }

    /// A merge of all parts of today that are fit for it.
    private func merge(_ store: Store) throws -> MergeWork {
        let key = TenantDay(tenant: .standard, day: Day(of: now))
        let parts = Store.mergeable(store.views.view.days[key]?.parts ?? [], fanIn: 2)
        store.upkeep.withLock { _ = $0.merging.insert(key) }
        return MergeWork(tenantDay: key, parts: try #require(parts))
    }

    @Test func mergesThatFailPause() async throws {
        let store = try open { $0.minimumFreeBytes = 1 << 20 }
        try await fill(store)
        files.setFree(100)
        #expect(await !store.merge(try merge(store)))
        #expect(store.upkeep.withLock { $0.mergeBackoff.isFailing })
        files.setFree(1 << 30)
        #expect(store.upkeep.withLock { store.mayTry($0.mergeBackoff) })
        #expect(await store.merge(try merge(store)))
        #expect(store.upkeep.withLock { !$0.mergeBackoff.isFailing })
        #expect(try store.lines().count == 3)
        await store.close()
    }

    /// One damaged part kept all parts that were to be merged with it as they were, for good.
    @Test func aDamagedPartIsLeftOutOfMerges() async throws {
        let store = try open()
        try await fill(store)
        let path = try #require(folder.files("tenants", ".dlp").first)
        let file = try PosixFileSystem().open(path, .update)
        // Behind the header of the file: the first block.
        let old = try file.read(at: 80, count: 8)
        try file.write(old.map { ~$0 }, at: 80)
        file.close()
        let work = try merge(store)
        #expect(work.parts.count == 3)
        #expect(await !store.merge(work))
        let again = try merge(store)
        #expect(again.parts.count == 2)
        #expect(await store.merge(again))
        await store.close()
    }

    /// Nobody else remembers a dead part: its deletion would never end.
    @Test func filesThatCouldNotBeRemovedAreTriedAgain() async throws {
        let store = try open()
        try await fill(store)
        files.keepParts(true)
        let work = try merge(store)
        #expect(await store.merge(work))
        _ = await store.onCatalogThread {}
        _ = await store.onCatalogThread {}
        #expect(folder.files("tenants", ".dlp").count == 4)
        files.keepParts(false)
        try await retry(store) { folder.files("tenants", ".dlp").count == 1 }
        #expect(try store.lines().count == 3)
        await store.close()
    }

    @Test func statesThatWaitAreTheLastOfEachRecord() {
        func put(_ key: String, _ byte: UInt8) -> StateChange {
            .put(StateRecord(kind: .requestHour, key: key, bytes: [byte]))
        }
        let other = StateChange.put(StateRecord(kind: .observation, key: "a", bytes: [0]))
        let changes = [put("a", 1), put("b", 1), other, put("a", 2), .delete(.requestHour, key: "b"), put("c", 1)]
        #expect(
            Observation.latest(changes) == [other, put("a", 2), .delete(.requestHour, key: "b"), put("c", 1)])
    }
}
