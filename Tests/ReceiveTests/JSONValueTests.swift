import Receive
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        (#"{"a":[1,-2.5,true,null,"x\ny"],"b":{}}"#, #"{"a":[1,-2.5,true,null,"x\ny"],"b":{}}"#),
        (" { \"a\" : [ ] , \"b\":{ } } \n", #"{"a":[],"b":{}}"#), ("\"é\"", "\"é\""), ("0", "0"), ("1e3", "1000"),
    ])
    func documentsReadAndWriteBack(text: String, written: String) throws {
        var out: [UInt8] = []
        try JSONValue(parsing: [UInt8](text.utf8)).append(to: &out)
        #expect(String(decoding: out, as: UTF8.self) == written)
    }

    @Test(arguments: ["", "{", "[1,]", "nul", "{\"a\"}", "1 2", String(repeating: "[", count: 100_000)])
    func brokenDocumentsAreRefused(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [UInt8](text.utf8)) }
    }

    @Test func depthAndCountAreBounded() throws {
        let nested = [UInt8]("[[[1]]]".utf8)
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested, maxDepth: 3) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested, maxValues: 3) }
        let document = try JSONValue(parsing: nested, maxDepth: 4, maxValues: 4)
        #expect(document.items.first?.items.first?.items.first?.integer == 1)
    }

    @Test func membersAreFoundByName() throws {
        let text = #"{"n":3,"f":2.5,"t":"x","no":null,"labels":{"app":"shop","up":true}}"#
        let document = try JSONValue(parsing: [UInt8](text.utf8))
        #expect(document["n"]?.integer == 3)
        #expect(document["f"]?.double == 2.5)
        #expect(document["t"]?.string == "x")
        #expect(document["no"] == nil)
        #expect(document["labels"]?.texts.map { "\($0.name)=\($0.value)" } == ["app=shop", "up=true"])
    }
}
