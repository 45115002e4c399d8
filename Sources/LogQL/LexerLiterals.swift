/// Strings, numbers, and numbers with units.
extension Lexer {
    /// The longest run of letters and digits taken for a duration or a size; longer ones are none.
    private static let unitTextLimit = 64

    mutating func rawString() -> Token.Kind {
        var end = position &+ 1
        while end < input.count, input[end] != UInt8(ascii: "`") { end &+= 1 }
        if end >= input.count { return .fault("literal not terminated") }
        let value = Array(input[(position &+ 1)..<end])
        advance(end &+ 1 &- position)
        return .string(value)
    }

    mutating func quotedString() -> Token.Kind {
        var end = position &+ 1
        while end < input.count, input[end] != UInt8(ascii: "\"") {
            if input[end] == UInt8(ascii: "\n") { return .fault("literal not terminated") }
            end &+= input[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        if end >= input.count { return .fault("literal not terminated") }
        guard let value = QuotedText.unescape(input[(position &+ 1)..<end]) else {
            return .fault("invalid char escape")
        }
        advance(end &+ 1 &- position)
        return .string(value)
    }

    mutating func number() -> Token.Kind {
        let start = position
        let isOtherBase = peek() == UInt8(ascii: "0") && [0x78, 0x62, 0x6F].contains(peek(1) | 0x20)
        if isOtherBase, Self.isName(peek(2)) {
            advance(2)
            while Self.isName(peek()) { advance() }
            return .number(text(from: start))
        }
        skipDigits()
        if peek() == UInt8(ascii: ".") {
            advance()
            skipDigits()
        }
        if peek() | 0x20 == UInt8(ascii: "e") {
            advance()
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { advance() }
            if !Self.isDigit(peek()) { return .fault("exponent has no digits") }
            skipDigits()
            return .number(text(from: start))
        }
        return quantity(from: start) ?? .number(text(from: start))
    }

    /// `-5m`, in Go's form only.
    mutating func negativeDuration() -> Token.Kind? {
        guard Self.isDigit(peek(1)) || peek(1) == UInt8(ascii: ".") else { return nil }
        guard let end = runEnd(from: position &+ 1, Self.isDurationByte) else { return nil }
        let text = String(decoding: input[position..<end], as: UTF8.self)
        guard let nanoseconds = DurationText.go(text) else { return nil }
        advance(end &- position)
        return .duration(nanoseconds: nanoseconds)
    }

    private mutating func skipDigits() {
        while Self.isDigit(peek()) || peek() == UInt8(ascii: "_") { advance() }
    }

    /// A duration or size whose number began at `start`; nil if no unit follows.
    private mutating func quantity(from start: Int) -> Token.Kind? {
        if let end = runEnd(from: position, Self.isDurationByte) {
            let text = String(decoding: input[start..<end], as: UTF8.self)
            if let nanoseconds = DurationText.either(text) {
                advance(end &- position)
                return .duration(nanoseconds: nanoseconds)
            }
        }
        if let end = runEnd(from: position, Self.isSizeByte) {
            let text = String(decoding: input[start..<end], as: UTF8.self)
            if let size = SizeText.bytes(text) {
                advance(end &- position)
                return .bytes(size)
            }
        }
        return nil
    }

    /// The end of the run of bytes that satisfy the condition; nil if it is empty or too long.
    private func runEnd(from start: Int, _ condition: (UInt8) -> Bool) -> Int? {
        var end = start
        while end < input.count, condition(input[end]) {
            end &+= 1
            if end &- start > Self.unitTextLimit { return nil }
        }
        return end > start ? end : nil
    }

    private static func isDurationByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "n"), UInt8(ascii: "u"), UInt8(ascii: "m"), UInt8(ascii: "s"), UInt8(ascii: "h"),
            UInt8(ascii: "d"), UInt8(ascii: "w"), UInt8(ascii: "y"), UInt8(ascii: "."):
            true
        case 0xC2, 0xB5, 0xCE, 0xBC: true  // the bytes of µ (U+00B5) and μ (U+03BC)
        default: isDigit(byte)
        }
    }

    private static func isSizeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "B"), UInt8(ascii: "i"), UInt8(ascii: "k"), UInt8(ascii: "K"), UInt8(ascii: "M"),
            UInt8(ascii: "G"), UInt8(ascii: "T"), UInt8(ascii: "P"):
            true
        default: false
        }
    }
}
