internal import Bytes

/// Base64 with padding.
enum Base64 {
    private static let alphabet = [UInt8](text: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let rest = min(bytes.count - at, 3)
            var word = UInt32(bytes[at]) << 16
            if rest > 1 { word |= UInt32(bytes[at + 1]) << 8 }
            if rest > 2 { word |= UInt32(bytes[at + 2]) }
            for index in 0..<4 {
                out.append(index <= rest ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : 0x3d)
            }
            at += 3
        }
        return out
    }

    /// The bytes, or Go's error text as the result.
    static func decode(_ text: [UInt8]) -> [UInt8] {
        let plain = text.filter { $0 != 10 && $0 != 13 }
        var out: [UInt8] = []
        var word: UInt32 = 0
        var digits = 0
        for (position, byte) in plain.enumerated() {
            if byte == 0x3d {
                let isEnd =
                    plain[position...].allSatisfy { $0 == 0x3d } && plain.count % 4 == 0
                    && plain.count - position <= 2 && digits >= 2
                guard isEnd else { return illegal(position) }
                break
            }
            guard let value = alphabet.firstIndex(of: byte) else { return illegal(position) }
            word = word << 6 | UInt32(value)
            digits += 1
            if digits == 4 {
                out += [UInt8(word >> 16 & 255), UInt8(word >> 8 & 255), UInt8(word & 255)]
                (word, digits) = (0, 0)
            }
        }
        if plain.count % 4 != 0 { return illegal(plain.count) }
        if digits == 2 { out.append(UInt8(word >> 4 & 255)) }
        if digits == 3 { out += [UInt8(word >> 10 & 255), UInt8(word >> 2 & 255)] }
        return out
    }

    private static func illegal(_ position: Int) -> [UInt8] {
        [UInt8](text: "illegal base64 data at input byte \(position)")
    }
}

/// Percent escapes.
enum URLText {
    static func hexadecimal(_ byte: UInt8) -> [UInt8] {
        let digits = [UInt8](text: "0123456789ABCDEF")
        return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// Nil for a bad escape.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        var out: [UInt8] = []
        var at = 0
        while at < text.count {
            switch text[at] {
            case 0x2b: out.append(0x20)
            case 0x25:
                guard at + 2 < text.count,
                    let value = UInt8(String(decoding: text[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
                else { return nil }
                out.append(value)
                at += 2
            default: out.append(text[at])
            }
            at += 1
        }
        return out
    }
}
