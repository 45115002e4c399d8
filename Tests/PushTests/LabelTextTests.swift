import Model
import Push
import Receive
import Testing

@Suite struct LabelTextTests {
    private func parse(_ labels: String) -> (labels: String?, error: String?) {
        let bytes = message(labels: labels, entries: [((1_795_464_000, 0), "l", [])])
        guard let result = try? push(snappy(bytes), type: "application/x-protobuf") else { return (nil, "refused") }
        return (readable(result.batch).first?.labels, result.lokiErrorText)
    }

    @Test(arguments: [
        (#"{service_name="s"}"#, #"{service_name="s"}"#),
        (#"{ a = "b" , service_name = "s" , }"#, #"{a="b", service_name="s"}"#),
        (#"{a="b",c="d",service_name="s"}"#, #"{a="b", c="d", service_name="s"}"#),
        (#"{service_name='it\'s "x"'}"#, #"{service_name="it's \"x\""}"#),
        ("{service_name=`a\\n\"`}", #"{service_name="a\\n\""}"#),
        (#"{service_name="\x41\101\u00e9\U0001F600\n\t\\\""}"#, #"{service_name="AAé😀\n\t\\\""}"#),
        (#"{a="",service_name="s"}"#, #"{service_name="s"}"#), ("{}", #"{service_name="unknown_service"}"#),
        ("", #"{service_name="unknown_service"}"#), ("\n{a=\"b\"}\t", #"{a="b", service_name="unknown_service"}"#),
    ])
    func accepted(_ text: String, _ expected: String) {
        let got = parse(text)
        #expect(got.labels == expected)
        #expect(got.error == nil)
    }

    @Test(arguments: [
        ("{job=push}", "1:6: parse error: unexpected identifier \"push\" in label set, expected string"),
        ("{app-x=\"v\"}", "1:5: parse error: unexpected character inside braces: '-'"),
        ("{9x=\"v\"}", "1:2: parse error: unexpected character inside braces: '9'"),
        ("{a=\"b\"", "1:7: parse error: unexpected end of input inside braces"),
        ("{a=\"b", "1:4: parse error: unterminated quoted string"),
        ("{a=\"\\q\"}", "1:5: parse error: unknown escape sequence"),
        ("{a=\"b\" c=\"d\"}", "1:8: parse error: unexpected identifier \"c\" in label set, expected \",\" or \"}\""),
        ("{a=~\"b\"}", "1:4: parse error: unexpected \"=~\" in label set, expected \"=\""),
        ("{a!=\"b\"}", "1:3: parse error: unexpected \"!\" in label set, expected \"=\""),
        ("{a}", "1:3: parse error: unexpected \"}\" in label set, expected \"=\""),
        ("a=\"b\"", "1:1: parse error: unexpected identifier \"a\" in label set, expected \"{\""),
        ("{a=\"b\"} x", "1:9: parse error: unexpected text after the labels"),
        ("{,}", "1:2: parse error: unexpected \",\" in label set, expected identifier or \"}\""),
        ("{a=\"\\ud800\"}", "1:11: parse error: escape sequence is no Unicode character"),
        ("{a=\"\\x4\"}", "1:5: parse error: bad digit in an escape sequence"),
        ("{a=\"\\777\"}", "1:9: parse error: unknown escape sequence"),
    ])
    func refused(_ text: String, _ error: String) {
        let got = parse(text)
        #expect(got.labels == nil)
        #expect(got.error == "couldn't parse labels: " + error)
    }

    @Test func duplicates() {
        #expect(
            parse(#"{a="1",a="2"}"#).error
                == #"stream '{a="2", service_name="unknown_service"}' has duplicate label name: 'a'"#)
        #expect(parse(#"{a="\xff"}"#).error == "value of label 'a' is not valid UTF-8")
    }

    @Test func noTextTraps() {
        var random = Seeded(state: 11)
        let pieces = ["{", "}", "a", "=", "\"", ",", "\\", " ", "x41", "é", "'", "`", "9", "~", "u00e9"]
        for _ in 0..<5000 {
            var text = "{"
            for _ in 0..<Int.random(in: 0...8, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
            let got = parse(text)
            #expect((got.labels == nil) != (got.error == nil), "\(text)")
        }
    }
}
