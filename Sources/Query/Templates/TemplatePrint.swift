internal import Bytes
internal import Model

/// `print`, `println` and `printf`.
enum TemplatePrint {
    static func call(
        _ function: TemplateFunction, _ arguments: [TemplateValue], _ context: borrowing TemplateContext
    ) throws(TemplateFault) -> TemplateValue {
        var out: [UInt8] = []
        switch function {
        case .print:
            // A space between two operands when neither is a text.
            for (index, value) in arguments.enumerated() {
                if index > 0, !isText(value), !isText(arguments[index - 1]) { out.append(0x20) }
                try value.append(context, to: &out)
            }
        case .println:
            for (index, value) in arguments.enumerated() {
                if index > 0 { out.append(0x20) }
                try value.append(context, to: &out)
            }
            out.append(10)
        default:
            guard case .text(let format)? = arguments.first else {
                throw TemplateFault("wrong type for value; expected string")
            }
            try printf(format, [TemplateValue](arguments.dropFirst()), context, &out)
        }
        return .text(out)
    }

    private static func isText(_ value: TemplateValue) -> Bool { if case .text = value { true } else { false } }

    private static func printf(
        _ format: [UInt8], _ arguments: [TemplateValue], _ context: borrowing TemplateContext, _ out: inout [UInt8]
    ) throws(TemplateFault) {
        var at = 0
        var next = 0
        while at < format.count {
            guard format[at] == 0x25 else {
                out.append(format[at])
                at += 1
                continue
            }
            at += 1
            var verb = FormatVerb()
            at = verb.read(format, at)
            if verb.letter == 0x25 {
                out.append(0x25)
                continue
            }
            guard next < arguments.count else {
                try TemplateText.append("%!".utf8, to: &out)
                out.append(verb.letter)
                out.append(contentsOf: "(MISSING)".utf8)
                continue
            }
            let text = try verb.format(arguments[next], context)
            next += 1
            try TemplateText.append(verb.pad(text), to: &out)
        }
        if next < arguments.count {
            out.append(contentsOf: "%!(EXTRA ".utf8)
            for (index, value) in arguments[next...].enumerated() {
                if index > 0 { out.append(contentsOf: ", ".utf8) }
                out.append(contentsOf: "\(value.typeName)=".utf8)
                try value.append(context, to: &out)
            }
            out.append(0x29)
        }
    }
}

/// One `%…` of printf.
struct FormatVerb {
    private(set) var letter: UInt8 = 0
    private var isLeft = false
    private var isZero = false
    private var hasPlus = false
    private var width = 0
    private var precision: Int?

    /// Reads flags, width, precision and letter; the index behind them.
    mutating func read(_ format: [UInt8], _ start: Int) -> Int {
        var at = start
        flags: while at < format.count {
            switch format[at] {
            case 0x2d: isLeft = true
            case 0x30: isZero = true
            case 0x2b: hasPlus = true
            case 0x20, 0x23: break
            default: break flags
            }
            at += 1
        }
        width = FormatVerb.number(format, &at) ?? 0
        if at < format.count, format[at] == 0x2e {
            at += 1
            precision = FormatVerb.number(format, &at) ?? 0
        }
        guard at < format.count else {
            letter = 0x21
            return at
        }
        letter = format[at]
        return at + 1
    }

    private static func number(_ format: [UInt8], _ at: inout Int) -> Int? {
        let start = at
        var value = 0
        while at < format.count, format[at] &- 48 < 10 {
            value = min(value * 10 + Int(format[at] &- 48), 10_000)
            at += 1
        }
        return at > start ? value : nil
    }

    func format(_ value: TemplateValue, _ context: borrowing TemplateContext) throws(TemplateFault) -> [UInt8] {
        switch (letter, value) {
        case (0x76, _): return try plain(value, context)
        case (0x73, .text(let text)):
            guard let precision else { return text }
            return [UInt8](text: String(String.UnicodeScalarView(text.text.unicodeScalars.prefix(precision))))
        case (0x71, .text(let text)): return [UInt8](text: LabelSet.quoted(text.text))
        case (0x64, .int(let number)): return signed(String(number), number >= 0)
        case (0x78, .int(let number)): return [UInt8](text: String(number, radix: 16))
        case (0x58, .int(let number)): return [UInt8](text: String(number, radix: 16, uppercase: true))
        case (0x6f, .int(let number)): return [UInt8](text: String(number, radix: 8))
        case (0x62, .int(let number)): return [UInt8](text: String(number, radix: 2))
        case (0x63, .int(let number)):
            var out: [UInt8] = []
            JSONScan.append(scalar: UInt32(clamping: number), to: &out)
            return out
        case (0x78, .text(let text)):
            return text.flatMap { [UInt8](text: String($0 >> 4, radix: 16) + String($0 & 15, radix: 16)) }
        case (0x66, .float(let number)), (0x46, .float(let number)):
            return signed(Fixed.text(number, precision ?? 6), number >= 0)
        case (0x67, .float(let number)): return signed(GoNumber.text(number), number >= 0)
        case (0x65, .float(let number)): return signed(Fixed.scientific(number, precision ?? 6), number >= 0)
        case (0x74, .bool(let flag)): return [UInt8](text: flag ? "true" : "false")
        case (0x54, _): return [UInt8](text: value.typeName)
        default:
            let text = try plain(value, context)
            return [UInt8](text: "%!") + [letter] + [UInt8](text: "(\(value.typeName)=") + text + [0x29]
        }
    }

