import Bytes
import Testing

@testable import Query

struct RegexTests {
    private func matches(_ regex: Regex, _ text: [UInt8]) -> Bool { regex.matches(text.span, .anywhere) }

    @Test(arguments: [
        ("a|b", "a,b"), ("abc", "abc"), (#"a\.b"#, "a.b"), ("", ""), ("a|", "a,"),
    ])
    func alternativesOfLiterals(_ regex: String, _ expected: String) {
        let found = RegexLiterals.alternatives([UInt8](regex.utf8))
        #expect(found?.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",") == expected)
    }

    @Test(arguments: ["a.b", "a*", "(a)", "[a]", "(?i)a", #"\d"#, "^a", "a$", #"a\"#])
    func noAlternatives(_ regex: String) {
        #expect(RegexLiterals.alternatives([UInt8](regex.utf8)) == nil)
    }

    @Test(arguments: [
        ("waited [0-9]+ ms", "waited "), ("a+bcd", "bcd"), ("foo|bar", ""), ("(foo)bar", "foobar"), ("(?i)foo", ""),
        ("x?yz", "yz"), (#"\d+ error"#, " error"), (#"a{2}bc"#, "bc"), ("é*ab", "ab"), ("abc?", "ab"),
        (#"a\.bc.*d"#, "a.bc"),
        ("(a|b", ""), ("[[:alpha:]]abc", ""),
    ])
    func requiredText(_ regex: String, _ expected: String) {
        #expect(String(decoding: RegexLiterals.required([UInt8](regex.utf8)), as: UTF8.self) == expected)
    }

    @Test(arguments: [
        ("from (auth|gateway) after [0-9]+m?s", "from auth after ,from gateway after "), ("(a|b)(c|d)", "ac,ad,bc,bd"),
        ("(a|b)?cd", "cd"), ("x(a|b)*long", "long"), ("(?:ab|c)d", "abd,cd"), ("(a|b|c)(d|e|f)g", "dg,eg,fg"),
        ("(a.|b)cd", "cd"), ("(?P<x>ab)c", "c"), ("(|a)b", "b,ab"),
    ])
    func requiredAlternatives(_ regex: String, _ expected: String) throws {
        let found = RegexLiterals.required([UInt8](regex.utf8), most: 8)
        #expect(found.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",") == expected)
    }

    @Test func requiredTextIsInEveryMatch() throws {
        let texts = ["waited 12 ms", "bcd", "aabcd", "foo", "error", "7 error", "aabc", "a.bc-d", "ab", "abc"]
        for pattern in ["waited [0-9]+ ms", "a+bcd", #"\d+ error"#, "a{2}bc", #"a\.bc.*d"#, "abc?"] {
            let regex = try Regex([UInt8](pattern.utf8))
            let required = RegexLiterals.required([UInt8](pattern.utf8))
            for text in texts where regex.matches([UInt8](text.utf8).span, .anywhere) {
                let isThere = ByteSearch.contains(required.span, in: [UInt8](text.utf8).span)
                #expect(isThere)
            }
        }
    }

    @Test(arguments: [
        ("(a", "missing closing )"), ("a**", ""), (#"\C"#, "invalid escape"), ("(?=a)", "Perl"), ("a{1001}", "repeat"),
    ])
    func faults(_ pattern: String, _ gist: String) {
        let fault = RegexEngine().fault(in: [UInt8](pattern.utf8))
        if gist.isEmpty { return }
        #expect(fault?.contains(gist) == true)
    }

    @Test func invalidBytesMatchADot() throws {
        let regex = try Regex([UInt8]("^a.b$".utf8))
        #expect(matches(regex, [0x61, 0xff, 0x62]))
        #expect(matches(regex, [UInt8]("aéb".utf8)))
        #expect(!matches(regex, [0x61, 0xff, 0xff, 0x62]))
    }

    @Test func namedGroups() throws {
        let regex = try Regex([UInt8]("(?<k>a+)(?P<v>b)?".utf8))
        #expect(regex.groupNames == ["k", "v"])
        var offsets: [Int64] = []
        let isFound = regex.find([UInt8]("xaa".utf8).span, into: &offsets)
        #expect(isFound)
        #expect(offsets == [1, 3, 1, 3, -1, -1])
    }

    @Test func matchesEmpty() {
        #expect(RegexEngine().matchesEmpty([UInt8](".*".utf8)))
        #expect(!RegexEngine().matchesEmpty([UInt8](".+".utf8)))
    }
}
