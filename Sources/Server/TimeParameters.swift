import Bytes
import Model

/// How times, durations and limits are written in requests (http-api section 1).
enum TimeParameters {
    /// `start` and `end`; what is not given follows from the other, `since` and now.
    static func bounds(
        _ parameters: RequestParameters, now: Int64
    ) throws(ParameterError) -> (start: Int64, end: Int64) {
        let end = try parameters.value("end").map { text throws(ParameterError) in try time(text, name: "end") } ?? now
        var since = Nanoseconds.perHour
        if let text = parameters.value("since") {
            guard let parsed = prometheusDuration(text) else {
                throw ParameterError("could not parse 'since' parameter: not a valid duration string: \"\(text)\"")
            }
            since = parsed
        }
        if let text = parameters.value("start") { return (try time(text, name: "start"), end) }
        let start = min(end, now).subtractingReportingOverflow(since)
        return (start.overflow ? .min : start.partialValue, end)
    }

    /// Nanoseconds of a time parameter: Unix seconds with a fraction, Unix seconds of up to 10 characters,
    /// nanoseconds, or RFC 3339.
    static func time(_ text: String, name: String) throws(ParameterError) -> Int64 {
        if text.utf8.contains(0x2e), let seconds = number(text) {
            let milliseconds = (seconds * 1000).rounded()
            guard let whole = Int64(exactly: milliseconds) else { throw outOfRange(text, name) }
            let result = whole.multipliedReportingOverflow(by: Nanoseconds.perMillisecond)
            if result.overflow { throw outOfRange(text, name) }
            return result.partialValue
        }
        if let whole = Int64(text), text.utf8.first != 0x2b || text.utf8.count > 1 {
            guard text.utf8.count <= 10 else { return whole }
            return whole * Nanoseconds.perSecond
        }
        if let instant = RFC3339.parse([UInt8](text.utf8).span) { return instant }
        throw ParameterError(
            "could not parse '\(name)' parameter: strconv.ParseInt: parsing \(LabelSet.quoted(text)): "
                + (isInteger(text) ? "value out of range" : "invalid syntax"))
    }

    /// A duration: seconds as a number, or Prometheus' notation.
    static func duration(_ text: String) throws(ParameterError) -> Int64 {
        if let seconds = number(text) {
            let nanoseconds = (seconds * 1e9).rounded()
            guard let whole = Int64(exactly: nanoseconds) else {
                throw ParameterError("cannot parse \(LabelSet.quoted(text)) to a valid duration. It overflows int64")
            }
            return whole
        }
        if let parsed = prometheusDuration(text) { return parsed }
        throw ParameterError("cannot parse \(LabelSet.quoted(text)) to a valid duration")
    }

    /// Nanoseconds of `1h30m`: whole numbers with descending units out of y, w, d, h, m, s, ms; `0` alone.
    static func prometheusDuration(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        let units: [(name: String, nanoseconds: Int64)] = [
            ("y", 365 * Nanoseconds.perDay), ("w", 7 * Nanoseconds.perDay), ("d", Nanoseconds.perDay),
            ("h", Nanoseconds.perHour), ("m", Nanoseconds.perMinute), ("s", Nanoseconds.perSecond),
            ("ms", Nanoseconds.perMillisecond),
        ]
        var rest = Substring(text)
        var next = 0
        var total: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[name.endIndex...]
            guard let amount = Int64(digits), let unit = units.indices.first(where: { units[$0].name == name }),
                unit >= next
            else { return nil }
            next = unit + 1
            let part = amount.multipliedReportingOverflow(by: units[unit].nanoseconds)
            let sum = total.addingReportingOverflow(part.partialValue)
            guard !part.overflow, !sum.overflow else { return nil }
            total = sum.partialValue
        }
        return total
    }

    static func limit(_ parameters: RequestParameters, standard: Int = 100) throws(ParameterError) -> Int {
        guard let text = parameters.value("limit") else { return standard }
        guard let limit = Int(text) else {
            throw ParameterError(
                "strconv.Atoi: parsing \(LabelSet.quoted(text)): "
                    + (isInteger(text) ? "value out of range" : "invalid syntax"))
        }
        if limit <= 0 { throw ParameterError("limit must be a positive value") }
        return limit
    }

    /// A finite decimal number; Swift's `inf`, `nan` and hexadecimal forms are none.
    private static func number(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) || [0x2b, 0x2d, 0x2e, 0x45, 0x65].contains($0) }) else {
            return nil
        }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    private static func isInteger(_ text: String) -> Bool {
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        return !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) }
    }

    private static func outOfRange(_ text: String, _ name: String) -> ParameterError {
        ParameterError("could not parse '\(name)' parameter: \(LabelSet.quoted(text)) is out of range")
    }
}
