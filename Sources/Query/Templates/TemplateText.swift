internal import Bytes
internal import Model

/// Functions on texts.
enum TemplateText {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .lower, .toLowerGo, .upper, .toUpperGo, .title, .trim, .trimSpaceGo, .b64enc, .b64dec, .urlencode, .urldecode:
            try list.expect(1)
            return .text(try one(function, try list.text(0), list))
        case .trimGo, .trimLeftGo, .trimRightGo, .trimPrefixGo, .trimSuffixGo:
            try list.expect(2)
            return .text(trimmed(function, subject: try list.text(0), by: try list.text(1)))
        case .trimAll, .trimPrefix, .trimSuffix:
            try list.expect(2)
            return .text(trimmed(function, subject: try list.text(1), by: try list.text(0)))
        case .contains, .hasPrefix, .hasSuffix:
            try list.expect(2)
            return .bool(try holds(function, try list.text(0), in: try list.text(1)))
        case .replaceGo:
            try list.expect(4)
            let limit = try list.int(3)
            return .text(
                try replaced(try list.text(0), try list.text(1), try list.text(2), limit < 0 ? .max : Int(limit)))
        case .replace:
            try list.expect(3)
            return .text(try replaced(try list.text(2), try list.text(0), try list.text(1), .max))
        case .trunc, .alignLeft, .alignRight, .indent, .nindent, .repeat:
            try list.expect(2)
            return .text(try sized(function, try list.int(0), try list.text(1)))
        case .substr:
            try list.expect(3)
            return .text(try substring(try list.int(0), try list.int(1), try list.text(2), list))
        default: return try TemplateRegex.call(function, list)
        }
    }

    private static func one(
        _ function: TemplateFunction, _ text: [UInt8], _ list: TemplateArguments
    ) throws(TemplateFault) -> [UInt8] {
        switch function {
        case .lower, .toLowerGo: return [UInt8](text: text.text.lowercased())
        case .upper, .toUpperGo: return [UInt8](text: text.text.uppercased())
        case .title: return titled(text)
        case .trim, .trimSpaceGo: return trimmed(text, left: true, right: true) { $0.properties.isWhitespace }
        case .b64enc: return Base64.encode(text)
        case .b64dec: return Base64.decode(text)
        case .urlencode: return escape(text, .urlquery)
        default:
            guard let plain = URLText.decode(text) else { throw list.failed("invalid URL escape in \"\(text.text)\"") }
            return plain
        }
    }

    private static func titled(_ text: [UInt8]) -> [UInt8] {
        var result = ""
        var isStart = true
        for character in text.text.unicodeScalars {
            result += isStart ? character.properties.titlecaseMapping : String(character)
            let isWord = character.properties.isAlphabetic || character == "_" || character == "'"
                || character.properties.numericType != nil
            isStart = !isWord
        }
        return [UInt8](text: result)
    }

    private static func trimmed(
        _ text: [UInt8], left: Bool, right: Bool, _ isCut: (Unicode.Scalar) -> Bool
    ) -> [UInt8] {
        var scalars = Substring(text.text).unicodeScalars
        if left { while let first = scalars.first, isCut(first) { scalars.removeFirst() } }
        if right { while let last = scalars.last, isCut(last) { scalars.removeLast() } }
        return [UInt8](text: String(Substring(scalars)))
    }

    private static func trimmed(_ function: TemplateFunction, subject: [UInt8], by cut: [UInt8]) -> [UInt8] {
        switch function {
        case .trimPrefix, .trimPrefixGo:
            return subject.starts(with: cut) ? [UInt8](subject.dropFirst(cut.count)) : subject
        case .trimSuffix, .trimSuffixGo:
            return subject.count >= cut.count && [UInt8](subject.suffix(cut.count)) == cut
                ? [UInt8](subject.dropLast(cut.count)) : subject
        default:
            let set = Set(cut.text.unicodeScalars)
            return trimmed(subject, left: function != .trimRightGo, right: function != .trimLeftGo) { set.contains($0) }
        }
    }

    private static func holds(
        _ function: TemplateFunction, _ part: [UInt8], in text: [UInt8]
    ) throws(TemplateFault) -> Bool {
        switch function {
        case .contains: ByteSearch.find(part.span, in: text.span) != nil
        case .hasPrefix: text.starts(with: part)
        default: text.count >= part.count && [UInt8](text.suffix(part.count)) == part
        }
    }

    private static func replaced(
        _ text: [UInt8], _ old: [UInt8], _ new: [UInt8], _ limit: Int
    ) throws(TemplateFault) -> [UInt8] {
        var result: [UInt8] = []
        var at = 0
        var count = 0
        if old.isEmpty {
            // Before each character and at the end.
            for character in text.text.unicodeScalars {
                if count < limit { result += new }
                count += 1
                result += [UInt8](text: String(character))
                try check(result.count)
            }
            return count < limit ? result + new : result
        }
        while count < limit, let found = ByteSearch.find(old.span, in: text.span, from: at) {
            result += text[at..<found]
            result += new
            at = found + old.count
            count += 1
            try check(result.count)
        }
        return result + text[at...]
    }

    static func check(_ size: Int) throws(TemplateFault) {
        if size > TemplateRun.outputLimitBytes { throw TemplateFault("template output is too long") }
    }

    private static func sized(
        _ function: TemplateFunction, _ number: Int64, _ text: [UInt8]
    ) throws(TemplateFault) -> [UInt8] {
        let count = Int(clamping: number)
        switch function {
        case .trunc:
            if count >= 0 { return [UInt8](text.prefix(count)) }
            return [UInt8](text.suffix(Int(clamping: number.magnitude)))
        case .repeat:
            guard count >= 0 else { throw TemplateFault("error calling repeat: negative repeat count") }
            let (size, overflow) = text.count.multipliedReportingOverflow(by: count)
            try check(overflow ? .max : size)
            var result: [UInt8] = []
            for _ in 0..<count { result += text }
            return result
        case .indent, .nindent:
            try check(count)
            let pad = [UInt8](repeating: 0x20, count: max(count, 0))
            let (size, overflow) = pad.count.multipliedReportingOverflow(by: text.count(where: { $0 == 10 }) + 1)
            try check(overflow ? .max : size)
            var result: [UInt8] = function == .nindent ? [10] + pad : pad
            for byte in text {
                result.append(byte)
                if byte == 10 { result += pad }
            }
            return result
        default:
            if count < 0 { return text }
            try check(count)
            let runes = text.text.unicodeScalars
            if runes.count >= count {
                let kept = function == .alignLeft ? String(String.UnicodeScalarView(runes.prefix(count)))
                    : String(String.UnicodeScalarView(runes.suffix(count)))
                return [UInt8](text: kept)
            }
            let pad = [UInt8](repeating: 0x20, count: count - runes.count)
            return function == .alignLeft ? text + pad : pad + text
        }
    }

    private static func substring(
        _ start: Int64, _ end: Int64, _ text: [UInt8], _ list: TemplateArguments
    ) throws(TemplateFault) -> [UInt8] {
        let size = Int64(text.count)
        if start < 0 {
            guard end >= 0, end <= size else { throw list.failed("slice bounds out of range") }
            return [UInt8](text.prefix(Int(end)))
        }
        let last = end < 0 || end > size ? size : end
        guard start <= last else { throw list.failed("slice bounds out of range") }
        return [UInt8](text[Int(start)..<Int(last)])
    }

    /// `html`, `js` and `urlquery`.
    static func escape(_ text: [UInt8], _ function: TemplateFunction) -> [UInt8] {
        var result: [UInt8] = []
        for byte in text {
            switch function {
            case .html:
                switch byte {
                case 0x22: result += "&#34;".utf8
                case 0x26: result += "&amp;".utf8
                case 0x27: result += "&#39;".utf8
                case 0x3c: result += "&lt;".utf8
                case 0x3e: result += "&gt;".utf8
                default: result.append(byte)
                }
            case .js:
                switch byte {
                case 0x22: result += "\\\"".utf8
                case 0x27: result += "\\'".utf8
                case 0x5c: result += "\\\\".utf8
                case 0x3c, 0x3e, 0x26, 0x3d, 0..<0x20: result += "\\u00".utf8 + URLText.hexadecimal(byte)
                default: result.append(byte)
                }
            default:
                if LabelName.isNameByte(byte) || byte == 0x2d || byte == 0x2e || byte == 0x7e {
                    result.append(byte)
                } else if byte == 0x20 {
                    result.append(0x2b)
                } else {
                    result.append(0x25)
                    result += URLText.hexadecimal(byte)
                }
            }
        }
        return result
    }
}

