import Bytes
import Model
import Receive
import Testing

private func decode(_ body: [UInt8], _ encoding: String?, _ limits: Limits) throws -> [UInt8]? {
    try BodyDecoder.decode(body.span, encoding: encoding, limits: limits)
}

@Suite struct BodyDecoderTests {
    let content = [UInt8](String(repeating: "some line of text\n", count: 200).utf8)

    @Test func encodings() throws {
        let limits = Limits()
        for encoding in [nil, "", "identity", "snappy", "Identity"] {
            #expect(try decode(content, encoding, limits) == nil)
        }
        #expect(try decode(Compressed.gzip(content), "gzip", limits) == content)
        #expect(try decode(Compressed.gzip(content), "GZIP", limits) == content)
        #expect(try decode(Compressed.zlib(content), "deflate", limits) == content)
        #expect(try decode(Compressed.deflate(content), "deflate", limits) == content)
    }

    @Test func unknownEncoding() {
        #expect(throws: ReceiveError(status: 400, message: "Content-Encoding \"br\" not supported")) {
            try decode(content, "br", Limits())
        }
    }

    @Test(arguments: ["gzip", "deflate"])
    func everyCutIsRefused(_ encoding: String) throws {
        let whole = encoding == "gzip" ? try Compressed.gzip(content) : try Compressed.zlib(content)
        for count in 0..<whole.count {
            let part = Array(whole[..<count])
            #expect(throws: ReceiveError.self) {
                try decode(part, encoding, Limits())
            }
        }
    }

    @Test func bombsAre413() throws {
        var limits = Limits()
        limits.inflatedBytes.value = 1 << 20
        let bomb = [UInt8](repeating: 0x20, count: (1 << 20) + 1)
        for (encoding, body) in [("gzip", try Compressed.gzip(bomb)), ("deflate", try Compressed.zlib(bomb))] {
            #expect(body.count < 4096)
            #expect(
                status {
                    _ = try decode(body, encoding, limits)
                    return ReceiveResult(batch: Batch())
                } == 413)
        }
        limits.bodyBytes.value = 10
        #expect(
            throws: ReceiveError(
                status: 413, message: "request body too large: message size too large than max (11 vs 10)")
        ) { try decode([UInt8](repeating: 0x20, count: 11), nil, limits) }
    }
}
