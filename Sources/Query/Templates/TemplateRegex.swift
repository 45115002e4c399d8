internal import Bytes
internal import Model

/// `regexReplaceAll`, `regexReplaceAllLiteral` and `count`, with what they have compiled: most templates use the same
/// expressions for every entry.
struct TemplateRegexes {
    private var known: [[UInt8]: Regex] = [:]

    mutating func call(
        _ function: TemplateFunction, _ list: TemplateArguments, _ budget: inout TemplateBudget
    ) throws(TemplateFault) -> TemplateValue {
        try list.expect(function == .count ? 2 : 3)
        let regex = try compiled(try list.text(0), list, &budget)
        let text = try list.text(1)
        if function == .count {
            var matches: Int64 = 0
            try TemplateRegexes.walk(regex, text, &budget, cost: 0) { (_) throws(TemplateFault) in matches += 1 }
            return .int(matches)
        }
        let replacement = try list.text(2)
        let expansion = function == .regexReplaceAll ? Expansion(replacement, regex) : nil
        var result: [UInt8] = []
        var at = 0
        try TemplateRegexes.walk(regex, text, &budget, cost: expansion?.pieceCount ?? 0) {
            (offsets) throws(TemplateFault) in
            try TemplateText.append(text[at..<Int(offsets[0])], to: &result)
            if let expansion {
                let room = TemplateRun.outputLimitBytes - result.count
                guard let part = expansion.expand(text, offsets, limitBytes: room) else { throw TemplateText.tooLong }
                result += part
            } else {
                try TemplateText.append(replacement, to: &result)
            }
            at = Int(offsets[1])
        }
        try TemplateText.append(text[at...], to: &result)
        return .text(result)
    }

    private mutating func compiled(
        _ pattern: [UInt8], _ list: TemplateArguments, _ budget: inout TemplateBudget
    ) throws(TemplateFault) -> Regex {
        try budget.use(regex: pattern)
        if let regex = known[pattern] { return regex }
        do throws(RegexFault) {
            let regex = try Regex(pattern)
            if known.count >= TemplateBudget.regexLimit { known.removeAll() }
            known[pattern] = regex
            return regex
        } catch {
            throw list.failed("error parsing regexp: \(error.text)")
        }
    }

    /// Calls `body` with the offsets of each match, none overlapping; an empty one right behind a match does not count.
    /// - Parameter cost: what `body` does with a match, in steps.
    private static func walk(
        _ regex: Regex, _ text: [UInt8], _ budget: inout TemplateBudget, cost: Int,
        _ body: ([Int64]) throws(TemplateFault) -> Void
    ) throws(TemplateFault) {
        guard Regex.isUTF8(text.span) else { throw TemplateFault("text is not UTF-8") }
        var offsets: [Int64] = []
        var at = 0
        var last = -1
        while at <= text.count {
            // A search may look at all that is left to find the very next byte.
            try budget.search(text.count - at + cost)
            guard regex.find(text.span, from: at, into: &offsets) else { return }
            let (start, end) = (Int(offsets[0]), Int(offsets[1]))
            if start < end || start != last { try body(offsets) }
            last = end
            if end > start {
                at = end
            } else {
                at = end < text.count ? end + max(JSONText.sequenceCount(text.span, end), 1) : end + 1
            }
        }
    }
}
