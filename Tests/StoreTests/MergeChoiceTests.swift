import Bytes
import Chunks
import Model
import Testing

@testable import Store

/// Which parts of a day are merged.
struct MergeChoiceTests {
    private func parts(_ count: Int, blocks: UInt32, rows: UInt64 = 1_000, pairs: Int?) -> [PartHandle] {
        (0..<count).map { number in
            var summary = PartSummary(
                id: Hash128(high: 1, low: UInt64(number)), storeID: Hash128(high: 2, low: 2), tenant: .standard,
                day: Day(of: 0), isUnclean: false)
            (summary.blocks, summary.rows, summary.rawBytes) = (blocks, rows, 1 << 20)
            return PartHandle(summary, tracePairs: pairs) { _ in }
        }
    }

    @Test func asManyAsBlocksHaveNumbers() {
        #expect(Store.mergeable(parts(7, blocks: 2, pairs: 0), fanIn: 8) == nil)
        #expect(Store.mergeable(parts(40, blocks: 2, pairs: 0), fanIn: 8)?.count == 16)
        #expect(Store.mergeable(parts(40, blocks: 20, pairs: 0), fanIn: 8)?.count == 12)
        #expect(Store.mergeable(parts(40, blocks: 32, pairs: 0), fanIn: 8) == nil)
    }

    @Test func whatIsLeftAloneStaysAndItsNeighboursAreMerged() throws {
        let parts = parts(4, blocks: 2, pairs: 0)
        for _ in 0..<2 { parts[0].noteFailedMerge(isFinal: false) }
        parts[1].noteFailedMerge(isFinal: true)
        let chosen = try #require(Store.mergeable(parts, fanIn: 3))
        #expect(chosen.map(\.summary.id) == [parts[0], parts[2], parts[3]].map(\.summary.id))
        // All of it may be readable: no answer has to say that it lacks rows.
        #expect(!parts[1].wasDamaged)
    }

    /// A part of more pairs than a maplet takes has none: the lookup of a trace would open all of its blocks.
    @Test func asManyAsOneMapletTakes() {
        let most = PartImage.mostTracePairs
        #expect(Store.mergeable(parts(40, blocks: 2, pairs: most / 10), fanIn: 8)?.count == 10)
        #expect(Store.mergeable(parts(40, blocks: 2, pairs: most / 7), fanIn: 8) == nil)
        #expect(Store.mergeable(parts(40, blocks: 2, pairs: .max), fanIn: 2) == nil)
        // Where nobody has counted: each row may have a pair of its own.
        #expect(Store.mergeable(parts(40, blocks: 2, rows: UInt64(most / 9), pairs: nil), fanIn: 8)?.count == 9)
        #expect(Store.mergeable(parts(40, blocks: 2, rows: .max, pairs: nil), fanIn: 2) == nil)
    }
}
