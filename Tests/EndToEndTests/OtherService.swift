import Foundation
import Glibc

/// A program of the distribution that a test runs beside the server: on a free port, in a folder of its own.
final class OtherService {
    /// Where a program is; nil where it is not installed.
    static func find(_ name: String) -> String? {
        var folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin"]
        let postgres = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        folders += postgres.sorted().reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        return folders.map { $0 + "/" + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static func has(_ names: String...) -> Bool { names.allSatisfy { find($0) != nil } }

    /// A port that nobody listens on.
    static func freePort() throws -> Int { try WebhookReceiver().port }

    let folder: String
    private var process = Process()

    init() throws {
        folder = "/tmp/dendro-service-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    }

    deinit {
        end()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Writes a file into the folder and gives its path.
    func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        return folder + "/" + name
    }

    /// Starts a program with these arguments.
    func start(_ command: [String]) throws {
        process = try OtherService.made(command, output: FileHandle.nullDevice)
        try process.run()
    }

    /// Runs a program to its end; its status and what it wrote.
    @discardableResult
    static func run(_ command: [String], input: String = "") throws -> (status: Int32, output: String) {
        let (output, given) = (Pipe(), Pipe())
        let process = try made(command, output: output)
        process.standardInput = given
        try process.run()
        given.fileHandleForWriting.write(Data(input.utf8))
        try given.fileHandleForWriting.close()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    private static func made(_ command: [String], output: Any) throws -> Process {
        guard let program = find(command[0]) else {
            throw ServerProcess.Failure(description: "\(command[0]) is not installed")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: "/tmp")
        (process.standardOutput, process.standardError) = (output, output)
        return process
    }

    func signal(_ number: Int32) { Glibc.kill(process.processIdentifier, number) }

    /// Ends the program as a crash would.
    func end(_ number: Int32 = SIGKILL) {
        guard process.isRunning else { return }
        signal(number)
        process.waitUntilExit()
    }
}

/// Passes bytes on to a port, each piece after a while.
final class DelayProxy: Sendable {
    let port: Int
    private let listener: Int32
    private let target: Int
    private let delay = SharedNumber()

    init(to target: Int) throws {
        self.target = target
        (listener, port) = try WebhookReceiver.listen()
        Thread.detachNewThread { [listener, delay] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                guard let server = WebhookReceiver.connect(target) else {
                    close(client)
                    continue
                }
                for (from, to) in [(client, server), (server, client)] {
                    Thread.detachNewThread { DelayProxy.pass(from, to, delay) }
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// How long each piece waits.
    func setDelay(milliseconds: Int) { delay.set(milliseconds) }

    private static func pass(_ from: Int32, _ to: Int32, _ delay: SharedNumber) {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(from, &piece, piece.count, 0)
            guard count > 0 else { break }
            usleep(UInt32(delay.value) * 1000)
            guard send(to, piece, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        // The other direction ends by this one; descriptors of a test's few connections are left to its end.
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }
}
