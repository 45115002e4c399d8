import Testing

@testable import Health

struct MetricReportTests {
    private static let second: Int64 = 1_000_000_000
    private static let now: Int64 = 1_795_460_400 * second

    private func point(_ seconds: Int64, qps: Double) -> MetricPoint {
        var point = MetricPoint(seconds: MetricReportTests.now / MetricReportTests.second + seconds)
        point[.apiQPS] = qps
        return point
    }

    @Test func reportsOutliveARestart() {
        var reports = MetricReports()
        let now = Self.now
        _ = reports.take(point(0, qps: 1), of: "shop", expires: now + 60 * Self.second, now: now)
        _ = reports.take(point(10, qps: 3), of: "shop", expires: now + 70 * Self.second, now: now)
        _ = reports.take(point(5, qps: 9), of: "bänk", expires: now + 5 * Self.second, now: now)
        let kept = reports.takeChanges()
        #expect(kept.map(\.slot) == [0, 1])
        let unchanged = reports.takeChanges()
        #expect(unchanged.isEmpty)
        var again = MetricReports()
        for (slot, bytes) in kept { again.restore(slot, bytes, now: now) }
        #expect(again.told("shop", now: now).current?[.apiQPS] == 3)
        #expect(again.told("shop", now: now).points.map { $0[.apiQPS] } == [1, 3])
        #expect(again.told("bänk", now: now).current?[.apiQPS] == 9)
        #expect(again.told("bänk", now: now + 6 * Self.second).current == nil)
        // Slots that are taken stay taken.
        _ = again.take(point(20, qps: 2), of: "new", expires: now, now: now)
        let added = again.takeChanges().map(\.slot)
        #expect(added == [2])
    }

    @Test func appsThatSayNothingForAnHourMakeRoom() {
        var reports = MetricReports()
        let now = Self.now
        for number in 0..<MetricReports.appLimit {
            let isTaken = reports.take(point(0, qps: 1), of: "app \(number)", expires: now, now: now)
            #expect(isTaken)
        }
        let isOneMore = reports.take(point(0, qps: 1), of: "one more", expires: now, now: now)
        #expect(!isOneMore)
        let kept = reports.takeChanges()
        let later = now + 3601 * Self.second
        let hasRoom = reports.take(point(3601, qps: 1), of: "one more", expires: later, now: later)
        #expect(hasRoom)
        #expect(reports.told("app 3", now: later).points.isEmpty)
        let changes = reports.takeChanges()
        #expect(changes.count == MetricReports.appLimit)
        #expect(changes.filter { !$0.bytes.isEmpty }.count == 1)
        var again = MetricReports()
        for (slot, bytes) in kept { again.restore(slot, bytes, now: later) }
        #expect(again.told("app 3", now: later).points.isEmpty)
    }

    @Test func bytesThatAreNoReportArePassedOver() {
        var reports = MetricReports()
        _ = reports.take(point(0, qps: 1), of: "shop", expires: Self.now, now: Self.now)
        let whole = reports.takeChanges()[0].bytes
        for count in 0..<whole.count {
            var again = MetricReports()
            again.restore(0, Array(whole[..<count]), now: Self.now)
            #expect(again.told("shop", now: Self.now).points.isEmpty)
        }
        for slot in [-1, MetricReports.appLimit, .max] {
            var again = MetricReports()
            again.restore(slot, whole, now: Self.now)
            #expect(again.told("shop", now: Self.now).points.isEmpty)
        }
    }
}
