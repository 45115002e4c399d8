import Bytes
import Index
import Model
import Testing

@Suite struct BatchKeyTests {
    let folder: TemporaryFolder
    let catalog: SQLiteCatalog

    init() throws {
        folder = try TemporaryFolder()
        catalog = try SQLiteCatalog(path: folder.file("catalog.sqlite"), storeID: Sample.store)
    }

    func commit(_ keys: [BatchKeyRecord]) throws {
        var change = CatalogChange()
        change.batchKeys = keys
        try catalog.commit(change)
    }

    @Test func keysExpireAfterFifteenMinutes() throws {
        let minute = Nanoseconds.perMinute
        try commit([Sample.key(1, time: 0), Sample.key(2, time: 10 * minute)])
        try commit([Sample.key(3, time: 12 * minute)])
        func numbers(now: Int64) throws -> [Int] {
            try catalog.load(now: now).batchKeys.map(\.receipt.acceptedRows)
        }
        #expect(try numbers(now: 15 * minute - 1) == [1, 2, 3])
        #expect(try numbers(now: 15 * minute) == [2, 3])
        #expect(try numbers(now: 26 * minute) == [3])
        #expect(try numbers(now: 27 * minute) == [])
        // A commit removes what has expired by then, for good.
        try commit([Sample.key(4, time: 40 * minute)])
        #expect(try numbers(now: 15 * minute - 1) == [4])
        #expect(try numbers(now: .min) == [4])
    }

    @Test func theOldestLeaveFirst() throws {
        let capacity = BatchKeyRecord.capacity
        try commit((0..<10).map { Sample.key($0, time: 1) })
        try commit((0..<capacity - 5).map { Sample.key($0 + 10, time: 2) })
        var kept = try catalog.load(now: 3).batchKeys
        #expect(kept.count == capacity)
        #expect(kept.first?.receipt.acceptedRows == 5)
        try commit((0..<5).map { Sample.key($0 + capacity + 5, time: 3) })
        kept = try catalog.load(now: 3).batchKeys
        #expect(kept.count == capacity)
        #expect(kept.first?.receipt.acceptedRows == 10)
        // More than fit in one commit: the newest of them stay.
        try commit((0..<capacity + 1).map { Sample.key($0, time: 4) })
        kept = try catalog.load(now: 4).batchKeys
        #expect(kept.count == capacity)
        #expect(kept.first?.receipt.acceptedRows == 1)
    }
}
