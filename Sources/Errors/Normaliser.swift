import Bytes

/// Messages with everything replaced that differs from one occurrence to the next. The rules are of
/// version `g1`: changing them makes new groups, so a change is a new version.
enum Normaliser {
    static let version = "g1"
    private static let inputLimit = 64 << 10
    private static let outputLimit = 256

    static func normalise(_ text: String) -> String {
        var out: [UInt8] = []
        let bytes = [UInt8](text.utf8)
        append(bytes, 0..<bytes.count, to: &out)
        return out.text
    }

    /// Appends what a part of `bytes` is when normalised.
    static func append(_ bytes: [UInt8], _ range: Range<Int>, to out: inout [UInt8]) {
        let first = out.count
        var scan = TokenScan(
            bytes: bytes, start: range.lowerBound, end: min(range.upperBound, range.lowerBound + inputLimit))
        while scan.at < scan.end, out.count - first < outputLimit + 16 {
            if let name = scan.takeToken() {
                out.append(contentsOf: name.utf8)
            } else {
                let byte = bytes[scan.at]
                let isSpace = byte <= 0x20
                if !isSpace || out.count == first || out[out.count - 1] != 0x20 { out.append(isSpace ? 0x20 : byte) }
                scan.at += 1
            }
        }
        while out.count > first, out[out.count - 1] == 0x20 { out.removeLast() }
        cut(&out, first)
    }

    /// At most `outputLimit` bytes from `first` on, whole characters.
    private static func cut(_ bytes: inout [UInt8], _ first: Int) {
        guard bytes.count - first > outputLimit else { return }
        var end = first + outputLimit
        while end > first, bytes[end] & 0xc0 == 0x80 { end -= 1 }
        bytes.removeLast(bytes.count - end)
    }
}

/// Looks for what is replaced at one place after the other.
private struct TokenScan {
    let bytes: [UInt8]
    /// Where the text begins and ends.
    let start: Int
    let end: Int
    var at: Int

    private static let uuid = [8, 4, 4, 4, 12]
    private static let traceparent = [2, 32, 16, 2]
    private static let truths = ["true", "false", "True", "False"].map { [UInt8]($0.utf8) }

    init(bytes: [UInt8], start: Int, end: Int) {
        (self.bytes, self.start, self.end) = (bytes, start, end)
        at = start
    }

    /// Consumes a token that is replaced, and names what stands for it. Tokens begin where a word does.
    mutating func takeToken() -> String? {
        let byte = bytes[at]
        if byte == 0x3d, let value = valueAfterEquals() { return value }
        guard at == start || !isWord(bytes[at - 1]) else { return nil }
        let isSigned = byte == 0x2d && (at == start || bytes[at - 1] <= 0x20 || bytes[at - 1] == 0x3d)
        guard isWord(byte) || isSigned else {
            if byte == 0x3a, let end = ipv6(at) { return take(end, "<ip>") }
            return nil
        }
        if let end = email(at) { return take(end, "<email>") }
        if let end = url(at) { return take(end, "<url>") }
        if let end = groups(at, TokenScan.uuid) { return take(end, "<uuid>") }
        if let end = groups(at, TokenScan.traceparent) { return take(end, "<traceparent>") }
        if let end = ipv4(at) ?? ipv6(at) { return take(end, "<ip>") }
        if let end = date(at) ?? clock(at) { return take(end, "<time>") }
        if let end = hexLiteral(at) ?? hex(at) { return take(end, "<hex>") }
        return number(at, isSigned)
    }

    private mutating func take(_ end: Int, _ name: String) -> String {
        at = end
        return name
    }

    private func byte(_ index: Int) -> UInt8 { index < end ? bytes[index] : 0 }

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
            var close = at + 2
            while close < end, bytes[close] != quote { close += 1 }
            guard close < end else { return nil }
            return take(close + 1, "=<quoted>")
        }
        guard quote | 0x20 == 0x74 || quote | 0x20 == 0x66 else { return nil }
        for word in TokenScan.truths {
            let stop = at + 1 + word.count
            if stop <= end, bytes.span.extracting((at + 1)..<stop).equals(word.span), !isWord(byte(stop)) {
                return take(stop, "=<bool>")
            }
        }
        return nil
    }

    private func email(_ from: Int) -> Int? {
        var end = from
        // At most 64 bytes (RFC 5321): without the bound each word would be a scan of all that follows.
        while end - from <= 64, isAddress(byte(end)) { end += 1 }
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

    private func isAddress(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == 0x2e || byte == 0x25 || byte == 0x2b || byte == 0x2d
    }

    private func endsURL(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x22, 0x27, 0x3c, 0x3e, 0x29, 0x5d, 0x2c: true
        default: false
        }
    }

    private func url(_ from: Int) -> Int? {
        var end = from
        while isLetter(byte(end)) || isDigit(byte(end)) || byte(end) == 0x2b { end += 1 }
        guard end > from, end - from <= 12, byte(end) == 0x3a, byte(end + 1) == 0x2f, byte(end + 2) == 0x2f else {
            return nil
        }
        end += 3
        while end < self.end, !endsURL(bytes[end]) { end += 1 }
        return end
    }

    /// Hex groups of these lengths with dashes between.
    private func groups(_ from: Int, _ lengths: [Int]) -> Int? {
        var end = from
        for index in lengths.indices {
            if index > 0 {
                guard byte(end) == 0x2d else { return nil }
                end += 1
            }
            for _ in 0..<lengths[index] {
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
            let (first, second) = (byte(end), byte(end + 1))
            if second == 0x73, first == 0x6d || first == 0x6e || first == 0x75 {
                end += 2
            } else if first == 0xc2, second == 0xb5, byte(end + 2) == 0x73 {
                end += 3
            } else if first == 0x73 || first == 0x6d || first == 0x68 || first == 0x64 {
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
