import Bytes
import Model
import Synchronization

/// The streams of one tenant in this process: label sets by number, and which streams carry which label value.
/// Grows only; readers look at the first `count` streams of their snapshot.
final class StreamTable: Sendable {
    private struct State {
        var numbers: [Hash128: UInt32] = [:]
        var labels: [LabelSet] = []
        /// Name -> value -> streams, ascending.
        var postings: [[UInt8]: [[UInt8]: [UInt32]]] = [:]
    }

    private let state = Mutex(State())

    /// Streams known by now.
    var count: Int { state.withLock { $0.labels.count } }

    /// The number of the stream with these labels, new or known.
    func number(for labels: LabelSet) -> UInt32 {
        number(for: labels, hash: labels.hash)
    }

    /// The same, with the hash at hand.
    func number(for labels: LabelSet, hash: Hash128) -> UInt32 {
        state.withLock { state in
            if let known = state.numbers[hash] { return known }
            let number = UInt32(state.labels.count)
            state.numbers[hash] = number
            state.labels.append(labels)
            var cursor = PairCursor(0..<labels.encoded.count)
            let span = labels.encoded.span
            while let pair = cursor.next(in: span) {
                let name = Array(labels.encoded[pair.name])
                let value = Array(labels.encoded[pair.value])
                state.postings[name, default: [:]][value, default: []].append(number)
            }
            return number
        }
    }

    /// Labels of the stream numbered `number`.
    func labels(_ number: UInt32) -> LabelSet {
        state.withLock { Int(number) < $0.labels.count ? $0.labels[Int(number)] : LabelSet([]) }
    }

    /// For each of the first `count` streams, whether it passes all `tests`. Each test is asked once per distinct
    /// value.
    func select(_ tests: [LabelTest], count: Int) -> [Bool] {
        var selected = [Bool](repeating: true, count: count)
        for test in tests {
            let values = state.withLock { $0.postings[test.name] } ?? [:]
            let absent: [UInt8] = []
            var passes = [Bool](repeating: test.test.matches(absent.span), count: count)
            for (value, numbers) in values {
                let isMatch = test.test.matches(value.span)
                for number in numbers where Int(number) < count { passes[Int(number)] = isMatch }
            }
            for index in 0..<count where !passes[index] { selected[index] = false }
        }
        return selected
    }
}
