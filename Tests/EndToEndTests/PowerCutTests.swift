import Foundation
import Testing

/// The disk is cut off while four connections push numbered lines: every acknowledged line is there after the next
/// start, exactly once. `DENDRO_POWER_CUTS` sets the number of cuts for each kind of file system; kinds that this
/// machine cannot make or mount are left out.
@Suite(.serialized) struct PowerCutTests {
    private static var cuts: Int {
        ProcessInfo.processInfo.environment["DENDRO_POWER_CUTS"].flatMap { Int($0) } ?? 6
    }

    @Test(arguments: CutDisk.Kind.allCases.filter(\.isPossible))
    func acknowledgedLinesSurviveExactlyOnce(kind: CutDisk.Kind) throws {
        let server = try ServerProcess()
        let disk = try CutDisk(kind, at: server.dataFolder)
        let load = PushLoad(server)
        let arguments = [
            "--storage-head-rows", "500", "--storage-head-age", "1", "--storage-min-free", "0",
        ]
        for round in 0..<Self.cuts {
            try disk.mount()
            try server.start(arguments)
            try load.run(round: round, pushes: round * 37 % 120 + 5) {
                // Power fails for processor and disk at once. ext4 tells a sync that is under way when it is shut down
                // that all is well, so nobody must be there to hear it.
                try server.freeze()
                try disk.cut()
                server.kill()
            }
            try disk.unmount()
        }
        #expect(load.acknowledgedCount >= Self.cuts * 5 * PushLoad.linesPerPush)
        try disk.mount()
        try server.start(arguments)
        try load.check()
        #expect(try server.request("POST", "/flush").status == 204)
        try load.check()
        #expect(server.stop() == 0)
        try disk.unmount()
    }
}
