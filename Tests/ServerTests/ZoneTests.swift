import Model
import Receive
import Testing

@testable import Server

/// Days and hours as clocks of a zone show them (`tz=`).
@Suite struct ZoneTests {
    private static func parameters(_ zone: String) throws -> ObservabilityParameters {
        try ObservabilityParameters(try RequestParameters(query: "tz=" + zone, form: ""), now: 0)
    }

    private static func instant(_ text: String) throws -> Int64 {
        try ObservabilityParameters.instant(text, name: "time")
    }

    /// Whether this machine has tables of zones.
    static let hasZones = (try? ObservabilityParameters.zone("Europe/Berlin")) != nil

    @Test(
        .enabled(if: hasZones),
        arguments: [
            ("Asia/Shanghai", "2026-11-23T19:05:37Z", "2026-11-24 03:00"),
            ("Europe/Berlin", "2026-07-01T22:30:00Z", "2026-07-02 00:00"),
            ("Europe/Berlin", "2026-12-01T22:30:00Z", "2026-12-01 23:00"),
            ("America/New_York", "2026-03-08T06:59:00Z", "2026-03-08 01:00"),
            ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08 03:00"),
            ("Asia/Kathmandu", "2026-01-01T18:30:00Z", "2026-01-02 00:00"),
        ])
    func zonesAreNamed(zone: String, time: String, hour: String) throws {
        let instant = try Self.instant(time)
        let parameters = try Self.parameters(zone)
        #expect(parameters.hour(instant) == hour)
        #expect(parameters.day(instant) == String(hour.prefix(10)))
    }

    @Test(arguments: ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe", "+25:00", "%00"])
    func otherNamesAreRefused(zone: String) {
        #expect(throws: ParameterError.self) { try Self.parameters(zone) }
    }

    /// On 2026-10-25 clocks in Berlin show the hour from 2 to 3 twice.
    @Test(.enabled(if: hasZones)) func anHourShownTwiceHasTheErrorsOfBoth() throws {
        let first = try Self.instant("2026-10-24T23:00:00Z") / Nanoseconds.perHour
        let sums = [first: 1, first + 1: 10, first + 2: 100]
        func shown(_ zone: String) throws -> [String] {
            ErrorSummary.trend(sums, in: first...(first + 3), try Self.parameters(zone)).map { name, value in
                "\(name.suffix(5)) \(Int(value.double ?? -1))"
            }
        }
        #expect(try shown("Europe/Berlin") == ["01:00 1", "02:00 110", "03:00 0"])
        #expect(try shown("UTC") == ["23:00 1", "00:00 10", "01:00 100", "02:00 0"])
    }
}
