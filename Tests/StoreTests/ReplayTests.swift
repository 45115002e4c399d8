import Bytes
import Files
import Model
import Testing

@testable import Store

/// Heads that fill up while the write-ahead log is read back.
@Suite struct ReplayTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private func open(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> Store {
        try Store.open(folder, clock, change)
    }

    /// A head frozen in the middle of the log must not claim sequences behind it, though parts of other days cover
    /// them already: a crash before the next head is published would lose its rows.
    @Test func aHeadClaimsOnlyWhatWasReadBack() async throws {
        let now = clock.nowNanoseconds()
        var store = try open()
        for round in 0..<5 {
            _ = try await store.append(batch((0..<10).map { (now + Int64(round * 10 + $0), "\(round) \($0)") }))
        }
        _ = try await store.append(batch([(now - Nanoseconds.perDay, "the day before")]))
        await store.flush()
        await store.close()
        let today = Day(of: now)
        for path in folder.files("tenants/default/days/\(today)", ".dlp") { try PosixFileSystem().remove(path) }
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try PosixFileSystem().remove(file)
        }

        store = try open {
            $0.headRows = 10
            $0.mergeFanIn = 1000
        }
        #expect(try store.lines().count == 51)
        await store.flush()
        let parts = store.views.view.days.filter { $0.key.day == today }.flatMap(\.value.parts)
        #expect(parts.count == 5)
        for (index, part) in parts.enumerated() {
            for other in parts[..<index] {
                #expect(!part.summary.coverage.overlaps(other.summary.coverage))
            }
        }
        #expect(try store.lines().count == 51)
        await store.close()
    }

    /// A head that is filled from the log around what another part holds must not claim that part's sequences: without
    /// the catalog, the other part would pass for one that is left over from a merge.
    @Test func aHeadClaimsNothingThatAnotherPartHolds() async throws {
        let now = clock.nowNanoseconds()
        var store = try open { $0.mergeFanIn = 1000 }
        _ = try await store.append(batch([(now, "first")]))
        await store.flush()
        let first = folder.files("tenants", ".dlp")
        _ = try await store.append(batch([(now + 1, "second")]))
        await store.flush()
        await store.close()
        for path in first { try PosixFileSystem().remove(path) }

        store = try open { $0.mergeFanIn = 1000 }
        #expect(try store.lines() == ["first", "second"], "the first comes from the log again")
        _ = try await store.append(batch([(now + 2, "third")]))
        await store.flush()
        await store.close()
        for file in folder.files("", "").filter({ $0.contains("catalog.sqlite") }) {
            try PosixFileSystem().remove(file)
        }

        store = try open()
        #expect(try store.lines() == ["first", "second", "third"])
        #expect(store.views.view.days.values.flatMap(\.parts).allSatisfy { !$0.summary.isUnclean })
        await store.close()
    }
}
