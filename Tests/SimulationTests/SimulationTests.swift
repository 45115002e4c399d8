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

    /// `DENDRO_SIMULATION_EVENTS`: the sum of the numbers in `Events`; all, if not set.
    private static var events: Simulation.Events {
        getenv("DENDRO_SIMULATION_EVENTS").flatMap { Int(String(cString: $0)) }.map { Simulation.Events(rawValue: $0) }
            ?? .all
    }

    /// Simulations beside each other: they wait more than they work.
    private static let lanes: UInt64 = 4

    @Test func nothingAcknowledgedIsLostAndNothingIsTwice() async {
        let tally = Tally()
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<Self.lanes {
                group.addTask {
                    var seed = Self.seeds.lowerBound + lane
                    while seed <= Self.seeds.upperBound {
                        let faults = await Simulation(seed: seed, with: Self.events, counting: tally).run()
                        #expect(faults == [], "seed \(seed)")
                        seed += Self.lanes
                    }
                }
            }
        }
        print(tally.table)
        guard Self.events == .all, Self.seeds.count >= 200 else { return }
        #expect(tally.missed.map(\.rawValue) == [], "cases that no seed has met")
    }

    /// A simulation that cannot fail proves nothing: builds that leave out one kind of sync, publish before it, or do
    /// not compare blocks with their rows while the encoder errs, are caught.
    @Test(arguments: [Omissions.logSyncs, .partSyncs, .folderSyncs, .latePartSyncs, .comparing])
    func brokenBuildsAreCaught(omissions: Omissions) async {
        for seed in UInt64(1)...200 where await !Simulation(seed: seed, omitting: omissions).run().isEmpty {
            #expect(await Simulation(seed: seed).run() == [], "the sound build, same seed")
            return print("omissions \(omissions.rawValue): caught by seed \(seed)")
        }
        Issue.record("200 seeds did not show what is missing")
    }
}
