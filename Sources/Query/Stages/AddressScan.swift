internal import Bytes
internal import LogQL

/// Finds IP addresses in text (contract: logql 7, `ip("…")`): the longest runs of address characters are tried.
enum AddressScan {
    /// Whether `text` contains an address within `pattern`.
    static func contains(_ pattern: IPPattern, in text: borrowing ByteSpan) -> Bool {
        pattern.low.isV6 ? containsV6(pattern, text) : containsV4(pattern, text)
    }

    private static func containsV4(_ pattern: IPPattern, _ text: borrowing ByteSpan) -> Bool {
        var at = 0
        let count = text.count
        while at < count {
            guard isDigit(text[at]) else {
                at += 1
                continue
            }
            var end = at
            var dots = 0
            while end < count, isDigit(text[end]) || text[end] == 0x2e {
                if text[end] == 0x2e { dots += 1 }
                end += 1
            }
            // A sentence may end behind an address.
            var last = end
            while last > at, text[last - 1] == 0x2e {
                last -= 1
                dots -= 1
            }
            if dots == 3, last - at <= 15, let value = v4(text, at..<last),
                pattern.low.value <= value, value <= pattern.high.value
            {
                return true
            }
            at = end
        }
        return false
    }

    private static func v4(_ text: borrowing ByteSpan, _ range: Range<Int>) -> UInt128? {
        var address: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        for index in range {
            let byte = text[index]
            if byte == 0x2e {
                guard digits > 0 else { return nil }
                address = address << 8 | part
                part = 0
                digits = 0
                continue
            }
            if digits > 0 && part == 0 { return nil }
            part = part &* 10 &+ UInt32(byte &- 48)
            digits += 1
            if part > 255 { return nil }
        }
        return digits > 0 ? UInt128(address << 8 | part) : nil
    }

    private static func containsV6(_ pattern: IPPattern, _ text: borrowing ByteSpan) -> Bool {
        var at = 0
        let count = text.count
        while at < count {
            guard isHex(text[at]) || text[at] == 0x3a else {
                at += 1
                continue
            }
            var end = at
            var colons = 0
            while end < count, isHex(text[end]) || text[end] == 0x3a || text[end] == 0x2e {
                if text[end] == 0x3a { colons += 1 }
                end += 1
            }
            if colons >= 2, end - at <= 64, v6(pattern, [UInt8](copying: text.extracting(at..<end))) { return true }
            at = end
        }
        return false
    }

    /// Tries the run as it is and without punctuation at its ends.
    private static func v6(_ pattern: IPPattern, _ run: [UInt8]) -> Bool {
        if let address = IPAddress(parsing: run[...]), pattern.contains(address) { return true }
        var slice = run[...]
        while slice.last == 0x2e { slice = slice.dropLast() }
        if slice.last == 0x3a, slice.dropLast().last != 0x3a { slice = slice.dropLast() }
        if slice.first == 0x3a, slice.dropFirst().first != 0x3a { slice = slice.dropFirst() }
        guard slice.count < run.count, let address = IPAddress(parsing: slice) else { return false }
        return pattern.contains(address)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    private static func isHex(_ byte: UInt8) -> Bool { byte &- 48 < 10 || (byte | 0x20) &- 97 < 6 }
}
