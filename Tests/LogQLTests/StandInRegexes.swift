import LogQL

/// Judges the few regexes of these tests: parentheses must match, and emptiness follows from the structure.
struct StandInRegexes: RegexChecker {
    func fault(in regex: [UInt8]) -> String? {
        var reader = Reader(text: regex)
        _ = reader.alternatives()
        return reader.index < regex.count || reader.isOpen
            ? "missing closing ): `\(String(decoding: regex, as: UTF8.self))`" : nil
    }

    func matchesEmpty(_ regex: [UInt8]) -> Bool {
        var reader = Reader(text: regex)
        return reader.alternatives()
    }

    /// Reads groups, alternatives and the quantifiers `*`, `+`, `?`; all else is a character.
    private struct Reader {
        let text: [UInt8]
        var index = 0
        var isOpen = false
        var depth = 0

        mutating func alternatives() -> Bool {
            depth += 1
            defer { depth -= 1 }
            guard depth < 100 else { return false }
            var isEmpty = sequence()
            while index < text.count, text[index] == UInt8(ascii: "|") {
                index += 1
                let next = sequence()
                isEmpty = isEmpty || next
            }
            return isEmpty
        }

        mutating func sequence() -> Bool {
            var isEmpty = true
            while index < text.count {
                switch text[index] {
                case UInt8(ascii: "|"), UInt8(ascii: ")"): return isEmpty
                case UInt8(ascii: "("):
                    index += 1
                    let inner = alternatives()
                    if index < text.count { index += 1 } else { isOpen = true }
                    isEmpty = quantified(inner) && isEmpty
                default:
                    index += text[index] == UInt8(ascii: "\\") ? 2 : 1
                    isEmpty = quantified(false) && isEmpty
                }
            }
            return isEmpty
        }

        mutating func quantified(_ isEmpty: Bool) -> Bool {
            guard index < text.count, "*+?".utf8.contains(text[index]) else { return isEmpty }
            index += 1
            return text[index - 1] == UInt8(ascii: "+") ? isEmpty : true
        }
    }
}

/// The language under test.
let language = Language(regexes: StandInRegexes())

/// The message of the error a query meets; "accepted" if it meets none.
func fault(_ query: String, dialect: Dialect = .loki) -> String {
    do throws(ParseError) {
        _ = try Language(dialect: dialect, regexes: StandInRegexes()).parse(query)
        return "accepted"
    } catch {
        return "\(error)"
    }
}
