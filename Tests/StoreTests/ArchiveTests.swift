import Bytes
import Files
import Model
import Store
import Testing

/// Snapshots of a working store and what is made of them.
@Suite struct ArchiveTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    private func open(_ path: String) throws -> Store {
        var configuration = StoreConfiguration(folder: path)
        configuration.clock = clock
        configuration.minimumFreeBytes = 0
        return try Store.open(configuration)
    }

    @Test func aSnapshotHoldsWhatWasAcknowledgedAndNothingLater() async throws {
        let now = clock.nowNanoseconds()
        let archive = folder.path + "/archive"
        let store = try open(folder.path + "/data")
        _ = try await store.append(batch([(now, "sealed")], trace: "t1"))
        await store.flush()
        _ = try await store.append(batch([(now + 1, "in a head")], key: 5))
        let manifest = try await store.archive(to: archive)
        #expect(manifest.rows == 2)
        _ = try await store.append(batch([(now + 2, "later")]))
        #expect(try StoreVerification.run(folder: archive, isDeep: true).problems == [])
        #expect(ArchiveManifest.read(archive) == manifest)

        _ = try ArchiveRestore.run(from: archive, to: folder.path + "/again")
        let again = try open(folder.path + "/again")
        #expect(try again.lines() == ["sealed", "in a head"])
        #expect(again.storeID == store.storeID)
        // A repeat of a request that the snapshot knows is still a repeat.
        _ = try await again.append(batch([(now + 1, "in a head")], key: 5))
        _ = try await again.append(batch([(now + 9, "new")]))
        await again.flush()
        #expect(try again.lines() == ["sealed", "in a head", "new"])
        #expect(try store.lines() == ["sealed", "in a head", "later"])
        await again.close()
        await store.close()
    }

    @Test func placesThatAreTakenAreRefused() async throws {
        let store = try open(folder.path + "/data")
        let files = PosixFileSystem()
        try files.createFolder(folder.path + "/taken")
        for path in ["relative", folder.path + "/taken", folder.path + "/data/inside", folder.path + "/a/../b"] {
            await #expect(throws: StoreError.self) { try await store.archive(to: path) }
        }
        await #expect(throws: StoreError.self) { try await store.archive(to: "/proc/no/such/place") }
        let archive = folder.path + "/archive"
        _ = try await store.archive(to: archive)
        #expect(throws: StoreError.self) { try ArchiveRestore.run(from: archive, to: folder.path + "/data") }
        try files.remove(archive + "/snapshot.txt")
        #expect(throws: StoreError.self) { try ArchiveRestore.run(from: archive, to: folder.path + "/again") }
        #expect(!files.exists(folder.path + "/again"))
        await store.close()
    }

    @Test func snapshotsDoNotLetGoOfMergedParts() async throws {
        let now = clock.nowNanoseconds()
        let archive = folder.path + "/archive"
        let store = try open(folder.path + "/data")
        var expected: [String] = []
        for round in 0..<7 {
            expected.append("round \(round)")
            _ = try await store.append(batch([(now + Int64(round), "round \(round)")]))
            await store.flush()
        }
        _ = try await store.archive(to: archive)
        _ = try await store.append(batch([(now + 50, "the eighth")]))
        await store.flush()
        clock.advance(days: 100)
        await store.enforceRetention()
        #expect(try store.lines() == [])
        await store.close()
        clock.advance(days: -100)
        let report = try StoreVerification.run(folder: archive, isDeep: true)
        #expect(report.problems == [])
        #expect(report.rows == 7)
        _ = try ArchiveRestore.run(from: archive, to: folder.path + "/again")
        let again = try open(folder.path + "/again")
        #expect(try again.lines() == expected)
        await again.close()
    }
}
