import Bytes
import Files
import Model
import Store
import Testing

/// Flushes, snapshots and ends on a disk that takes nothing any more.
@Suite struct FlushTests {
    private let folder = ScratchFolder()
    private let disk = MemoryFileSystem(seed: 3)
    private let clock = TestClock()
    /// Took a line before its disk became full.
    private let store: Store

    init() async throws {
        let disk = disk
        try disk.createFolder("/tmp")
        store = try Store.open(folder, clock) { $0.files = disk }
        _ = try await store.append(batch([(clock.nowNanoseconds(), "kept")]))
        let space = try disk.space(folder.path)
        disk.capacityBytes = space.totalBytes - space.freeBytes
    }

    @Test func fullDisksEndFlushesSnapshotsAndStopsWithoutLoss() async throws {
        let flushed = await store.flush()
        #expect(throws: StoreError.self) { try flushed.get() }
        let again = await store.flush()
        #expect(throws: StoreError.self) { try again.get() }
        await #expect(throws: StoreError.self) { try await store.archive(to: folder.path + "-snapshot") }
        #expect(try store.lines() == ["kept"])
        await store.close()

        disk.capacityBytes = .max
        let reopened = try Store.open(folder, clock) { [disk] in $0.files = disk }
        #expect(try reopened.lines() == ["kept"])
        try await reopened.flush().get()
        #expect(reopened.statistics.sealedParts == 1)
        #expect(try reopened.lines() == ["kept"])
        await reopened.close()
    }

    @Test func flushesSucceedOnceThereIsRoom() async throws {
        let full = await store.flush()
        #expect(throws: StoreError.self) { try full.get() }
        disk.capacityBytes = .max
        try await store.flush().get()
        #expect(try store.lines() == ["kept"])
        await store.close()
    }

    /// Stops beside flushes that cannot end well: neither waits for the other.
    @Test func stopsEndFlushesThatWait() async throws {
        async let first = store.flush()
        async let second = store.flush()
        await store.close()
        _ = await (first, second)
        disk.capacityBytes = .max
        let reopened = try Store.open(folder, clock) { [disk] in $0.files = disk }
        #expect(try reopened.lines() == ["kept"])
        await reopened.close()
    }
}
