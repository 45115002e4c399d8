import Bytes
import Model

/// The metadata names whose values are indexed, and the seed of the values' hashes.
struct TraceNames {
    let names: [[UInt8]]
    let seed: UInt64

    init(_ names: [String], seed: UInt64) {
        self.names = names.map { [UInt8](text: $0) }
        self.seed = seed
    }

    /// Appends the hash of each indexed value of the pairs in `span[range]`; whether there was one.
    @inline(__always)
    func collect(_ span: borrowing ByteSpan, _ range: Range<Int>, into hashes: inout [UInt64]) -> Bool {
        var found = false
        var cursor = PairCursor(range)
        while let pair = cursor.next(in: span) {
            for name in names where name.count == pair.name.count {
                if name.span.equals(span.extracting(pair.name)) {
                    let hash = TraceNames.hash(span.extracting(pair.value), seed: seed)
                    if hashes.last != hash { hashes.append(hash) }
                    found = true
                }
            }
        }
        return found
    }

    /// A value's hash: 56 bits, the low byte zero, where the block's number goes.
    @inline(__always)
    static func hash(_ value: borrowing ByteSpan, seed: UInt64) -> UInt64 {
        Hash.hash64(value, seed: seed) & ~0xff
    }
}

/// Pairs of (trace hash, block number), of which a maplet is made; bounded.
struct TracePairs {
    /// Hash in the upper 56 bits, block in the lower 8.
    private var pairs: [UInt64] = []
    private(set) var isOverfull = false

    /// How many there are.
    var count: Int { pairs.count }

    /// Adds the hashes of one block, each once.
    mutating func add(_ hashes: [UInt64], block: Int) {
        guard !isOverfull, block < PartLimits.mapletBlocks else { return }
        let sorted = hashes.sorted()
        // A quarter more room at a time, not twice as much.
        if pairs.count + sorted.count > pairs.capacity {
            pairs.reserveCapacity(pairs.count + max(sorted.count, pairs.count / 4))
        }
        for (index, hash) in sorted.enumerated() where index == 0 || sorted[index - 1] != hash {
            pairs.append(hash | UInt64(block))
        }
        if pairs.count > PartLimits.maximumTracePairs {
            isOverfull = true
            pairs = []
        }
    }

    /// All pairs by hash, then block; none are left here.
    mutating func takeSorted() -> [UInt64] {
        var taken: [UInt64] = []
        swap(&taken, &pairs)
        taken.sort()
        return taken
    }
}
