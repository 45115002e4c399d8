internal import Bytes

/// Numbers as the reference writes them.
public enum NumberText {
    /// The shortest decimal that reads back the same, without exponent; `NaN`, `+Inf`, `-Inf`.
    public static func append(_ value: Double, to out: inout [UInt8]) {
        if value.isNaN { return out.append(literal: "NaN") }
        if value.isInfinite { return value < 0 ? out.append(literal: "-Inf") : out.append(literal: "+Inf") }
        if value == value.rounded(), value.magnitude < 1e15 {
            if value == 0, value.sign == .minus { out.append(0x2d) }
            return append(Int64(value), to: &out)
        }
        appendPlain([UInt8](text: value.description), to: &out)
    }

    /// Decimal digits.
    public static func append(_ value: Int64, to out: inout [UInt8]) {
        if value < 0 { out.append(0x2d) }
        var rest = value.magnitude
        let start = out.count
        repeat {
            out.append(UInt8(truncatingIfNeeded: rest % 10) &+ 48)
            rest /= 10
        } while rest > 0
        out[start...].reverse()
    }

    /// A time in nanoseconds as seconds with up to three decimals, trailing zeros left out.
    public static func append(secondsOf nanoseconds: Int64, to out: inout [UInt8]) {
        let milliseconds = nanoseconds / 1_000_000
        if milliseconds < 0 { out.append(0x2d) }
        append(Int64(milliseconds.magnitude / 1000), to: &out)
        var fraction = milliseconds.magnitude % 1000
        guard fraction > 0 else { return }
        out.append(0x2e)
        var scale: UInt64 = 100
        while fraction > 0 {
            out.append(UInt8(truncatingIfNeeded: fraction / scale) &+ 48)
            fraction %= scale
            scale /= 10
        }
    }

    /// `1.25e-07` written out as `0.000000125`. The text is Swift's shortest round-trip form.
    private static func appendPlain(_ text: [UInt8], to out: inout [UInt8]) {
        guard let mark = text.firstIndex(of: 0x65) else {
            let whole = text.suffix(2) == [0x2e, 0x30] ? text.dropLast(2) : text[...]
            return out.append(contentsOf: whole)
        }
        var at = 0
        if text[0] == 0x2d {
            out.append(0x2d)
            at = 1
        }
        let mantissa = text[at..<mark]
        let point = mantissa.firstIndex(of: 0x2e) ?? mark
        var digits = mantissa.filter { $0 != 0x2e }
        let exponent = Int(text[(mark + 1)...].text) ?? 0
        while digits.count > 1, digits.last == 0x30, digits.count > point - at { digits.removeLast() }
        let integerDigits = point - at + exponent
        if integerDigits <= 0 {
            out.append(literal: "0.")
            out.append(contentsOf: [UInt8](repeating: 0x30, count: -integerDigits))
            out.append(contentsOf: digits)
        } else if integerDigits >= digits.count {
            out.append(contentsOf: digits)
            out.append(contentsOf: [UInt8](repeating: 0x30, count: integerDigits - digits.count))
        } else {
            out.append(contentsOf: digits[..<integerDigits])
            out.append(0x2e)
            out.append(contentsOf: digits[integerDigits...])
        }
    }
}

extension ArraySlice where Element == UInt8 {
    /// The bytes as text.
    var text: String { String(decoding: self, as: UTF8.self) }
}
