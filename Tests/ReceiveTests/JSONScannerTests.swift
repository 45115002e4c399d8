import Bytes
import Receive
import Testing

/// A slow reading of RFC 8259, one byte at a time, that shares no code with the scanner.
struct JSONOracle {
    let text: [UInt8]
    var at = 0

    static func accepts(_ text: [UInt8], maxDepth: Int = 64) -> Bool {
        var oracle = JSONOracle(text: text)
        return oracle.value(maxDepth) && oracle.isAtEnd()
    }

    /// The text of a string with quotes, or nil.
    static func unescape(_ text: [UInt8]) -> [UInt8]? {
        var oracle = JSONOracle(text: text)
        guard let result = oracle.string(), oracle.at == text.count else { return nil }
        return result
    }

    private var next: UInt8? { at < text.count ? text[at] : nil }

    private mutating func space() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { at += 1 }
    }

    private mutating func isAtEnd() -> Bool {
        space()
        return at == text.count
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    private mutating func value(_ depth: Int) -> Bool {
        space()
        switch next {
        case UInt8(ascii: "{"): return list(UInt8(ascii: "}"), depth - 1, keys: true)
        case UInt8(ascii: "["): return list(UInt8(ascii: "]"), depth - 1, keys: false)
        case UInt8(ascii: "\""): return string() != nil
        default: return word("true") || word("false") || word("null") || number()
        }
    }

    private mutating func list(_ close: UInt8, _ depth: Int, keys: Bool) -> Bool {
        guard depth >= 0 else { return false }
        at += 1
        space()
        if take(close) { return true }
        while true {
            if keys {
                space()
                guard string() != nil else { return false }
                space()
                guard take(UInt8(ascii: ":")) else { return false }
            }
            guard value(depth) else { return false }
            space()
            if take(close) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func word(_ word: String) -> Bool {
        guard text[at...].starts(with: word.utf8) else { return false }
        at += word.utf8.count
        return true
    }

    private mutating func digits() -> Int {
        var count = 0
        while let byte = next, (0x30...0x39).contains(byte) {
            at += 1
            count += 1
        }
        return count
    }

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        let start = at
        guard digits() > 0, at - start == 1 || text[start] != 0x30 else { return false }
        if take(UInt8(ascii: ".")), digits() == 0 { return false }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            return digits() > 0
        }
        return true
    }

    private mutating func string() -> [UInt8]? {
        guard take(0x22) else { return nil }
        var units: [UInt16] = []
        var out: [UInt8] = []
        func flush(_ units: inout [UInt16], _ out: inout [UInt8]) {
            if units.isEmpty { return }
            out += String(decoding: units, as: UTF16.self).utf8
            units = []
        }
        while let byte = next {
            at += 1
            if byte == 0x22 {
                flush(&units, &out)
                return out
            }
            if byte < 0x20 { return nil }
            guard byte == 0x5c else {
                flush(&units, &out)
                out.append(byte)
                continue
            }
            guard let escaped = next else { return nil }
            at += 1
            if escaped == UInt8(ascii: "u") {
                guard at + 4 <= text.count, !text[at..<(at + 4)].contains(where: { $0 == 0x2b || $0 == 0x2d }),
                    let unit = UInt16(String(decoding: text[at..<(at + 4)], as: UTF8.self), radix: 16)
                else { return nil }
                units.append(unit)
                at += 4
            } else {
                let plain: UInt8
                switch escaped {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): plain = escaped
                case UInt8(ascii: "b"): plain = 8
                case UInt8(ascii: "f"): plain = 12
                case UInt8(ascii: "n"): plain = 10
                case UInt8(ascii: "r"): plain = 13
                case UInt8(ascii: "t"): plain = 9
                default: return nil
                }
                flush(&units, &out)
                out.append(plain)
            }
        }
        return nil
    }
}

func accepts(_ text: [UInt8], maxDepth: Int = 64) -> Bool {
    var scanner = JSONScanner(0..<text.count, maxDepth: maxDepth)
    do throws(JSONError) {
        try scanner.skipValue(in: text.span, depth: 0)
        try scanner.finish(in: text.span)
        return true
    } catch {
        return false
    }
}

