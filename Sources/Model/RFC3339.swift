public import Bytes

/// RFC 3339 timestamps, to the nanosecond.
public enum RFC3339 {
    /// Nanoseconds since 1970 of `text` such as `2026-11-23T19:05:37.123456789Z` or `…+01:00`, or nil. The zone is
    /// required; up to 9 fraction digits count, further ones are dropped; years 1678 to 2262 fit.
    public static func parse(_ text: borrowing ByteSpan, zoneRequired: Bool = true) -> Int64? {
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= text.count else { return nil }
            var value: Int64 = 0
            for index in from..<(from + count) {
                let digit = text[index] &- 48
                guard digit < 10 else { return nil }
                value = value * 10 + Int64(digit)
            }
            return value
        }
        guard text.count >= 19, let year = number(0, 4), text[4] == 45, let month = number(5, 2), text[7] == 45,
            let day = number(8, 2), text[10] == 84 || text[10] == 116 || text[10] == 32, let hour = number(11, 2),
            text[13] == 58, let minute = number(14, 2), text[16] == 58, let second = number(17, 2),
            (1...12).contains(month), day >= 1, day <= daysIn(month, year), hour < 24, minute < 60, second <= 60
        else { return nil }
        var at = 19
        var fraction: Int64 = 0
        if at < text.count, text[at] == 46 || text[at] == 44 {
            at += 1
            let start = at
            var scale = Nanoseconds.perSecond
            while at < text.count, text[at] &- 48 < 10 {
                scale /= 10
                fraction += Int64(text[at] &- 48) * scale
                at += 1
            }
            guard at > start else { return nil }
        }
        var offsetSeconds: Int64 = 0
        if at == text.count {
            guard !zoneRequired else { return nil }
        } else if text[at] == 90 || text[at] == 122 {
            guard at + 1 == text.count else { return nil }
        } else if text[at] == 43 || text[at] == 45 {
            let colon = at + 3 < text.count && text[at + 3] == 58
            guard let hours = number(at + 1, 2), let minutes = number(at + (colon ? 4 : 3), 2),
                text.count == at + (colon ? 6 : 5), hours < 24, minutes < 60
            else { return nil }
            offsetSeconds = (hours * 3600 + minutes * 60) * (text[at] == 45 ? -1 : 1)
        } else {
            return nil
        }
        let days = CivilDate(year: year, month: month, day: day).dayNumber
        let seconds = days * 86400 + hour * 3600 + minute * 60 + second - offsetSeconds
        // Towards zero first, so that the earliest representable instant does not overflow on the way.
        let borrows = seconds < 0 && fraction > 0
        let (whole, over) = (borrows ? seconds + 1 : seconds).multipliedReportingOverflow(by: Nanoseconds.perSecond)
        let (total, overflow) = whole.addingReportingOverflow(borrows ? fraction - Nanoseconds.perSecond : fraction)
        return over || overflow ? nil : total
    }

    /// `2026-11-23T19:05:37.123456789Z`; trailing zeros of the fraction, and an empty fraction, are left out.
    public static func format(_ nanoseconds: Int64) -> String {
        let day = Day(of: nanoseconds)
        let rest = nanoseconds % Nanoseconds.perDay
        let inDay = rest < 0 ? rest + Nanoseconds.perDay : rest
        let seconds = inDay / Nanoseconds.perSecond
        let fraction = inDay % Nanoseconds.perSecond
        var text =
            day.description + "T" + padded(seconds / 3600, 2) + ":" + padded(seconds / 60 % 60, 2) + ":"
            + padded(seconds % 60, 2)
        if fraction != 0 {
            var digits = padded(fraction, 9)
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        return text + "Z"
    }

    /// `value` in decimal with zeros in front up to `width` digits.
    static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return digits.count >= width ? digits : String(repeating: "0", count: width - digits.count) + digits
    }

    private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
