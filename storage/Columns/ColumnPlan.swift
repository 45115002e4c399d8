/// What won in the previous block, column by column: the next block of the same tenant builds that alone,
/// and tries everything again only where it no longer fits or a column has grown.
public struct ColumnPlan: Sendable {
    /// How one column or integer sequence was stored.
    struct Choice {
        /// Raw value of a `ColumnEncoding` or an `IntegerMode`.
        let method: UInt8
        let count: Int
        let sizeBytes: Int

        /// Whether `size` for `count` values is at most a tenth more than before, a value.
        func covers(_ size: Int, count now: Int) -> Bool {
            Double(size) <= (Double(sizeBytes) + 64) * Double(now) / Double(max(count, 1)) * 1.1 + 64
        }
    }

    private var choices: [UInt64: Choice] = [:]
    private static let limit = 1 << 16

    /// A plan that knows nothing: everything is tried.
    public init() {}

    subscript(key: UInt64) -> Choice? { choices[key] }

    /// Takes in what a block chose. Keys of older blocks stay until there are too many.
    mutating func learn(_ news: [(key: UInt64, choice: Choice)]) {
        if choices.count + news.count > ColumnPlan.limit { choices = [:] }
        for (key, choice) in news.prefix(ColumnPlan.limit) { choices[key] = choice }
    }
}
