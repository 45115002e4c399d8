public import Bytes
public import Model

/// Timestamps of our own push format.
public enum EpochTime {
    /// Nanoseconds since 1970 of `text`: RFC 3339 with a zone, or a decimal number of seconds, milliseconds,
    /// microseconds
    /// or nanoseconds, told apart by magnitude; nil when it is neither. Numbers below 10^8 (seconds of 1973) are no
    /// time: fields called `time` also hold durations.
    /// - Parameter zone: the zone of dates that name none; without it, they are no time.
    public static func parse(_ text: borrowing ByteSpan, zone: TimeZoneTable? = nil) -> Int64? {
        if let time = RFC3339.parse(text) { return time }
        if let zone, let time = RFC3339.parse(text, zoneRequired: false) { return zone.instant(ofLocal: time) }
        return parseNumber(text)
    }

    private static func parseNumber(_ text: borrowing ByteSpan) -> Int64? {
        var at = 0
        var whole: Int64 = 0
        while at < text.count, text[at] &- 0x30 < 10 {
            let (scaled, over) = whole.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = scaled.addingReportingOverflow(Int64(text[at] &- 0x30))
            guard !over, !overflow else { return nil }
            whole = sum
            at += 1
        }
        guard at > 0, whole >= 100_000_000 else { return nil }
        let unit: Int64
        switch whole {
        case ..<100_000_000_000: unit = Nanoseconds.perSecond
        case ..<100_000_000_000_000: unit = Nanoseconds.perMillisecond
        case ..<100_000_000_000_000_000: unit = 1000
        default: unit = 1
        }
        var fraction: Int64 = 0
        if at < text.count {
            guard text[at] == 0x2e, at + 1 < text.count else { return nil }
            at += 1
            var scale = unit
            while at < text.count {
                guard text[at] &- 0x30 < 10 else { return nil }
                scale /= 10
                fraction += Int64(text[at] &- 0x30) * scale
                at += 1
            }
        }
        let (nanoseconds, over) = whole.multipliedReportingOverflow(by: unit)
        let (total, overflow) = nanoseconds.addingReportingOverflow(fraction)
        return over || overflow ? nil : total
    }
}
