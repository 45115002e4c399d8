public import Bytes

/// Takes secrets out of lines before they are stored anywhere. A value that is found is replaced by `[scrubbed]`; JSON
/// stays JSON. One pass over the line's bytes, from the few places where a secret might stand.
public struct Scrubber: Sendable {
    let rules: Set<ScrubRule>
    private let hasCards: Bool
    /// What was found so far.
    public private(set) var counts = ScrubCounts()
    /// The line as it is to be stored, after a call that changed it.
    public private(set) var scrubbed: [UInt8] = []

    /// What a secret is replaced by.
    static let mark = [UInt8]("[scrubbed]".utf8)
    /// Longest name, address and the like that is looked at around a hint.
    static let reachBytes = 256

    /// A secret in a line.
    struct Secret {
        var rule: ScrubRule
        var value: Range<Int>
        var form = Form.bare
    }

    /// What stands around the mark, so that JSON stays JSON.
    enum Form {
        case bare, quoted, escapedQuoted
    }

    public init(_ options: ScrubOptions) {
        rules = options.rules
        hasCards = options.rules.contains(.cards)
    }

    /// Counts a value that was replaced because of the name it was sent under.
    mutating func countName() { counts.add(.keys) }

    /// Looks through `line`; true if there were secrets: `scrubbed` is what to store instead.
    @inline(__always)
    public mutating func changes(_ line: borrowing ByteSpan) -> Bool {
        guard let hint = SecretHints.next(in: line, from: 0) else { return false }
        return scrub(line, from: hint)
    }

    private mutating func scrub(_ line: borrowing ByteSpan, from first: SecretHints.Hint) -> Bool {
        var copied = 0
        var hint = first
        while true {
            var next = hint.offset + 1
            let found =
                hint.isNumber
                ? card(line, at: hint.offset, after: copied, next: &next) : secret(line, at: hint.offset, after: copied)
            if let found, rules.contains(found.rule), !Scrubber.isMarked(line, found.value) {
                if copied == 0 { scrubbed.removeAll(keepingCapacity: true) }
                replace(found, in: line, from: &copied)
                next = max(next, copied)
            }
            guard next < line.count, let following = SecretHints.next(in: line, from: next) else { break }
            hint = following
        }
        guard copied > 0 else { return false }
        scrubbed.append(span: line.extracting(copied..<line.count))
        return true
    }

    /// The card number in the run of digits around `at`; `next` becomes the end of the card or of the run.
    private func card(_ line: borrowing ByteSpan, at: Int, after: Int, next: inout Int) -> Secret? {
        let run = CardNumbers.run(line, around: at, after: after)
        next = max(next, run.upperBound)
        guard hasCards, let found = CardNumbers.first(in: line, run) else { return nil }
        next = found.upperBound
        // A number that stands alone as a JSON value needs quotes to become a text.
        let before = Scrubber.lastByte(line, before: found.lowerBound)
        let behind = Scrubber.firstByte(line, from: found.upperBound)
        let isValue = before == 0x3a || before == 0x5b || before == 0x2c
        let isClosed = behind == 0x2c || behind == 0x7d || behind == 0x5d
        return Secret(
            rule: .cards, value: found, form: isValue && isClosed && Scrubber.isJSON(line) ? .quoted : .bare)
    }

    private mutating func replace(_ secret: Secret, in line: borrowing ByteSpan, from copied: inout Int) {
        counts.add(secret.rule)
        scrubbed.append(span: line.extracting(copied..<secret.value.lowerBound))
        switch secret.form {
        case .bare: scrubbed.append(contentsOf: Scrubber.mark)
        case .quoted:
            scrubbed.append(0x22)
            scrubbed.append(contentsOf: Scrubber.mark)
            scrubbed.append(0x22)
        case .escapedQuoted:
            scrubbed.append(contentsOf: [0x5c, 0x22])
            scrubbed.append(contentsOf: Scrubber.mark)
            scrubbed.append(contentsOf: [0x5c, 0x22])
        }
        copied = secret.value.upperBound
    }

    /// The secret that the hint at `at` stands for, if it does.
    private func secret(_ line: borrowing ByteSpan, at: Int, after: Int) -> Secret? {
        switch line[at] {
        case 0x3a: return SecretText.password(line, addressAt: at)
        case 0x2d: return SecretText.privateKey(line, at: at)
        case 0x79, 0x59: return SecretText.webToken(line, at: at - 1)
        default: break
        }
        if let found = SecretText.accessKey(line, at: at) { return found }
        return SecretValue.find(line, around: at, after: after)
    }

    /// Whether the value says already that something was taken out.
    private static func isMarked(_ line: borrowing ByteSpan, _ value: Range<Int>) -> Bool {
        if value.isEmpty { return true }
        if value.count <= mark.count {
            let isPart = mark.span.extracting(0..<value.count).equals(line.extracting(value))
            if isPart, value.count >= mark.count - 1 { return true }
        }
        return value.allSatisfy { line[$0] == 0x2a }
    }

    static func isJSON(_ line: borrowing ByteSpan) -> Bool {
        guard let first = firstByte(line, from: 0) else { return false }
        return first == 0x7b || first == 0x5b
    }

    /// The first byte from `from` on that is no space.
    static func firstByte(_ line: borrowing ByteSpan, from: Int) -> UInt8? {
        var at = from
        while at < line.count {
            if line[at] > 0x20 { return line[at] }
            at += 1
        }
        return nil
    }

    private static func lastByte(_ line: borrowing ByteSpan, before end: Int) -> UInt8? {
        var at = end - 1
        while at >= 0 {
            if line[at] > 0x20 { return line[at] }
            at -= 1
        }
        return nil
    }
}
