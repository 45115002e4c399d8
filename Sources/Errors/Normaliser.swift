import Bytes

/// Messages with everything replaced that differs from one occurrence to the next . The rules are
/// of version `g1`: changing them makes new groups, so a change is a new version.
enum Normaliser {
    static let version = "g1"
    private static let inputLimit = 64 << 10
    private static let outputLimit = 256

    static func normalise(_ text: String) -> String {
        let bytes = Array(text.utf8.prefix(inputLimit))
        var out: [UInt8] = []
        var scan = TokenScan(bytes: bytes)
        while scan.at < bytes.count, out.count < outputLimit + 16 {
            if let name = scan.takeToken() {
                out.append(contentsOf: name.utf8)
            } else {
                let byte = bytes[scan.at]
                let isSpace = byte <= 0x20
                if !isSpace || out.last != 0x20 { out.append(isSpace ? 0x20 : byte) }
                scan.at += 1
            }
        }
        while out.last == 0x20 { out.removeLast() }
        return cut(out)
    }

    /// At most `outputLimit` bytes, whole characters.
    private static func cut(_ bytes: [UInt8]) -> String {
        guard bytes.count > outputLimit else { return bytes.text }
        var end = outputLimit
        while end > 0, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        return [UInt8](bytes[..<end]).text
    }
}

/// Looks for what is replaced at one place after the other.
private struct TokenScan {
    let bytes: [UInt8]
    var at = 0

    /// Consumes a token that is replaced, and names what stands for it. Tokens begin where a word does.
    mutating func takeToken() -> String? {
        let byte = bytes[at]
        if byte == 0x3d, let value = valueAfterEquals() { return value }
        guard at == 0 || !isWord(bytes[at - 1]) else { return nil }
        let isSigned = byte == 0x2d && (at == 0 || bytes[at - 1] <= 0x20 || bytes[at - 1] == 0x3d)
        guard isWord(byte) || isSigned else {
            if byte == 0x3a, let end = ipv6(at) { return take(end, "<ip>") }
            return nil
        }
        if let end = email(at) { return take(end, "<email>") }
        if let end = url(at) { return take(end, "<url>") }
        if let end = groups(at, [8, 4, 4, 4, 12]) { return take(end, "<uuid>") }
        if let end = groups(at, [2, 32, 16, 2]) { return take(end, "<traceparent>") }
        if let end = ipv4(at) ?? ipv6(at) { return take(end, "<ip>") }
        if let end = date(at) ?? clock(at) { return take(end, "<time>") }
        if let end = hexLiteral(at) ?? hex(at) { return take(end, "<hex>") }
        return number(at, isSigned)
    }

    private mutating func take(_ end: Int, _ name: String) -> String {
        at = end
        return name
    }

