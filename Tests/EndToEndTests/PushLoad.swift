import Foundation
import Synchronization
import Testing

/// Connections that push numbered lines until the server is gone, and what each of them was told.
final class PushLoad {
    static let writers = 4
    static let linesPerPush = 10
    /// A query shows 5,000 lines at most.
    private static let pushesPerWriter = 400

    /// What one writer in one round was told.
    private final class Ledger: Sendable {
        private let state = Mutex<(acknowledged: Set<String>, sent: Set<String>)>(([], []))

        func send(_ lines: [String]) { state.withLock { $0.sent.formUnion(lines) } }
        func acknowledge(_ lines: [String]) { state.withLock { $0.acknowledged.formUnion(lines) } }
        var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
        var sent: Set<String> { state.withLock { $0.sent } }
    }

    private let server: ServerProcess
    private var ledgers: [String: Ledger] = [:]

    init(_ server: ServerProcess) {
        self.server = server
    }

    /// Lines acknowledged in all rounds.
    var acknowledgedCount: Int { ledgers.values.reduce(0) { $0 + $1.acknowledged.count } }

    /// Starts the writers, calls `end` when so many pushes were acknowledged, and returns when all of them have been
    /// cut off: what counts is how much was acknowledged, not the time it took.
    func run(round: Int, pushes: Int, end: () throws -> Void) throws {
        let port = server.port
        let running = Atomic<Int>(Self.writers)
        var mine: [Ledger] = []
        for writer in 0..<Self.writers {
            let name = "r\(round)w\(writer)"
            let ledger = Ledger()
            ledgers[name] = ledger
            mine.append(ledger)
            let thread = Thread {
                Self.write(name, port: port, ledger)
                running.subtract(1, ordering: .releasing)
            }
            thread.start()
        }
        _ = try server.poll("loaded") { () -> Bool? in
            let acknowledged = mine.reduce(0) { $0 + $1.acknowledged.count }
            return acknowledged >= pushes * Self.linesPerPush || running.load(ordering: .acquiring) == 0 ? true : nil
        }
        try end()
        _ = try server.poll("left alone") { running.load(ordering: .acquiring) == 0 ? true : nil }
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

    /// Acknowledged lines that are not there.
    func lostCount() throws -> Int {
        try ledgers.reduce(0) { try $0 + lost($1.value, in: server.lines("{writer=\"\($1.key)\"}")).count }
    }

    private func lost(_ ledger: Ledger, in found: [String]) -> Set<String> {
        ledger.acknowledged.subtracting(found)
    }

    /// Every acknowledged line is there, exactly once, and none that nobody sent.
    func check() throws {
        for (name, ledger) in ledgers.sorted(by: { $0.key < $1.key }) {
            let found = try server.lines("{writer=\"\(name)\"}")
            let unique = Set(found)
            #expect(found.count == unique.count, "\(name): lines are there more than once")
            let lost = lost(ledger, in: found)
            #expect(lost.isEmpty, "\(name): \(lost.count) acknowledged lines are lost")
            #expect(unique.subtracting(ledger.sent).isEmpty, "\(name): lines that nobody sent")
        }
    }
}
