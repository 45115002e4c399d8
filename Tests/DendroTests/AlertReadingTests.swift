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

    /// Counts of this hour, and of the same hour on the days before, yesterday's first.
    @Test(arguments: [
        (counts: [20, 2, 4, 100], daysKnown: 3, usual: 4.0 as Double?), ([20, 2, 4], 2, 3), ([20, 0, 0, 0, 5], 4, 0),
        ([50, 10], 1, 10),
        // A week at most; what was before does not count.
        ([20, 1, 1, 1, 1, 1, 1, 1, 90, 90, 90, 90, 90, 90, 90, 90], 30, 1),
        // Too few for a burst, or no day to compare with.
        ([19, 1], 1, nil), ([500], 0, nil), ([0, 30], 1, nil),
    ])
    func aBurstIsToldByTheMedianOfItsHour(counts: [Int], daysKnown: Int, usual: Double?) {
        let now = 1_800_000_000 * Nanoseconds.perSecond
        let hour = now / Nanoseconds.perHour
        var hours: [Int64: Int] = [hour - 1: 1000, hour - 25: 1000]
        for (day, count) in counts.enumerated() where count > 0 { hours[hour - Int64(day) * 24] = count }
        let burst = AlertReadings.burst(hours, firstSeen: now - Int64(daysKnown) * Nanoseconds.perDay, now: now)
        #expect(burst?.usual == usual)
        #expect(burst == nil || burst?.count == counts[0])
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
