import Health
import Model
import Testing

@testable import dendro

@Suite struct AlertReadingTests {
    @Test func appsThatLogDailyAreMissed() {
        let all: [String: Double] = ["shop": 5, "bank": 7, "dendro": 9, "": 3]
        #expect(AlertReadings.silent([["bank": 1], all, all, all]).map(\.source) == ["shop"])
        #expect(AlertReadings.silent([["bank": 1], all, ["bank": 1], all]).isEmpty)
        #expect(AlertReadings.silent([]).isEmpty)
    }

    @Test func daysThatShouldBeGoneAreCounted() {
        let now = 1_800_000_000 * Nanoseconds.perSecond
        func value(_ daysAgo: Int64) -> Double? {
            AlertReadings.retention(Day(of: now - daysAgo * Nanoseconds.perDay), days: 30, now: now)?.value
        }
        #expect(value(30) == nil && value(31) == nil)
        #expect(value(32) == 1 && value(40) == 9)
        #expect(AlertReadings.retention(nil, days: 30, now: now) == nil)
    }
}
