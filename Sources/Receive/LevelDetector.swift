public import Bytes

/// Finds the level in a line's text, by the reference's rules: a JSON or logfmt field with a level's name first, else
/// the
/// earliest whole word that is a level.
public enum LevelDetector {
    /// Levels below a JSON line's own fields that are looked at.
    private static let maxDepth = 2

    /// The level of `line`; `unknown` when nothing in it says so.
    public static func detect(_ line: borrowing ByteSpan) -> LogLevel {
        var first = 0
        while first < line.count, isSpace(line[first]) { first += 1 }
        guard first < line.count else { return .unknown }
        var field: Range<Int>?
        if line[first] == 0x7b, isLastBrace(line) {
            field = jsonField(line, from: first)
        } else if ByteSearch.find(byte: 0x3d, in: line) != nil {
            field = logfmtField(line)
        }
        if let field, let level = LogLevel(line.extracting(field)) { return level }
        return word(line)
    }

    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

    private static func isLastBrace(_ line: borrowing ByteSpan) -> Bool {
        var last = line.count - 1
        while last > 0, isSpace(line[last]) { last -= 1 }
        return line[last] == 0x7d
    }

    /// Text of the first string field with a level's name, depth first; text that is not JSON ends the search.
    private static func jsonField(_ line: borrowing ByteSpan, from: Int) -> Range<Int>? {
        var scanner = JSONScanner(from..<line.count, maxDepth: JSONScanner.deepest)
        scanner.offset += 1
        if scanner.peek(in: line) == 0x7d { return nil }
        var depth = 0
        do throws(JSONError) {
            while true {
                let keyStart = scanner.offset + 1
                try scanner.skipString(in: line)
                let key = keyStart..<(scanner.offset - 1)
                try scanner.expect(0x3a, in: line)
                let next = scanner.peek(in: line)
                let start = scanner.offset + 1
                if next == 0x7b, depth < maxDepth {
                    scanner.offset = start
                    if scanner.peek(in: line) != 0x7d {
                        depth += 1
                        continue
                    }
                    scanner.offset += 1
                } else if next == 0x22 {
                    try scanner.skipString(in: line)
                    if LevelNames.index(of: line.extracting(key)) != nil { return start..<(scanner.offset - 1) }
                } else {
                    try scanner.skipValue(in: line, depth: depth + 1)
                }
                while try !scanner.more(until: 0x7d, in: line) {
                    guard depth > 0 else { return nil }
                    depth -= 1
                }
                _ = scanner.peek(in: line)
            }
        } catch {
            return nil
        }
    }

    /// Value of the logfmt field whose name stands earliest in the list of level names, in any case.
    private static func logfmtField(_ line: borrowing ByteSpan) -> Range<Int>? {
        var best = Int.max
        var result: Range<Int>?
        var at = 0
        let count = line.count
        while true {
            while at < count, line[at] <= 0x20 { at += 1 }
            guard at < count else { return result }
            let keyStart = at
            while at < count, line[at] > 0x20, line[at] != 0x3d, line[at] != 0x22 { at += 1 }
            let key = keyStart..<at
            guard at < count, line[at] != 0x22 else { return result }
            guard line[at] == 0x3d else { continue }
            guard !key.isEmpty else { return result }
            at += 1
            var value = at..<at
            if at < count, line[at] == 0x22 {
                let start = at + 1
                at = start
                while at < count, line[at] != 0x22 { at += line[at] == 0x5c ? 2 : 1 }
                guard at < count else { return result }
                value = start..<at
                at += 1
            } else {
                let start = at
                while at < count, line[at] > 0x20, line[at] != 0x3d, line[at] != 0x22 { at += 1 }
                guard at >= count || line[at] <= 0x20 else { return result }
                value = start..<at
            }
            if let index = LevelNames.foldedIndex(of: line.extracting(key)), index < best {
                best = index
                result = value
            }
        }
    }

    /// The earliest whole word that is a level.
    private static func word(_ line: borrowing ByteSpan) -> LogLevel {
        let count = line.count
        var at = 0
        var atBoundary = true
        while at &+ 3 <= count {
            let byte = line[at]
            if atBoundary {
                switch byte | 0x20 {
                case 0x74, 0x64, 0x66, 0x63, 0x65, 0x77, 0x69:
                    if let level = word(line, at: at) { return level }
                default: break
                }
            }
            atBoundary = isLeftBoundary(byte)
            at &+= 1
        }
        return .unknown
    }

    private static func word(_ line: borrowing ByteSpan, at: Int) -> LogLevel? {
        var end = at
        let last = min(line.count, at + 9)
        while end < last, line[end] | 0x20 &- 0x61 < 26 { end += 1 }
        guard end == line.count || isRightBoundary(line[end]) else { return nil }
        switch end - at {
        case 3 where line[at] | 0x20 != 0x65: return nil  // of the short forms only "err" counts in running text
        case 3...8: return LogLevel(line.extracting(at..<end))
        default: return nil
        }
    }

    @inline(__always)
    private static func isLeftBoundary(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0a, 0x5b, 0x28, 0x7b, 0x22, 0x3d: true
        default: false
        }
    }

    @inline(__always)
    private static func isRightBoundary(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0a, 0x5b, 0x5d, 0x28, 0x29, 0x7b, 0x7d, 0x3a, 0x2c, 0x21, 0x22, 0x3d: true
        default: false
        }
    }
}
