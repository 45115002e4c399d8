import Bytes
import Testing

@testable import Store

@Suite struct RecentCacheTests {
    @Test func theLatestStayWithinTheBound() {
        let cache = RecentCache<Int, Int>(maximumBytes: 100)
        for key in 0..<10 { cache.keep(key, for: key, sizeBytes: 10) }
        #expect((0..<10).allSatisfy { cache[$0] == $0 })
        // Used again, so younger than the rest; one more drops the older half.
        #expect(cache[0] == 0)
        cache.keep(10, for: 10, sizeBytes: 10)
        #expect((0...10).filter { cache[$0] != nil } == [0, 7, 8, 9, 10])
        cache.limit(to: 20)
        #expect((0...10).filter { cache[$0] != nil } == [10])
        // The same key counts once.
        for _ in 0..<5 { cache.keep(11, for: 11, sizeBytes: 10) }
        #expect(cache[10] == 10 && cache[11] == 11)
    }

    @Test func answersAreKeptByPartBlockAndTest() {
        let cache = AnswerCache()
        let (part, other) = (Hash128(high: 1, low: 2), Hash128(high: 1, low: 3))
        cache.keep(part, 0, [1, 5], passing: [0x61])
        cache.keep(part, 1, [], passing: [0x61])
        #expect(cache.rows(part, 0, passing: [0x61]) == [1, 5])
        #expect(cache.rows(part, 1, passing: [0x61]) == [])
        #expect(cache.rows(part, 0, passing: [0x62]) == nil)
        #expect(cache.rows(other, 0, passing: [0x61]) == nil)
        // Answers of some 8 KiB each: the first is long gone.
        for block in 2..<3000 { cache.keep(part, block, [UInt16](repeating: 7, count: 4096), passing: [0x61]) }
        #expect(cache.rows(part, 0, passing: [0x61]) == nil)
        #expect(cache.rows(part, 2999, passing: [0x61])?.count == 4096)
    }
}
