import Bytes
import Foundation
import Index
import Model
import Testing

@Suite struct CatalogTests {
    let folder: TemporaryFolder
    var path: String { folder.file("catalog.sqlite") }

    init() throws {
        folder = try TemporaryFolder()
    }

    func open() throws -> SQLiteCatalog {
        try SQLiteCatalog(path: path, storeID: Sample.store)
    }

    @Test func newCatalogIsEmptyAndPrivate() throws {
        let catalog = try open()
        let state = try catalog.load(now: 0)
        #expect(state == CatalogState(storeID: Sample.store, revision: 0))
        var change = adding([AddedPart(Sample.part(1))])
        change.cover = [DayCoverage(tenant: .standard, day: Sample.day, coverage: Sample.part(1).coverage)]
        try catalog.commit(change)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
    }

    @Test(arguments: [true, false]) func everythingComesBackAfterReopening(isClosed: Bool) throws {
        let catalog = try open()
        var change = adding([
            AddedPart(Sample.part(1), streams: [Sample.stream(1), Sample.stream(2)]),
            AddedPart(Sample.part(2, tenant: Sample.shop, inputs: [Sample.part(1).id, Hash128(high: .max, low: 0)])),
            AddedPart(Sample.part(3, day: Day(number: -1)), streams: [Sample.stream(2)]),
        ])
        change.markDead = [Sample.part(3).id, Hash128(high: 5, low: 5)]
        change.cover = [DayCoverage(tenant: Sample.shop, day: Sample.day, coverage: Sample.part(2).coverage)]
        change.batchKeys = [Sample.key(1, time: 100), Sample.key(2, time: 90, tenant: Sample.shop)]
        try catalog.commit(change)
        let before = try catalog.load(now: 200)
        let journal = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        let main = try Data(contentsOf: URL(fileURLWithPath: path))
        catalog.close()
        if !isClosed {
            // What a killed process leaves: the file as it was, and its journal.
            try main.write(to: URL(fileURLWithPath: path))
            try journal.write(to: URL(fileURLWithPath: path + "-wal"))
        }
        let again = try open()
        let state = try again.load(now: 200)
        #expect(state == before)
        #expect(state.revision == 1)
        #expect(
            Set(state.parts) == [
                CatalogPart(change.add[0].summary, isDead: false), CatalogPart(change.add[1].summary, isDead: false),
                CatalogPart(change.add[2].summary, isDead: true),
            ])
        #expect(state.covered == change.cover)
        #expect(state.batchKeys == change.batchKeys)
        #expect(state.streams.map(\.labels) == [Sample.labels(1), Sample.labels(2)])
        #expect(state.highestSequences == [.max: 10])
        #expect(try again.streams(of: Sample.part(1).id) == [Sample.stream(1), Sample.stream(2)])
        #expect(try again.streams(tenant: .standard, name: "pod", value: "pod-2") == [Sample.labels(2)])
        #expect(try again.streams(tenant: Sample.shop, name: "pod", value: "pod-2") == [])
    }

    @Test func failedCommitLeavesNothing() throws {
        let catalog = try open()
        try catalog.commit(adding([AddedPart(Sample.part(1), streams: [Sample.stream(1)])]))
        let before = try catalog.load(now: 0)
        // The last part repeats an id: everything before it in the change has been written by then.
        var change = adding([
            AddedPart(Sample.part(2, tenant: Sample.shop), streams: [Sample.stream(2)]), AddedPart(Sample.part(1)),
        ])
        change.forget = [Sample.part(1).id]
        change.cover = [DayCoverage(tenant: .standard, day: Sample.day, coverage: Sample.part(1).coverage)]
        #expect(throws: CatalogError.self) { try catalog.commit(change) }
        #expect(try catalog.load(now: 0) == before)
        // Numbers given out in the failed commit are not used by the next one.
        try catalog.commit(adding([AddedPart(Sample.part(2, tenant: Sample.shop), streams: [Sample.stream(2)])]))
        catalog.close()
        let again = try open()
        #expect(try again.streams(of: Sample.part(2).id) == [Sample.stream(2)])
        #expect(try again.load(now: 0).streams.map(\.tenant) == [.standard, Sample.shop])
    }

    @Test func wrongHashIsRefused() throws {
        let catalog = try open()
        var stream = Sample.stream(1)
        stream.hash = Hash128(high: 0, low: 0)
        #expect(throws: CatalogError.self) {
            try catalog.commit(adding([AddedPart(Sample.part(1), streams: [stream])]))
        }
        #expect(try catalog.load(now: 0).parts == [])
    }

    @Test func coverageIsAUnion() throws {
        let catalog = try open()
        func covered() throws -> Coverage? { try catalog.load(now: 0).covered.first?.coverage }
        func change(_ after: UInt64, _ through: UInt64) -> [DayCoverage] {
            let coverage = Coverage(writer: 7, after: after, through: through)
            return [DayCoverage(tenant: .standard, day: Sample.day, coverage: coverage)]
        }
        var first = CatalogChange()
        first.cover = change(0, 10) + change(20, 30)
        try catalog.commit(first)
        #expect(try covered()?.intervals.count == 2)
        var second = CatalogChange()
        second.cover = change(10, 20)
        try catalog.commit(second)
        #expect(try covered() == Coverage(writer: 7, after: 0, through: 30))
        var third = CatalogChange()
        third.uncover = change(5, 25)
        try catalog.commit(third)
        #expect(try covered()?.contains(writer: 7, sequence: 6) == false)
        #expect(try covered()?.contains(writer: 7, sequence: 26) == true)
        // The highest sequence stays, whatever is uncovered, and is compared unsigned.
        third.cover = change(.max - 1, .max) + change(3, 4)
        try catalog.commit(third)
        #expect(try catalog.load(now: 0).highestSequences == [7: .max])
    }

    @Test func deadPartsAreForgottenWithTheirStatistics() throws {
        let catalog = try open()
        try catalog.commit(
            adding([
                AddedPart(Sample.part(1), streams: [Sample.stream(1)]),
                AddedPart(Sample.part(2), streams: [Sample.stream(1, rows: 4)]),
            ]))
        #expect(try catalog.statistics(tenant: .standard, day: Sample.day).map(\.rows) == [14])
        var change = CatalogChange()
        change.markDead = [Sample.part(1).id]
        try catalog.commit(change)
        #expect(try catalog.statistics(tenant: .standard, day: Sample.day).map(\.rows) == [4])
        change = CatalogChange()
        change.forget = [Sample.part(1).id, Sample.part(2).id]  // the second lives: it must stay
        try catalog.commit(change)
        #expect(try catalog.load(now: 0).parts == [CatalogPart(Sample.part(2), isDead: false)])
        #expect(try catalog.streams(of: Sample.part(1).id) == [])
        #expect(try catalog.streams(of: Sample.part(2).id).count == 1)
    }

    @Test func partsAreFoundByDay() throws {
        let catalog = try open()
        let days = (0..<4).map { Day(number: 100 + $0) }
        try catalog.commit(adding(days.enumerated().map { AddedPart(Sample.part(UInt64($0), day: $1)) }))
        try catalog.commit(adding([AddedPart(Sample.part(9, tenant: Sample.shop, day: days[1]))]))
        #expect(try catalog.parts(tenant: .standard, days: days[1]...days[2]).map(\.day) == [days[1], days[2]])
        #expect(try catalog.parts(tenant: TenantID("nobody"), days: days[0]...days[3]) == [])
        #expect(try catalog.dropDay(tenant: .standard, day: days[1]) == [Sample.part(1, day: days[1])])
        #expect(try catalog.dropDay(tenant: .standard, day: days[1]) == [])
        #expect(try catalog.parts(tenant: .standard, days: days[1]...days[1]) == [])
        #expect(try catalog.parts(tenant: Sample.shop, days: days[1]...days[1]).count == 1)
    }

    @Test func changesFollowARevision() throws {
        let catalog = try open()
        try catalog.commit(adding([AddedPart(Sample.part(1))]))
        let first = try catalog.changes(since: 0)
        #expect(first.parts == [CatalogPart(Sample.part(1), isDead: false)])
        #expect(try catalog.changes(since: first.revision).parts == [])
        _ = try catalog.dropDay(tenant: .standard, day: Sample.day)
        let second = try catalog.changes(since: first.revision)
        #expect(second.parts == [CatalogPart(Sample.part(1), isDead: true)])
        #expect(second.revision > first.revision)
    }

    @Test func historyIsForgottenOnlyWithoutParts() throws {
        let catalog = try open()
        let old = Day(number: 100)
        let new = Day(number: 200)
        var change = adding([
            AddedPart(Sample.part(1, day: old), streams: [Sample.stream(1), Sample.stream(2)]),
            AddedPart(Sample.part(2, day: new), streams: [Sample.stream(2)]),
        ])
        change.cover = [old, new].map { DayCoverage(tenant: .standard, day: $0, coverage: Sample.part(1).coverage) }
        try catalog.commit(change)
        try catalog.forgetHistory(before: new)
        #expect(try catalog.load(now: 0).streams.count == 2)
        var gone = CatalogChange()
        gone.markDead = [Sample.part(1).id]
        try catalog.commit(gone)
        gone = CatalogChange()
        gone.forget = [Sample.part(1).id]
        try catalog.commit(gone)
        try catalog.forgetHistory(before: new)
        let state = try catalog.load(now: 0)
        #expect(state.covered.map(\.day) == [new])
        #expect(state.streams.map(\.labels) == [Sample.labels(2)])
        #expect(try catalog.streams(tenant: .standard, name: "pod", value: "pod-1") == [])
        #expect(state.highestSequences == [.max: 10])
        // A forgotten stream may come again.
        try catalog.commit(adding([AddedPart(Sample.part(3, day: new), streams: [Sample.stream(1)])]))
        #expect(try catalog.streams(of: Sample.part(3).id) == [Sample.stream(1)])
    }

    @Test func tenThousandStreamsInOneCommit() throws {
        let catalog = try open()
        let streams = (0..<10_000).map { Sample.stream($0) }
        try catalog.commit(adding([AddedPart(Sample.part(1), streams: streams)]))
        try catalog.commit(adding([AddedPart(Sample.part(2), streams: streams)]))
        #expect(try catalog.load(now: 0).streams.count == 10_000)
        #expect(try catalog.streams(of: Sample.part(2).id) == streams)
        #expect(try catalog.streams(tenant: .standard, name: "app", value: "app-3").count == 200)
    }
}
