import Bytes
import Files
import Testing

@Suite struct OSThreadTests {
    /// A thread that is not joined leaves nothing mapped: a server that lives long starts many.
    @Test func threadsThatNobodyWaitsForGiveTheirStacksBack() throws {
        func mappings() throws -> Int {
            let text = try PosixFileSystem().contents(of: "/proc/self/maps", limitBytes: 64 << 20)
            return text.count { $0 == UInt8(ascii: "\n") }
        }
        let before = try mappings()
        for _ in 0..<1000 {
            let done = Gate(false)
            _ = OSThread(name: "dendro-test") { done.update { $0 = true } }
            done.wait { $0 ? true : nil }
        }
        // A stack and its guard page are two mappings; other tests run beside this one.
        #expect(try mappings() - before < 1000)
    }
}
