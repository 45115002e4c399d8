import Files
import Glibc
import Testing

@Suite struct PosixFileSystemTests {
    let files = PosixFileSystem()
    let folder = "/tmp/dendro-files-\(getpid())-\(UInt64.random(in: 0 ... .max))"

    @Test func doesWhatFileSystemsDo() throws {
        try files.createFolder(folder + "/a/b")
        let path = folder + "/a/b/f"
        let file = try files.open(path, .create)
        try file.preallocate(bytes: 4096)
        try file.write([1, 2, 3], at: 10)
        try file.sync()
        #expect(try file.size() == 4096)
        #expect(try file.read(at: 9, count: 5) == [0, 1, 2, 3, 0])
        #expect(throws: FileError.self) { try file.read(at: 4095, count: 2) }
        try file.truncate(to: 13)
        file.close()
        #expect(throws: FileError.self) { try files.open(path, .create) }
        try files.link(path, to: folder + "/a/g")
        try files.rename(path, to: folder + "/a/h")
        try files.syncFolder(folder + "/a")
        #expect(try files.list(folder + "/a") == ["b", "g", "h"])
        #expect(try files.list(folder + "/none") == [])
        #expect(try files.size(folder + "/a/g") == 13)
        #expect(try files.contents(of: folder + "/a/h", limitBytes: 13).suffix(3) == [1, 2, 3])
        #expect(throws: FileError.self) { try files.contents(of: folder + "/a/h", limitBytes: 12) }
        #expect(try files.space(folder).totalBytes > 0)
        for name in ["g", "h"] { try files.remove(folder + "/a/" + name) }
        for name in ["/a/b", "/a", ""] { try files.removeFolder(folder + name) }
        #expect(!files.exists(folder))
    }
}
