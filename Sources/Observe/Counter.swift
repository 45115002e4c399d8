import Synchronization

/// A number that many threads add to.
public final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    public init() {}

    /// Adds `amount`; wraps at the end of `Int`, which takes centuries.
    @inline(__always)
    public func add(_ amount: Int = 1) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    public var value: Int { count.load(ordering: .relaxed) }
}
