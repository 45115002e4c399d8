import Bytes
import Testing
import Wire

private func decompress(_ block: [UInt8], limit: Int = 1 << 20) throws(SnappyError) -> [UInt8] {
    try Snappy.decompress(block.span, limitBytes: limit)
}

private func fields(_ message: [UInt8]) throws -> [ProtobufReader.Field] {
    var reader = ProtobufReader(0..<message.count)
    var result: [ProtobufReader.Field] = []
    while let field = try reader.next(in: message.span) { result.append(field) }
    return result
}

@Suite struct SnappyTests {
    @Test(arguments: [0, 1, 15, 16, 1000, 100_000])
    func roundTrip(_ count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        let block = Snappy.compress(bytes.span)
        #expect(try decompress(block) == bytes)
        for cut in 0..<min(block.count, 200) {
            #expect(throws: SnappyError.self) { try decompress(Array(block[..<cut])) }
        }
    }

    @Test func claimsAreCheckedFirst() {
        let fourGigabytes: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]
        #expect(throws: SnappyError.tooLarge(claimedBytes: 0xffff_ffff, limitBytes: 1 << 20)) {
            try decompress(fourGigabytes)
        }
        #expect(throws: SnappyError.corrupt) { try decompress(fourGigabytes, limit: 1 << 33) }
        #expect(throws: SnappyError.corrupt) { try decompress(Array("{\"streams\":[]}".utf8)) }
        #expect(throws: SnappyError.corrupt) { try decompress([]) }
    }

    @Test func theLimitIsExact() throws {
        let block = Snappy.compress([UInt8](repeating: 7, count: 1000).span)
        #expect(try decompress(block, limit: 1000).count == 1000)
        #expect(throws: SnappyError.tooLarge(claimedBytes: 1000, limitBytes: 999)) { try decompress(block, limit: 999) }
    }
}

@Suite struct ProtobufTests {
    @Test func allWireTypes() throws {
        var message: [UInt8] = []
        ProtobufWriter.append(1, varint: 300, to: &message)
        ProtobufWriter.append(2, bytes: Array("text".utf8), to: &message)
        message += [0x1d, 1, 0, 0, 0]  // field 3, 4 bytes
        message += [0x21, 2, 0, 0, 0, 0, 0, 0, 1]  // field 4, 8 bytes
        ProtobufWriter.append(5, varint: .max, to: &message)
        let found = try fields(message)
        #expect(found.map(\.number) == [1, 2, 3, 4, 5])
        guard case .varint(300) = found[0].content, case .bytes(let start, 4) = found[1].content,
            case .fixed(1) = found[2].content, case .fixed(0x0100_0000_0000_0002) = found[3].content,
            case .varint(.max) = found[4].content
        else {
            Issue.record("wrong contents: \(found)")
            return
        }
        #expect(Array(message[start..<(start + 4)]) == Array("text".utf8))
    }

    @Test(arguments: [
        [0x00] as [UInt8], [0x0b], [0x0c], [0x0e], [0x0a, 0x05, 0x61], [0x08], [0x08, 0x80], [0x0d, 1, 2, 3],
        [0x09, 1, 2, 3, 4, 5, 6, 7], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ])
    func malformed(_ message: [UInt8]) {
        #expect(throws: ProtobufError.self) { try fields(message) }
    }
}
