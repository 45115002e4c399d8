import Bytes
import Model
import Testing

@Suite struct TimeZoneTests {
    private static let summer: Int64 = 1_774_746_000  // 2026-03-29T01:00:00Z
    private static let winter: Int64 = 1_792_890_000  // 2026-10-25T01:00:00Z

    /// A table as the system's files have it (RFC 8536): +1 h, +2 h from `summer` on, +1 h again from `winter` on.
    private static let berlin: [UInt8] = {
        func header(times: UInt8, types: UInt8) -> [UInt8] {
            var bytes = [UInt8]("TZif2".utf8) + [UInt8](repeating: 0, count: 39)
            (bytes[35], bytes[39]) = (times, types)
            return bytes
        }
        func bigEndian(_ value: Int64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> Int64(8 * (count - 1 - $0))) }
        }
        var bytes = header(times: 0, types: 0) + header(times: 2, types: 2)
        bytes += bigEndian(summer, 8) + bigEndian(winter, 8) + [1, 0]
        bytes += bigEndian(3600, 4) + [0, 0] + bigEndian(7200, 4) + [1, 0]
        return bytes
    }()

    @Test(
        arguments: [
            (1_770_000_000, 3600), (summer - 1, 3600), (summer, 7200), (winter - 1, 7200), (winter, 3600),
            (1_900_000_000, 3600), (-5_000_000_000, 3600),
        ] as [(Int64, Int64)])
    func offsetsChange(seconds: Int64, offset: Int64) throws {
        let zone = try TimeZoneTable(Self.berlin)
        #expect(zone.offsetSeconds(at: seconds * Nanoseconds.perSecond) == offset)
    }

    @Test(arguments: [
        ("2026-01-15T12:00:00", "2026-01-15T11:00:00Z"), ("2026-07-15T12:00:00", "2026-07-15T10:00:00Z"),
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z"), ("2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
        // Twice: the earlier one.
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"), ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
    ])
    func clocksOfTheZoneShow(local: String, instant: String) throws {
        let zone = try TimeZoneTable(Self.berlin)
        let bytes = [UInt8](local.utf8)
        let parsed = RFC3339.parse(bytes.span, zoneRequired: false)
        let shown = try #require(parsed)
        #expect(RFC3339.format(zone.instant(ofLocal: shown)) == instant)
    }

    @Test(arguments: [Int64.min, .max, 0]) func noTimeTraps(local: Int64) throws {
        let zone = try TimeZoneTable(Self.berlin)
        _ = zone.instant(ofLocal: local)
        #expect(TimeZoneTable.utc.instant(ofLocal: local) == local)
    }

    @Test func cutTablesAreRefused() throws {
        for count in 0..<Self.berlin.count {
            #expect(throws: ReadError.self, "\(count)") { try TimeZoneTable(Array(Self.berlin.prefix(count))) }
        }
    }

    @Test(arguments: [("+08:00", 28800), ("-05:30", -19800), ("+18:59", 68340)] as [(String, Int64)])
    func fixedOffsets(text: String, seconds: Int64) throws {
        #expect(try #require(TimeZoneTable(offset: text)).offsetSeconds(at: 0) == seconds)
    }

    @Test(arguments: ["", "08:00", "+8:00", "+19:00", "+08:60", "+0a:00", "+-1:00", "Europe/Berlin"])
    func otherTextsAreNoOffset(text: String) { #expect(TimeZoneTable(offset: text) == nil) }
}
