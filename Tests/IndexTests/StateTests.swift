import CSQLite
import Foundation
import Index
import Model
import Testing

@Suite struct StateTests {
    let folder: TemporaryFolder
    var path: String { folder.file("state.sqlite") }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(arguments: StateKind.allCases) func recordsComeBackAfterReopening(kind: StateKind) throws {
        let state = try SQLiteState(path: path)
        let first = StateRecord(kind: kind, key: "b", version: 7, bytes: [1, 2, 0, 255])
        let second = StateRecord(kind: kind, key: "a/ä", bytes: [])
        try state.put(first)
        try state.put(second)
        try state.put(StateRecord(kind: kind, key: "c", bytes: [1]))
        try state.put(StateRecord(kind: kind, key: "c", version: 2, bytes: [2]))
        try state.delete(kind, key: "none")
        state.close()
        let again = try SQLiteState(path: path)
        #expect(try again.get(kind, key: "b") == first)
        #expect(try again.get(kind, key: "c")?.bytes == [2])
        #expect(try again.get(kind, key: "none") == nil)
        try again.delete(kind, key: "c")
        #expect(try again.list(kind) == StateListing(records: [second, first]))
        for other in StateKind.allCases where other != kind { #expect(try again.list(other) == StateListing()) }
    }

    @Test func aJobIsDoneOnceInAnInterval() throws {
        let state = try SQLiteState(path: path)
        #expect(try state.claim("rules/a", slot: 7, owner: 1))
        #expect(try !state.claim("rules/a", slot: 7, owner: 2))
        #expect(try !state.claim("rules/a", slot: 7, owner: 1))
        #expect(try !state.claim("rules/a", slot: 6, owner: 2))
        #expect(try state.claim("rules/b", slot: 6, owner: 2))
        #expect(try state.claim("rules/a", slot: 8, owner: 2))
        state.close()
        let again = try SQLiteState(path: path)
        #expect(try !again.claim("rules/a", slot: 8, owner: 3))
        try again.put(StateRecord(kind: .claim, key: "rules/a", bytes: [1]))
        #expect(try again.claim("rules/a", slot: 8, owner: 3))
    }

    @Test func failedChangesLeaveNothing() throws {
        let state = try SQLiteState(path: path)
        try state.put(StateRecord(kind: .token, key: "kept", bytes: [1]))
        try tamper(
            "CREATE TRIGGER refuse BEFORE INSERT ON record WHEN NEW.key = 'no' BEGIN SELECT raise(ABORT, 'no'); END",
            state)
        let again = try SQLiteState(path: path)
        #expect(throws: StateError.self) {
            try again.apply([
                .delete(.token, key: "kept"), .put(StateRecord(kind: .token, key: "new", bytes: [2])),
                .put(StateRecord(kind: .token, key: "no", bytes: [3])),
            ])
        }
        #expect(try again.list(.token).records.map(\.key) == ["kept"])
        try again.apply([.delete(.token, key: "kept"), .put(StateRecord(kind: .token, key: "new", bytes: [2]))])
        #expect(try again.list(.token).records.map(\.key) == ["new"])
    }

    @Test func demotionsAreSticky() throws {
        let state = try SQLiteState(path: path)
        try state.addDemotion(Demotion(tenant: .standard, name: "pod", since: 5))
        try state.addDemotion(Demotion(tenant: .standard, name: "pod", since: 9))
        try state.addDemotion(Demotion(tenant: TenantID("a"), name: "pod", since: 7))
        state.close()
        let found = try SQLiteState(path: path).demotions()
        #expect(
            found == [
                Demotion(tenant: TenantID("a"), name: "pod", since: 7),
                Demotion(tenant: .standard, name: "pod", since: 5),
            ])
    }

    @Test func damagedRecordsAreNamed() throws {
        let state = try SQLiteState(path: path)
        try state.apply((0..<3).map { .put(StateRecord(kind: .alertState, key: "k\($0)", bytes: [1, 2, 3])) })
        try tamper("UPDATE record SET bytes = x'010203FF' WHERE key = 'k1'", state)
        let again = try SQLiteState(path: path)
        let listing = try again.list(.alertState)
        #expect(listing.records.map(\.key) == ["k0", "k2"])
        #expect(listing.damagedKeys == ["k1"])
        #expect(throws: StateError.self) { try again.get(.alertState, key: "k1") }
    }

    @Test func damagedAndNewerFilesAreNamedAndLeft() throws {
        let state = try SQLiteState(path: path)
        try tamper("PRAGMA user_version=2", state)
        #expect(throws: StateError.newerSchema(path: path, version: 2)) { _ = try SQLiteState(path: path) }
        let rubbish = Data(repeating: 0x41, count: 20_000)
        try rubbish.write(to: URL(fileURLWithPath: path))
        do throws(StateError) {
            _ = try SQLiteState(path: path)
            Issue.record("opened")
        } catch {
            guard case .damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == rubbish)
    }

    @Test func backupOpens() throws {
        let state = try SQLiteState(path: path)
        try state.put(StateRecord(kind: .token, key: "t", bytes: [1]))
        try state.addDemotion(Demotion(tenant: .standard, name: "pod", since: 5))
        try state.backup(to: folder.file("copy.sqlite"))
        let copy = try SQLiteState(path: folder.file("copy.sqlite"))
        #expect(try copy.get(.token, key: "t")?.bytes == [1])
        #expect(try copy.demotions().count == 1)
    }

    /// Closes `state` and changes its file as another program would.
    private func tamper(_ sql: String, _ state: SQLiteState) throws {
        state.close()
        var handle: OpaquePointer?
        try #require(unsafe sqlite3_open(path, &handle) == SQLITE_OK)
        defer { _ = unsafe sqlite3_close(handle) }
        try #require(unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
    }
}