/// `regexReplaceAll`, `regexReplaceAllLiteral` and `count`.
enum TemplateRegex {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        try list.expect(function == .count ? 2 : 3)
        let regex = try compile(try list.text(0), list)
        let text = try list.text(1)
        if function == .count {
            var matches: Int64 = 0
            try walk(regex, text) { _ in matches += 1 }
            return .int(matches)
        }
        let replacement = try list.text(2)
        let expansion = function == .regexReplaceAll ? Expansion(replacement, regex) : nil
        var result: [UInt8] = []
        var at = 0
        try walk(regex, text) { offsets in
            result += text[at..<Int(offsets[0])]
            result += expansion?.expand(text, offsets) ?? replacement
            at = Int(offsets[1])
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
    private static func walk(_ regex: Regex, _ text: [UInt8], _ body: ([Int64]) -> Void) throws(TemplateFault) {
        guard Regex.isUTF8(text.span) else { throw TemplateFault("text is not UTF-8") }
        var offsets: [Int64] = []
        var at = 0
        var last = -1
        while at <= text.count, regex.find(text.span, from: at, into: &offsets) {
            let (start, end) = (Int(offsets[0]), Int(offsets[1]))
            if start < end || start != last { body(offsets) }
            last = end
            if end > start {
                at = end
            } else {
                at = end < text.count ? end + max(JSONText.sequenceCount(text.span, end), 1) : end + 1
            }
        }
    }
}

/// Base64 with padding.
enum Base64 {
    private static let alphabet = [UInt8](text: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var at = 0
        while at < bytes.count {
            let rest = min(bytes.count - at, 3)
            var word = UInt32(bytes[at]) << 16
            if rest > 1 { word |= UInt32(bytes[at + 1]) << 8 }
            if rest > 2 { word |= UInt32(bytes[at + 2]) }
            for index in 0..<4 {
                out.append(index <= rest ? alphabet[Int(word >> UInt32(18 - 6 * index) & 63)] : 0x3d)
            }
            at += 3
        }
        return out
    }