    private func plain(
        _ value: TemplateValue, _ context: borrowing TemplateContext
    ) throws(TemplateFault) -> [UInt8] {
        var out: [UInt8] = []
        try value.append(context, to: &out)
        return out
    }

    private func signed(_ text: String, _ isPositive: Bool) -> [UInt8] {
        [UInt8](text: (hasPlus && isPositive ? "+" : "") + text)
    }

    func pad(_ text: [UInt8]) -> [UInt8] {
        let missing = width - text.text.unicodeScalars.count
        guard missing > 0 else { return text }
        if isLeft { return text + [UInt8](repeating: 0x20, count: missing) }
        guard isZero else { return [UInt8](repeating: 0x20, count: missing) + text }
        let sign = text.first == 0x2d || text.first == 0x2b ? 1 : 0
        return text.prefix(sign) + [UInt8](repeating: 0x30, count: missing) + text.dropFirst(sign)
    }
}

/// Numbers with a fixed count of decimals, rounded to even where exactly between.
enum Fixed {
    static func text(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return GoNumber.text(value) }
        let count = min(max(decimals, 0), 40)
        // Exact: the double as a fraction m * 2^e, scaled in big decimal digits.
        var digits = exactDigits(value.magnitude)
        let rounded = round(&digits, count)
        return (value.sign == .minus ? "-" : "") + rounded
    }

    static func scientific(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return GoNumber.text(value) }
        if value == 0 { return "0" + (decimals > 0 ? "." + String(repeating: "0", count: decimals) : "") + "e+00" }
        let (_, exponent) = GoNumber.shortest(value.magnitude)
        var scaled = value.magnitude
        for _ in 0..<exponent.magnitude { scaled = exponent > 0 ? scaled / 10 : scaled * 10 }
        let mark = exponent < 0 ? "e-" : "e+"
        let size = String(exponent.magnitude)
        return (value < 0 ? "-" : "") + text(scaled, decimals) + mark + (size.count < 2 ? "0" : "") + size
    }

    /// Decimal digits of the integer part, and all of the fraction.
    private static func exactDigits(_ value: Double) -> (whole: [UInt8], fraction: [UInt8]) {
        var whole: [UInt8] = []
        var rest = value.rounded(.down)
        if rest < 9_007_199_254_740_992 {
            whole = [UInt8](String(Int64(rest)).utf8).map { $0 - 48 }
        } else {
            let (digits, exponent) = GoNumber.shortest(rest)
            whole = [UInt8](digits.utf8).map { $0 - 48 }
            while whole.count <= exponent { whole.append(0) }
        }
        rest = value - rest
        var fraction: [UInt8] = []
        while rest > 0, fraction.count < 60 {
            // Exact while the product has at most 53 bits, which holds for the digits that decide rounding.
            rest *= 10
            let digit = rest.rounded(.down)
            fraction.append(UInt8(digit))
            rest -= digit
        }
        return (whole, fraction)
    }

    private static func round(_ digits: inout (whole: [UInt8], fraction: [UInt8]), _ count: Int) -> String {
        var all = digits.whole + digits.fraction.prefix(count)
        while all.count < digits.whole.count + count { all.append(0) }
        let tail = digits.fraction.dropFirst(count)
        let isHalf = tail.first == 5 && tail.dropFirst().allSatisfy { $0 == 0 }
        let roundsUp = isHalf ? (all.last ?? 0) % 2 == 1 : (tail.first ?? 0) >= 5
        var wholeCount = digits.whole.count
        if roundsUp {
            var at = all.count - 1
            while at >= 0 {
                if all[at] < 9 {
                    all[at] += 1
                    break
                }
                all[at] = 0
                at -= 1
            }
            if at < 0 {
                all.insert(1, at: 0)
                wholeCount += 1
            }
        }
        let text = String(decoding: all.map { $0 + 48 }, as: UTF8.self)
        let whole = String(text.prefix(wholeCount))
        return count == 0 ? whole : whole + "." + text.dropFirst(wholeCount)
    }
}
