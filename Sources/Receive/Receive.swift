// Receive: bytes as they came in -> `Batch`.
//
// JSON scanning, bounded inflation, levels, service names, limits and our own push format live here. It may know Bytes
// and Model; it knows no HTTP types, does no I/O, keeps no state between requests but the arrival clock, and never lets
// input decide how much memory or time it takes beyond the limits.

/// A request that is refused as a whole: nothing of it is stored.
public struct ReceiveError: Error, Hashable, Sendable, CustomStringConvertible {
    /// HTTP status: 400, 413 or 422.
    public let status: Int
    /// What was wrong and where, for people; without a final newline.
    public let message: String

    public init(status: Int, message: String) {
        self.status = status
        self.message = message
    }

    /// 400: the request cannot be read.
    public static func malformed(_ message: String) -> ReceiveError { ReceiveError(status: 400, message: message) }

    /// 413: the request exceeds a limit on its size or counts.
    public static func tooLarge(_ message: String) -> ReceiveError { ReceiveError(status: 413, message: message) }

    public var description: String { message }
}