    private func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    private func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66) }
    private func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
    private func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || byte == 0x5f || byte >= 0x80 }

    private func digits(_ from: Int) -> Int {
        var end = from
        while isDigit(byte(end)) { end += 1 }
        return end
    }

    /// `=` with a quoted value, or a truth value.
    private mutating func valueAfterEquals() -> String? {
        let quote = byte(at + 1)
        if quote == 0x22 || quote == 0x27 {
            var end = at + 2
            while end < bytes.count, bytes[end] != quote { end += 1 }
            guard end < bytes.count else { return nil }
            return take(end + 1, "=<quoted>")
        }
        for word in ["true", "false", "True", "False"] {
            let length = word.utf8.count
            let end = at + 1 + length
            if end <= bytes.count, bytes[(at + 1)..<end].elementsEqual(word.utf8), !isWord(byte(end)) {
                return take(end, "=<bool>")
            }
        }
        return nil
    }

    private func email(_ from: Int) -> Int? {
        var end = from
        // At most 64 bytes (RFC 5321): without the bound each word would be a scan of all that follows.
        while end - from <= 64, isWord(byte(end)) || [0x2e, 0x25, 0x2b, 0x2d].contains(byte(end)) { end += 1 }
        guard byte(end) == 0x40, end > from, end - from <= 64 else { return nil }
        let domain = end + 1
        end = domain
        var dots = 0
        while isLetter(byte(end)) || isDigit(byte(end)) || byte(end) == 0x2e || byte(end) == 0x2d {
            if byte(end) == 0x2e { dots += 1 }
            end += 1
        }
        while end > domain, byte(end - 1) == 0x2e || byte(end - 1) == 0x2d {
            if byte(end - 1) == 0x2e { dots -= 1 }
            end -= 1
        }
        return dots > 0 && end > domain ? end : nil
    }

    private func url(_ from: Int) -> Int? {
        var end = from
        while isLetter(byte(end)) || isDigit(byte(end)) || byte(end) == 0x2b { end += 1 }
        guard end > from, end - from <= 12, byte(end) == 0x3a, byte(end + 1) == 0x2f, byte(end + 2) == 0x2f else {
            return nil
        }
        end += 3
        while end < bytes.count, bytes[end] > 0x20, ![0x22, 0x27, 0x3c, 0x3e, 0x29, 0x5d, 0x2c].contains(bytes[end]) {
            end += 1
        }
        return end
    }

    /// Hex groups of these lengths with dashes between.
    private func groups(_ from: Int, _ lengths: [Int]) -> Int? {
        var end = from
        for (index, length) in lengths.enumerated() {
            if index > 0 {
                guard byte(end) == 0x2d else { return nil }
                end += 1
            }
            for _ in 0..<length {
                guard isHex(byte(end)) else { return nil }
                end += 1
            }
        }
        return isWord(byte(end)) ? nil : end
    }

    private func ipv4(_ from: Int) -> Int? {
        var end = from
        for index in 0..<4 {
            if index > 0 {
                guard byte(end) == 0x2e else { return nil }
                end += 1
            }
            let stop = digits(end)
            guard stop > end, stop - end <= 3 else { return nil }
            end = stop
        }
        if isWord(byte(end)) || (byte(end) == 0x2e && isDigit(byte(end + 1))) { return nil }
        if byte(end) == 0x3a, isDigit(byte(end + 1)) { end = digits(end + 1) }
        return end
    }

    private func ipv6(_ from: Int) -> Int? {
        var end = from
        var colons = 0
        var isShort = false
        while end - from <= 40, isHex(byte(end)) || byte(end) == 0x3a {
            if byte(end) == 0x3a {
                colons += 1
                if end > from, byte(end - 1) == 0x3a { isShort = true }
            }
            end += 1
        }
        guard colons >= 2, isShort || colons == 7, end - from >= 3, end - from <= 39, !isWord(byte(end)) else {
            return nil
        }
        return end
    }

    /// `2026-11-23`, with a clock behind a `T` or blank and a zone.
    private func date(_ from: Int) -> Int? {
        let separator = byte(from + 4)
        guard digits(from) == from + 4, separator == 0x2d || separator == 0x2f, digits(from + 5) == from + 7,
            byte(from + 7) == separator, digits(from + 8) == from + 10
        else { return nil }
        var end = from + 10
        if byte(end) == 0x54 || byte(end) == 0x20, let stop = clock(end + 1) {
            end = stop
            if byte(end) == 0x5a {
                end += 1
            } else if byte(end) == 0x2b || byte(end) == 0x2d, digits(end + 1) >= end + 3 {
                end = digits(end + 1)
                if byte(end) == 0x3a { end = digits(end + 1) }
            }
        }
        return isWord(byte(end)) ? nil : end
    }

    private func clock(_ from: Int) -> Int? {
        guard digits(from) == from + 2, byte(from + 2) == 0x3a, digits(from + 3) == from + 5 else { return nil }
        var end = from + 5
        guard byte(end) == 0x3a, digits(end + 1) == end + 3 else { return nil }
        end += 3
        if byte(end) == 0x2e || byte(end) == 0x2c, isDigit(byte(end + 1)) { end = digits(end + 1) }
        return end
    }

    private func hexLiteral(_ from: Int) -> Int? {
        guard byte(from) == 0x30, byte(from + 1) | 0x20 == 0x78, isHex(byte(from + 2)) else { return nil }
        var end = from + 2
        while isHex(byte(end)) { end += 1 }
        return isWord(byte(end)) ? nil : end
    }

    /// Six and more hex digits with a decimal digit and a letter among them: hashes, also short ones.
    private func hex(_ from: Int) -> Int? {
        var end = from
        var digits = 0
        while isHex(byte(end)) {
            if isDigit(byte(end)) { digits += 1 }
            end += 1
        }
        guard end - from >= 6, digits > 0, digits < end - from, !isWord(byte(end)) else { return nil }
        return end
    }

    /// A duration, float or integer; also one that ends a word begun elsewhere is left alone.
    private mutating func number(_ from: Int, _ isSigned: Bool) -> String? {
        let start = isSigned ? from + 1 : from
        var end = digits(start)
        guard end > start else { return nil }
        var isFloat = false
        if byte(end) == 0x2e, isDigit(byte(end + 1)) {
            isFloat = true
            end = digits(end + 1)
        }
        if byte(end) | 0x20 == 0x65 {
            let sign = byte(end + 1) == 0x2d || byte(end + 1) == 0x2b ? 1 : 0
            let stop = digits(end + 1 + sign)
            if stop > end + 1 + sign, !isWord(byte(stop)) {
                isFloat = true
                end = stop
            }
        }
        if let stop = units(end) { return take(stop, "<duration>") }
        guard !isWord(byte(end)) else { return nil }
        return take(end, isFloat ? "<float>" : "<int>")
    }

    /// `ms`, `s` and so on, also `1m30s`.
    private func units(_ from: Int) -> Int? {
        var end = from
        while true {
            let rest = [byte(end), byte(end + 1), byte(end + 2)]
            if rest[1] == 0x73, rest[0] == 0x6d || rest[0] == 0x6e || rest[0] == 0x75 {
                end += 2
            } else if rest[0] == 0xc2, rest[1] == 0xb5, rest[2] == 0x73 {
                end += 3
            } else if [0x73, 0x6d, 0x68, 0x64].contains(rest[0]) {
                end += 1
            } else {
                return nil
            }
            if !isWord(byte(end)) { return end }
            var next = digits(end)
            if byte(next) == 0x2e { next = digits(next + 1) }
            guard next > end else { return nil }
            end = next
        }
    }
}
