import Model
import Testing

@testable import Query

struct DirectKeysTests {
    /// Keys read in place equal those of the general way, which a stage that changes nothing forces.
    @Test(arguments: ["app", "m", "m, app", "zz", "app, level, m, trace_id", "m_extracted", "app_extracted", ""])
    func equalTheGeneralWay(_ names: String) async throws {
        let store = FakeStore([
            TestRow(1, ["job": "j", "app": "a", "level": "info"], "l", ["m": "x", "trace_id": "t1", "app": "shadow"]),
            TestRow(2, ["job": "j", "app": "a"], "l", ["level": "warn", "m": "x"]),
            TestRow(3, ["job": "j", "app": "b"], "l"),
            TestRow(4, ["job": "j", "app": "b", "m": "own"], "l", ["m": "y"]),
            TestRow(5, ["job": "j", "level": "info"], "l", ["app": "c"]),
        ])
        let sum = "sum by (\(names)) (count_over_time({job=\"j\"}"
        let direct = try await instant(sum + "[9s]))", store, at: 9)
        let general = try await instant(sum + " | drop nothing [9s]))", store, at: 9)
        #expect(direct == general && direct.values.reduce(0, +) == 5)
    }
}
