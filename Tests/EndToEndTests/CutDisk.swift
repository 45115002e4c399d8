import Foundation
import Glibc

/// A file system of its own in an image file, which can be cut off from its disk as by a loss of power: what was not
/// synced by then never arrives there. Needs root, and the right to mount.
final class CutDisk {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Kinds that know the `shutdown` request, with the commands that make them.
    enum Kind: String, CaseIterable, CustomStringConvertible {
        case ext4, xfs

        var description: String { rawValue }
        var maker: [String] { self == .ext4 ? ["mkfs.ext4", "-q", "-F"] : ["mkfs.xfs", "-q", "-f"] }
        /// The smallest that the maker takes, roughly.
        var sizeBytes: UInt64 { self == .ext4 ? 256 << 20 : 384 << 20 }

        /// Whether this machine lets us make and mount one.
        var isPossible: Bool {
            guard geteuid() == 0 else { return false }
            let folder = NSTemporaryDirectory() + "dendro-disk-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: folder) }
            do {
                let disk = try CutDisk(self, at: folder)
                try disk.mount()
                try disk.cut()
                try disk.unmount()
                return true
            } catch {
                return false
            }
        }
    }

    private let folder: String
    private let image: String
    private var isMounted = false

    /// - Parameter folder: where it is to be mounted; made if it is not there.
    init(_ kind: Kind, at folder: String) throws {
        self.folder = folder
        image = folder + ".image"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: image, contents: nil)
        let file = FileHandle(forWritingAtPath: image)
        try file?.truncate(atOffset: kind.sizeBytes)
        try file?.close()
        try CutDisk.run(kind.maker + [image])
    }

    deinit {
        if isMounted { try? CutDisk.run(["umount", "-l", folder]) }
        try? FileManager.default.removeItem(atPath: image)
    }

    func mount() throws {
        try CutDisk.run(["mount", "-o", "loop", image, folder])
        isMounted = true
    }

    func unmount() throws {
        try CutDisk.run(["umount", folder])
        isMounted = false
    }

    /// Nothing reaches the disk from now on, not even the file system's own log.
    func cut() throws {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: "\(folder) cannot be opened") }
        defer { close(descriptor) }
        // EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same number, _IOR('X', 125, __u32); 2 is without a log flush.
        var flags: UInt32 = 2
        guard ioctl(descriptor, 0x8004_587d, &flags) == 0 else {
            throw Failure(description: "\(folder) cannot be cut off: error \(errno)")
        }
    }

    private static func run(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(command.joined(separator: " ")): status \(process.terminationStatus)")
        }
    }
}
