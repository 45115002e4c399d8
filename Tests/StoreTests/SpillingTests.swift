import Bytes
import Chunks
import Files
import Model
import Testing

@testable import Store

/// Heads that are written as rows in haste, and parts of rows and columns side by side.
@Suite struct SpillingTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private var now: Int64 { clock.nowNanoseconds() }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock, change)
    }

    /// `count` lines that begin at `first`.
    private func lines(_ first: Int, _ count: Int) -> [(Int64, String)] {
        (first..<(first + count)).map { (now + Int64($0), "{\"level\":\"info\",\"msg\":\"order \($0)\",\"n\":\($0)}") }
    }

    /// Kinds of all blocks in the folder's part files, with rows; every file is checked deeply.
    private func blocks() throws -> [BlockKind: Int] {
        var rows: [BlockKind: Int] = [:]
        for path in folder.files("tenants", ".dlp") {
            let file = try PosixFileSystem().open(path, .read)
            defer { file.close() }
            #expect(Part.verify(file: file, name: path, deep: true) == [])
            for block in try Part(file: file, name: path).directory().blocks {
                rows[block.kind, default: 0] += block.rows
            }
        }
        return rows
    }

    @Test func aBurstIsSpilledAsRowsAndBecomesColumnsLater() async throws {
        let store = try open {
            $0.headBudgetBytes = 1 << 20
            $0.workerThreads = 1
        }
        let batches = (0..<40).map { batch(lines($0 * 1_000, 1_000)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for one in batches { group.addTask { _ = try await store.append(one) } }
            try await group.waitForAll()
        }
        #expect(try store.lines().count == 40_000)
        #expect(store.statistics.spilledParts > 0)
        await store.flush()
        #expect(store.statistics.waitingSpilledParts == 0)
        #expect(store.statistics.packedRows > 0)
        let expected = lines(0, 40_000).map(\.1)
        #expect(try store.lines() == expected)
        await store.close()
        // Files that a merge replaced while the store was closed go at the next start.
        let again = try open()
        #expect(try again.lines() == expected)
        await again.close()
        #expect(try blocks() == [.columns: 40_000])
    }

    @Test func rowPartsFoundAtStartBecomeColumns() async throws {
        var store = try open { $0.blockKind = .rows }
        _ = try await store.append(batch(lines(0, 3_000), trace: "t1"))
        await store.flush()
        _ = try await store.append(batch(lines(3_000, 3_000), trace: "t2"))
        await store.flush()
        await store.close()
        #expect(try blocks() == [.rows: 6_000])

        store = try open()
        await store.makeColumns()
        #expect(try store.lines() == lines(0, 6_000).map(\.1))
        let found = try store.seen(ScanRequest(range: .all, tracedValues: [[UInt8]("t2".utf8)]))
        #expect(found.rows.count >= 3_000 && found.rows.contains { $0.metadata.contains("t2") })
        await store.close()
        #expect(try blocks() == [.columns: 6_000])
    }

    @Test func equalEntriesCountOnceOverRowsAndColumns() async throws {
        var store = try open { $0.blockKind = .rows }
        _ = try await store.append(batch(lines(0, 100)))
        await store.flush()
        await store.close()

        store = try open()
        _ = try await store.append(batch(lines(50, 100)))
        #expect(try store.lines() == lines(0, 150).map(\.1))
        await store.flush()
        _ = try await store.append(batch(lines(0, 160)))
        #expect(try store.lines() == lines(0, 160).map(\.1))
        await store.flush()
        await store.close()

        store = try open()
        #expect(try store.lines() == lines(0, 160).map(\.1))
        await store.makeColumns()
        #expect(try store.lines() == lines(0, 160).map(\.1))
        await store.close()
        #expect(try blocks() == [.columns: 160])
    }

    @Test func smallPartsOfAClosedDayShareBlocks() async throws {
        let store = try open()
        for part in 0..<3 {
            _ = try await store.append(batch(lines(part * 1_000, 1_000)))
            await store.flush()
        }
        #expect(folder.files("tenants", ".dlp").count == 3)
        let expected = lines(0, 3_000).map(\.1)
        clock.advance(days: 2)
        await store.flush()
        let files = folder.files("tenants", ".dlp")
        #expect(files.count == 1)
        let file = try PosixFileSystem().open(files[0], .read)
        defer { file.close() }
        #expect(try Part(file: file, name: files[0]).summary.blocks == 1)
        #expect(try store.lines() == expected)
        await store.close()
    }

    @Test func filesOfMergedPartsGoWhoeverStillHoldsTheMerge() async throws {
        let store = try open()
        for part in 0..<3 {
            _ = try await store.append(batch(lines(part * 1_000, 1_000)))
            await store.flush()
        }
        clock.advance(days: 2)
        // Nil when the housekeeper was quicker; it holds the merge then.
        let work = store.dueMerge()
        if let work { #expect(await store.merge(work)) }
        await store.flush()
        #expect(folder.files("tenants", ".dlp").count == 1)
        #expect(work?.parts.isEmpty != false)
        await store.close()
    }
}
