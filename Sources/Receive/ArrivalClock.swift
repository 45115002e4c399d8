import Synchronization

/// Gives entries without a timestamp distinct, increasing nanoseconds, also across requests and threads.
public final class ArrivalClock: Sendable {
    private let last = Atomic<Int64>(.min)

    public init() {}

    /// A time that no other call got: `now`, or one nanosecond after the latest given out.
    public func stamp(now: Int64) -> Int64 {
        var seen = last.load(ordering: .relaxed)
        while true {
            let next = now > seen ? now : seen &+ 1
            let (exchanged, original) = last.weakCompareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return next }
            seen = original
        }
    }
}
