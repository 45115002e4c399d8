import Bytes
import Files
import Model
import Store
import Testing

/// Checks of a folder that no server has open.
@Suite struct VerificationTests {
    let folder = ScratchFolder()
    let clock = TestClock()

    /// Two parts, and one record in the write-ahead log.
    private func fill() async throws {
        var configuration = StoreConfiguration(folder: folder.path)
        configuration.clock = clock
        configuration.minimumFreeBytes = 0
        let store = try Store.open(configuration)
        let now = clock.nowNanoseconds()
        for round in 0..<2 {
            let lines = (0..<200).map { (now + Int64(round * 1000 + $0), "round \(round) line \($0)") }
            _ = try await store.append(batch(lines, trace: "t\(round)"))
            await store.flush()
        }
        _ = try await store.append(batch([(now + 5000, "in the log")]))
        await store.close()
    }

    private func check(isDeep: Bool) throws -> VerificationReport {
        try StoreVerification.run(folder: folder.path, isDeep: isDeep)
    }

    @Test(arguments: [false, true]) func aSoundFolderIsSound(isDeep: Bool) async throws {
        try await fill()
        var last = (done: -1, total: 0)
        let report = try StoreVerification.run(folder: folder.path, isDeep: isDeep) { last = ($0, $1) }
        #expect(report.problems == [])
        #expect(report.notes == [])
        #expect(report.parts == 2)
        #expect(report.rows == 400)
        #expect(report.walRows >= 1)
        #expect(last.done == last.total && last.total == report.bytes)
    }

    @Test func aFlippedBitIsNamedAndNothingIsMoved() async throws {
        try await fill()
        let path = folder.files("tenants", ".dlp")[0]
        try flip(path, at: 150)
        let before = folder.files("", "").count
        let report = try check(isDeep: false)
        #expect(report.damagedParts == 1)
        #expect(report.problems.contains { $0.contains(path.split(separator: "/").last ?? "?") })
        #expect(folder.files("", "").count == before)
    }

    @Test func aMissingPartAndOneTooManyAreTold() async throws {
        try await fill()
        let files = PosixFileSystem()
        let path = folder.files("tenants", ".dlp")[0]
        try files.rename(path, to: folder.path + "/aside")
        #expect(try check(isDeep: false).problems.contains { $0.contains("missing") })
        try files.rename(folder.path + "/aside", to: path)
        try files.remove(folder.path + "/catalog.sqlite")
        let report = try check(isDeep: false)
        #expect(report.isSound)
        #expect(report.notes.contains { $0.contains("rebuilt") })
        #expect(folder.files("", "catalog.sqlite").isEmpty)
    }

    @Test func damageInTheLogIsToldAndLeftInPlace() async throws {
        try await fill()
        let segment = try #require(folder.files("wal", ".wal").last)
        try flip(segment, at: 100)
        let report = try check(isDeep: false)
        #expect(!report.isSound)
        #expect(folder.files("quarantine", "").isEmpty)
        #expect(folder.files("wal", ".wal").contains(segment))
    }

    private func flip(_ path: String, at offset: Int) throws {
        let file = try PosixFileSystem().open(path, .update)
        defer { file.close() }
        let byte = try file.read(at: offset, count: 1)[0]
        try file.write([byte ^ 0x10], at: offset)
    }
}
