/// Decides when free heap pages go back to the system: whenever memory has grown since the last time. Freed buffers of
/// sealing and of large queries lie between those in use, where the allocator by itself keeps their pages for good.
public struct HeapWatch: Sendable {
    /// Growth that is left alone, in bytes.
    public static let slackBytes = 12 << 20

    /// Nothing at first: what starting took and left is given back.
    private var settledBytes = 0

    public init() {}

    /// Whether to trim now.
    /// - Parameter residentBytes: memory of the process, 0 when unknown.
    public mutating func isTrimDue(residentBytes: Int) -> Bool {
        if residentBytes < settledBytes { settledBytes = residentBytes }
        return residentBytes - settledBytes > HeapWatch.slackBytes
    }

    /// Notes what a trim has left, from which growth counts on.
    public mutating func trimmed(residentBytes: Int) { settledBytes = residentBytes }

    /// Trims this process's heap if it has grown.
    public mutating func tend() {
        guard isTrimDue(residentBytes: Machine.residentBytes()) else { return }
        Machine.trimHeap()
        trimmed(residentBytes: Machine.residentBytes())
    }
}
