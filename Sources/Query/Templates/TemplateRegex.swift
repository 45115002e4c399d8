internal import Bytes
internal import Model

/// `regexReplaceAll`, `regexReplaceAllLiteral` and `count`.
enum TemplateRegex {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        try list.expect(function == .count ? 2 : 3)
        let regex = try compile(try list.text(0), list)
        let text = try list.text(1)
        if function == .count {
            var matches: Int64 = 0
            try walk(regex, text) { (_) throws(TemplateFault) in matches += 1 }
            return .int(matches)
        }
        let replacement = try list.text(2)
        let expansion = function == .regexReplaceAll ? Expansion(replacement, regex) : nil
        var result: [UInt8] = []
        var at = 0
        try walk(regex, text) { (offsets) throws(TemplateFault) in
            result += text[at..<Int(offsets[0])]
            result += expansion?.expand(text, offsets) ?? replacement
            at = Int(offsets[1])
            try TemplateText.check(result.count)
        }
        try TemplateText.check(result.count)
        return .text(result + text[at...])
    }

    private static func compile(_ pattern: [UInt8], _ list: TemplateArguments) throws(TemplateFault) -> Regex {
        do throws(RegexFault) {
            return try Regex(pattern)
        } catch {
            throw list.failed("error parsing regexp: \(error.text)")
        }
    }

    /// Calls `body` with the offsets of each match, none overlapping; an empty one right behind a match does not count.
    private static func walk(_ regex: Regex, _ text: [UInt8], _ body: ([Int64]) throws(TemplateFault) -> Void)
        throws(TemplateFault)
    {
        guard Regex.isUTF8(text.span) else { throw TemplateFault("text is not UTF-8") }
        var offsets: [Int64] = []
        var at = 0
        var last = -1
        while at <= text.count, regex.find(text.span, from: at, into: &offsets) {
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
