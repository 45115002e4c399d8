import Bytes

/// Values of named secrets: `"password":"x"`, `password=x`, `?token=x&…`, `Authorization: Bearer x`, also in JSON that
/// is text of other JSON.
enum SecretValue {
    typealias Secret = Scrubber.Secret

    /// The value of the name around the hint at `at`, if that is a name of a secret with a value.
    /// - Parameter after: nothing before it belongs to a name.
    static func find(_ line: borrowing ByteSpan, around at: Int, after: Int) -> Secret? {
        let lowest = max(after, at - 64)
        var start = at
        while start > lowest, SecretName.isPart(line[start - 1]) { start -= 1 }
        var end = at
        let highest = min(line.count, at + 64)
        while end < highest, SecretName.isPart(line[end]) { end += 1 }
        guard end < line.count, let name = SecretName(line, start..<end) else { return nil }
        switch line[end] {
        case 0x22: return json(line, from: end + 1, name)
        case 0x5c where end + 1 < line.count && line[end + 1] == 0x22: return escaped(line, from: end + 2, name)
        case 0x27: return singleQuoted(line, from: end + 1)
        default: return plain(line, from: end, name)
        }
    }

    /// `"name"` in JSON: after its closing quote.
    private static func json(_ line: borrowing ByteSpan, from: Int, _ name: SecretName) -> Secret? {
        var at = spaces(line, from)
        guard at < line.count, line[at] == 0x3a else { return nil }
        at = spaces(line, at + 1)
        guard at < line.count else { return nil }
        switch line[at] {
        case 0x22: return Secret(rule: .keys, value: (at + 1)..<stringEnd(line, at + 1))
        case 0x5b, 0x7b: return Secret(rule: .keys, value: at..<nestedEnd(line, at), form: .quoted)
        default:
            let value = at..<scalarEnd(line, at)
            return isPlainWord(line, value, name) ? nil : Secret(rule: .keys, value: value, form: .quoted)
        }
    }

    /// `\"name\"` in JSON within a text.
    private static func escaped(_ line: borrowing ByteSpan, from: Int, _ name: SecretName) -> Secret? {
        var at = spaces(line, from)
        guard at < line.count, line[at] == 0x3a else { return nil }
        at = spaces(line, at + 1)
        guard at < line.count else { return nil }
        if at + 1 < line.count, line[at] == 0x5c, line[at + 1] == 0x22 {
            return Secret(rule: .keys, value: (at + 2)..<escapedEnd(line, at + 2))
        }
        let value = at..<scalarEnd(line, at)
        return isPlainWord(line, value, name) ? nil : Secret(rule: .keys, value: value, form: .escapedQuoted)
    }

    /// `'name': 'value'`, as Python writes it.
    private static func singleQuoted(_ line: borrowing ByteSpan, from: Int) -> Secret? {
        var at = spaces(line, from)
        guard at < line.count, line[at] == 0x3a else { return nil }
        at = spaces(line, at + 1)
        guard at < line.count, line[at] == 0x27 else { return nil }
        var end = at + 1
        while end < line.count, line[end] != 0x27, line[end] != 0x22 { end += line[end] == 0x5c ? 2 : 1 }
        return Secret(rule: .keys, value: (at + 1)..<min(end, line.count))
    }

    /// `name=value`, `name: value`.
    private static func plain(_ line: borrowing ByteSpan, from: Int, _ name: SecretName) -> Secret? {
        var at = from
        if line[at] == 0x20 { at += 1 }
        guard at < line.count, line[at] == 0x3d || line[at] == 0x3a else { return nil }
        let isColon = line[at] == 0x3a
        at += 1
        if at < line.count, line[at] == 0x3e { at += 1 }  // =>
        let start = spaces(line, at)
        if isColon, start > at, !name.isClearBeforeColon { return nil }
        guard start < line.count else { return nil }
        if line[start] == 0x22, !Scrubber.isJSON(line) {
            return Secret(rule: .keys, value: (start + 1)..<stringEnd(line, start + 1))
        }
        if start + 1 < line.count, line[start] == 0x5c, line[start + 1] == 0x22 {
            return Secret(rule: .keys, value: (start + 2)..<escapedEnd(line, start + 2))
        }
        if name.isHeader, isColon { return Secret(rule: .keys, value: start..<textEnd(line, start)) }
        let value = afterScheme(line, start)
        let range = value..<wordEnd(line, value)
        return isPlainWord(line, range, name) ? nil : Secret(rule: .keys, value: range)
    }

