internal import Bytes
internal import Model

/// Functions on texts.
enum TemplateText {
    static func call(_ function: TemplateFunction, _ list: TemplateArguments) throws(TemplateFault) -> TemplateValue {
        switch function {
        case .lower, .toLowerGo, .upper, .toUpperGo, .title, .trim, .trimSpaceGo, .b64enc, .b64dec, .urlencode,
            .urldecode:
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
        default: throw list.wrongCount
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
        case .urlencode: return try escape(text, .urlquery)
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
            // Within ASCII all but letters, digits and underscores part words; beyond it only white space does.
            isStart =
                character.isASCII
                ? !LabelName.isNameByte(UInt8(truncatingIfNeeded: character.value)) : character.properties.isWhitespace
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

    static let tooLong = TemplateFault("template output is too long")

    static func check(_ size: Int) throws(TemplateFault) {
        if size > TemplateRun.outputLimitBytes { throw tooLong }
    }

    /// Appends to what a template or a function gives, if there is room.
    static func append(_ bytes: some Collection<UInt8>, to out: inout [UInt8]) throws(TemplateFault) {
        try check(out.count + bytes.count)
        out.append(contentsOf: bytes)
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
            if size == 0 { return [] }
            var result = text
            while result.count <= size / 2 { result += result }
            return result + result.prefix(size - result.count)
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
                let kept =
                    function == .alignLeft
                    ? String(String.UnicodeScalarView(runes.prefix(count)))
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
    static func escape(_ text: [UInt8], _ function: TemplateFunction) throws(TemplateFault) -> [UInt8] {
        var result: [UInt8] = []
        for byte in text {
            try check(result.count)
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
        try check(result.count)
        return result
    }
}
