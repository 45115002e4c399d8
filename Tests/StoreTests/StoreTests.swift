import Bytes
import Files
import Model
import Store
import Testing

/// The store as a whole, on a real folder.
@Suite struct StoreTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private var now: Int64 { clock.nowNanoseconds() }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock, change)
    }

    @Test func rowsAreThereBeforeAndAfterSealingAndRestart() async throws {
        let expected = ["one", "two", "three"]
        var store = try open()
        let receipt = try await store.append(batch([(now, "one"), (now + 1, "two"), (now + 2, "three")]))
        #expect(receipt == Receipt(acceptedRows: 3, duplicateRows: 0))
        #expect(try store.lines() == expected)
        await store.close()

        store = try open()
        #expect(try store.lines() == expected)
        await store.flush()
        #expect(try store.lines() == expected)
        #expect(folder.files("tenants/default/days/2026-11-23", ".dlp").count == 1)
        await store.close()

        store = try open()
        #expect(try store.lines() == expected)
        #expect(try store.seen().plan.warnings == [])
        await store.close()
    }

    @Test func equalEntriesCountOnceAcrossHeadsPartsAndRestarts() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "a"), (now, "a"), (now, "b")]))
        await store.flush()
        let again = try await store.append(batch([(now, "a"), (now, "c"), (now + 1, "a")]))
        #expect(again.acceptedRows + again.duplicateRows == 3)
        #expect(try store.lines() == ["a", "b", "c", "a"])
        await store.close()

        store = try open()
        #expect(try store.lines() == ["a", "b", "c", "a"])
        _ = try await store.append(batch([(now, "b"), (now + 1, "a")], app: "shop"))
        await store.flush()
        #expect(try store.lines() == ["a", "b", "c", "a"])
        _ = try await store.append(batch([(now, "b")], app: "other"))
        _ = try await store.append(batch([(now, "b")], trace: "t1"))
        await store.flush()
        #expect(try store.lines() == ["b", "a", "b", "b", "c", "a"])
        await store.close()
    }

    @Test func aRepeatedBatchGetsTheSameReceiptAlsoAfterRestart() async throws {
        var store = try open()
        let first = try await store.append(batch([(now, "a"), (now, "a")], key: 1))
        #expect(first == Receipt(acceptedRows: 1, duplicateRows: 1))
        #expect(try await store.append(batch([(now, "a"), (now, "a")], key: 1)) == first)
        await store.close()
        store = try open()
        #expect(try await store.append(batch([(now, "a"), (now, "a")], key: 1)) == first)
        await store.flush()
        await store.close()
        store = try open()
        #expect(try await store.append(batch([(now, "a"), (now, "a")], key: 1)) == first)
        #expect(try store.lines() == ["a"])
        clock.advance(days: 1)
        let later = try await store.append(batch([(now, "new")], key: 1))
        #expect(later == Receipt(acceptedRows: 1, duplicateRows: 0))
        await store.close()
    }

    @Test func concurrentRepeatsAreStoredOnce() async throws {
        let store = try open()
        let time = now
        let receipts = try await withThrowingTaskGroup(of: Receipt.self) { group in
            for _ in 0..<8 { group.addTask { try await store.append(batch([(time, "x")], key: 9)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(receipts) == [Receipt(acceptedRows: 1, duplicateRows: 0)])
        #expect(try store.lines() == ["x"])
        await store.close()
    }

    @Test func aBatchOverThreeDaysSurvivesOneOfThemBeingSealed() async throws {
        let day = Nanoseconds.perDay
        var store = try open()
        let three = batch([(now - 2 * day, "old"), (now - day, "yesterday"), (now, "today")])
        _ = try await store.append(three)
        await store.flush()
        _ = try await store.append(batch([(now - day + 5, "late"), (now + 5, "more")]))
        await store.close()
        #expect(folder.files("tenants", ".dlp").count == 3)
        store = try open()
        #expect(try store.lines() == ["old", "yesterday", "late", "today", "more"])
        await store.close()
    }

    @Test func retentionRemovesWholeDaysFromAnswersCatalogAndDisk() async throws {
        let day = Nanoseconds.perDay
        var store = try open()
        _ = try await store.append(batch([(now - 29 * day, "oldest"), (now, "today")]))
        await store.flush()
        #expect(folder.files("tenants", ".dlp").count == 2)
        clock.advance(days: 2)
        #expect(store.snapshot(.standard).oldestTime > now - 31 * day)
        await store.enforceRetention()
        #expect(try store.lines() == ["today"])
        #expect(folder.files("tenants", ".dlp").count == 1)
        clock.advance(days: 40)
        await store.enforceRetention()
        #expect(try store.lines() == [])
        #expect(folder.files("tenants", ".dlp").isEmpty)
        await store.close()
        store = try open()
        #expect(try store.lines() == [])
        await store.close()
    }

    @Test func aReaderKeepsItsFilesOverRetention() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "kept")]))
        await store.flush()
        let plan = try store.snapshot(.standard).plan(ScanRequest(range: .all))
        clock.advance(days: 40)
        await store.enforceRetention()
        let loaded = try plan.units[0].load(.rows)
        #expect(loaded.rows.count == 1)
        await store.close()
    }

    @Test func theCatalogIsRebuiltFromParts() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "sealed")], trace: "t1"))
        await store.flush()
        _ = try await store.append(batch([(now + 1, "in the log")]))
        await store.close()
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try PosixFileSystem().remove(file)
        }
        store = try open()
        #expect(try store.lines() == ["sealed", "in the log"])
        await store.close()
        store = try open()
        #expect(try store.lines() == ["sealed", "in the log"])
        await store.close()
    }

    /// The store's own name stands in the state database only; WAL and parts must still be known as its own without it.
    @Test func aLostStateDatabaseLosesNoRows() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "sealed")]))
        await store.flush()
        _ = try await store.append(batch([(now + 1, "in the log")]))
        await store.close()
        for file in folder.files("", "").filter({ $0.contains("state.sqlite") }) { try PosixFileSystem().remove(file) }
        store = try open()
        #expect(try store.lines() == ["sealed", "in the log"])
        await store.close()
    }

    @Test func aStoreInUseIsNotOpenedTwice() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "first")]))
        #expect(throws: StoreError.self) { try open() }
        #expect(try store.lines() == ["first"])
        await store.close()
    }

    @Test func aMissingPartIsReportedNeverSilent() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "gone")]))
        await store.flush()
        _ = try await store.append(batch([(now + 1, "stays")]))
        await store.close()
        try PosixFileSystem().remove(folder.files("tenants", ".dlp")[0])
        store = try open()
        let (rows, plan) = try store.seen()
        #expect(rows.map(\.line).contains("stays"))
        #expect(rows.map(\.line).contains("gone") || !plan.warnings.isEmpty)
        #expect(store.statistics.missingParts == 1)
        await store.close()
    }

    @Test func aDamagedPartMakesAnswersSayso() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "damaged")]))
        await store.flush()
        await store.close()
        let path = folder.files("tenants", ".dlp")[0]
        let files = PosixFileSystem()
        let file = try files.open(path, .update)
        try file.write([UInt8](repeating: 0xaa, count: 40), at: 80)
        file.close()
        store = try open()
        let (rows, plan) = try store.seen()
        #expect(rows.isEmpty)
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings.first?.contains(".dlp") == true)
        await store.close()
    }

    @Test func manyPartsMergeAndAnswersStayTheSame() async throws {
        var store = try open { $0.mergeFanIn = 4 }
        var expected: [String] = []
        for round in 0..<9 {
            let lines = (0..<20).map { (now + Int64(round * 100 + $0), "round \(round) line \($0)") }
            expected += lines.map(\.1)
            _ = try await store.append(batch(lines, app: "app\(round % 3)", trace: "trace\(round)"))
            await store.flush()
        }
        #expect(folder.files("tenants", ".dlp").count < 9)
        #expect(try store.lines() == expected)
        let traced = ScanRequest(range: .all, tracedValues: [[UInt8]("trace3".utf8)])
        let (rows, plan) = try store.seen(traced)
        #expect(rows.filter { $0.metadata.contains("trace3") }.count == 20)
        #expect(plan.blocksPruned > 0)
        await store.close()
        store = try open()
        #expect(try store.lines() == expected)
        await store.close()
    }

    @Test func headsFreezeByRowsWithoutBeingAsked() async throws {
        let store = try open { $0.headRows = 100 }
        for round in 0..<10 {
            _ = try await store.append(batch((0..<50).map { (now + Int64(round * 50 + $0), "line \(round) \($0)") }))
        }
        await store.flush()
        #expect(store.statistics.sealedParts >= 4)
        #expect(try store.lines().count == 500)
        await store.close()
    }

    @Test func equalEntriesAreAllKeptWhereThatIsWanted() async throws {
        let keep: (inout StoreConfiguration) -> Void = { $0.keepsDuplicates = true }
        var store = try open(keep)
        let receipt = try await store.append(batch([(now, "a"), (now, "a")]))
        #expect(receipt == Receipt(acceptedRows: 2, duplicateRows: 0))
        await store.flush()
        _ = try await store.append(batch([(now, "a")]))
        #expect(try store.lines() == ["a", "a", "a"])
        await store.close()
        store = try open(keep)
        #expect(try store.lines() == ["a", "a", "a"])
        await store.flush()
        #expect(try store.lines() == ["a", "a", "a"])
        await store.close()
    }

    /// A file of which nothing can be read is set aside; the rest is served, and answers say what is missing.
    @Test func aPartWithoutAReadableFooterIsSetAside() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "damaged")]))
        await store.flush()
        let path = try #require(folder.files("tenants", ".dlp").first)
        _ = try await store.append(batch([(now - Nanoseconds.perDay, "sound")]))
        await store.flush()
        await store.close()
        let files = PosixFileSystem()
        let file = try files.open(path, .update)
        try file.write([UInt8](repeating: 0xaa, count: 24), at: try files.size(path) - 40)
        file.close()
        store = try open()
        for round in 0..<3 {
            let (rows, plan) = try store.seen()
            #expect(rows.map(\.line) == ["sound"])
            #expect(plan.warnings.count == 1, "round \(round): \(plan.warnings)")
            await store.flush()
            #expect(folder.files("quarantine", ".dlp").count == 1)
            #expect(!files.exists(path))
        }
        #expect(store.statistics.quarantinedFiles == 1)
        #expect(store.statistics.missingParts == 1)
        await store.close()
        store = try open()
        #expect(try store.seen().plan.warnings.count == 1)
        #expect(try store.lines().contains("sound"))
        await store.close()
    }

    /// The first query after the start must know the streams that only part files name.
    @Test func aRebuiltCatalogKnowsAllStreams() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "sealed")]))
        _ = try await store.append(batch([(now, "other")], app: "cart"))
        await store.flush()
        await store.close()
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") || $0.hasSuffix(".wal") }) {
            try PosixFileSystem().remove(file)
        }
        store = try open()
        #expect(try store.lines() == ["other", "sealed"])
        await store.close()
    }
}
