import Bytes

/// Card numbers: 15 or 16 digits, in one run or in groups of four with spaces or dashes, of an issuer's range, whose
/// check digit (Luhn) is right.
enum CardNumbers {
    /// Digits, spaces and dashes around `at`, no further back than `after`.
    static func run(_ line: borrowing ByteSpan, around at: Int, after: Int) -> Range<Int> {
        var start = at
        while start > after, at - start < 24, isPart(line[start - 1]) { start -= 1 }
        var end = at + 1
        while end < line.count, isPart(line[end]) { end += 1 }
        return start..<end
    }

    /// The first that begins in `run`.
    static func first(in line: borrowing ByteSpan, _ run: Range<Int>) -> Range<Int>? {
        guard run.count >= 15 else { return nil }
        for first in run where line[first] &- 0x30 < 10 && (first == 0 || !isWord(line[first - 1])) {
            if let length = length(line, first) { return first..<(first + length) }
        }
        return nil
    }

    /// Bytes of the card number that begins at `first`, or nil.
    private static func length(_ line: borrowing ByteSpan, _ first: Int) -> Int? {
        var digits = 0
        var separator: UInt8 = 0
        var at = first
        var sum = 0
        var other = 0
        while at < line.count, digits <= 16 {
            let digit = line[at] &- 0x30
            if digit < 10 {
                digits += 1
                // Luhn doubles every second digit from the end: both parities are summed until the end is known.
                let doubled = Int(digit) * 2 - (digit > 4 ? 9 : 0)
                (sum, other) = (other + Int(digit), sum + doubled)
                at += 1
            } else if line[at] == 0x20 || line[at] == 0x2d, digits > 0, digits % 4 == 0, digits < 16,
                separator == 0 ? digits == 4 : separator == line[at], at + 1 < line.count, line[at + 1] &- 0x30 < 10
            {
                separator = line[at]
                at += 1
            } else {
                break
            }
        }
        // A full stop may end a sentence; before another digit it makes this a part of a number.
        let isStop = at < line.count && line[at] == 0x2e && (at + 1 == line.count || line[at + 1] &- 0x30 >= 10)
        guard at == line.count || isStop || !isWord(line[at]) else { return nil }
        guard isIssued(line, first, digits: digits, isGrouped: separator != 0), sum % 10 == 0 else { return nil }
        return at - first
    }

    private static func isIssued(_ line: borrowing ByteSpan, _ first: Int, digits: Int, isGrouped: Bool) -> Bool {
        guard digits >= 15, digits <= 16, !isGrouped || digits == 16 else { return false }
        let two = Int(line[first] &- 0x30) * 10 + Int(line[first + 1] &- 0x30)
        switch (two, digits) {
        case (40...49, 16), (51...55, 16), (22...27, 16), (60, 16), (64...65, 16): return true
        case (34, 15), (37, 15): return true
        default: return false
        }
    }

    private static func isPart(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 || byte == 0x20 || byte == 0x2d }

    /// What a card number cannot touch: it would be a part of something else.
    private static func isWord(_ byte: UInt8) -> Bool {
        SecretText.isLetterOrDigit(byte) || byte == 0x5f || byte == 0x2e || byte == 0x2d
    }
}