    /// The bytes, or Go's error text as the result.
    static func decode(_ text: [UInt8]) -> [UInt8] {
        let plain = text.filter { $0 != 10 && $0 != 13 }
        var out: [UInt8] = []
        var word: UInt32 = 0
        var digits = 0
        for (position, byte) in plain.enumerated() {
            if byte == 0x3d {
                let isEnd = plain[position...].allSatisfy { $0 == 0x3d } && plain.count % 4 == 0
                    && plain.count - position <= 2 && digits >= 2
                guard isEnd else { return illegal(position) }
                break
            }
            guard let value = alphabet.firstIndex(of: byte) else { return illegal(position) }
            word = word << 6 | UInt32(value)
            digits += 1
            if digits == 4 {
                out += [UInt8(word >> 16 & 255), UInt8(word >> 8 & 255), UInt8(word & 255)]
                (word, digits) = (0, 0)
            }
        }
        if plain.count % 4 != 0 { return illegal(plain.count) }
        if digits == 2 { out.append(UInt8(word >> 4 & 255)) }
        if digits == 3 { out += [UInt8(word >> 10 & 255), UInt8(word >> 2 & 255)] }
        return out
    }

    private static func illegal(_ position: Int) -> [UInt8] {
        [UInt8](text: "illegal base64 data at input byte \(position)")
    }
}

/// Percent escapes.
enum URLText {
    static func hexadecimal(_ byte: UInt8) -> [UInt8] {
        let digits = [UInt8](text: "0123456789ABCDEF")
        return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    /// Nil for a bad escape.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        var out: [UInt8] = []
        var at = 0
        while at < text.count {
            switch text[at] {
            case 0x2b: out.append(0x20)
            case 0x25:
                guard at + 2 < text.count,
                    let value = UInt8(String(decoding: text[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
                else { return nil }
                out.append(value)
                at += 2
            default: out.append(text[at])
            }
            at += 1
        }
        return out
    }
}