func unescape(_ text: [UInt8]) -> [UInt8]? {
    var scanner = JSONScanner(0..<text.count, maxDepth: 1)
    var scratch = ByteScratch()
    var out: [UInt8] = []
    do throws(JSONError) {
        try scanner.appendString(in: text.span, to: &out, scratch: &scratch)
        return scanner.offset == text.count ? out : nil
    } catch {
        return nil
    }
}

@Suite struct JSONScannerTests {
    @Test(arguments: [
        "{}", "[]", " [ ] ", "0", "-0", "-1.5e+10", "1E5", "\"\"", "true", "false", "null", "[1,2,[3,{\"a\":{}}]]",
        "{\"a\":1,\"b\":[null,true]}", "\"\\u00e9\\ud83d\\ude00\\n\\/\"", "\t\r\n{\"k\" : \"v\" }\n",
        "\"\u{e9}\u{1F600}\"",
        "\"\\ud800\"", "12345678901234567890.5",
    ])
    func accepted(_ text: String) {
        #expect(accepts([UInt8](text.utf8)))
        #expect(JSONOracle.accepts([UInt8](text.utf8)))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "-", "1.", ".5", "1e", "+1", "NaN", "tru",
        "nulll",
        "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"", "\"\u{01}\"", "\"a\nb\"", "[1 2]",
        "{\"a\" 1}",
        "{\"a\":}", "[}", "{]", "{} {}", "[1]]", "// c\n1", "[,1]", "{,}", "\u{feff}1", "1_000", "0x10", "Infinity",
    ])
    func refused(_ text: String) {
        #expect(!accepts([UInt8](text.utf8)))
        #expect(!JSONOracle.accepts([UInt8](text.utf8)))
    }

    @Test func nesting() {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: 0x5b, count: depth) + [UInt8](repeating: 0x5d, count: depth)
        }
        #expect(accepts(nested(64)))
        #expect(!accepts(nested(65)))
        #expect(!accepts([UInt8](repeating: 0x5b, count: 100_000)))
        #expect(accepts(nested(127), maxDepth: 100_000))
        #expect(!accepts(nested(128), maxDepth: 100_000))
    }

    @Test func errorsNameThePlace() {
        let text = [UInt8]("{\"a\": tru }".utf8)
        var scanner = JSONScanner(0..<text.count, maxDepth: 64)
        var caught: JSONError?
        do throws(JSONError) { try scanner.skipValue(in: text.span, depth: 0) } catch { caught = error }
        #expect(caught == JSONError("expected a value", at: 9))
    }

    /// Random text from JSON's own alphabet: scanner and oracle agree on every one.
    @Test func agreesWithTheOracle() {
        var random = Seeded(state: 1)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"k\":", "1", "-", "0", ".5", "e3", "true", "null", " ",
            "\n",
            "\\u00e9", "\\ud83d\\ude00", "\\n", "abcdefghijklmnop", "é", "\u{1}",
        ]
        var valid = 0
        for _ in 0..<40_000 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 1...9, using: &random) {
                text += pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8
            }
            let expected = JSONOracle.accepts(text)
            if expected { valid += 1 }
            #expect(accepts(text) == expected, "\(text.text)")
        }
        #expect(valid > 500)
    }

    /// Strings of every length around the 16-byte steps, with escapes anywhere.
    @Test func unescapesAsTheOracleDoes() {
        var random = Seeded(state: 2)
        let pieces = [
            "a", "0123456789", "\\n", "\\\"", "\\\\", "\\/", "\\t", "\\u0041", "\\u00e9", "\\u20ac", "\\ud83d\\ude00",
            "\\ud83d", "\\ude00", "\\ud83dx", "é", "€", "😀", "\\ud83d\\u0041", "\\ud83d\\ud83d\\ude00",
        ]
        for _ in 0..<3_000 {
            var text: [UInt8] = [0x22]
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                text += pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8
            }
            text.append(0x22)
            #expect(unescape(text) == JSONOracle.unescape(text), "\(text.text)")
            let cut = Int.random(in: 0..<text.count, using: &random)
            #expect(unescape(Array(text[..<cut])) == JSONOracle.unescape(Array(text[..<cut])))
        }
    }

    @Test func keepsBytesThatAreNotUTF8() {
        let text: [UInt8] = [0x22, 0xff, 0xc0, 0x80, 0x5c, 0x6e, 0xed, 0xa0, 0x22]
        #expect(unescape(text) == [0xff, 0xc0, 0x80, 0x0a, 0xed, 0xa0])
    }
}
