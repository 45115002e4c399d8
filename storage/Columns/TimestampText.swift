import Bytes
import Model

/// Timestamps written `YYYY-MM-DD?HH:MM:SS[?f…]` followed by a constant zone: as a count of the smallest unit shown.
struct TimestampText {
    /// The byte between date and time, and before the fraction.
    let separator: UInt8
    let point: UInt8
    /// Fraction digits, 0 to 9.
    let places: Int

    /// The spelling of `text`, or nil if it is no such timestamp.
    init?(_ text: borrowing ByteSpan) {
        guard text.count >= 19, text.count <= 29 else { return nil }
        separator = text[10]
        point = text.count > 19 ? text[19] : 0
        places = text.count > 19 ? text.count - 20 : 0
        guard separator == 0x54 || separator == 0x20, point == 0 || point == 0x2e || point == 0x2c,
            text.count != 20, parse(text) != nil
        else { return nil }
    }

    init(separator: UInt8, point: UInt8, places: Int) {
        self.separator = separator
        self.point = point
        self.places = places
    }

    /// Units (of 10^-places seconds) since 1970, or nil if the text is spelt otherwise.
    @inline(__always)
    func parse(_ text: borrowing ByteSpan) -> Int64? {
        let size = places > 0 ? 20 + places : 19
        guard text.count == size, text[10] == separator, text[4] == 0x2d, text[7] == 0x2d, text[13] == 0x3a,
            text[16] == 0x3a, places == 0 || text[19] == point
        else { return nil }
        var bad: UInt8 = 0
        @inline(__always) func two(_ at: Int) -> Int64 {
            let high = text[at] &- 0x30
            let low = text[at + 1] &- 0x30
            if high > 9 || low > 9 { bad = 1 }
            return Int64(high) &* 10 &+ Int64(low)
        }
        let year = two(0) * 100 + two(2)
        let month = two(5)
        let day = two(8)
        let hour = two(11)
        let minute = two(14)
        let second = two(17)
        guard bad == 0, (1...12).contains(month), day >= 1, day <= 31, hour < 24, minute < 60, second < 60 else {
            return nil
        }
        let number = CivilDate(year: year, month: month, day: day).dayNumber
        if day > 28, CivilDate(day: number).day != day { return nil }
        var value = number * 86400 + hour * 3600 + minute * 60 + second
        if places > 0 {
            for index in 20..<size {
                let digit = text[index] &- 0x30
                guard digit < 10 else { return nil }
                value = value &* 10 &+ Int64(digit)
            }
        }
        // Years 0 to 9999 with 9 places reach beyond 64 bits: formatting back must give the same text.
        return places < 8 || (1700...2200).contains(year) ? value : nil
    }

    /// Whole units of `unit` nanoseconds in `time`, towards the past.
    @inline(__always)
    static func units(_ time: Int64, of unit: Int64) -> Int64 {
        let quotient = time / unit
        return time % unit < 0 ? quotient - 1 : quotient
    }

    /// Appends the text of `value`, at most 29 bytes; `dates` remembers the last date, which seldom changes.
    @inline(__always)
    func append(_ value: Int64, dates: inout DateText, to out: AppendOnly<UInt8>) {
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        let seconds = TimestampText.units(value, of: scale)
        dates.show(seconds, separator: separator)
        out.append(dates.text.span, from: 0, count: DateText.size)
        if places > 0 {
            out.append(point)
            NumberText.append(value &- seconds &* scale, width: places, to: out)
        }
    }
}

/// The text of the last second written: neighbours mostly share it.
struct DateText {
    /// Bytes of `text` that are date, separator and time of day; those behind let them be copied at once.
    static let size = 19

    private var second = Int64.min
    private(set) var text: [UInt8] = []

    /// Makes `text` that of `seconds` since 1970.
    @inline(__always)
    mutating func show(_ seconds: Int64, separator: UInt8) {
        if seconds != second || text.isEmpty { write(seconds, separator) }
    }

    private mutating func write(_ seconds: Int64, _ separator: UInt8) {
        let day = TimestampText.units(seconds, of: 86_400)
        let civil = CivilDate(day: max(min(day, 3_000_000), -720_000))
        let rest = seconds - day * 86_400
        let parts: [(number: Int64, width: Int, behind: UInt8)] = [
            (civil.year, 4, 0x2d), (civil.month, 2, 0x2d), (civil.day, 2, separator), (rest / 3600, 2, 0x3a),
            (rest / 60 % 60, 2, 0x3a), (rest % 60, 2, 0),
        ]
        let out = AppendOnly<UInt8>(capacity: 40)
        for part in parts {
            NumberText.append(part.number, width: part.width, to: out)
            out.append(part.behind)
        }
        while out.freeCount > 0 { out.append(0) }
        text = out.withSpan(count: out.writtenCount) { [UInt8](copying: $0) }
        second = seconds
    }
}
