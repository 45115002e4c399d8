import Foundation
import Glibc
import Testing

/// The real binary, on a free port, with a data folder of its own.
final class ServerProcess {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let folder: String
    private(set) var port = 0
    private var process = Process()
    private var runs = 0

    /// The binary under test: `DENDRO_BINARY`, or the one built beside the tests.
    static var binary: String? {
        if let path = ProcessInfo.processInfo.environment["DENDRO_BINARY"] { return path }
        var folder = URL(fileURLWithPath: CommandLine.arguments.first ?? "").deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("dendro").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        let built = FileManager.default.currentDirectoryPath + "/.build/debug/dendro"
        return FileManager.default.isExecutableFile(atPath: built) ? built : nil
    }

    init() throws {
        folder = NSTemporaryDirectory() + "dendro-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var dataFolder: String { folder + "/data" }

    /// What the server logged in its present run.
    var log: String { (try? String(contentsOfFile: "\(folder)/log-\(runs)", encoding: .utf8)) ?? "" }

    var processIdentifier: Int32 { process.processIdentifier }

    /// It has ended by SIGKILL, whoever sent it.
    var wasKilled: Bool {
        !process.isRunning && process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    }

    /// Starts the server and waits until it listens, and until it says that it is ready unless `isReady` is false.
    /// - Parameter environment: variables beside those of the tests.
    func start(
        _ arguments: [String] = [], isReady: Bool = true, environment: [String: String] = [:]
    ) throws {
        guard let binary = ServerProcess.binary else { throw Failure(description: "no dendro binary was built") }
        runs += 1
        _ = FileManager.default.createFile(atPath: "\(folder)/log-\(runs)", contents: nil)
        process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        // An alarm about a busy machine, or the server's own lines, would be lines that tests that count do not expect.
        process.arguments =
            ["serve", "--listen", "127.0.0.1:0", "--data-dir", dataFolder, "--health-cpu-percent", "100"]
            + ["--log-own-lines", "false"] + arguments
        // What steers the tests, and the settings of whoever runs them, is none of the server's business.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DENDRO_") }
            .merging(environment) { $1 }
        process.standardError = FileHandle(forWritingAtPath: "\(folder)/log-\(runs)")
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = try poll("listening") { () -> String? in
            if !process.isRunning { throw Failure(description: "the server ended: \(log)") }
            return log.firstMatch(of: #/"address":"127\.0\.0\.1:(\d+)"/#).map { String($0.1) }
        }
        port = Int(text) ?? 0
        if !isReady { return }
        _ = try poll("ready") { try? self.request("GET", "/ready").status == 200 ? true : nil }
    }

    /// Ends the server in order and returns its exit status.
    @discardableResult
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Ends the server as a crash would.
    func kill() {
        guard process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Stops every thread of the server where it is: what a system call still returns is not acted upon any more.
    func freeze() throws {
        Glibc.kill(process.processIdentifier, SIGSTOP)
        let tasks = "/proc/\(process.processIdentifier)/task"
        _ = try poll("frozen") { () -> Bool? in
            let states = try FileManager.default.contentsOfDirectory(atPath: tasks).map { task in
                // The state stands behind the name, which is in parentheses.
                try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
                    .split(separator: ")").last?.split(separator: " ").first
            }
            return states.allSatisfy { $0 == "T" || $0 == "D" } ? true : nil
        }
    }

    /// Runs another command of the binary and gives its exit status and what it wrote.
    func command(_ arguments: [String]) throws -> (status: Int32, output: String) {
        guard let binary = ServerProcess.binary else { throw Failure(description: "no dendro binary was built") }
        let command = Process()
        let output = Pipe()
        command.executableURL = URL(fileURLWithPath: binary)
        command.arguments = arguments
        command.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DENDRO_") }
        (command.standardOutput, command.standardError) = (output, output)
        try command.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        command.waitUntilExit()
        return (command.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) throws -> HTTPReply {
        let connection = try HTTPConnection(port: port)
        return try connection.send(method, path, headers: headers, body: body)
    }

    func get(_ path: String, _ query: [(String, String)] = []) throws -> HTTPReply {
        let text = query.map { "\($0.0)=\(ServerProcess.escaped($0.1))" }.joined(separator: "&")
        return try request("GET", path + (text.isEmpty ? "" : "?" + text))
    }

    func push(_ lines: String, _ path: String = "/api/v1/push") throws -> HTTPReply {
        try request("POST", path, headers: [("Content-Type", "application/json")], body: Array(lines.utf8))
    }

    /// Lines that a LogQL query finds in the last hour.
    func lines(_ query: String, limit: Int = 5000) throws -> [String] {
        let reply = try get("/loki/api/v1/query_range", [("query", query), ("limit", String(limit)), ("since", "24h")])
        guard reply.status == 200 else { throw Failure(description: "\(reply.status) \(reply.text)") }
        let answer = try JSONDecoder().decode(StreamsAnswer.self, from: Data(reply.body))
        return answer.data.result.flatMap { stream in stream.values.map { $0[1] } }
    }

    /// Calls `body` until it gives something, for at most a minute and a half: machines are slow at times.
    func poll<R>(_ what: String, _ body: () throws -> R?) throws -> R {
        let deadline = Date().addingTimeInterval(90)
        while Date() < deadline {
            if let result = try body() { return result }
            usleep(5000)
        }
        throw Failure(description: "waited too long until the server was \(what): \(log)")
    }

    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
    }
}

private struct StreamsAnswer: Decodable {
    struct Stream: Decodable {
        let values: [[String]]
    }

    struct Content: Decodable {
        let result: [Stream]
    }

    let data: Content
}
