import Bytes

/// Which errors are alike (contract: "Grouping", rules 1 to 6), version `g1`.
struct Fingerprint: Hashable, Sendable {
    static let framesLimit = 8
    private static let chainLimit = 2

    /// SHA-256 of what the group is made of.
    let digest: [UInt8]
    /// What that was, for people.
    let reason: String

    /// `e_` and 16 hex digits.
    var id: String {
        let hex = digest.prefix(8).map { byte in
            let text = String(byte, radix: 16)
            return text.count < 2 ? "0" + text : text
        }
        return "e_" + hex.joined()
    }

    init(_ event: ErrorEvent) {
        let (parts, why) = Fingerprint.computed(event)
        var all = parts
        var reason = why
        if !event.clientFingerprint.isEmpty {
            all = event.clientFingerprint.flatMap { element in
                element.filter { $0 != " " } == "{{default}}" ? parts : [element]
            }
            reason = "the client's fingerprint"
        }
        var text = Normaliser.version + "\n" + event.app
        for part in all { text += "\n" + part }
        digest = SHA256.digest([UInt8](text.utf8))
        self.reason = "\(Normaliser.version): \(reason)"
    }

    private static func computed(_ event: ErrorEvent) -> (parts: [String], reason: String) {
        let chain = event.exceptions.suffix(chainLimit)
        if chain.contains(where: { !$0.frames.isEmpty }) {
            var parts: [String] = []
            for exception in chain {
                parts.append(exception.type)
                parts += calls(exception.frames)
            }
            return (parts, "exception types and calls of the application")
        }
        if let last = chain.last, !last.type.isEmpty {
            return ([last.type, Normaliser.normalise(last.value)], "exception type and normalised value")
        }
        return ([Normaliser.normalise(event.message), event.logger], "normalised message and logger")
    }

    /// Calls of the application, newest first; the newest three of any kind where there is none. Repeated ones count
    /// once, so that the depth of a recursion does not matter.
    private static func calls(_ frames: [StackFrame]) -> [String] {
        let own = frames.filter(\.isInApp)
        let wanted = own.isEmpty ? frames.suffix(3) : own[...]
        var calls: [String] = []
        for frame in wanted.reversed() {
            let place = frame.module.isEmpty ? Normaliser.normalise(frame.file) : frame.module
            let call = place + ":" + frame.function
            if calls.last != call { calls.append(call) }
            if calls.count == framesLimit { break }
        }
        return calls
    }
}
