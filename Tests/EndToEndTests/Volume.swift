import Foundation
import Glibc

/// A small disk of its own in memory.
final class Volume {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let path: String

    /// Whether this process may mount one.
    static let isPossible: Bool = {
        let folder = NSTemporaryDirectory() + "dendro-mount-" + UUID().uuidString
        guard mkdir(folder, 0o700) == 0 else { return false }
        defer { rmdir(folder) }
        return (try? Volume(at: folder, megabytes: 1)) != nil
    }()

    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Volume.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=0700", "dendro-test", path])
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    func setReadOnly(_ isReadOnly: Bool) throws {
        try Volume.run("mount", ["-o", isReadOnly ? "remount,ro" : "remount,rw", path])
    }

    private var filler: String { path + "/filler" }

    /// Takes so much of the disk.
    func take(megabytes: Int) throws {
        let piece = Data(repeating: 0x78, count: megabytes << 20)
        try piece.write(to: URL(fileURLWithPath: filler))
    }

    /// Leaves no byte free.
    func fill() throws {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        guard file >= 0 else { throw Failure(description: "no filler can be made: \(errno)") }
        defer { close(file) }
        for size in [1 << 20, 4096, 1] {
            let piece = [UInt8](repeating: 0x78, count: size)
            while piece.withUnsafeBytes({ write(file, $0.baseAddress, size) }) > 0 {}
        }
    }

    func free() { unlink(filler) }

    static func run(_ command: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 {
            throw Failure(description: "\(command) \(arguments) ended with \(process.terminationStatus)")
        }
    }
}
