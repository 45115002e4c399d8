import Bytes

/// Which errors are alike (contract: "Grouping", rules 1 to 6), version `g1`.
struct Fingerprint: Hashable, Sendable {
    /// What a group is made of.
    enum Reason: UInt8, Sendable {
        case calls, value, message, client, overflow

        /// For people.
        var text: String {
            switch self {
            case .calls: "g1: exception types and calls of the application"
            case .value: "g1: exception type and normalised value"
            case .message: "g1: normalised message and logger"
            case .client: "g1: the client's fingerprint"
            case .overflow: "there are too many groups: errors of the application beyond them"
            }
        }
    }

    /// The first eight bytes of the SHA-256 of what the group is made of.
    let digest: UInt64
    let reason: Reason

    var name: GroupName { GroupName(digest) }
}

/// Makes fingerprints, in memory that is used again.
struct FingerprintMaker: Sendable {
    private static let framesLimit = 8
    private static let chainLimit = 2
    private static let standIn = [UInt8]("{{default}}".utf8)

    /// What is hashed: version, app and parts, one a line.
    private var text: [UInt8] = []

    mutating func make(_ draft: borrowing EventDraft) -> Fingerprint {
        text.removeAll(keepingCapacity: true)
        text.append(contentsOf: Normaliser.version.utf8)
        text.append(0x0a)
        text.append(draft.arena, draft.app)
        var reason = Fingerprint.Reason.client
        if draft.clientFingerprint.isEmpty {
            reason = addParts(draft)
        } else if isStandIn(draft) {
            _ = addParts(draft)
        } else {
            add(draft.arena, draft.clientFingerprint)
        }
        return Fingerprint(digest: SHA256.prefix(text), reason: reason)
    }

    /// Whether the client's fingerprint is the computed one.
    private func isStandIn(_ draft: borrowing EventDraft) -> Bool {
        var at = 0
        for index in draft.clientFingerprint where draft.arena[index] != 0x20 {
            guard at < FingerprintMaker.standIn.count, FingerprintMaker.standIn[at] == draft.arena[index] else {
                return false
            }
            at += 1
        }
        return at == FingerprintMaker.standIn.count
    }

    private mutating func add(_ arena: [UInt8], _ range: Range<Int>) {
        text.append(0x0a)
        text.append(arena, range)
    }

    private mutating func addNormalised(_ arena: [UInt8], _ range: Range<Int>) {
        text.append(0x0a)
        Normaliser.append(arena, range, to: &text)
    }

    private mutating func addParts(_ draft: borrowing EventDraft) -> Fingerprint.Reason {
        let chain = draft.exceptions.suffix(FingerprintMaker.chainLimit)
        if chain.contains(where: { !$0.frames.isEmpty }) {
            for exception in chain {
                add(draft.arena, exception.type)
                addCalls(draft, exception.frames)
            }
            return .calls
        }
        if let last = chain.last, !last.type.isEmpty {
            add(draft.arena, last.type)
            addNormalised(draft.arena, last.value)
            return .value
        }
        addNormalised(draft.arena, draft.message)
        add(draft.arena, draft.logger)
        return .message
    }

    /// Calls of the application, newest first; the newest three of any kind where there is none. Repeated ones count
    /// once, so that the depth of a recursion does not matter.
    private mutating func addCalls(_ draft: borrowing EventDraft, _ range: Range<Int>) {
        var hasOwn = false
        for index in range where draft.frames[index].isInApp { hasOwn = true }
        let oldest = hasOwn ? range.lowerBound : max(range.lowerBound, range.upperBound - 3)
        var last: Range<Int>?
        var count = 0
        var index = range.upperBound
        while index > oldest, count < FingerprintMaker.framesLimit {
            index -= 1
            let frame = draft.frames[index]
            if hasOwn, !frame.isInApp { continue }
            let start = text.count
            text.append(0x0a)
            if frame.module.isEmpty {
                Normaliser.append(draft.arena, frame.file, to: &text)
            } else {
                text.append(draft.arena, frame.module)
            }
            text.append(0x3a)
            text.append(draft.arena, frame.function)
            let call = start..<text.count
            if let last, text.span.extracting(last).equals(text.span.extracting(call)) {
                text.removeLast(call.count)
            } else {
                last = call
                count += 1
            }
        }
    }
}
