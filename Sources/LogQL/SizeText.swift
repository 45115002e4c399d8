/// Sizes such as `1.5KB` and `2MiB`, and how numbers print.
enum SizeText {
    /// Decimal and binary factors by the unit's text in lower case.
    private static let units: [String: Double] = {
        var units: [String: Double] = ["b": 1]
        var decimal = 1.0
        var binary = 1.0
        for letter in ["k", "m", "g", "t", "p"] {
            decimal *= 1_000
            binary *= 1_024
            units[letter] = decimal
            units[letter + "b"] = decimal
            units[letter + "i"] = binary
            units[letter + "ib"] = binary
        }
        return units
    }()

    /// Bytes of a number with a unit, fractions cut; nil if it is none or too large.
    static func bytes(_ text: String) -> UInt64? {
        let digits = text.prefix { $0 == "." || $0 == "_" || ($0.isASCII && $0.isNumber) }
        guard let unit = units[text.dropFirst(digits.count).lowercased()] else { return nil }
        if let whole = UInt64(digits), let factor = UInt64(exactly: unit) {
            let (size, overflow) = whole.multipliedReportingOverflow(by: factor)
            return overflow ? nil : size
        }
        guard let amount = Double(digits.filter { $0 != "_" }) else { return nil }
        let size = (amount * unit).rounded(.towardZero)
        return UInt64(exactly: size)
    }

    /// `5.0kB`, `10MB`: the largest unit that says the value exactly with one decimal, else plain bytes.
    static func print(_ size: UInt64) -> String {
        let names = ["PB", "TB", "GB", "MB", "kB"]
        var factor: UInt64 = 1_000_000_000_000_000
        for name in names {
            if size >= factor, size % (factor / 10) == 0 {
                let tenths = size / (factor / 10)
                if tenths >= 100, tenths % 10 == 0 { return "\(tenths / 10)\(name)" }
                return "\(tenths / 10).\(tenths % 10)\(name)"
            }
            factor /= 1_000
        }
        return "\(size)B"
    }
}

/// How numbers are written in queries.
enum NumberText {
    /// The value of a NUMBER token; nil for other bases than ten and for values out of range.
    static func value(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ $0 < 0x3A || $0 | 0x20 == 0x65 || $0 == 0x5F }) else { return nil }
        guard let value = Double(text.filter { $0 != "_" }), value.isFinite else { return nil }
        return value
    }

    /// The shortest text that reads back as the value, without a fraction if there is none.
    static func print(_ value: Double) -> String {
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return "\(whole)" }
        return "\(value)"
    }

    /// With six decimals if they say it all.
    static func printFixed(_ value: Double) -> String {
        var text = "\(value)"
        if text.contains("e") { return text }
        guard let dot = text.firstIndex(of: ".") else { return text }
        let decimals = text.distance(from: dot, to: text.endIndex) - 1
        if decimals < 6 { text += String(repeating: "0", count: 6 - decimals) }
        return text
    }
}
