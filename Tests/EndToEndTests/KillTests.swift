import Foundation
import Synchronization
import Testing

/// `kill -9` while four connections push numbered lines: every acknowledged line is there, exactly once.
/// `DENDRO_KILL_ROUNDS` sets the rounds, `kill-rounds.sh` runs the long form.
@Suite(.serialized) struct KillTests {
    private static let writers = 4
    private static let linesPerPush = 10
    /// A query shows 5,000 lines at most.
    private static let pushesPerWriter = 400

    private static var rounds: Int {
        ProcessInfo.processInfo.environment["DENDRO_KILL_ROUNDS"].flatMap { Int($0) } ?? 8
    }

    /// What one writer in one round was told.
    private final class Ledger: Sendable {
        private let state = Mutex<(acknowledged: Set<String>, sent: Set<String>)>(([], []))

        func send(_ lines: [String]) { state.withLock { $0.sent.formUnion(lines) } }
        func acknowledge(_ lines: [String]) { state.withLock { $0.acknowledged.formUnion(lines) } }
        var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
        var sent: Set<String> { state.withLock { $0.sent } }
    }

    @Test func acknowledgedLinesSurviveExactlyOnce() throws {
        let server = try ServerProcess()
        var ledgers: [String: Ledger] = [:]
        // Small heads, so that seals and merges are under way when the server dies.
        let arguments = ["--storage-head-rows", "500", "--storage-head-age", "1"]
        for round in 0..<Self.rounds {
            try server.start(arguments)
            let port = server.port
            var threads: [Thread] = []
            let running = Atomic<Int>(Self.writers)
            for writer in 0..<Self.writers {
                let name = "r\(round)w\(writer)"
                let ledger = Ledger()
                ledgers[name] = ledger
                threads.append(
                    Thread {
                        Self.write(name, port: port, ledger)
                        running.subtract(1, ordering: .releasing)
                    })
            }
            for thread in threads { thread.start() }
            // Rounds of different lengths: what counts is how much was acknowledged, not the time it took.
            let goal = (round * 37 % 120 + 5) * Self.linesPerPush
            let roundLedgers = (0..<Self.writers).compactMap { ledgers["r\(round)w\($0)"] }
            _ = try server.poll("loaded") { () -> Bool? in
                let acknowledged = roundLedgers.reduce(0) { $0 + $1.acknowledged.count }
                return acknowledged >= goal || running.load(ordering: .acquiring) == 0 ? true : nil
            }
            server.kill()
            _ = try server.poll("left alone") { running.load(ordering: .acquiring) == 0 ? true : nil }
        }
        let acknowledged = ledgers.values.reduce(0) { $0 + $1.acknowledged.count }
        #expect(acknowledged >= Self.rounds * 5 * Self.linesPerPush)
        try server.start(arguments)
        try check(ledgers, server)
        #expect(try server.request("POST", "/flush").status == 204)
        try check(ledgers, server)
        #expect(server.stop() == 0)
    }

    /// Pushes numbered lines until the connection breaks.
    private static func write(_ name: String, port: Int, _ ledger: Ledger) {
        guard let connection = try? HTTPConnection(port: port) else { return }
        for push in 0..<pushesPerWriter {
            let base = Int64(Date().timeIntervalSince1970 * 1000) * 1_000_000
            let lines = (0..<linesPerPush).map { "\(name) line \(push * linesPerPush + $0)" }
            let values = lines.enumerated().map { "[\"\(base + Int64($0))\",\"\($1)\"]" }.joined(separator: ",")
            let body = "{\"streams\":[{\"stream\":{\"writer\":\"\(name)\"},\"values\":[\(values)]}]}"
            ledger.send(lines)
            let reply = try? connection.send(
                "POST", "/loki/api/v1/push", headers: [("Content-Type", "application/json")], body: Array(body.utf8))
            guard let reply, reply.status == 204 else { return }
            ledger.acknowledge(lines)
        }
    }

    private func check(_ ledgers: [String: Ledger], _ server: ServerProcess) throws {
        for (name, ledger) in ledgers.sorted(by: { $0.key < $1.key }) {
            let found = try server.lines("{writer=\"\(name)\"}")
            let unique = Set(found)
            #expect(found.count == unique.count, "\(name): lines are there more than once")
            #expect(ledger.acknowledged.subtracting(unique).isEmpty, "\(name): acknowledged lines are lost")
            #expect(unique.subtracting(ledger.sent).isEmpty, "\(name): lines that nobody sent")
        }
    }
}
