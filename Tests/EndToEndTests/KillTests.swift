import Foundation
import Testing

/// `kill -9` while four connections push numbered lines: every acknowledged line is there, exactly once.
/// `DENDRO_KILL_ROUNDS` sets the rounds, `kill-rounds.sh` runs the long form.
@Suite(.serialized) struct KillTests {
    private static var rounds: Int {
        ProcessInfo.processInfo.environment["DENDRO_KILL_ROUNDS"].flatMap { Int($0) } ?? 8
    }

    @Test func acknowledgedLinesSurviveExactlyOnce() throws {
        let server = try ServerProcess()
        let load = PushLoad(server)
        // Small heads, so that seals and merges are under way when the server dies.
        let arguments = ["--storage-head-rows", "500", "--storage-head-age", "1"]
        for round in 0..<Self.rounds {
            try server.start(arguments)
            try load.run(round: round, pushes: round * 37 % 120 + 5) { server.kill() }
        }
        #expect(load.acknowledgedCount >= Self.rounds * 5 * PushLoad.linesPerPush)
        try server.start(arguments)
        try load.check()
        #expect(try server.request("POST", "/flush").status == 204)
        try load.check()
        #expect(server.stop() == 0)
    }
}
