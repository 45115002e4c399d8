/// Nanoseconds per unit.
public enum Nanoseconds {
    public static let perSecond: Int64 = 1_000_000_000
    public static let perMillisecond: Int64 = 1_000_000
    public static let perMinute: Int64 = 60 * perSecond
    public static let perHour: Int64 = 3600 * perSecond
    public static let perDay: Int64 = 86400 * perSecond
}

/// A half-open span of time, `[start, end)`, in nanoseconds since 1970-01-01 UTC.
public struct TimeRange: Hashable, Sendable {
    public var start: Int64
    public var end: Int64

    @inlinable
    public init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }

    public static let all = TimeRange(start: .min, end: .max)

    @inlinable public var isEmpty: Bool { end <= start }

    @inlinable
    public func contains(_ time: Int64) -> Bool { time >= start && time < end }

    /// Whether any instant of `[first, last]`, both inclusive, lies in the range.
    @inlinable
    public func overlaps(first: Int64, last: Int64) -> Bool { first < end && last >= start }

    /// Whether all of `[first, last]`, both inclusive, lies in the range.
    @inlinable
    public func covers(first: Int64, last: Int64) -> Bool { first >= start && last < end }

    /// The days that the range touches, or nil when it is empty.
    public var days: ClosedRange<Day>? {
        isEmpty ? nil : Day(of: start)...Day(of: end - 1)
    }
}

/// A UTC day, counted from 1970-01-01.
public struct Day: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: Int32

    @inlinable
    public init(number: Int32) {
        self.number = number
    }

    /// The day that holds the instant `nanoseconds`.
    @inlinable
    public init(of nanoseconds: Int64) {
        let quotient = nanoseconds / Nanoseconds.perDay
        let floor = nanoseconds % Nanoseconds.perDay < 0 ? quotient - 1 : quotient
        number = Int32(truncatingIfNeeded: floor)  // |Int64.max / perDay| is about 106,751: always fits
    }

    /// The day written `YYYY-MM-DD`, or nil.
    public init?(text: String) {
        let bytes = [UInt8](text.utf8)
        guard bytes.count == 10, let time = RFC3339.parse((bytes + [UInt8]("T00:00:00Z".utf8)).span) else { return nil }
        self.init(of: time)
    }

    /// First instant of the day; saturates at the ends of what nanoseconds can say.
    @inlinable
    public var start: Int64 {
        let (value, overflow) = Int64(number).multipliedReportingOverflow(by: Nanoseconds.perDay)
        return overflow ? (number < 0 ? .min : .max) : value
    }

    /// First instant after the day.
    @inlinable
    public var end: Int64 {
        let (value, overflow) = start.addingReportingOverflow(Nanoseconds.perDay)
        return overflow ? .max : value
    }

    public var range: TimeRange { TimeRange(start: start, end: end) }

    public static func < (a: Day, b: Day) -> Bool { a.number < b.number }

    public var description: String {
        let date = CivilDate(day: Int64(number))
        return RFC3339.padded(date.year, 4) + "-" + RFC3339.padded(date.month, 2) + "-" + RFC3339.padded(date.day, 2)
    }
}

/// A date of the proleptic Gregorian calendar; conversions after Howard Hinnant's "chrono-compatible date algorithms".
public struct CivilDate: Hashable, Sendable {
    public var year: Int64
    public var month: Int64
    public var day: Int64

    public init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date of the `day`-th day since 1970-01-01.
    public init(day count: Int64) {
        let z = count + 719468
        let era = (z >= 0 ? z : z - 146096) / 146097
        let dayOfEra = z - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01. The year must lie within a few thousand years of today.
    public var dayNumber: Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146097 + dayOfEra - 719468
    }
}
