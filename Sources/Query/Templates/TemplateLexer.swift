internal import Bytes

// Cutting templates into text and tokens.
extension TemplateParser {
    /// Text up to the next action, trimmed by its markers.
    mutating func literal() -> [UInt8]? {
        let open = ByteSearch.find([0x7b, 0x7b].span, in: source.span, from: at) ?? source.count
        var end = open
        let trims = open + 3 < source.count && source[open + 2] == 0x2d && TemplateParser.isSpace(source[open + 3])
        if trims { while end > at, TemplateParser.isSpace(source[end - 1]) { end -= 1 } }
        let text = [UInt8](source[at..<max(end, at)])
        at = open
        return text.isEmpty ? nil : text
    }

    /// Reads the action at the `{{` into tokens; false for a comment.
    mutating func action() throws(TemplateFault) -> Bool {
        at += 2
        if at + 1 < source.count, source[at] == 0x2d, TemplateParser.isSpace(source[at + 1]) { at += 2 }
        tokens = []
        position = 0
        let body = TemplateParser.skipSpaces(source, at)
        if body + 1 < source.count, source[body] == 0x2f, source[body + 1] == 0x2a {
            guard let end = ByteSearch.find([0x2a, 0x2f].span, in: source.span, from: body + 2) else {
                throw TemplateFault("unclosed comment")
            }
            at = end + 2
            try close()
            return false
        }
        while !isClosing() {
            guard at < source.count else { throw TemplateFault("unclosed action") }
            try token()
        }
        try close()
        return true
    }

    private func isClosing() -> Bool {
        if at + 1 < source.count, source[at] == 0x7d, source[at + 1] == 0x7d { return true }
        guard at + 3 < source.count, TemplateParser.isSpace(source[at]) else { return false }
        let next = TemplateParser.skipSpaces(source, at)
        return next + 2 < source.count && source[next] == 0x2d && source[next + 1] == 0x7d && source[next + 2] == 0x7d
    }

    /// Steps over `}}` or ` -}}`.
    private mutating func close() throws(TemplateFault) {
        at = TemplateParser.skipSpaces(source, at)
        var trims = false
        if at < source.count, source[at] == 0x2d {
            trims = true
            at += 1
        }
        guard at + 1 < source.count, source[at] == 0x7d, source[at + 1] == 0x7d else {
            throw TemplateFault("unclosed action")
        }
        at += 2
        if trims { at = TemplateParser.skipSpaces(source, at) }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 10 || byte == 13 }

    private static func skipSpaces(_ text: [UInt8], _ start: Int) -> Int {
        var at = start
        while at < text.count, isSpace(text[at]) { at += 1 }
        return at
    }

    private mutating func token() throws(TemplateFault) {
        let byte = source[at]
        switch byte {
        case _ where TemplateParser.isSpace(byte):
            at = TemplateParser.skipSpaces(source, at)
            tokens.append(.space)
        case 0x22, 0x60: tokens.append(.text(try quoted(byte)))
        case 0x27: tokens.append(.int(try character()))
        case 0x24: tokens.append(.variable("$" + word(at + 1)))
        case 0x2e where at + 1 < source.count && TemplateParser.isLetter(source[at + 1]):
            tokens.append(.field([UInt8](text: word(at + 1))))
        case 0x2e where at + 1 < source.count && source[at + 1] &- 48 < 10: try number()
        case 0x2b, 0x2d, 0x30...0x39: try number()
        case 0x3a where at + 1 < source.count && source[at + 1] == 0x3d:
            at += 2
            tokens.append(.declare)
        case _ where TemplateParser.isLetter(byte): tokens.append(.word(word(at)))
        case 0x28, 0x29, 0x7c, 0x2c, 0x3d, 0x2e:
            at += 1
            tokens.append(.symbol(byte))
        default: throw TemplateFault("unexpected \"\(Character(Unicode.Scalar(byte)))\" in command")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        LabelName.isNameByte(byte) && byte &- 48 >= 10 || byte >= 0x80
    }

    /// The name that starts at `start`; the cursor moves behind it.
    private mutating func word(_ start: Int) -> String {
        var end = start
        while end < source.count, LabelName.isNameByte(source[end]) || source[end] >= 0x80 { end += 1 }
        at = end
        return String(decoding: source[start..<end], as: UTF8.self)
    }

    private mutating func number() throws(TemplateFault) {
        let start = at
        at += 1
        while at < source.count {
            let byte = source[at]
            let isExponentSign = (byte == 0x2b || byte == 0x2d) && (source[at - 1] | 0x20) == 0x65
            guard LabelName.isNameByte(byte) || byte == 0x2e || isExponentSign else { break }
            at += 1
        }
        let text = String(decoding: source[start..<at], as: UTF8.self)
        if let value = TemplateParser.integer(text) {
            tokens.append(.int(value))
        } else if let value = ValueText.number([UInt8](text: text).span) {
            tokens.append(.float(value))
        } else {
            throw TemplateFault("bad number syntax: \"\(text)\"")
        }
    }

    private static func integer(_ text: String) -> Int64? {
        let plain = text.filter { $0 != "_" }.lowercased()
        if let value = Int64(plain) { return value }
        if plain.hasPrefix("0x") { return Int64(plain.dropFirst(2), radix: 16) }
        if plain.hasPrefix("0b") { return Int64(plain.dropFirst(2), radix: 2) }
        if plain.hasPrefix("0o") { return Int64(plain.dropFirst(2), radix: 8) }
        return nil
    }

    private mutating func character() throws(TemplateFault) -> Int64 {
        let bytes = try quoted(0x27)
        guard let scalar = bytes.text.unicodeScalars.first else { throw TemplateFault("malformed character constant") }
        return Int64(scalar.value)
    }

    private mutating func quoted(_ quote: UInt8) throws(TemplateFault) -> [UInt8] {
        var out: [UInt8] = []
        at += 1
        while at < source.count, source[at] != quote {
            if source[at] == 0x5c, quote != 0x60 {
                try escape(&out)
            } else {
                out.append(source[at])
                at += 1
            }
        }
        guard at < source.count else { throw TemplateFault("unterminated quoted string") }
        at += 1
        return out
    }

    private mutating func escape(_ out: inout [UInt8]) throws(TemplateFault) {
        guard at + 1 < source.count else { throw TemplateFault("unterminated quoted string") }
        let kind = source[at + 1]
        at += 2
        switch kind {
        case 0x61: out.append(7)
        case 0x62: out.append(8)
        case 0x66: out.append(12)
        case 0x6e: out.append(10)
        case 0x72: out.append(13)
        case 0x74: out.append(9)
        case 0x76: out.append(11)
        case 0x5c, 0x22, 0x27: out.append(kind)
        case 0x78, 0x75, 0x55:
            let size = kind == 0x78 ? 2 : kind == 0x75 ? 4 : 8
            guard at + size <= source.count,
                let value = UInt32(String(decoding: source[at..<(at + size)], as: UTF8.self), radix: 16)
            else { throw TemplateFault("invalid escape in string") }
            at += size
            kind == 0x78 ? out.append(UInt8(truncatingIfNeeded: value)) : JSONScan.append(scalar: value, to: &out)
        default: throw TemplateFault("invalid escape in string")
        }
    }
}
