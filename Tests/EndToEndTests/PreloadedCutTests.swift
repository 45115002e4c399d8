import Foundation
import Testing

/// Power cuts as in `PowerCutTests`, on any file system and without root: a preloaded library keeps what was synced,
/// and that alone, or with a random share of the rest, is there at the next start. Every acknowledged line is found
/// exactly once. `DENDRO_PRELOADED_CUTS` sets the number of cuts of each kind.
@Suite(.serialized, .enabled(if: Platter.compiler != nil, "no C compiler is installed"))
struct PreloadedCutTests {
    private static var cuts: Int {
        ProcessInfo.processInfo.environment["DENDRO_PRELOADED_CUTS"].flatMap { Int($0) } ?? 6
    }

    /// Small heads, so that seals, merges and commits of the catalog are under way at the cuts.
    private static let arguments = [
        "--storage-head-rows", "500", "--storage-head-age", "1", "--storage-min-free", "0",
    ]

    @Test(arguments: Platter.Cut.allCases)
    func acknowledgedLinesSurviveExactlyOnce(kind: Platter.Cut) throws {
        let server = try ServerProcess()
        let platter = try Platter(below: server.dataFolder)
        let load = PushLoad(server)
        for round in 0..<Self.cuts {
            if round % 3 == 2 {
                // Once more while it opens what the last cut has left.
                try server.start(Self.arguments, isReady: false, environment: platter.environment())
                server.kill()
                try platter.cut(kind, seed: UInt64(round) << 32)
            }
            // At some moment, or where a sync would have been.
            let sync = round.isMultiple(of: 2) ? nil : round * 37 % 120 + 2 * Self.openingSyncs
            try server.start(Self.arguments, environment: platter.environment(until: sync))
            let pushes = sync == nil ? round * 37 % 120 + 5 : .max / PushLoad.linesPerPush
            try load.run(round: round, pushes: pushes) { server.kill() }
            try platter.cut(kind, seed: UInt64(round))
        }
        #expect(load.acknowledgedCount >= Self.cuts * 5 * PushLoad.linesPerPush)
        try server.start(Self.arguments, environment: platter.environment())
        try load.check()
        #expect(try server.request("POST", "/flush").status == 204)
        try load.check()
        server.kill()
        try platter.cut(kind, seed: .max)
        // The same after an end in order.
        try server.start(Self.arguments, environment: platter.environment())
        #expect(server.stop() == 0)
        try platter.cut(kind, seed: .max - 1)
        try server.start(Self.arguments)
        try load.check()
        #expect(server.stop() == 0)
        // Cuts that find all synced prove nothing.
        print("\(kind): names \(platter.names), pieces \(platter.pieces), lines \(load.acknowledgedCount)")
        #expect(platter.pieces.total > 0)
    }

    /// The power goes in place of each sync of a first start, and of one that finds a log, or of as many of them as
    /// there are to be cuts. Afterwards the server starts and has every line.
    @Test(arguments: Platter.Cut.allCases)
    func opensAfterACutBeforeAnySync(kind: Platter.Cut) throws {
        var cuts = 0
        for sync in stride(from: 1, through: Self.openingSyncs, by: max(1, Self.openingSyncs / Self.cuts)) {
            let server = try ServerProcess()
            let platter = try Platter(below: server.dataFolder)
            let load = PushLoad(server)
            if try isKilledWhileItOpens(server, platter.environment(until: sync)) { cuts += 1 }
            try platter.cut(kind, seed: UInt64(sync))
            try server.start(Self.arguments, environment: platter.environment())
            try load.run(round: 0, pushes: 20) { server.kill() }
            try platter.cut(kind, seed: UInt64(sync) << 16)
            if try isKilledWhileItOpens(server, platter.environment(until: sync)) { cuts += 1 }
            try platter.cut(kind, seed: UInt64(sync) << 32)
            try server.start(Self.arguments)
            try load.check()
        }
        print("\(kind): \(cuts) cuts while it opened")
        #expect(cuts > 1)
    }

    /// More syncs than an opening makes.
    private static let openingSyncs = 30

    /// Starts the server and kills it when it is ready, if it has not come to its end before.
    private func isKilledWhileItOpens(_ server: ServerProcess, _ environment: [String: String]) throws -> Bool {
        do {
            try server.start(Self.arguments, isReady: false, environment: environment)
            let isReady = try server.poll("ready or killed") { () -> Bool? in
                if server.wasKilled { return false }
                return try? server.request("GET", "/ready").status == 200 ? true : nil
            }
            server.kill()
            return !isReady
        } catch let failure as ServerProcess.Failure {
            guard server.wasKilled else { throw failure }
            return true
        }
    }

    /// A disk that lies about syncs of the log, of the log's folder, of the data folder, or of everything.
    @Test(arguments: ["wal/*", "wal", "", "*"])
    func unsyncedLogsAreCaught(pattern: String) throws {
        let server = try ServerProcess()
        let platter = try Platter(below: server.dataFolder)
        let load = PushLoad(server)
        try server.start(Self.arguments, environment: platter.environment(ignoring: pattern))
        try load.run(round: 0, pushes: 40) { server.kill() }
        try platter.cut(.strict, seed: 0)
        try server.start(Self.arguments)
        let lost = try load.lostCount()
        #expect(lost > 0)
    }

    /// A disk that lies about syncs of parts, or of the folders that they come to, when the log has let go of lines.
    @Test(arguments: ["tmp/*", "tenants/*"])
    func unsyncedPartsAreCaught(pattern: String) throws {
        let server = try ServerProcess()
        let platter = try Platter(below: server.dataFolder)
        let load = PushLoad(server)
        try server.start(Self.arguments, environment: platter.environment())
        try load.run(round: 0, pushes: 20) { server.kill() }
        try platter.cut(.strict, seed: 0)
        try server.start(Self.arguments, environment: platter.environment(ignoring: pattern))
        try load.run(round: 1, pushes: 20) {
            let status = try server.request("POST", "/flush").status
            #expect(status == 204)
            server.kill()
        }
        try platter.cut(.strict, seed: 1)
        try server.start(Self.arguments)
        let lost = try load.lostCount()
        #expect(lost > 0)
    }
}
