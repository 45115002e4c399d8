/// Random bits, the same in each run.
struct Coin: Sendable {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// True once in 2^level.
    mutating func falls(_ level: Int) -> Bool {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return (state &* 0x2545_F491_4F6C_DD1D) >> UInt64(64 - min(max(level, 1), 62)) == 0
    }
}

extension SeriesTable {
    /// What an answer has to say of itself; nil if nothing was thinned.
    var reservation: String? {
        guard isThinned else { return nil }
        return kind == .distinct
            ? "count_distinct_over_time is approximate: there were more values than memory for them"
            : "quantile_over_time is approximate: there were more samples than memory for them"
    }
}
