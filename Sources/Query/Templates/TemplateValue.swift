internal import Bytes
internal import Model

/// What a template computes with.
indirect enum TemplateValue: Sendable {
    /// No value.
    case none
    case bool(Bool)
    case int(Int64)
    case float(Double)
    case text([UInt8])
    case list([TemplateValue])
    /// Sorted by key.
    case map([(key: [UInt8], value: TemplateValue)])
    /// Nanoseconds since 1970, and the zone's distance from UTC in seconds.
    case time(Int64, offsetSeconds: Int)
    /// The labels of the entry.
    case labels

    /// Whether `if` takes it for true: neither zero nor empty.
    var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .text(let value): !value.isEmpty
        case .list(let value): !value.isEmpty
        case .map(let value): !value.isEmpty
        case .time, .labels: true
        }
    }

    /// Go's name of the type, for messages.
    var typeName: String {
        switch self {
        case .none: "nil"
        case .bool: "bool"
        case .int: "int"
        case .float: "float64"
        case .text: "string"
        case .list: "[]interface {}"
        case .map: "map[string]interface {}"
        case .time: "time.Time"
        case .labels: "map[string]string"
        }
    }

    /// Appends the value as Go's `%v` prints it; fails as soon as `out` would grow beyond a template's output.
    func append(_ context: borrowing TemplateContext, to out: inout [UInt8]) throws(TemplateFault) {
        try TemplateText.check(out.count)
        switch self {
        case .none: try TemplateText.append("<no value>".utf8, to: &out)
        case .bool(let value): try TemplateText.append((value ? "true" : "false").utf8, to: &out)
        case .int(let value): try TemplateText.append(String(value).utf8, to: &out)
        case .float(let value): try TemplateText.append(GoNumber.text(value).utf8, to: &out)
        case .text(let value): try TemplateText.append(value, to: &out)
        case .list(let values):
            out.append(0x5b)
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(0x20) }
                try value.appendNested(context, to: &out)
            }
            out.append(0x5d)
        case .map(let pairs):
            out.append(contentsOf: "map[".utf8)
            for (index, pair) in pairs.enumerated() {
                try TemplateValue.append(key: pair.key, isFirst: index == 0, to: &out)
                try pair.value.appendNested(context, to: &out)
            }
            out.append(0x5d)
        case .time(let time, let offset):
            let text = GoTime.format(time, offset, "2006-01-02 15:04:05.999999999 -0700 MST")
            try TemplateText.append(text.utf8, to: &out)
        case .labels:
            out.append(contentsOf: "map[".utf8)
            for place in 0..<context.count {
                let label = context.label(at: place)
                try TemplateValue.append(key: label.key, isFirst: place == 0, to: &out)
                try TemplateText.append(label.value, to: &out)
            }
            out.append(0x5d)
        }
    }

    private func appendNested(_ context: borrowing TemplateContext, to out: inout [UInt8]) throws(TemplateFault) {
        if case .none = self { return try TemplateText.append("<nil>".utf8, to: &out) }
        try append(context, to: &out)
    }

    private static func append(key: [UInt8], isFirst: Bool, to out: inout [UInt8]) throws(TemplateFault) {
        if !isFirst { out.append(0x20) }
        try TemplateText.append(key, to: &out)
        out.append(0x3a)
    }

    /// The value of a key among pairs in the order of their keys; none if it is absent.
    static func member(_ key: [UInt8], of pairs: [(key: [UInt8], value: TemplateValue)]) -> TemplateValue {
        var low = 0
        var high = pairs.count
        while low < high {
            let middle = (low + high) / 2
            if pairs[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        return low < pairs.count && pairs[low].key == key ? pairs[low].value : .none
    }

    static func text(_ string: String) -> TemplateValue { .text([UInt8](text: string)) }
}

/// What went wrong while a template ran; the entry then carries TemplateFormatErr.
struct TemplateFault: Error, Hashable, Sendable {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// Numbers by Go's rules.
enum GoNumber {
    /// `%v` of a float64: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == 0 { return value.sign == .minus ? "-0" : "0" }
        var (digits, exponent) = shortest(value.magnitude)
        let sign = value < 0 ? "-" : ""
        if exponent < -4 || exponent >= 6 {
            return sign + scientific(digits, exponent)
        }
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        while digits.count <= exponent { digits += "0" }
        let whole = String(digits.prefix(exponent + 1))
        let rest = digits.dropFirst(exponent + 1)
        return sign + (rest.isEmpty ? whole : whole + "." + rest)
    }

    static func scientific(_ digits: String, _ exponent: Int) -> String {
        let first = String(digits.prefix(1))
        let rest = String(digits.dropFirst())
        let magnitude = String(exponent.magnitude)
        return first + (rest.isEmpty ? "" : "." + rest) + "e" + (exponent < 0 ? "-" : "+")
            + (magnitude.count < 2 ? "0" : "") + magnitude
    }

    /// The shortest digits that read back the same, and the decimal exponent of the first.
    static func shortest(_ value: Double) -> (digits: String, exponent: Int) {
        let text = [UInt8](value.description.utf8)
        let mark = text.firstIndex(of: 0x65) ?? text.count
        let shift = mark < text.count ? Int(String(decoding: text[(mark + 1)...], as: UTF8.self)) ?? 0 : 0
        let point = text[..<mark].firstIndex(of: 0x2e) ?? mark
        var digits = text[..<mark].filter { $0 != 0x2e }
        var exponent = point - 1 + shift
        while digits.count > 1, digits.first == 0x30 {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.count > 1, digits.last == 0x30 { digits.removeLast() }
        return (String(decoding: digits, as: UTF8.self), exponent)
    }

    /// `cast.ToInt64`: texts with Go's base prefixes and without a zero fraction, numbers cut, all else 0.
    static func int(_ value: TemplateValue) -> Int64 {
        switch value {
        case .int(let number): return number
        case .float(let number): return Int64(exactly: number.rounded(.towardZero)) ?? 0
        case .bool(let flag): return flag ? 1 : 0
        case .text(let text):
            if let whole = int(String(decoding: text, as: UTF8.self)) { return whole }
            return Int64(exactly: float(value).rounded(.towardZero)) ?? 0
        default: return 0
        }
    }

    private static func int(_ text: String) -> Int64? {
        var body = Substring(text)
        if let point = body.lastIndex(of: "."), body[body.index(after: point)...].allSatisfy({ $0 == "0" }),
            body.index(after: point) < body.endIndex
        {
            body = body[..<point]
        }
        var sign = ""
        if body.hasPrefix("-") || body.hasPrefix("+") {
            sign = body.hasPrefix("-") ? "-" : ""
            body = body.dropFirst()
        }
        guard let first = body.first, first.isNumber else { return nil }
        let lower = body.lowercased()
        let plain = lower.filter { $0 != "_" }
        if lower.hasPrefix("0x") { return Int64(sign + plain.dropFirst(2), radix: 16) }
        if lower.hasPrefix("0b") { return Int64(sign + plain.dropFirst(2), radix: 2) }
        if lower.hasPrefix("0o") { return Int64(sign + plain.dropFirst(2), radix: 8) }
        if lower.hasPrefix("0"), lower.count > 1, let octal = Int64(sign + plain.dropFirst(), radix: 8) { return octal }
        return Int64(sign + lower)
    }

    /// `cast.ToFloat64`; what is no number is 0.
    static func float(_ value: TemplateValue) -> Double {
        switch value {
        case .int(let number): Double(number)
        case .float(let number): number
        case .bool(let flag): flag ? 1 : 0
        case .text(let text): ValueText.number(text.span) ?? 0
        default: 0
        }
    }
}

/// Exact decimal arithmetic of a few digits, where Go's templates use decimals: 0.1 + 0.2 is 0.3.
struct ShortDecimal {
    private let mantissa: Int128
    /// Power of ten.
    private let exponent: Int

    init?(_ value: Double) {
        guard value.isFinite else { return nil }
        if value == 0 {
            (mantissa, exponent) = (0, 0)
            return
        }
        let (digits, first) = GoNumber.shortest(value.magnitude)
        guard let number = Int128(digits), first.magnitude < 100 else { return nil }
        mantissa = value < 0 ? -number : number
        exponent = first - (digits.count - 1)
    }

    private init(_ mantissa: Int128, _ exponent: Int) {
        self.mantissa = mantissa
        self.exponent = exponent
    }

    var value: Double { Double("\(mantissa)e\(exponent)") ?? .nan }

    private func scaled(to target: Int) -> Int128? {
        var number = mantissa
        for _ in 0..<max(exponent - target, 0) {
            let (next, overflow) = number.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            number = next
        }
        return number
    }

    static func + (a: ShortDecimal, b: ShortDecimal) -> ShortDecimal? {
        combine(a, b) { $0.addingReportingOverflow($1) }
    }

    static func - (a: ShortDecimal, b: ShortDecimal) -> ShortDecimal? {
        combine(a, b) { $0.subtractingReportingOverflow($1) }
    }

    private static func combine(
        _ a: ShortDecimal, _ b: ShortDecimal, _ operation: (Int128, Int128) -> (partialValue: Int128, overflow: Bool)
    ) -> ShortDecimal? {
        let target = min(a.exponent, b.exponent)
        guard let x = a.scaled(to: target), let y = b.scaled(to: target) else { return nil }
        let (result, overflow) = operation(x, y)
        return overflow ? nil : ShortDecimal(result, target)
    }

    static func * (a: ShortDecimal, b: ShortDecimal) -> ShortDecimal? {
        let (product, overflow) = a.mantissa.multipliedReportingOverflow(by: b.mantissa)
        return overflow ? nil : ShortDecimal(product, a.exponent + b.exponent)
    }

    /// Rounded to 16 decimals, half away from zero.
    static func / (a: ShortDecimal, b: ShortDecimal) -> ShortDecimal? {
        let shift = 16 + a.exponent - b.exponent
        guard b.mantissa != 0, shift >= 0, shift < 38 else { return nil }
        var number = a.mantissa
        for _ in 0..<shift {
            let (next, overflow) = number.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            number = next
        }
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: b.mantissa)
        let roundsUp = rest.magnitude.multipliedReportingOverflow(by: 2)
        let isNegative = (a.mantissa < 0) != (b.mantissa < 0)
        let away: Int128 =
            roundsUp.overflow || roundsUp.partialValue >= b.mantissa.magnitude ? (isNegative ? -1 : 1) : 0
        return ShortDecimal(quotient + away, -16)
    }
}
