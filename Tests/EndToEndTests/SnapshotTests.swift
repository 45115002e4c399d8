import Foundation
import Synchronization
import Testing

/// `dendro snapshot` of a server under load, `kill -9`, `dendro restore`, and a server on what was restored.
@Suite(.serialized) struct SnapshotTests {
    private static let writers = 3

    /// What one writer was told.
    private final class Ledger: Sendable {
        private let state = Mutex<(acknowledged: Set<String>, sent: Set<String>, mayStop: Bool)>(([], [], false))

        func send(_ lines: [String]) { state.withLock { $0.sent.formUnion(lines) } }
        func acknowledge(_ lines: [String]) { state.withLock { $0.acknowledged.formUnion(lines) } }
        func stop() { state.withLock { $0.mayStop = true } }
        var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
        var sent: Set<String> { state.withLock { $0.sent } }
        var mayStop: Bool { state.withLock { $0.mayStop } }
    }

    @Test func whatWasAcknowledgedIsInTheSnapshotExactlyOnce() throws {
        let server = try ServerProcess()
        try server.start(["--storage-head-rows", "300", "--storage-head-age", "1"])
        let ledgers = (0..<Self.writers).map { _ in Ledger() }
        let running = Atomic<Int>(Self.writers)
        let port = server.port
        for (writer, ledger) in ledgers.enumerated() {
            Thread {
                Self.write("w\(writer)", port: port, ledger)
                running.subtract(1, ordering: .releasing)
            }.start()
        }
        _ = try server.poll("loaded") { () -> Bool? in ledgers.allSatisfy { $0.acknowledged.count >= 400 } ? true : nil
        }
        let before = ledgers.map(\.acknowledged)
        let archive = server.folder + "/archive"
        let made = try server.command(["snapshot", archive, "--addr", "http://127.0.0.1:\(port)"])
        #expect(made.status == 0, "\(made.output)")
        #expect(made.output.contains("is complete"))
        for ledger in ledgers { ledger.stop() }
        server.kill()
        _ = try server.poll("left alone") { running.load(ordering: .acquiring) == 0 ? true : nil }

        #expect(try server.command(["verify", "--deep", archive]).status == 0)
        let again = try ServerProcess()
        let restored = try server.command(["restore", archive, again.dataFolder])
        #expect(restored.status == 0, "\(restored.output)")
        try again.start()
        for (writer, ledger) in ledgers.enumerated() {
            let found = try again.lines("{writer=\"w\(writer)\"}")
            #expect(found.count == Set(found).count, "lines are there more than once")
            #expect(before[writer].subtracting(found).isEmpty, "acknowledged lines are missing")
            #expect(Set(found).subtracting(ledger.sent).isEmpty, "lines that nobody sent")
        }
        #expect(again.stop() == 0)
        // The killed server's own folder holds everything, too.
        #expect(try server.command(["verify", server.dataFolder]).status == 0)
    }

    @Test func aFolderInUseIsNotChecked() throws {
        let server = try ServerProcess()
        try server.start()
        let refused = try server.command(["verify", server.dataFolder])
        #expect(refused.status == 75)
        #expect(refused.output.contains("in use"))
        // Not without the header, however local.
        #expect(try server.request("POST", "/api/v1/admin/snapshot?folder=\(server.folder)/a").status == 403)
        #expect(server.stop() == 0)
        let sound = try server.command(["verify", server.dataFolder])
        #expect(sound.status == 0)
        #expect(sound.output.contains("all is sound"))
    }

    private static func write(_ name: String, port: Int, _ ledger: Ledger) {
        guard let connection = try? HTTPConnection(port: port) else { return }
        for push in 0..<480 where !ledger.mayStop {
            let base = Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
            let lines = (0..<10).map { "\(name) line \(push * 10 + $0)" }
            let values = lines.enumerated().map { "[\"\(base + Int64($0))\",\"\($1)\"]" }.joined(separator: ",")
            let body = "{\"streams\":[{\"stream\":{\"writer\":\"\(name)\"},\"values\":[\(values)]}]}"
            ledger.send(lines)
            let reply = try? connection.send(
                "POST", "/loki/api/v1/push", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
            guard let reply, reply.status == 204 else { return }
            ledger.acknowledge(lines)
        }
    }
}
