import Synchronization

/// Bytes of all bodies that are being received or decoded. The first piece of each body is free, so small requests get
/// through while large ones are asked to wait.
final class BodyBudget: Sendable {
    static let freeBytes = 64 << 10

    private let used = Atomic<Int>(0)
    private let limitBytes: Int

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// Takes `bytes` more; false when there is no room.
    func take(_ bytes: Int) -> Bool {
        guard bytes > 0 else { return true }
        let after = used.wrappingAdd(bytes, ordering: .relaxed).newValue
        guard after > limitBytes else { return true }
        used.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }

    func giveBack(_ bytes: Int) {
        if bytes > 0 { used.wrappingSubtract(bytes, ordering: .relaxed) }
    }

    var usedBytes: Int { used.load(ordering: .relaxed) }
}
