import Bytes
import Chunks
import Files
import Model
import Testing

@testable import Store

/// `shop word`: rows of `{app="shop"}` whose line contains `word`; `shop *`: all of them.
struct WordFilters: RowFilterCompiler {
    struct Equals: ValueTest {
        let wanted: [UInt8]

        func matches(_ value: borrowing ByteSpan) -> Bool { value.equals(wanted.span) }
    }

    struct Filter: RowFilter {
        let app: String
        let word: String

        var tests: [LabelTest] {
            [LabelTest(name: [UInt8]("app".utf8), test: Equals(wanted: [UInt8](app.utf8)))]
        }
        var isDecidedByLabels: Bool { word == "*" }

        func matches(_ loaded: LoadedRows, in range: TimeRange, labels: (StreamID) -> LabelSet) -> [Int] {
            loaded.rows.read { entries, arena in
                var found: [Int] = []
                for row in 0..<entries.count {
                    let entry = entries[row]
                    guard range.contains(entry.time), loaded.streams[Int(entry.stream)] != .none else { continue }
                    if isDecidedByLabels || arena.extracting(entry.line).text.contains(word) { found.append(row) }
                }
                return found
            }
        }
    }

    func compile(_ query: String, demotedNames: [String]) throws(RowFilterError) -> any RowFilter {
        let words = query.split(separator: " ").map(String.init)
        guard words.count == 2 else { throw RowFilterError("two words are wanted") }
        return Filter(app: words[0], word: words[1])
    }
}

