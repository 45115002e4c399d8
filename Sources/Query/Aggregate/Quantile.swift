/// Quantile with linear interpolation between the two nearest ranks, found by selection (Hoare's, with the median of
/// three as pivot; sorting takes over where that goes badly).
enum Quantile {
    /// - Parameter values: in any order; left in another.
    static func value(_ quantile: Double, _ values: inout [Double], _ meter: WorkMeter) throws(QueryError) -> Double {
        if values.isEmpty || quantile.isNaN { return .nan }
        if quantile < 0 { return -.infinity }
        if quantile > 1 { return .infinity }
        let rank = quantile * Double(values.count - 1)
        let low = Int(max(0, rank.rounded(.down)))
        let high = min(values.count - 1, low + 1)
        let weight = rank - rank.rounded(.down)
        // NaN sorts first, as in the reference.
        let numbersStart = values.partition { !$0.isNaN }
        if low < numbersStart { return .nan }
        try select(low, &values, numbersStart, meter)
        let below = values[low]
        guard high > low else { return below }
        var above = values[high]
        for position in high..<values.count where values[position] < above { above = values[position] }
        return below * (1 - weight) + above * weight
    }

    /// Puts the value of this rank in its place, those below before it and those above behind.
    private static func select(
        _ rank: Int, _ values: inout [Double], _ start: Int, _ meter: WorkMeter
    ) throws(QueryError) {
        var low = start
        var high = values.count - 1
        var rounds = 0
        while low < high {
            try meter.spend((high - low) * 2)
            rounds += 1
            if high - low < 16 || rounds > 64 {
                values[low...high].sort()
                return
            }
            let (left, right) = split(&values, low, high)
            if rank <= right {
                high = right
            } else if rank >= left {
                low = left
            } else {
                return
            }
        }
    }

    /// Puts values below the pivot up to `right` and those above from `left` on; between them all equal it.
    private static func split(_ values: inout [Double], _ low: Int, _ high: Int) -> (left: Int, right: Int) {
        let (a, b, c) = (values[low], values[low + (high - low) / 2], values[high])
        let pivot = max(min(a, b), min(max(a, b), c))
        var left = low
        var right = high
        while left <= right {
            while values[left] < pivot { left += 1 }
            while values[right] > pivot { right -= 1 }
            if left <= right {
                values.swapAt(left, right)
                left += 1
                right -= 1
            }
        }
        return (left, right)
    }
}
