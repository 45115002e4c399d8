public import Bytes

/// Offsets of a time zone from UTC, read from the system's table of it (RFC 8536, the 64-bit data of version 2 and 3).
/// Times behind the table's last change have its last offset.
public struct TimeZoneTable: Sendable, Hashable {
    public static let utc = TimeZoneTable(changes: [], offsets: [], first: 0)

    /// Seconds since 1970 at which offsets change, ascending, and the offsets from then on, in seconds.
    private let changes: [Int64]
    private let offsets: [Int64]
    private let first: Int64

    private init(changes: [Int64], offsets: [Int64], first: Int64) {
        (self.changes, self.offsets, self.first) = (changes, offsets, first)
    }

    /// A fixed offset, such as `+08:00`.
    public init?(offset text: String) {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == 6, bytes[0] == 0x2b || bytes[0] == 0x2d, bytes[3] == 0x3a,
            let hours = Int64(text.dropFirst().prefix(2)), let minutes = Int64(text.suffix(2)), hours <= 18,
            minutes < 60,
            hours >= 0, minutes >= 0
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        self.init(changes: [], offsets: [], first: bytes[0] == 0x2d ? -seconds : seconds)
    }

    /// Reads a table's bytes.
    /// - Throws: `ReadError` when they end early or are no such table.
    public init(_ bytes: [UInt8]) throws(ReadError) {
        let head = try TimeZoneTable.header(bytes, at: 0)
        guard head.version >= 2 else { throw ReadError("time zone table without 64-bit data", at: 4) }
        let skipped =
            44 + head.times * 5 + head.types * 6 + head.characters + head.leaps * 8 + head.standard + head.local
        let real = try TimeZoneTable.header(bytes, at: skipped)
        let start = skipped + 44
        guard real.types > 0, bytes.count >= start + real.times * 9 + real.types * 6 else {
            throw ReadError("time zone table ends early", at: bytes.count)
        }
        let kinds = start + real.times * 8
        let typeStart = kinds + real.times
        func offset(_ type: Int) throws(ReadError) -> Int64 {
            guard type < real.types else { throw ReadError("unknown kind of time", at: kinds) }
            let value = TimeZoneTable.bigEndian(bytes, typeStart + type * 6, 4)
            return Int64(Int32(truncatingIfNeeded: value))
        }
        var times: [Int64] = []
        var found: [Int64] = []
        for index in 0..<real.times {
            times.append(TimeZoneTable.bigEndian(bytes, start + index * 8, 8))
            found.append(try offset(Int(bytes[kinds + index])))
        }
        self.init(changes: times, offsets: found, first: try offset(0))
    }

    /// Seconds east of UTC at a time in nanoseconds since 1970.
    public func offsetSeconds(at nanoseconds: Int64) -> Int64 {
        let seconds = nanoseconds / Nanoseconds.perSecond
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : offsets[low - 1]
    }

    /// The instant at which clocks of the zone show what those of UTC show at `local`, both in nanoseconds since 1970;
    /// the earlier one of a time that clocks show twice.
    public func instant(ofLocal local: Int64) -> Int64 {
        func shifted(_ offset: Int64) -> Int64 {
            let (time, over) = local.subtractingReportingOverflow(offset * Nanoseconds.perSecond)
            return over ? local : time
        }
        // Offsets are less than a day: the one in force a day before is either right or that before a change.
        let before = offsetSeconds(at: local.subtractingReportingOverflow(Nanoseconds.perDay).partialValue)
        let first = shifted(before)
        if offsetSeconds(at: first) == before { return first }
        let second = shifted(offsetSeconds(at: first))
        return second
    }

    private struct Header {
        let version: Int
        let local, standard, leaps, times, types, characters: Int
    }

    private static func header(_ bytes: [UInt8], at: Int) throws(ReadError) -> Header {
        guard bytes.count >= at + 44, bytes[at..<at + 4].elementsEqual([0x54, 0x5a, 0x69, 0x66]) else {
            throw ReadError("no time zone table", at: at)
        }
        func count(_ index: Int) -> Int { Int(bigEndian(bytes, at + 20 + index * 4, 4)) }
        let version = bytes[at + 4] >= 0x32 ? Int(bytes[at + 4] - 0x30) : 1
        let header = Header(
            version: version, local: count(0), standard: count(1), leaps: count(2), times: count(3), types: count(4),
            characters: count(5))
        guard max(header.local, header.standard, header.leaps, header.times, header.types, header.characters) < 1 << 20
        else { throw ReadError("time zone table of absurd size", at: at) }
        return header
    }

    private static func bigEndian(_ bytes: [UInt8], _ at: Int, _ width: Int) -> Int64 {
        var value: UInt64 = 0
        for index in 0..<width { value = value << 8 | UInt64(bytes[at + index]) }
        return Int64(bitPattern: value)
    }
}
