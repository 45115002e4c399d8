/// Cuts a query into tokens, in one pass over its bytes.
///
/// A fault becomes the last token, so that an error before it is reported first.
struct Lexer {
    let input: [UInt8]
    var position = 0
    var line = 1
    /// Of the next character, from 1.
    var column = 1
    private var tokens: [Token] = []

    init(_ input: [UInt8]) {
        self.input = input
    }

    /// All tokens of the text; the last is `.end` or `.fault`.
    static func tokens(of input: [UInt8]) -> [Token] {
        var lexer = Lexer(input)
        return lexer.scan()
    }

    private mutating func scan() -> [Token] {
        while true {
            if let fault = skipBlanks() {
                tokens.append(Token(kind: .fault(fault), line: line, column: column))
                return tokens
            }
            let startLine = line
            let startColumn = column
            let kind = next()
            var token = Token(kind: kind, line: startLine, column: startColumn)
            if case .fault = kind, peek() == UInt8(ascii: "[") { token.line = 0 }
            tokens.append(token)
            switch kind {
            case .end, .fault: return tokens
            default: break
            }
        }
    }

    // MARK: Bytes

    /// The byte at an offset from the position; 0 behind the end.
    func peek(_ offset: Int = 0) -> UInt8 {
        let index = position &+ offset
        return index < input.count ? input[index] : 0
    }

    var isAtEnd: Bool { position >= input.count }

    /// Steps over bytes, counting lines and characters.
    mutating func advance(_ count: Int = 1) {
        let end = min(position &+ count, input.count)
        while position < end {
            let byte = input[position]
            position &+= 1
            if byte == UInt8(ascii: "\n") {
                line &+= 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column &+= 1
            }
        }
    }

    func text(from start: Int) -> String {
        String(decoding: input[start..<position], as: UTF8.self)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isNameStart(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte == UInt8(ascii: "_")
    }

    static func isName(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    // MARK: Tokens

    /// Skips blanks and comments; answers what is wrong with a comment.
    private mutating func skipBlanks() -> String? {
        while !isAtEnd {
            let byte = peek()
            if Self.isBlank(byte) {
                advance()
            } else if byte == UInt8(ascii: "#") || (byte == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "/")) {
                while !isAtEnd, peek() != UInt8(ascii: "\n") { advance() }
            } else if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*") {
                var end = position &+ 2
                while end &+ 1 < input.count, !(input[end] == UInt8(ascii: "*") && input[end &+ 1] == UInt8(ascii: "/"))
                {
                    end &+= 1
                }
                if end &+ 1 >= input.count { return "comment not terminated" }
                advance(end &+ 2 &- position)
            } else {
                return nil
            }
        }
        return nil
    }

    private mutating func next() -> Token.Kind {
        if isAtEnd { return .end }
        let byte = peek()
        if Self.isNameStart(byte) { return word() }
        if Self.isDigit(byte) || (byte == UInt8(ascii: ".") && Self.isDigit(peek(1))) { return number() }
        switch byte {
        case 0: return .fault("invalid character NUL")
        case UInt8(ascii: "\""): return quotedString()
        case UInt8(ascii: "`"): return rawString()
        case UInt8(ascii: "'"): return .fault("invalid char literal")
        case UInt8(ascii: "["): return range()
        case UInt8(ascii: "-"):
            if let kind = flag() ?? negativeDuration() { return kind }
        default: break
        }
        for length in [2, 1] where position &+ length <= input.count {
            let candidate = String(decoding: input[position..<(position &+ length)], as: UTF8.self)
            if let symbol = Symbol(rawValue: candidate) {
                advance(length)
                return .symbol(symbol)
            }
        }
        let start = position
        advance()
        while !isAtEnd, peek() & 0xC0 == 0x80 { advance() }
        return .unknown(text(from: start))
    }

    private mutating func word() -> Token.Kind {
        let start = position
        while Self.isName(peek()) { advance() }
        let name = text(from: start)
        let lower = name.lowercased()
        if let keyword = Keyword(rawValue: lower) { return .keyword(keyword) }
        if FunctionName.all.contains(lower), isCallAhead() { return .function(lower) }
        return .identifier(name)
    }

    /// True if a parenthesis follows, or `by (` or `without (`.
    private func isCallAhead() -> Bool {
        var index = position
        func skip() {
            while index < input.count, Self.isBlank(input[index]) { index &+= 1 }
        }
        skip()
        if index < input.count, input[index] == UInt8(ascii: "(") { return true }
        let start = index
        while index < input.count, Self.isName(input[index]), index &- start <= 7 { index &+= 1 }
        let word = String(decoding: input[start..<index], as: UTF8.self).lowercased()
        guard word == "by" || word == "without" else { return false }
        skip()
        return index < input.count && input[index] == UInt8(ascii: "(")
    }

    private mutating func flag() -> Token.Kind? {
        for name in ["--strict", "--keep-empty"] {
            let bytes = Array(name.utf8)
            let end = position &+ bytes.count
            guard end <= input.count, input[position..<end].elementsEqual(bytes) else { continue }
            if end < input.count, Self.isName(input[end]) { continue }
            advance(bytes.count)
            return .flag(name)
        }
        return nil
    }

    private mutating func range() -> Token.Kind {
        let start = position &+ 1
        var end = start
        while end < input.count, input[end] != UInt8(ascii: "]") { end &+= 1 }
        if end >= input.count { return .fault("missing closing ']' in duration") }
        let text = String(decoding: input[start..<min(end, start &+ 64)], as: UTF8.self)
        do throws(DurationFault) {
            let nanoseconds = try DurationText.prometheus(text)
            advance(end &+ 1 &- position)
            return .range(nanoseconds: nanoseconds)
        } catch {
            return .fault(error.message)
        }
    }
}
