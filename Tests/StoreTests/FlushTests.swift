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

    /// The log still has room, and memory is full of what parts have none for: who pushes is told at once, not to wait
    /// and try again, and taken again when there is room.
    @Test func fullMemoryOnAFullDiskIsTold() async throws {
        await store.close()
        disk.capacityBytes = .max
        let small = try Store.open(folder, clock) { [disk] in
            ($0.files, $0.headBudgetBytes) = (disk, 1 << 20)
        }
        let time = clock.nowNanoseconds()
        _ = try await small.append(batch([(time, "made the log's file")]))
        let space = try disk.space(folder.path)
        disk.capacityBytes = space.totalBytes - space.freeBytes
        var taken: Set = ["kept", "made the log's file"]
        var refusal: IngestError?
        for number in 0..<100 where refusal == nil {
            let line = "\(number) " + String(repeating: "x", count: 60_000)
            do {
                _ = try await small.append(batch([(time + Int64(number), line)]))
                taken.insert(line)
            } catch {
                refusal = error
            }
        }
        guard case .storageUnavailable(let reason, let seconds) = refusal else {
            Issue.record("\(String(describing: refusal)) after \(taken.count) lines")
            return
        }
        #expect(reason == "memory is full, and parts cannot be written to the disk")
        #expect(seconds > 0)
        #expect(small.statistics.refusal == reason)
        #expect(try Set(small.lines()) == taken)
        disk.capacityBytes = .max
        try await small.flush().get()
        #expect(small.statistics.refusal == nil)
        _ = try await small.append(batch([(time, "after")]))
        #expect(try Set(small.lines()) == taken.union(["after"]))
        await small.close()
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
