internal import Bytes
internal import LogQL
internal import Model

/// Texts of alerts as Prometheus expands them: `{{ $labels.app }} fails {{ $value | humanize }} times a second`.
public enum AlertTemplate {
    /// Expands a text.
    /// - Parameters:
    ///   - labels: those of the series that the alert is about.
    ///   - value: the series' value.
    ///   - time: of the evaluation, nanoseconds since 1970.
    /// - Throws: what is wrong with the text, or with what it does.
    public static func expand(
        _ text: String, labels: [String: String], value: Double, time: Int64
    ) throws(QueryError) -> String {
        guard text.contains("{{") else { return text }
        var values: [UInt8] = []
        var seen: [(key: [UInt8], range: Range<Int>)] = []
        for (name, value) in labels {
            let start = values.count
            values += value.utf8
            seen.append(([UInt8](text: name), start..<values.count))
        }
        do throws(TemplateFault) {
            let parsed = try TemplateParser.parse([UInt8](text: declared(text, value)), isOfAlert: true)
            var run = TemplateRun(
                TemplateContext(values: values, labels: seen, line: [], time: time), parsed.definitions,
                TemplateBudget(), TemplateRegexes())
            try run.run(parsed.nodes)
            return String(decoding: run.out, as: UTF8.self)
        } catch {
            throw QueryError(.pipeline, "the template '\(text.prefix(200))' fails: \(error.message)")
        }
    }

    /// Whether a text can be read, whatever it is given.
    /// - Throws: what is wrong with it.
    public static func check(_ text: String) throws(QueryError) {
        guard text.contains("{{") else { return }
        do throws(TemplateFault) {
            _ = try TemplateParser.parse([UInt8](text: declared(text, 0)), isOfAlert: true)
        } catch {
            throw QueryError(.parse, "the template '\(text.prefix(200))' cannot be read: \(error.message)")
        }
    }

    /// The text behind the variables that it may use.
    private static func declared(_ text: String, _ value: Double) -> String {
        let literal = value.isFinite ? GoNumber.literal(value) : "\"" + GoNumber.text(value) + "\""
        return "{{$labels := .}}{{$value := \(literal)}}{{$externalURL := \"\"}}" + withVariables(text)
    }

    /// `.Labels` and `.Value` as the variables that they stand for.
    private static func withVariables(_ text: String) -> String {
        var out = ""
        var rest = text[...]
        while let open = rest.firstRange(of: "{{") {
            let close = rest[open.upperBound...].firstRange(of: "}}")?.lowerBound ?? rest.endIndex
            var inner = String(rest[open.upperBound..<close])
            for (field, variable) in [(".Labels", "$labels"), (".Value", "$value")] {
                for mark in [" ", "(", "|"] {
                    inner = inner.replacing(mark + field, with: mark + variable)
                }
                if inner.hasPrefix(field) { inner = variable + inner.dropFirst(field.count) }
            }
            out += rest[..<open.upperBound] + inner
            rest = rest[close...]
        }
        return out + rest
    }
}

extension GoNumber {
    /// A number so that a template reads the same one back, as a number with decimals.
    static func literal(_ value: Double) -> String {
        let text = value.description
        return text.contains(".") || text.contains("e") ? text : text + ".0"
    }

    /// `%.4g`: four digits that count.
    static func fourDigits(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return text(value) }
        var (digits, exponent) = shortest(value.magnitude)
        if digits.count > 4 {
            let isUp = (digits.dropFirst(4).first ?? "0") >= "5"
            let cut = (Int(digits.prefix(4)) ?? 0) + (isUp ? 1 : 0)
            digits = String(cut)
            if digits.count > 4 { exponent += 1 }
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        if exponent < -4 || exponent >= 4 { return sign + (scientific(digits, exponent)) }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        while digits.count <= exponent { digits += "0" }
        let rest = digits.dropFirst(exponent + 1)
        return sign + digits.prefix(exponent + 1) + (rest.isEmpty ? "" : "." + rest)
    }
}

/// Numbers for people, by the functions that Prometheus has for alerts.
enum AlertNumbers {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        try list.expect(1)
        switch function {
        case .alertToUpper: return .text(try list.text(0).text.uppercased())
        case .alertToLower: return .text(try list.text(0).text.lowercased())
        default: break
        }
        let value = GoNumber.float(list[0])
        switch function {
        case .humanize1024: return .text(binary(value))
        case .humanizeDuration: return .text(duration(value))
        case .humanizePercentage: return .text(GoNumber.fourDigits(value * 100) + "%")
        case .humanizeTimestamp:
            guard let time = Int64(exactly: (value * 1e9).rounded()) else { return .text(GoNumber.fourDigits(value)) }
            return .text(GoTime.format(time, 0, "2006-01-02 15:04:05.999 -0700 MST"))
        default: return .text(decimal(value))
        }
    }

    private static func decimal(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return GoNumber.fourDigits(value) }
        if value.magnitude >= 1 { return scaled(value, ["k", "M", "G", "T", "P", "E", "Z", "Y"], by: 1000) }
        return small(value)
    }

    private static func small(_ value: Double) -> String {
        var (value, prefix) = (value, "")
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] where value.magnitude < 1 {
            (value, prefix) = (value * 1000, next)
        }
        return GoNumber.fourDigits(value) + prefix
    }

    private static func binary(_ value: Double) -> String {
        guard value.magnitude > 1, value.isFinite else { return GoNumber.fourDigits(value) }
        return scaled(value, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"], by: 1024)
    }

    private static func scaled(_ value: Double, _ prefixes: [String], by step: Double) -> String {
        var (value, prefix) = (value, "")
        for next in prefixes where value.magnitude >= step { (value, prefix) = (value / step, next) }
        return GoNumber.fourDigits(value) + prefix
    }

    private static func duration(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return GoNumber.fourDigits(value) + (value == 0 ? "s" : "") }
        guard value.magnitude >= 1 else { return small(value) + "s" }
        let whole = Int64(exactly: value.magnitude.rounded(.towardZero)) ?? .max
        let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400)
        let sign = value < 0 ? "-" : ""
        if days > 0 { return sign + "\(days)d \(hours)h \(minutes)m \(seconds)s" }
        if hours > 0 { return sign + "\(hours)h \(minutes)m \(seconds)s" }
        if minutes > 0 { return sign + "\(minutes)m \(seconds)s" }
        return GoNumber.fourDigits(value) + "s"
    }
}
