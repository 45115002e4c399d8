import Model

/// When something is tried again that failed on the disk: after a second, two, four, at most half a minute; and at once
/// when the disk has more room than it had then.
struct Backoff: Sendable {
    private static let longestSeconds: Int64 = 30
    /// What a disk must have gained to be worth another try, in bytes: more than the log's own files come and go.
    private static let gainBytes = 1 << 20
    private var pauseSeconds: Int64 = 0
    private var notBefore: Int64 = 0
    private var freeBytes = 0

    /// It failed at the monotonic time `now` in nanoseconds, while `freeBytes` of the disk were free.
    mutating func fail(now: Int64, freeBytes: Int) {
        // Several that failed together are one failure.
        guard now >= notBefore else { return }
        pauseSeconds = min(max(pauseSeconds * 2, 1), Backoff.longestSeconds)
        notBefore = now + pauseSeconds * Nanoseconds.perSecond
        self.freeBytes = freeBytes
    }

    /// Whether it may be tried now.
    func allows(now: Int64, freeBytes: Int) -> Bool {
        now >= notBefore || freeBytes - self.freeBytes >= Backoff.gainBytes
    }

    /// Whether it has failed and has not worked since.
    var isFailing: Bool { pauseSeconds > 0 }
}
