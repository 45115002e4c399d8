/// Why a text is no duration.
struct DurationFault: Error {
    var message: String
}

/// Durations as Prometheus (`1w2d`, whole numbers) and Go (`1.5h`) write them.
enum DurationText {
    private static let day: Int64 = 86_400_000_000_000
    /// Prometheus' units from long to short; they must be written in this order.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("y", 365 * day), ("w", 7 * day), ("d", day), ("h", 3_600_000_000_000), ("m", 60_000_000_000),
        ("s", 1_000_000_000), ("ms", 1_000_000),
    ]

    /// Nanoseconds of `1h30m`, zero or more.
    static func prometheus(_ text: String) throws(DurationFault) -> Int64 {
        if text.isEmpty { throw DurationFault(message: "empty duration string") }
        if text == "0" { return 0 }
        let bytes = Array(text.utf8)
        let invalid = DurationFault(message: "not a valid duration string: \(QuotedText.quote(bytes))")
        let overflow = DurationFault(message: "duration out of range")
        var total: Int64 = 0
        var index = 0
        var lastUnit = -1
        while index < bytes.count {
            var amount: Int64 = 0
            let start = index
            while index < bytes.count, Lexer.isDigit(bytes[index]) {
                guard let next = amount.times(10)?.plus(Int64(bytes[index] &- 0x30)) else { throw overflow }
                amount = next
                index &+= 1
            }
            let unitStart = index
            while index < bytes.count, !Lexer.isDigit(bytes[index]) { index &+= 1 }
            if start == unitStart || unitStart == index { throw invalid }
            let name = String(decoding: bytes[unitStart..<index], as: UTF8.self)
            guard let unit = units.firstIndex(where: { $0.name == name }) else {
                throw DurationFault(
                    message: "unknown unit \(QuotedText.quote(Array(name.utf8))) in duration \(QuotedText.quote(bytes))"
                )
            }
            if unit <= lastUnit { throw invalid }
            lastUnit = unit
            guard let sum = amount.times(units[unit].nanoseconds)?.plus(total) else { throw overflow }
            total = sum
        }
        return total
    }

    /// Nanoseconds of `-1h1.5m`; nil if the text is not Go's form or out of range.
    static func go(_ text: String) -> Int64? {
        var rest = text[...]
        let isNegative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            let whole = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(whole.count)
            var fraction: Substring = ""
            if rest.first == "." {
                rest.removeFirst()
                fraction = rest.prefix { $0.isASCII && $0.isNumber }
                rest = rest.dropFirst(fraction.count)
            }
            if whole.isEmpty && fraction.isEmpty { return nil }
            let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
            rest = rest.dropFirst(name.count)
            guard let unit = goUnit(name) else { return nil }
            guard let amount = whole.isEmpty ? 0 : Int64(whole), let part = amount.times(unit) else { return nil }
            let partial = fraction.isEmpty ? 0 : (Double("0." + fraction) ?? 0) * Double(unit)
            guard let sum = total.plus(part)?.plus(Int64(partial)) else { return nil }
            total = sum
        }
        return isNegative ? 0 &- total : total
    }

    /// Prometheus' form, else Go's.
    static func either(_ text: String) -> Int64? {
        (try? prometheus(text)) ?? go(text)
    }

    private static func goUnit(_ name: Substring) -> Int64? {
        switch name {
        case "ns": 1
        case "us", "\u{B5}s", "\u{3BC}s": 1_000
        case "ms": 1_000_000
        case "s": 1_000_000_000
        case "m": 60_000_000_000
        case "h": 3_600_000_000_000
        default: nil
        }
    }

    /// `[1m30s]`'s inside: whole units from long to short. The value is a whole number of milliseconds.
    static func printPrometheus(_ nanoseconds: Int64) -> String {
        var rest = nanoseconds
        var text = ""
        for (position, unit) in units.enumerated() {
            // Years and weeks only if nothing remains, so that a month stays readable in days.
            if position < 2, rest % unit.nanoseconds != 0 { continue }
            let amount = rest / unit.nanoseconds
            rest %= unit.nanoseconds
            if amount > 0 { text += "\(amount)\(unit.name)" }
        }
        return text.isEmpty ? "0s" : text
    }

    /// `1h0m0s`, `1.5s`, `-5ms`, as Go prints.
    static func printGo(_ nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let magnitude = nanoseconds.magnitude
        if magnitude < 1_000 { return "\(sign)\(magnitude)ns" }
        if magnitude < 1_000_000 { return sign + decimal(magnitude, per: 1_000) + "\u{B5}s" }
        if magnitude < 1_000_000_000 { return sign + decimal(magnitude, per: 1_000_000) + "ms" }
        let minutes = magnitude / 60_000_000_000
        let seconds = decimal(magnitude % 60_000_000_000, per: 1_000_000_000) + "s"
        if minutes == 0 { return sign + seconds }
        if minutes < 60 { return "\(sign)\(minutes)m\(seconds)" }
        return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)"
    }

    private static func decimal(_ value: UInt64, per unit: UInt64) -> String {
        var remainder = value % unit
        if remainder == 0 { return "\(value / unit)" }
        var digits = ""
        var scale = unit / 10
        while remainder > 0, scale > 0 {
            digits += "\(remainder / scale)"
            remainder %= scale
            scale /= 10
        }
        return "\(value / unit).\(digits)"
    }
}

extension Int64 {
    /// The product; nil on overflow.
    fileprivate func times(_ other: Int64) -> Int64? {
        let (value, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? nil : value
    }

    /// The sum; nil on overflow.
    fileprivate func plus(_ other: Int64) -> Int64? {
        let (value, overflow) = addingReportingOverflow(other)
        return overflow ? nil : value
    }
}
