import Glibc
import Testing

/// Power cuts at every kind of moment, on disks that lose what was not synced and fail on purpose.
@Suite(.serialized) struct SimulationTests {
    /// `DENDRO_SIMULATION_SEEDS=first-last` runs others, or more.
    private static var seeds: ClosedRange<UInt64> {
        guard let text = getenv("DENDRO_SIMULATION_SEEDS").map({ String(cString: $0) }) else { return 1...200 }
        let ends = text.split(separator: "-").compactMap { UInt64($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : 1...200
    }

    /// `DENDRO_SIMULATION_EVENTS`: the sum of 1 for disks that fail, 2 for deletions, 4 for merges, 8 for
    /// snapshots, 16 for disks that fill up and 32 for old catalogs; all but snapshots, if not set.
    private static var events: Simulation.Events {
        Simulation.Events(rawValue: getenv("DENDRO_SIMULATION_EVENTS").flatMap { Int(String(cString: $0)) } ?? 55)
    }

    /// Simulations beside each other: they wait more than they work.
    private static let lanes: UInt64 = 4

    @Test func nothingAcknowledgedIsLostAndNothingIsTwice() async {
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<Self.lanes {
                group.addTask {
                    var seed = Self.seeds.lowerBound + lane
                    while seed <= Self.seeds.upperBound {
                        let faults = await Simulation(seed: seed, with: Self.events).run()
                        #expect(faults == [], "seed \(seed)")
                        seed += Self.lanes
                    }
                }
            }
        }
    }

    /// A simulation that cannot fail proves nothing: builds that leave out one kind of sync, or publish before it,
    /// are caught.
    @Test(arguments: [Omissions.logSyncs, .partSyncs, .folderSyncs, .latePartSyncs])
    func brokenBuildsAreCaught(omissions: Omissions) async {
        for seed in UInt64(1)...200 where await !Simulation(seed: seed, omitting: omissions).run().isEmpty { return }
        Issue.record("200 seeds did not show that syncs are missing")
    }
}
