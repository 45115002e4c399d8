import Files
import Testing

@Suite struct MemoryFileSystemTests {
    let files = MemoryFileSystem(seed: 1)

    private func make(_ path: String, _ bytes: [UInt8], sync: Bool = true) throws -> any File {
        let file = try files.open(path, .create)
        try file.write(bytes, at: 0)
        if sync { try file.sync() }
        return file
    }

    @Test func readsBackWhatWasWritten() throws {
        try files.createFolder("/a/b")
        let file = try make("/a/b/f", [1, 2, 3])
        try file.write([9], at: 1)
        #expect(try files.contents(of: "/a/b/f", limitBytes: 10) == [1, 9, 3])
        #expect(try files.list("/a") == ["b"])
        #expect(try files.list("/a/b") == ["f"])
        #expect(try files.list("/none") == [])
        #expect(files.exists("/a/b/f"))
        #expect(throws: FileError.self) { try files.open("/a/b/f", .create) }
        #expect(throws: FileError.self) { try files.open("/a/b/g", .read) }
        #expect(throws: FileError.self) { try files.open("/c/g", .create) }
        #expect(throws: FileError.self) { try file.read(at: 1, count: 3) }
        #expect(throws: FileError.self) { try files.removeFolder("/a/b") }
    }

    @Test func aNameIsDurableOnlyAfterItsFolderWasSynced() throws {
        try files.createFolder("/d")
        try files.syncFolder("/")
        _ = try make("/d/f", [7])
        let outcomes = Set((0..<64).map { files.crash(seed: $0).exists("/d/f") })
        #expect(outcomes == [true, false])
        try files.syncFolder("/d")
        for seed in 0..<64 { #expect(try files.crash(seed: UInt64(seed)).contents(of: "/d/f", limitBytes: 9) == [7]) }
    }

    @Test func aRenameSurvivesWholeOrNotAtAll() throws {
        _ = try make("/f", [7])
        try files.syncFolder("/")
        try files.rename("/f", to: "/g")
        for seed in 0..<64 {
            let after = files.crash(seed: UInt64(seed))
            #expect(after.exists("/f") != after.exists("/g"))
        }
    }

    @Test func unsyncedBytesSurviveInSectors() throws {
        let file = try make("/f", [UInt8](repeating: 1, count: 4096))
        try files.syncFolder("/")
        try file.write([UInt8](repeating: 2, count: 4096), at: 0)
        var seen: Set<Int> = []
        var cuts = 0
        for seed in 0..<400 {
            let bytes = try files.crash(seed: UInt64(seed)).contents(of: "/f", limitBytes: 4096)
            #expect(bytes.count == 4096)
            let new = bytes.count { $0 == 2 }
            seen.insert(new)
            if new % 512 != 0 { cuts += 1 }
            #expect(bytes == (try files.crash(seed: UInt64(seed)).contents(of: "/f", limitBytes: 4096)))
        }
        #expect(seen.contains(0) && seen.count > 8)
        #expect(cuts > 0)
    }

    @Test func syncedBytesAlwaysSurvive() throws {
        let file = try make("/f", [])
        try files.syncFolder("/")
        try file.preallocate(bytes: 2048)
        try file.write([UInt8](repeating: 5, count: 1000), at: 100)
        try file.sync()
        for seed in 0..<32 {
            let bytes = try files.crash(seed: UInt64(seed)).contents(of: "/f", limitBytes: 4096)
            #expect(bytes.count == 2048 && bytes[100..<1100].allSatisfy { $0 == 5 })
        }
    }

    @Test func aFailedSyncIsNotMendedByTheNextOne() throws {
        var lossSeen = false
        for seed in 0..<32 {
            let files = MemoryFileSystem(seed: UInt64(seed))
            let file = try files.open("/f", .create)
            try files.syncFolder("/")
            try file.write([UInt8](repeating: 3, count: 4096), at: 0)
            files.inject(MemoryFileSystem.Fault([.sync]))
            #expect(throws: FileError.self) { try file.sync() }
            try file.sync()
            #expect(try file.read(at: 0, count: 4096).allSatisfy { $0 == 3 })
            let after = try files.crash(seed: 0).contents(of: "/f", limitBytes: 4096)
            if after.contains(where: { $0 != 3 }) || after.count < 4096 { lossSeen = true }
        }
        #expect(lossSeen)
    }

    @Test func faultsStrikeOnceAtTheirTurn() throws {
        let file = try make("/f", [])
        files.inject(MemoryFileSystem.Fault([.write], after: 1, errno: 28, writtenBytes: 2))
        try file.write([1, 1, 1], at: 0)
        #expect(throws: FileError.self) { try file.write([2, 2, 2], at: 0) }
        #expect(try file.read(at: 0, count: 3) == [2, 2, 1])
        try file.write([3, 3, 3], at: 0)
        #expect(try file.read(at: 0, count: 3) == [3, 3, 3])
    }

    @Test func theDiskFillsUp() throws {
        let files = MemoryFileSystem(seed: 1, capacityBytes: 1000)
        let file = try files.open("/f", .create)
        try file.write([UInt8](repeating: 1, count: 900), at: 0)
        #expect(try files.space("/").freeBytes == 100)
        do {
            try file.preallocate(bytes: 2000)
            Issue.record("a full disk took more")
        } catch {
            #expect(error.isDiskFull)
        }
        try file.write([UInt8](repeating: 2, count: 100), at: 0)
        try files.remove("/f")
        #expect(try files.space("/").freeBytes == 1000)
    }

    struct Source: BlobSource {
        let bytes: [UInt8]
        var sizeBytes: Int { bytes.count }
        func read(_ range: Range<Int>) throws(FileError) -> [UInt8] { Array(bytes[range]) }
    }

    /// A draft that stays takes the room that everybody waits for.
    @Test(arguments: [MemoryFileSystem.Operation.write, .sync, .createFolder, .syncFolder, .rename])
    func blobsThatFailLeaveNothing(_ operation: MemoryFileSystem.Operation) throws {
        try files.createFolder("/data/tmp")
        let store = FolderBlobStore(root: "/data", temporary: "/data/tmp", files: files)
        files.inject(MemoryFileSystem.Fault([operation]))
        #expect(throws: FileError.self) { try store.put("a/p.dlp", Source(bytes: [1, 2, 3])) }
        #expect(files.pendingFaults.isEmpty)
        #expect(try files.list("/data/tmp") == [])
        #expect(try store.put("a/p.dlp", Source(bytes: [1, 2, 3])))
    }

    @Test func blobsAreDurableOncePut() throws {
        try files.createFolder("/data/tmp")
        try files.syncFolder("/")
        try files.syncFolder("/data")
        let store = FolderBlobStore(root: "/data", temporary: "/data/tmp", files: files)
        let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try store.put("tenants/t/days/d/p.dlp", Source(bytes: bytes)))
        #expect(try !store.put("tenants/t/days/d/p.dlp", Source(bytes: [])))
        for seed in 0..<32 {
            let after = files.crash(seed: UInt64(seed))
            #expect(try after.contents(of: "/data/tenants/t/days/d/p.dlp", limitBytes: 3000) == bytes)
        }
    }
}
