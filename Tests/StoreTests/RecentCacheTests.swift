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
        let answers = BlockCaches().answers
        func place(_ part: UInt64, _ block: Int) -> BlockPlace {
            BlockPlace(part: Hash128(high: 1, low: part), block: block)
        }
        answers.keep([1, 5], of: place(2, 0), [0x61], sizeBytes: 8)
        answers.keep([], of: place(2, 1), [0x61], sizeBytes: 8)
        #expect(answers[place(2, 0), [0x61]] == [1, 5])
        #expect(answers[place(2, 1), [0x61]] == [])
        #expect(answers[place(2, 0), [0x62]] == nil)
        #expect(answers[place(3, 0), [0x61]] == nil)
        // Answers of some 8 KiB each: the first is long gone.
        let many = [UInt16](repeating: 7, count: 4096)
        for block in 2..<3000 { answers.keep(many, of: place(2, block), [0x61], sizeBytes: 8192) }
        #expect(answers[place(2, 0), [0x61]] == nil)
        #expect(answers[place(2, 2999), [0x61]]?.count == 4096)
    }

    /// While ingest needs memory a quarter is kept, and more again later.
    @Test func cachesShrinkWhileIngestIsBusy() {
        let caches = BlockCaches()
        func kept() -> Int {
            (0..<1000).count { caches.notes[BlockPlace(part: Hash128(high: 1, low: 1), block: $0), []] != nil }
        }
        func fill() {
            for block in 0..<1000 {
                let place = BlockPlace(part: Hash128(high: 1, low: 1), block: block)
                caches.notes.keep(block, of: place, [], sizeBytes: 7_800)
            }
        }
        fill()
        #expect(kept() == 1000)
        caches.tend(isIngestBusy: true)
        #expect((100...260).contains(kept()))
        fill()
        #expect((100...260).contains(kept()))
        caches.tend(isIngestBusy: false)
        fill()
        #expect(kept() == 1000)
    }
}
