import Bytes

/// Durations as logs spell them, in microseconds.
enum DurationValue {
    /// What a number without a unit means.
    enum Unit: Sendable {
        case milliseconds, seconds, microseconds
        /// `duration`: whole numbers from a million on are nanoseconds, others seconds.
        case secondsOrNanoseconds
    }

    /// Beyond it (a year) a number is no duration.
    private static let limit = 3.2e13

    /// `812`, `812.4`, `1.2e3` in `unit`; or `812ms`, `1.5s`, `1m2.5s`, `35µs` in their own.
    static func microseconds(_ text: borrowing ByteSpan, unit: Unit) -> Int64? {
        var at = 0
        var total = 0.0
        var parts = 0
        while at < text.count {
            guard let (value, isWhole, end) = number(text, from: at) else { return nil }
            at = end
            if at < text.count, text[at] == 0x20, at + 1 < text.count { at += 1 }
            if at == text.count {
                guard parts == 0 else { return nil }
                return checked(value * scale(unit, value, isWhole))
            }
            guard let (scale, stop) = named(text, from: at) else { return nil }
            total += value * scale
            at = stop
            parts += 1
        }
        return parts > 0 ? checked(total) : nil
    }

    private static func checked(_ value: Double) -> Int64? {
        value.isFinite && value >= 0 && value <= limit ? Int64(value.rounded()) : nil
    }

    private static func scale(_ unit: Unit, _ value: Double, _ isWhole: Bool) -> Double {
        switch unit {
        case .milliseconds: 1000
        case .seconds: 1e6
        case .microseconds: 1
        case .secondsOrNanoseconds: isWhole && value >= 1e6 ? 0.001 : 1e6
        }
    }

    /// A decimal number at `from`: its value, whether it has neither point nor exponent, and where it ends.
    private static func number(_ text: borrowing ByteSpan, from: Int) -> (Double, Bool, Int)? {
        var at = from
        var mantissa = 0.0
        var digits = 0
        var scale = 1.0
        var isWhole = true
        while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
            mantissa = mantissa * 10 + Double(text[at] - 0x30)
            digits += 1
            at += 1
        }
        if at < text.count, text[at] == 0x2e {
            isWhole = false
            at += 1
            while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
                mantissa = mantissa * 10 + Double(text[at] - 0x30)
                scale *= 10
                digits += 1
                at += 1
            }
        }
        guard digits > 0, digits < 40 else { return nil }
        var value = mantissa / scale
        if at + 1 < text.count, text[at] | 0x20 == 0x65 {
            var exponent = 0
            var stop = at + 1
            let isNegative = text[stop] == 0x2d
            if isNegative || text[stop] == 0x2b { stop += 1 }
            let first = stop
            while stop < text.count, text[stop] >= 0x30, text[stop] <= 0x39, stop - first < 3 {
                exponent = exponent * 10 + Int(text[stop] - 0x30)
                stop += 1
            }
            guard stop > first else { return (value, isWhole, at) }
            for _ in 0..<min(exponent, 40) { value = isNegative ? value / 10 : value * 10 }
            (isWhole, at) = (false, stop)
        }
        return (value, isWhole, at)
    }

    /// The unit at `from`: microseconds that it stands for, and where it ends.
    private static func named(_ text: borrowing ByteSpan, from: Int) -> (Double, Int)? {
        var end = from
        while end < text.count, !(text[end] >= 0x30 && text[end] <= 0x39), text[end] != 0x20 { end += 1 }
        let length = end - from
        let first = text[from]
        switch length {
        case 1 where first == 0x73: return (1e6, end)
        case 1 where first == 0x6d: return (60e6, end)
        case 1 where first == 0x68: return (3600e6, end)
        case 2 where text[from + 1] == 0x73:
            switch first {
            case 0x6d: return (1000, end)
            case 0x75: return (1, end)
            case 0x6e: return (0.001, end)
            default: return nil
            }
        // µs, in either of its spellings
        case 3 where text[from + 2] == 0x73 && (first == 0xc2 || first == 0xce): return (1, end)
        default: return nil
        }
    }
}
