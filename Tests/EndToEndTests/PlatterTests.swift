import Foundation
import Testing

/// What the preloaded disk of `PreloadedCutTests` holds after single steps.
@Suite(.enabled(if: Platter.compiler != nil, "no C compiler is installed"))
final class PlatterTests {
    private let folder = NSTemporaryDirectory() + "dendro-platter-" + UUID().uuidString
    private let data: String
    private let platter: Platter

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        data = folder + "/data"
        platter = try Platter(below: data)
        try Platter.compile("steps.c", to: folder + "/steps")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Runs a process of these steps, cuts the power and gives what is there, by path.
    private func left(
        by steps: String, ignoring pattern: String? = nil, _ kind: Platter.Cut = .strict, seed: UInt64 = 0
    ) throws -> [String: String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: folder + "/steps")
        process.arguments = steps.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(fileURLWithPath: data)
        process.environment = platter.environment(ignoring: pattern)
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        try platter.cut(kind, seed: seed)
        var found: [String: String] = [:]
        let paths = FileManager.default.enumerator(atPath: data)
        while let path = paths?.nextObject() as? String {
            found[path] = (try? String(contentsOfFile: data + "/" + path, encoding: .utf8)) ?? "/"
        }
        return found
    }

    @Test func onlySyncedBytesAndNamesAreLeft() throws {
        #expect(try left(by: "write a one sync a") == [:])
        #expect(try left(by: "write a one sync .") == ["a": ""])
        #expect(try left(by: "write a two sync a sync . write a three write b x") == ["a": "two"])
        // A new process finds a disk on which all is durable.
        #expect(try left(by: "write a xyz12 cut a 1") == ["a": "two"])
        #expect(try left(by: "cut a 1 sync a cut a 3") == ["a": "t"])
        #expect(try left(by: "cut a 3 sync a") == ["a": "t\0\0"])
        #expect(try left(by: "cut a 0 cut a 8192 sync a") == ["a": String(repeating: "\0", count: 8192)])
        #expect(try left(by: "cut a 2 sync a") == ["a": "\0\0"])
        #expect(try left(by: "write a one sync a sync .", ignoring: "a") == ["a": "\0\0"])
        #expect(try left(by: "write b two sync b sync .", ignoring: "") == ["a": "\0\0"])
    }

    @Test func namesChangeWithTheirFolder() throws {
        #expect(try left(by: "write a one sync a folder f sync .") == ["a": "one", "f": "/"])
        #expect(try left(by: "rename a b remove b write c x sync c") == ["a": "one", "f": "/"])
        #expect(try left(by: "rename a b write b two sync b") == ["a": "two", "f": "/"])
        #expect(try left(by: "rename a b sync .") == ["b": "two", "f": "/"])
        #expect(try left(by: "link b f/b sync f") == ["b": "two", "f": "/", "f/b": "two"])
        #expect(try left(by: "remove f/b nofolder f") == ["b": "two", "f": "/", "f/b": "two"])
        #expect(try left(by: "remove f/b sync f nofolder f sync .") == ["b": "two"])
        #expect(try left(by: "folder f folder f/g write f/g/a x sync f/g/a sync f/g sync f") == ["b": "two"])
        #expect(try left(by: "write a new sync a rename a b sync .") == ["b": "new"])
    }

    /// The number of a file that was removed is free for the next one as long as nobody holds it.
    @Test func numbersAreNotMixedUp() throws {
        #expect(try left(by: "write a one sync a folder f sync .") == ["a": "one", "f": "/"])
        let again = "remove a write a two sync a nofolder f folder g write g/a x sync g/a sync g "
        #expect(
            try left(by: String(repeating: again + "remove g/a nofolder g folder f ", count: 20)) == [
                "a": "one", "f": "/",
            ])
    }

    @Test func tornCutsLeaveOldOrNew() throws {
        var seen: Set<[String: String]> = []
        for seed in 0..<40 {
            _ = try left(by: "write a old write b x sync a sync b sync .")
            seen.insert(try left(by: "write a new rename a c remove b", .torn, seed: UInt64(seed)))
            try FileManager.default.removeItem(atPath: data)
            try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        }
        let names = seen.map { Set($0.keys) }
        #expect(Set(names) == [["a"], ["c"], ["a", "b"], ["c", "b"]])
        #expect(Set(seen.compactMap { $0["a"] ?? $0["c"] }) == ["old", "new"])
    }
}
