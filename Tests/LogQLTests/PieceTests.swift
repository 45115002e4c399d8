import Testing

@testable import LogQL

/// Patterns, paths, addresses and regex texts.
struct PieceTests {
    @Test func patterns() {
        let pattern = Pattern(parsing: Array("<ip> - <_> [<a b>] <x".utf8))
        #expect(
            pattern.pieces == [
                .capture("ip"), .literal(Array(" - ".utf8)), .placeholder, .literal(Array(" [<a b>] <x".utf8)),
            ])
        #expect(pattern.text == "<ip> - <_> [<a b>] <x")
        #expect(pattern.names == ["ip"])
        #expect(Pattern(parsing: []).pieces.isEmpty)
    }

    @Test(
        arguments: [
            ("a.b", [.key(Array("a".utf8)), .key(Array("b".utf8))]),
            (
                "a[0][\"x.\\\"y\"].z",
                [.key(Array("a".utf8)), .index(0), .key(Array("x.\"y".utf8)), .key(Array("z".utf8))]
            ),
            ("[\"a\"]", [.key(Array("a".utf8))]), ("[12]", [.index(12)]),
        ] as [(String, [JSONPath.Element])])
    func paths(text: String, elements: [JSONPath.Element]) throws {
        #expect(try JSONPath(parsing: Text(text)).elements == elements)
    }

    @Test(arguments: [
        "", ".a", "a.", "a..b", "a[", "a[]", "a[0", "a b", "a-b", "a[\"x]", "[99999999999999999999]", "0",
    ])
    func pathsRefused(text: String) {
        #expect(throws: PathFault.self) { try JSONPath(parsing: Text(text)) }
    }

    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4", true), ("1.2.3.4", "1.2.3.5", false), ("10.1.2.3/8", "10.255.0.1", true),
        ("10.1.2.3/8", "11.0.0.0", false), ("0.0.0.0/0", "255.255.255.255", true), ("1.0.0.1-1.0.0.9", "1.0.0.5", true),
        ("1.0.0.1-1.0.0.9", "1.0.0.10", false), ("::1", "0:0:0:0:0:0:0:1", true),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false), ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("::/0", "1.2.3.4", false),
        ("::ffff:1.2.3.4", "::ffff:102:304", true), ("1::-1::5", "1::3", true),
    ])
    func addresses(pattern: String, address: String, isInside: Bool) throws {
        let pattern = try #require(IPPattern(parsing: Text(pattern)))
        let address = try #require(IPAddress(parsing: Array(address.utf8)[...]))
        #expect(pattern.contains(address) == isInside)
    }

    @Test(arguments: [
        "", "x", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1..2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+1", ":::",
        "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1:", ":1", "::1%eth0", "1.2.3.9-1.2.3.1", "1.2.3.4-::1",
        "::1.2.3", "g::",
        "1:2:3:4:5:6:7:1.2.3.4", "::/129", "1:2:3:4:5:6:7:8::",
    ])
    func addressesRefused(text: String) {
        #expect(IPPattern(parsing: Text(text)) == nil)
    }

    @Test(arguments: [
        ("(?<a>x)(?P<b>y)", "(?P<a>x)(?P<b>y)", ["a", "b"]), ("\\(?<a>", "\\(?<a>", []), ("[(?<a>]", "[(?<a>]", []),
        ("[]](?<a>)", "[]](?P<a>)", ["a"]), ("[^]\\]](?<a>)", "[^]\\]](?P<a>)", ["a"]),
        ("(?<=a)(?<!b)", "(?<=a)(?<!b)", []),
        ("[[:alpha:](](?<a>)", "[[:alpha:](](?P<a>)", ["a"]), ("\\Q(?<a>\\E(?<b>)", "\\Q(?<a>\\E(?P<b>)", ["b"]),
        ("(?<", "(?<", []),
        ("\\", "\\", []), ("[", "[", []), ("", "", []),
    ])
    func regexes(text: String, rewritten: String, names: [String]) {
        #expect(String(decoding: RegexText.forRE2(Array(text.utf8)), as: UTF8.self) == rewritten)
        #expect(RegexText.captureNames(of: Array(text.utf8)) == names)
    }
}
