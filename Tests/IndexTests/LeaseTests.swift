import Bytes
import Index
import Model
import Testing

@Suite struct LeaseTests {
    let folder: TemporaryFolder
    let catalog: SQLiteCatalog

    init() throws {
        folder = try TemporaryFolder()
        catalog = try SQLiteCatalog(path: folder.file("catalog.sqlite"), storeID: Sample.store)
    }

    @Test func oneOwnerAtATime() throws {
        let first = try #require(try catalog.claim(job: "merge", owner: 1, ttlSeconds: 10, now: 0))
        #expect(first.until == 10 * Nanoseconds.perSecond)
        #expect(try catalog.claim(job: "merge", owner: 2, ttlSeconds: 10, now: first.until - 1) == nil)
        #expect(try catalog.claim(job: "retention", owner: 2, ttlSeconds: 10, now: 0) != nil)
        let extended = try #require(try catalog.claim(job: "merge", owner: 1, ttlSeconds: 10, now: 5))
        #expect(extended.token == first.token)
        #expect(extended.until > first.until)
        let second = try #require(try catalog.claim(job: "merge", owner: 2, ttlSeconds: .max, now: extended.until))
        #expect(second.token > first.token)
        #expect(second.until == .max)
    }

    @Test func aFormerOwnerCannotCommit() throws {
        let first = try #require(try catalog.claim(job: "merge", owner: 1, ttlSeconds: 1, now: 0))
        var change = adding([AddedPart(Sample.part(1))])
        change.lease = first
        try catalog.commit(change)
        _ = try catalog.claim(job: "merge", owner: 2, ttlSeconds: 1, now: first.until)
        change = adding([AddedPart(Sample.part(2))])
        change.lease = first
        #expect(throws: CatalogError.leaseLost(job: "merge")) { try catalog.commit(change) }
        #expect(try catalog.load(now: 0).parts.map(\.summary) == [Sample.part(1)])
        // Not even after it has got the job back: what it knew when it began may be out of date.
        _ = try catalog.claim(job: "merge", owner: 1, ttlSeconds: 1, now: .max)
        #expect(throws: CatalogError.leaseLost(job: "merge")) { try catalog.commit(change) }
    }
}
