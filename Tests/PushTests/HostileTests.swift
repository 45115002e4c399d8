import Bytes
import Model
import Push
import Receive
import Testing

@Suite struct HostileTests {
    private let valid = #"""
        {"streams":[{"stream":{"app":"x","trace_id":"t"},"values":[["1795464000000000000","l\u00e9 \"q\"",{"a":"b"}],
        ["1795464000000000001","m"]]},{"labels":"{a=\"b\"}","entries":[{"ts":"2026-11-23T19:05:37Z","line":"x"}]}]}
        """#

    @Test func everyCutIsRefused() throws {
        let whole = [UInt8](valid.utf8)
        #expect(try push(whole).batch.rows.count == 3)
        for count in 0..<whole.count { #expect(answer(Array(whole[..<count])).status >= 400, "cut at \(count)") }
        let proto = try fixture("loki-push/promtail.snappy")
        for count in 0..<proto.count {
            #expect(answer(Array(proto[..<count]), type: "application/x-protobuf").status >= 400, "cut at \(count)")
        }
    }

    @Test func flippedBytesNeverTrap() throws {
        var random = Seeded(state: 13)
        let json = [UInt8](valid.utf8)
        let proto = message(
            labels: "{app=\"x\", b=\"y\"}",
            entries: [((1_795_464_000, 5), "line", [("trace.id", "t")]), ((1_795_463_999, 0), "x", [])])
        for _ in 0..<4_000 {
            var text = json
            var bytes = proto
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = answer(text)
            _ = answer(snappy(bytes), type: "application/x-protobuf")
            _ = answer(bytes, type: "application/x-protobuf")
        }
    }

    @Test func bombs() throws {
        let streams = [UInt8](("{\"streams\":[" + String(repeating: "{},", count: 8_000_000)).utf8)
        let packed = try Codec.zlib.compress(streams.span)
        #expect(packed.count < 200_000)
        #expect(answer(packed, encoding: "deflate").status == 413)
        let zeros = try Codec.zlib.compress([UInt8](repeating: 0x20, count: (32 << 20) + 1).span)
        #expect(answer(zeros, encoding: "deflate").status == 413)
        #expect(answer([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00], type: "application/x-protobuf").status == 413)
        #expect(answer([UInt8](repeating: 0x5b, count: 100_000)).status == 400)
        let nested = "{\"streams\":[{\"x\":" + String(repeating: "[", count: 100_000)
        #expect(answer(nested).status == 400)
        #expect(answer([UInt8](repeating: 0x20, count: (16 << 20) + 1)).status == 413)
    }

    /// Labels that go with every entry must not multiply a small body into a large batch.
    @Test func demotedLabelsCannotMultiply() {
        var options = ReceiveOptions()
        options.limits.inflatedBytes.value = 1 << 20
        let value = String(repeating: "v", count: 2000)
        let entries = Array(repeating: "[\"\(now)\",\"\"]", count: 20_000).joined(separator: ",")
        let got = answer(
            "{\"streams\":[{\"stream\":{\"trace_id\":\"\(value)\"},\"values\":[\(entries)]}]}", options: options)
        #expect(got.status == 413)
    }

    /// Very many labels or pairs are counted, not collected.
    @Test func manyNames() {
        let pairs = (0..<200_000).reversed().map { "\"k\($0)\":\"v\"" }.joined(separator: ",")
        let labels = answer(body(labels: "{\(pairs)}"))
        #expect(labels.status == 400)
        #expect(labels.text.contains("has 200000 label names; limit 64"))
        #expect(answer(body(metadata: "{\(pairs)}")).text.contains("too many structured metadata labels: '200000'"))
    }
}
