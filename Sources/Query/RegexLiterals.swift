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

    /// The longest text that every match of the regex contains; empty if none is sure.
    static func required(_ regex: [UInt8]) -> [UInt8] { required(regex, most: 1).first ?? [] }

    /// Texts of which every match of the regex contains one, as long as can be; none if none are sure. Looks at the
    /// outermost concatenation only, follows groups that are nothing but literals joined by `|` as long as there are no
    /// more than `most` texts, and gives up on flags and other alternatives.
    static func required(_ regex: [UInt8], most: Int) -> [[UInt8]] {
        guard String(validating: regex, as: UTF8.self) != nil else { return [] }
        var runs = LiteralRuns(most: most)
        var at = 0
        while at < regex.count {
            let byte = regex[at]
            var literal: UInt8?
            var group: [[UInt8]]?
            switch byte {
            case UInt8(ascii: "|"), UInt8(ascii: ")"), UInt8(ascii: "]"): return []
            case UInt8(ascii: "("):
                guard let end = groupEnd(regex, at) else { return [] }
                group = groupAlternatives(regex, at..<end)
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
            let isRepeated = quantifierEnd(regex, &at)
            if let literal, !isRepeated {
                runs.append(literal)
            } else if let group, !isRepeated {
                runs.append(group)
            } else {
                // The bytes of the last character may be absent: all of its UTF-8 bytes go.
                if let literal, literal >= 0x80 { runs.dropWide() }
                runs.end()
            }
        }
        runs.end()
        return runs.best
    }

    /// The literals of a group without a name, flags or anything but literals.
    private static func groupAlternatives(_ regex: [UInt8], _ range: Range<Int>) -> [[UInt8]]? {
        var inside = regex[range].dropFirst().dropLast()
        if inside.starts(with: "?:".utf8) { inside = inside.dropFirst(2) }
        guard inside.first != UInt8(ascii: "?") else { return nil }
        return alternatives([UInt8](inside))
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

/// Texts in the making that every match contains one of.
private struct LiteralRuns {
    private let most: Int
    private var runs: [[UInt8]] = [[]]
    /// The set whose shortest text is longest.
    private(set) var best: [[UInt8]] = []

    init(most: Int) {
        self.most = most
    }

    mutating func append(_ byte: UInt8) {
        for index in runs.indices { runs[index].append(byte) }
    }

    /// Goes on with each of `alternatives`; ends where that would be too many.
    mutating func append(_ alternatives: [[UInt8]]) {
        if runs.count * alternatives.count > most { end() }
        guard alternatives.count <= most else { return }
        runs = runs.flatMap { run in alternatives.map { run + $0 } }
    }

    mutating func dropWide() {
        for index in runs.indices { runs[index].removeAll { $0 >= 0x80 } }
    }

    mutating func end() {
        let shortest = runs.map(\.count).min() ?? 0
        if shortest > best.map(\.count).min() ?? 0 { best = runs }
        runs = [[]]
    }
}