    // MARK: - Ends

    /// Where a JSON string's text ends; the end of the line if it was cut.
    private static func stringEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count, line[at] != 0x22 { at += line[at] == 0x5c ? 2 : 1 }
        return min(at, line.count)
    }

    /// Where a text within a text ends: at `\"`, or at the quote of the outer text.
    private static func escapedEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count, line[at] != 0x22 {
            if line[at] == 0x5c {
                if at + 1 < line.count, line[at + 1] == 0x22 { return at }
                // `\\\"` is a quote within the inner text.
                at += at + 3 < line.count && line[at + 1] == 0x5c && line[at + 2] == 0x5c ? 4 : 2
            } else {
                at += 1
            }
        }
        return min(at, line.count)
    }

    /// Where an array or object ends; the end of the line if it was cut.
    private static func nestedEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var depth = 0
        var at = from
        while at < line.count {
            switch line[at] {
            case 0x22: at = stringEnd(line, at + 1)
            case 0x5b, 0x7b: depth += 1
            case 0x5d, 0x7d:
                depth -= 1
                if depth == 0 { return at + 1 }
            default: break
            }
            at += 1
        }
        return line.count
    }

    private static func scalarEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count {
            switch line[at] {
            case 0...0x20, 0x22, 0x2c, 0x5d, 0x7d, 0x5c: return at
            default: at += 1
            }
        }
        return at
    }

    private static func wordEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        if at < line.count, line[at] == 0x5b { at += 1 }  // a mark of ours stays whole
        while at < line.count {
            switch line[at] {
            case 0...0x20, 0x22, 0x23, 0x26, 0x27, 0x29, 0x2c, 0x3b, 0x3c, 0x3e, 0x5c, 0x5d, 0x7c, 0x7d: return at
            default: at += 1
            }
        }
        return at
    }

    /// Where the text that a header stands in ends.
    private static func textEnd(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count {
            switch line[at] {
            case 0...0x1f, 0x22, 0x27, 0x5c: return at
            default: at += 1
            }
        }
        return at
    }

    private static func spaces(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count, line[at] == 0x20, at - from < 8 { at += 1 }
        return at
    }

    /// Behind `Bearer `, `Basic ` and the like.
    private static func afterScheme(_ line: borrowing ByteSpan, _ from: Int) -> Int {
        var at = from
        while at < line.count, at - from < 8, (line[at] | 0x20) &- 0x61 < 26 { at += 1 }
        guard at < line.count, line[at] == 0x20 else { return from }
        let word = line.extracting(from..<at)
        for scheme in schemes where ByteSearch.equals(folded: scheme.span, word) { return spaces(line, at) }
        return from
    }

    private static let schemes = ["bearer", "basic", "token", "digest", "apikey"].map { [UInt8]($0.utf8) }
    private static let words = ["true", "false", "null", "nil", "none", "undefined"].map { [UInt8]($0.utf8) }

    /// Whether a value is nothing to hide: absent, a truth value, or under `token` a number, which counts them.
    private static func isPlainWord(_ line: borrowing ByteSpan, _ value: Range<Int>, _ name: SecretName) -> Bool {
        if value.isEmpty { return true }
        let text = line.extracting(value)
        for word in words where ByteSearch.equals(folded: word.span, text) { return true }
        return name == .token && value.count < 12 && value.allSatisfy { line[$0] &- 0x30 < 10 || line[$0] == 0x2e }
    }
}
