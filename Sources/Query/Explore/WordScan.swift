internal import Bytes

/// Takes a line apart into words and what stands between them. Buffers are used again for the next line.
struct WordScan {
    /// Where each word lies in the line.
    private(set) var words: [Range<Int>] = []
    /// Never 0.
    private(set) var hashes: [UInt64] = []
    /// Whether the word has a digit, as values have more often than names.
    private(set) var hasDigit: [Bool] = []
    /// Equal for lines with the same separators and number of words.
    private(set) var shape: UInt64 = 0
    /// The part of the line that was taken apart.
    private(set) var byteCount = 0
    /// Whether there is more of the line.
    private(set) var isCut = false

    static let wordLimit = 128
    static let byteLimit = 4096
    private static let wordMark: UInt64 = 0x100
    private static let prime: UInt64 = 0x9e37_79b9_7f4a_7c15

    mutating func read(_ line: borrowing ByteSpan) {
        words.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        hasDigit.removeAll(keepingCapacity: true)
        shape = 0
        byteCount = min(line.count, WordScan.byteLimit)
        isCut = byteCount < line.count
        var at = 0
        while at < byteCount {
            if WordScan.isSeparator(line[at]) {
                mix(UInt64(line[at]))
                at += 1
            } else if words.count == WordScan.wordLimit {
                byteCount = at
                isCut = true
            } else {
                at = word(line, at)
            }
        }
        if isCut { mix(WordScan.wordMark + 1) }
    }

    /// Reads the word at `start`; its end.
    private mutating func word(_ line: borrowing ByteSpan, _ start: Int) -> Int {
        var end = start
        var digit = false
        while end < byteCount, !WordScan.isSeparator(line[end]) {
            if line[end] &- 48 < 10 { digit = true }
            end += 1
        }
        if end == WordScan.byteLimit, isCut {
            // Half a word is none.
            byteCount = start
            return end
        }
        mix(WordScan.wordMark)
        words.append(start..<end)
        hashes.append(Hash.hash64(line.extracting(start..<end)) | 1)
        hasDigit.append(digit)
        return end
    }

    private mutating func mix(_ value: UInt64) {
        shape = (shape ^ value) &* WordScan.prime
        shape ^= shape &>> 29
    }

    /// White space, quotes, brackets and marks that end a word; not those common within numbers, names and paths.
    @inline(__always)
    static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x22, 0x27...0x29, 0x2c, 0x3b...0x3f, 0x5b, 0x5d, 0x60, 0x7b...0x7d: true
        default: false
        }
    }
}