/// Deletions by selector and filter.
@Suite struct DeletionTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private var now: Int64 { clock.nowNanoseconds() }
    private var everything: TimeRange { TimeRange(start: now - Nanoseconds.perDay, end: now + Nanoseconds.perDay) }

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock) {
            $0.rowFilters = WordFilters()
            change(&$0)
        }
    }

    /// Whether any part file holds `text`; blocks here are stored without compression.
    private func isOnDisk(_ text: String) throws -> Bool {
        let needle = [UInt8](text.utf8)
        return try folder.files("tenants", ".dlp").contains { path in
            let bytes = try PosixFileSystem().contents(of: path, limitBytes: 1 << 24)
            return ByteSearch.find(needle.span, in: bytes.span, from: 0) != nil
        }
    }

    private func rawRows(_ configuration: inout StoreConfiguration) {
        configuration.blockKind = .rows
        configuration.codec = .none
    }

    @Test func rowsAreHiddenAtOnceInHeadsAndPartsAndLaterRowsAreNot() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        _ = try await store.append(batch([(now, "secret elsewhere")], app: "cart"))
        await store.flush()
        _ = try await store.append(batch([(now + 2, "secret two"), (now + 3, "plain two")]))
        let request = try await store.requestDeletion(of: "shop secret", in: everything)
        #expect(try store.lines() == ["secret elsewhere", "plain one", "plain two"])
        _ = try await store.append(batch([(now + 4, "secret three")]))
        await store.flush()
        #expect(try store.lines() == ["secret elsewhere", "plain one", "plain two", "secret three"])
        #expect(store.deleteRequests().map(\.id) == [request.id])
        #expect(store.statistics.pendingDeletions == 1)
        await store.close()
    }

    /// A head filled from the log holds rows from before the deletion: what comes after the start goes to another one.
    @Test func rowsFromTheLogStayHiddenWhenMoreComeAfterTheStart() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        await store.flush()
        await store.close()
        // Only the log is left.
        let files = PosixFileSystem()
        for path in folder.files("tenants", ".dlp") + folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try files.remove(path)
        }

        store = try open()
        #expect(try store.lines() == ["plain one"])
        _ = try await store.append(batch([(now + 2, "plain two"), (now + 3, "secret two")]))
        #expect(try store.lines() == ["plain one", "plain two", "secret two"])
        await store.flush()
        #expect(try store.lines() == ["plain one", "plain two", "secret two"])
        await store.close()
    }

    @Test func countsAndStreamsNeverShowHiddenRows() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        _ = try await store.append(batch([(now, "all of it")], app: "cart"))
        await store.flush()
        _ = try await store.append(batch([(now + 2, "head")], app: "till"))
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        _ = try await store.requestDeletion(of: "cart *", in: everything)
        _ = try await store.requestDeletion(of: "till head", in: everything)
        let snapshot = store.snapshot(.standard)
        let request = ScanRequest(range: .all)
        #expect(try snapshot.streams(request).map { snapshot.labels($0).description } == ["{app=\"shop\"}"])
        var counted = 0
        for unit in try snapshot.plan(request).units {
            if let counts = try unit.counts() { counted += counts.reduce(0) { $0 + $1.rows } }
        }
        #expect(counted == 0)
        // Another day, which no deletion touches, is counted as ever.
        _ = try await store.append(batch([(now - 3 * Nanoseconds.perDay, "old")]))
        await store.flush()
        let units = try store.snapshot(.standard).plan(request).units.compactMap { try $0.counts() }
        #expect(units.count == 1)
        await store.close()
    }

    @Test func onlyRowsInItsRangeAreMeant() async throws {
        let store = try open()
        _ = try await store.append(batch((0..<10).map { (now + Int64($0), "row \($0)") }))
        await store.flush()
        _ = try await store.requestDeletion(of: "shop *", in: TimeRange(start: now + 2, end: now + 5))
        #expect(try store.lines() == [0, 1, 5, 6, 7, 8, 9].map { "row \($0)" })
        await store.close()
    }

    @Test(arguments: [false, true]) func theySurviveRestartsAndALostCatalog(losesCatalog: Bool) async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        await store.flush()
        _ = try await store.append(batch([(now + 2, "secret two")]))
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        _ = try await store.append(batch([(now + 3, "secret three")]))
        for round in 0..<2 {
            await store.close()
            if losesCatalog {
                for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
                    try PosixFileSystem().remove(file)
                }
            }
            store = try open()
            #expect(try store.lines() == ["plain one", "secret three"], "round \(round)")
        }
        await store.flush()
        #expect(try store.lines() == ["plain one", "secret three"])
        await store.close()
    }

    /// The write-ahead log still holds what a head held at the time: replay must not put both sides into one head.
    @Test func replayKeepsRowsOfBothSidesApart() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "secret one")]))
        // As if the process had died before the frozen head was published: its part is lost, the log is not.
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        _ = try await store.append(batch([(now + 3, "secret two")]))
        await store.close()
        for path in folder.files("tenants", ".dlp") { try PosixFileSystem().remove(path) }
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try PosixFileSystem().remove(file)
        }
        store = try open()
        #expect(try store.lines() == ["secret two"])
        await store.close()
    }

    @Test func cancelledOnesShowTheirRowsAgain() async throws {
        var store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        await store.flush()
        let request = try await store.requestDeletion(of: "shop secret", in: everything)
        await store.applyDeletions()
        #expect(try store.lines() == ["plain one"])
        await #expect(throws: DeletionError.unknown) { try await store.cancelDeletion("00000000x") }
        try await store.cancelDeletion(request.id)
        #expect(try store.lines() == ["secret one", "plain one"])
        #expect(store.deleteRequests().isEmpty)
        await store.close()
        store = try open()
        #expect(try store.lines() == ["secret one", "plain one"])
        await store.close()
    }

    @Test(arguments: [true, false]) func rowsLeaveTheDiskAfterTheTimeToCancel(isRows: Bool) async throws {
        var store = try open { if isRows { rawRows(&$0) } }
        let lines = (0..<300).map { (now + Int64($0), "\($0 % 3 == 0 ? "secret" : "plain") number \($0)") }
        _ = try await store.append(batch(lines, trace: "abc"))
        await store.flush()
        _ = try await store.append(batch([(now + 500, "secret alone")], app: "cart"))
        await store.flush()
        #expect(try !isRows || isOnDisk("secret number 3"))
        let request = try await store.requestDeletion(of: "shop secret", in: everything)
        _ = try await store.requestDeletion(of: "cart *", in: everything)
        clock.advance(days: 2)
        await store.applyDeletions()
        await store.applyDeletions()
        let expected = lines.map(\.1).filter { !$0.contains("secret") }
        #expect(store.deleteRequests().allSatisfy { $0.status == .processed })
        #expect(store.statistics.pendingDeletions == 0)
        #expect(store.statistics.deletedRows == 101)
        #expect(try store.lines() == expected)
        #expect(try !isOnDisk("secret"))
        #expect(try !isOnDisk("cart"))
        await #expect(throws: DeletionError.underWay) { try await store.cancelDeletion(request.id) }
        // What is left can be counted from the directory again, and found by its trace.
        let units = try store.snapshot(.standard).plan(ScanRequest(range: .all)).units
        #expect(try units.map { try $0.counts()?.reduce(0) { $0 + $1.rows } } == [200])
        let traced = ScanRequest(range: .all, tracedValues: [[UInt8]("abc".utf8)])
        #expect(try store.lines(traced).count == 200)
        await store.close()
        #expect(try StoreVerification.run(folder: folder.path, isDeep: true).problems == [])
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try PosixFileSystem().remove(file)
        }
        store = try open()
        #expect(try store.lines() == expected)
        await store.close()
    }

    @Test func partsThatWaitForADeletionAreNotMerged() async throws {
        let store = try open { $0.mergeFanIn = 3 }
        for round in 0..<2 {
            _ = try await store.append(batch([(now + Int64(round), "secret \(round)")]))
            await store.flush()
        }
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        for round in 2..<4 {
            _ = try await store.append(batch([(now + Int64(round), "secret \(round)")]))
            await store.flush()
        }
        #expect(store.statistics.mergedParts == 0)
        #expect(try store.lines() == ["secret 2", "secret 3"])
        clock.advance(days: 2)
        await store.applyDeletions()
        _ = try await store.append(batch([(now - 2 * Nanoseconds.perDay + 9, "secret 4")]))
        await store.flush()
        #expect(store.statistics.mergedParts >= 3)
        #expect(try store.lines() == ["secret 2", "secret 3", "secret 4"])
        await store.close()
    }

    @Test func aReaderKeepsTheDeletionFromEnding() async throws {
        let store = try open()
        _ = try await store.append(batch([(now, "secret one"), (now + 1, "plain one")]))
        await store.flush()
        var plan: ScanPlan? = try store.snapshot(.standard).plan(ScanRequest(range: .all))
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        clock.advance(days: 2)
        await store.applyDeletions()
        #expect(store.deleteRequests().map(\.status) == [.underWay])
        #expect(try plan?.units.first?.load(.rows).rows.count == 2)
        plan = nil
        await store.applyDeletions()
        await store.applyDeletions()
        #expect(store.deleteRequests().map(\.status) == [.processed])
        await store.close()
    }

    @Test func textsThatMeanNothingAreRefused() async throws {
        let store = try open()
        await #expect(throws: DeletionError.invalidQuery("two words are wanted")) {
            _ = try await store.requestDeletion(of: "shop", in: everything)
        }
        #expect(store.deleteRequests().isEmpty)
        await store.close()
    }

    /// Equal rows are one, but a deleted row is none.
    @Test(arguments: [0, 1, 2]) func whatWasDeletedCanBeSentAgain(flushes: Int) async throws {
        var store = try open()
        let lines = [(now, "secret one"), (now + 1, "plain one")]
        _ = try await store.append(batch(lines))
        if flushes > 0 { await store.flush() }
        _ = try await store.requestDeletion(of: "shop secret", in: everything)
        if flushes > 1 { await store.flush() }
        for _ in 0..<2 {
            _ = try await store.append(batch(lines))
            #expect(try store.lines() == ["secret one", "plain one"])
        }
        await store.flush()
        _ = try await store.append(batch(lines))
        #expect(try store.lines() == ["secret one", "plain one"])
        await store.close()
        store = try open()
        #expect(try store.lines() == ["secret one", "plain one"])
        clock.advance(days: 2)
        await store.applyDeletions()
        #expect(try store.lines() == ["secret one", "plain one"])
        await store.close()
    }
}
