import Testing

@testable import Bytes

/// Outputs that are too large to grow: they are measured first, and must be the same.
struct LargeInflateTests {
    /// Repeats after a prime number of bytes, so that a piece that is lost or doubled shows.
    private static func content(_ count: Int) -> [UInt8] {
        let pattern = [UInt8](0..<251)
        var content: [UInt8] = []
        content.reserveCapacity(count)
        while content.count < count { content += pattern.prefix(count - content.count) }
        return content
    }

    private static func packed(_ content: [UInt8]) throws -> [UInt8] {
        let stream = GzipStream()
        let packed = stream.compress(content.span, isLast: true)
        return try #require(packed)
    }

    @Test(arguments: [-1, 0, 1, 1 << 20]) func outputsAroundTheSizeThatIsMeasuredAreWhole(beyond: Int) throws {
        let content = Self.content(Inflate.growingBytes + beyond)
        let packed = try Self.packed(content)
        #expect(try Inflate.inflate(packed.span, format: .gzip, limitBytes: 64 << 20) == content)
        #expect(try Inflate.inflate(packed.span, format: .gzip, limitBytes: content.count) == content)
        #expect(throws: InflateError.self) {
            try Inflate.inflate(packed.span, format: .gzip, limitBytes: content.count - 1)
        }
    }

    @Test func membersCountTogether() throws {
        let content = Self.content(5 << 20)
        let packed = try Self.packed(content)
        let both = packed + packed
        #expect(try Inflate.inflate(both.span, format: .gzip, limitBytes: 10 << 20) == content + content)
        #expect(throws: InflateError.self) {
            try Inflate.inflate(both.span, format: .gzip, limitBytes: 10 << 20 - 1)
        }
    }

    @Test func damageBehindTheMeasuredSizeIsFound() throws {
        let packed = try Self.packed(Self.content(Inflate.growingBytes + 4096))
        #expect(throws: InflateError.self) {
            try Inflate.inflate(Array(packed.dropLast(9)).span, format: .gzip, limitBytes: 64 << 20)
        }
    }
}
