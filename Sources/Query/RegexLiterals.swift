/// What a regex demands as plain text: tests of literals are many times faster than any automaton.
enum RegexLiterals {
    /// The alternatives of a regex that is nothing but literals joined by `|`; nil for any other.
    static func alternatives(_ regex: [UInt8]) -> [[UInt8]]? {
        var found: [[UInt8]] = [[]]
        var at = 0
        while at < regex.count {
            let byte = regex[at]
            switch byte {
            case UInt8(ascii: "|"):
                found.append([])
                at += 1
            case UInt8(ascii: "\\"):
                guard at + 1 < regex.count, isEscapedLiteral(regex[at + 1]) else { return nil }
                found[found.count - 1].append(regex[at + 1])
                at += 2
            case _ where isMeta(byte): return nil
            default:
                found[found.count - 1].append(byte)
                at += 1
            }
        }
        return found.count <= 64 && String(validating: regex, as: UTF8.self) != nil ? found : nil
    }

    /// The longest text that every match of the regex contains; empty if none is sure. Looks at the outermost
    /// concatenation only and gives up on flags and alternatives.
    static func required(_ regex: [UInt8]) -> [UInt8] {
        var best: [UInt8] = []
        var run: [UInt8] = []
        var at = 0
        func keep() {
            if run.count > best.count { best = run }
            run = []
        }
        guard String(validating: regex, as: UTF8.self) != nil else { return [] }
        while at < regex.count {
            let byte = regex[at]
            var literal: UInt8?
            switch byte {
            case UInt8(ascii: "|"), UInt8(ascii: ")"), UInt8(ascii: "]"): return []
            case UInt8(ascii: "("):
                guard let end = groupEnd(regex, at) else { return [] }
                at = end
            case UInt8(ascii: "["):
                guard let end = classEnd(regex, at) else { return [] }
                at = end
            case UInt8(ascii: "\\"):
                guard at + 1 < regex.count else { return [] }
                let next = regex[at + 1]
                guard isEscapedLiteral(next) || "dDwWsSbB".utf8.contains(next) else { return [] }
                if isEscapedLiteral(next) { literal = next }
                at += 2
            case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"): at += 1
            case _ where isMeta(byte): return []
            default:
                literal = byte
                at += 1
            }
            let repeated = quantifierEnd(regex, &at)
            guard let literal else {
                keep()
                continue
            }
            if repeated {
                // The bytes of the last character may be absent: all of its UTF-8 bytes go.
                if literal >= 0x80 { run.removeAll { $0 >= 0x80 } }
                keep()
            } else {
                run.append(literal)
            }
        }
        keep()
        return best
    }

    /// Skips a quantifier; true if there is one.
    private static func quantifierEnd(_ regex: [UInt8], _ at: inout Int) -> Bool {
        guard at < regex.count else { return false }
        switch regex[at] {
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"): at += 1
        case UInt8(ascii: "{"):
            var end = at + 1
            while end < regex.count, regex[end] != UInt8(ascii: "}") { end += 1 }
            at = min(end + 1, regex.count)
        default: return false
        }
        if at < regex.count, regex[at] == UInt8(ascii: "?") { at += 1 }
        return true
    }

    /// The index behind the group that opens at `open`; nil for groups with flags.
    private static func groupEnd(_ regex: [UInt8], _ open: Int) -> Int? {
        if open + 1 < regex.count, regex[open + 1] == UInt8(ascii: "?") {
            guard open + 2 < regex.count, "P<:".utf8.contains(regex[open + 2]) else { return nil }
        }
        var depth = 0
        var at = open
        while at < regex.count {
            switch regex[at] {
            case UInt8(ascii: "\\"):
                if at + 1 < regex.count, regex[at + 1] == UInt8(ascii: "Q") { return nil }
                at += 2
                continue
            case UInt8(ascii: "["):
                guard let end = classEnd(regex, at) else { return nil }
                at = end
                continue
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return at + 1 }
            default: break
            }
            at += 1
        }
        return nil
    }

    private static func classEnd(_ regex: [UInt8], _ open: Int) -> Int? {
        var at = open + 1
        if at < regex.count, regex[at] == UInt8(ascii: "^") { at += 1 }
        if at < regex.count, regex[at] == UInt8(ascii: "]") { at += 1 }
        while at < regex.count {
            switch regex[at] {
            case UInt8(ascii: "\\"): at += 1
            case UInt8(ascii: "["): if at + 1 < regex.count, regex[at + 1] == UInt8(ascii: ":") { return nil }
            case UInt8(ascii: "]"): return at + 1
            default: break
            }
            at += 1
        }
        return nil
    }

    private static func isMeta(_ byte: UInt8) -> Bool { #".+*?()|[]{}^$\"#.utf8.contains(byte) }

    /// An escape that means the byte itself: punctuation.
    private static func isEscapedLiteral(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && !isAlphanumeric(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}

/// A regex that is one text under the flag `i`: `(?i)some text`. Only ASCII text, whose other cases are known.
struct FoldedText: Sendable, Hashable {
    /// In lower case.
    let text: [UInt8]

    /// Signs beyond ASCII that count as one of the text's letters in another case (Unicode case folding): the Kelvin
    /// sign for k, the long s for s.
    var wideTwins: [[UInt8]] {
        var twins: [[UInt8]] = []
        if text.contains(0x6b) { twins.append([0xe2, 0x84, 0xaa]) }
        if text.contains(0x73) { twins.append([0xc5, 0xbf]) }
        return twins
    }

    init?(regex: [UInt8]) {
        let flag = [UInt8]("(?i)".utf8)
        guard regex.starts(with: flag),
            let texts = RegexLiterals.alternatives([UInt8](regex.dropFirst(flag.count))), texts.count == 1,
            let only = texts.first, !only.isEmpty, only.allSatisfy({ $0 < 0x80 })
        else { return nil }
        text = only.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    }
}
