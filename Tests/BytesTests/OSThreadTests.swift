import Bytes
import Glibc
import Testing

@Suite struct OSThreadTests {
    /// A thread that is not joined leaves nothing mapped: a server that lives long starts many.
    @Test func threadsThatNobodyWaitsForGiveTheirStacksBack() throws {
        func mappings() throws -> Int {
            let file = try #require(fopen("/proc/self/maps", "r"))
            defer { fclose(file) }
            var lines = 0
            while case let byte = fgetc(file), byte != EOF { lines += byte == 10 ? 1 : 0 }
            return lines
        }
        let before = try mappings()
        for _ in 0..<1000 {
            let done = Gate(false)
            _ = OSThread(name: "dendro-test") { done.update { $0 = true } }
            _ = done.wait { $0 ? true : nil }
        }
        // A stack and its guard page are two mappings; other tests run beside this one.
        #expect(try mappings() - before < 1000)
    }
}
