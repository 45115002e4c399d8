import Testing

@testable import Query

struct ValueTextTests {
    @Test(arguments: [
        ("5", 5.0), ("-1.5", -1.5), ("1e3", 1000), ("0x1p-2", 0.25), ("inf", .infinity), (".5", 0.5), ("+7", 7),
        ("123456789012345678", 123456789012345680), ("0.1", 0.1),
    ])
    func numbers(_ text: String, _ expected: Double) {
        let value = ValueText.number([UInt8](text.utf8).span)
        #expect(value == expected)
    }

    @Test(arguments: ["", " 5", "5 ", "5ms", "0x10", "1e999", "-", ".", "1_000", "nan(5)", "1.2.3"])
    func noNumbers(_ text: String) {
        let value = ValueText.number([UInt8](text.utf8).span)
        #expect(value == nil)
    }

    @Test(arguments: [
        ("1h2m3.5s", 3_723_500_000_000), ("15ms", 15_000_000), ("0", 0), ("-5us", -5_000), ("100µs", 100_000),
        (".5s", 500_000_000),
    ])
    func durations(_ text: String, _ expected: Int64) {
        let value = ValueText.duration([UInt8](text.utf8).span)
        #expect(value == expected)
    }

    @Test(arguments: ["", "5", "1d", "s", "1h2", "9999999999999h", "1 s", "-"])
    func noDurations(_ text: String) {
        let value = ValueText.duration([UInt8](text.utf8).span)
        #expect(value == nil)
    }

    @Test(arguments: [
        ("5", 5), ("2 KB", 2000), ("1.5MiB", 1_572_864), ("1,000b", 1000), ("30k", 30_000), ("1.5", 1),
        ("4Gib", 4 << 30),
    ])
    func sizes(_ text: String, _ expected: UInt64) {
        let value = ValueText.size([UInt8](text.utf8).span)
        #expect(value == expected)
    }

    @Test(arguments: ["", "KB", "5 parsecs", "-5KB", "99999999EB"])
    func noSizes(_ text: String) {
        let value = ValueText.size([UInt8](text.utf8).span)
        #expect(value == nil)
    }
}
