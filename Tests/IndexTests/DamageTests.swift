import Bytes
import CSQLite
import Foundation
import Index
import Model
import Testing

@Suite struct DamageTests {
    let folder: TemporaryFolder
    var path: String { folder.file("catalog.sqlite") }

    init() throws {
        folder = try TemporaryFolder()
    }

    /// A closed catalog with some hundred streams.
    func build() throws {
        let catalog = try SQLiteCatalog(path: path, storeID: Sample.store)
        var change = adding([
            AddedPart(Sample.part(1), streams: (0..<500).map { Sample.stream($0) }),
            AddedPart(Sample.part(2)),
        ])
        change.cover = [DayCoverage(tenant: .standard, day: Sample.day, coverage: Sample.part(1).coverage)]
        change.batchKeys = [Sample.key(1, time: 5)]
        try catalog.commit(change)
        catalog.close()
    }

    /// Runs `sql` on the file as another program would.
    func tamper(_ sql: String) throws {
        var handle: OpaquePointer?
        try #require(unsafe sqlite3_open(path, &handle) == SQLITE_OK)
        defer { _ = unsafe sqlite3_close(handle) }
        try #require(unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
    }

    /// Opens and loads; returns what stands in the way.
    func fault(storeID: Hash128 = Sample.store) -> CatalogError? {
        do throws(CatalogError) {
            let catalog = try SQLiteCatalog(path: path, storeID: storeID)
            _ = try catalog.load(now: 5)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [0.0, 0.1, 0.25, 0.5, 0.75, 0.9]) func overwrittenBytesAreNoticed(at share: Double) throws {
        try build()
        #expect(fault() == nil)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let start = Int(Double(bytes.count) * share) / 4096 * 4096
        for index in start..<(start + 4096) { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try bytes.write(to: URL(fileURLWithPath: path))
        let found = fault()
        #expect(found?.needsRebuild == true, "\(String(describing: found))")
        #expect(found?.description.contains(path) == true)
    }

    @Test(arguments: [100, 4096, 8192 + 17]) func truncatedFilesAreNoticed(size: Int) throws {
        try build()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.prefix(size).write(to: URL(fileURLWithPath: path))
        #expect(fault()?.needsRebuild == true)
    }

    @Test(
        arguments: [
            "UPDATE part SET rows = rows + 1", "UPDATE part SET state = 'dean'", "UPDATE part SET tenant = 9",
            "UPDATE part SET day = day + 1 WHERE rowid = 2", "UPDATE covered SET coverage = x'00'",
            "UPDATE stream SET labels = x'0161' WHERE id = 3", "UPDATE batch_keys SET content = x'00'",
            "DELETE FROM meta", "DROP TABLE label_pair; DROP TABLE part",
        ])
    func wrongRowsAreNoticed(sql: String) throws {
        try build()
        try tamper(sql)
        let found = fault()
        if case .database = found, sql.contains("DROP") { return }
        #expect(found?.needsRebuild == true, "\(String(describing: found))")
    }

    @Test(arguments: [0, 1]) func emptiedFilesAreNew(size: Int) throws {
        try build()
        try Data(repeating: 0, count: size).write(to: URL(fileURLWithPath: path))
        let catalog = try SQLiteCatalog(path: path, storeID: Sample.store)
        #expect(catalog.isNew)
        #expect(try catalog.load(now: 0).parts == [])
        catalog.close()
        #expect(try !SQLiteCatalog(path: path, storeID: Sample.store).isNew)
    }

    @Test func foreignFilesAreNotTouched() throws {
        try tamper("CREATE TABLE notes(text); INSERT INTO notes VALUES('mine')")
        #expect(fault()?.needsRebuild == true)
        try tamper("UPDATE notes SET text = 'still here'")
        try tamper("PRAGMA user_version=1")
        #expect(fault()?.needsRebuild == true)
    }

    @Test func otherStoresAndNewerSchemasAreNamed() throws {
        try build()
        let other = Hash128(high: 8, low: 8)
        #expect(fault(storeID: other) == .otherStore(path: path, found: Sample.store))
        try tamper("PRAGMA user_version=99")
        #expect(fault() == .newerSchema(path: path, version: 99))
        #expect(fault()?.needsRebuild == true)
    }

    @Test func folderMayBeALinkButTheFileMayNot() throws {
        let link = folder.file("link")
        try FileManager.default.createDirectory(atPath: folder.file("real"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.file("real"))
        let catalog = try SQLiteCatalog(path: link + "/catalog.sqlite", storeID: Sample.store)
        try catalog.commit(adding([AddedPart(Sample.part(1))]))
        catalog.close()
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: link + "/catalog.sqlite")
        #expect(throws: CatalogError.self) { try SQLiteCatalog(path: path, storeID: Sample.store) }
    }

    @Test func missingFolderIsNoDamage() throws {
        do throws(CatalogError) {
            _ = try SQLiteCatalog(path: folder.file("none/catalog.sqlite"), storeID: Sample.store)
            Issue.record("opened")
        } catch {
            #expect(!error.needsRebuild, "\(error)")
        }
    }

    @Test func closedCatalogSaysSo() throws {
        let catalog = try SQLiteCatalog(path: path, storeID: Sample.store)
        catalog.close()
        #expect(throws: CatalogError.self) { try catalog.load(now: 0) }
        #expect(throws: CatalogError.self) { try catalog.commit(adding([AddedPart(Sample.part(1))])) }
    }

    @Test func backupOpensAndIsPrivate() throws {
        let catalog = try SQLiteCatalog(path: path, storeID: Sample.store)
        try catalog.commit(adding([AddedPart(Sample.part(1), streams: [Sample.stream(1)])]))
        let copyPath = folder.file("copy.sqlite")
        try catalog.backup(to: copyPath)
        #expect(throws: CatalogError.self) { try catalog.backup(to: copyPath) }
        try catalog.commit(adding([AddedPart(Sample.part(2))]))
        let attributes = try FileManager.default.attributesOfItem(atPath: copyPath)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        let copy = try SQLiteCatalog(path: copyPath, storeID: Sample.store)
        #expect(try copy.load(now: 0).parts.map(\.summary) == [Sample.part(1)])
        #expect(try copy.streams(of: Sample.part(1).id) == [Sample.stream(1)])
    }
}
