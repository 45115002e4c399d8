import Bytes

/// An error as one line tells it: ranges of one arena, used again for line after line.
struct EventDraft: Sendable {
    /// A call in a stack trace.
    struct Frame: Sendable {
        var file = none
        var function = none
        /// Module or class, where the language names one.
        var module = none
        /// The source line, where the trace shows it.
        var source = none
        /// 0 if unknown.
        var line = 0
        var isInApp = true
    }

    /// One exception of a chain.
    struct Exception: Sendable {
        var type = none
        var value = none
        /// Which of `frames`: oldest call first.
        var frames = none
    }

    static let none = 0..<0

    // Texts that stand at the front of the arena.
    private static let constants = [UInt8]("<anonymous>panicfatal errorFatal errorCrashunknown".utf8)
    static let anonymous = 0..<11
    static let panic = 11..<16
    static let fatalErrorGo = 16..<27
    static let fatalErrorSwift = 27..<38
    static let crash = 38..<43
    static let unknown = 43..<50

    var arena = constants
    var frames: [Frame] = []
    /// Oldest cause first, the one that was raised last.
    var exceptions: [Exception] = []
    /// Of the trace that is parsed.
    var lines: [Range<Int>] = []

    /// Nanoseconds since 1970.
    var time: Int64 = 0
    /// Normalised.
    var level = ""
    var message = none
    var logger = none
    /// The trace as it was written.
    var traceback = none
    var app = unknown
    var release = none
    var environment = none
    var trace = none
    var user = none
    var method = none
    var path = none
    var clientFingerprint = none

    mutating func reset(time: Int64, level: String) {
        arena.removeLast(arena.count - EventDraft.constants.count)
        frames.removeAll(keepingCapacity: true)
        exceptions.removeAll(keepingCapacity: true)
        self.time = time
        self.level = level
        app = EventDraft.unknown
        (message, logger, traceback) = (EventDraft.none, EventDraft.none, EventDraft.none)
        (release, environment, trace, user) = (EventDraft.none, EventDraft.none, EventDraft.none, EventDraft.none)
        (method, path, clientFingerprint) = (EventDraft.none, EventDraft.none, EventDraft.none)
    }

    /// Copies a text into the arena; what is no UTF-8 becomes U+FFFD.
    mutating func append(_ text: borrowing ByteSpan) -> Range<Int> {
        let start = arena.count
        arena.append(span: text)
        return repaired(from: start)
    }

    /// The text from `start` to the end of the arena, made UTF-8.
    mutating func repaired(from start: Int) -> Range<Int> {
        var bits: UInt8 = 0
        for index in start..<arena.count { bits |= arena[index] }
        if bits >= 0x80 {
            let text = text(start..<arena.count)
            arena.removeLast(arena.count - start)
            arena.append(contentsOf: text.utf8)
        }
        return start..<arena.count
    }

    func text(_ range: Range<Int>) -> String {
        range.isEmpty ? "" : arena.span.extracting(range).text
    }

    /// What people read first: what the raised exception says, else the message.
    var title: Range<Int> {
        if let last = exceptions.last, !last.value.isEmpty { return last.value }
        return message
    }

    /// All of it as text.
    var event: ErrorEvent {
        var event = ErrorEvent(time: time)
        event.level = level
        event.message = text(message)
        event.logger = text(logger)
        event.traceback = text(traceback)
        event.app = text(app)
        event.release = text(release)
        event.environment = text(environment)
        event.trace = text(trace)
        event.user = text(user)
        event.method = text(method)
        event.path = text(path)
        event.clientFingerprint = clientFingerprint.isEmpty ? [] : [text(clientFingerprint)]
        event.exceptions = parsedExceptions
        return event
    }

    var parsedExceptions: [ParsedException] {
        exceptions.map { exception in
            ParsedException(
                type: text(exception.type), value: text(exception.value),
                frames: frames[exception.frames].map { frame in
                    StackFrame(
                        file: text(frame.file), function: text(frame.function), module: text(frame.module),
                        line: frame.line, isInApp: frame.isInApp, source: text(frame.source))
                })
        }
    }
}

// Looking at parts of the arena. White space is that of ASCII.
extension EventDraft {
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

    func starts(_ range: Range<Int>, _ word: [UInt8]) -> Bool {
        range.count >= word.count
            && arena.span.extracting(range.lowerBound..<range.lowerBound + word.count).equals(word.span)
    }

    func ends(_ range: Range<Int>, _ word: [UInt8]) -> Bool {
        range.count >= word.count
            && arena.span.extracting(range.upperBound - word.count..<range.upperBound).equals(word.span)
    }

    func equals(_ range: Range<Int>, _ word: [UInt8]) -> Bool {
        range.count == word.count && arena.span.extracting(range).equals(word.span)
    }

    func contains(_ range: Range<Int>, _ word: [UInt8]) -> Bool { first(word, in: range) != nil }

    /// Where a word begins first.
    func first(_ word: [UInt8], in range: Range<Int>) -> Int? {
        ByteSearch.find(word.span, in: arena.span.extracting(range)).map { range.lowerBound + $0 }
    }

    /// Where a word begins last.
    func last(_ word: [UInt8], in range: Range<Int>) -> Int? {
        var found: Int?
        var rest = range
        while let at = first(word, in: rest) {
            found = at
            rest = (at + word.count)..<range.upperBound
        }
        return found
    }

    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        for index in range where arena[index] == byte { return index }
        return nil
    }

    func last(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var index = range.upperBound
        while index > range.lowerBound {
            index -= 1
            if arena[index] == byte { return index }
        }
        return nil
    }

    /// Without white space at both ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, EventDraft.isSpace(arena[start]) { start += 1 }
        while end > start, EventDraft.isSpace(arena[end - 1]) { end -= 1 }
        return start..<end
    }

    /// Up to the first line break, `limit` bytes at most, whole characters.
    func firstLine(_ range: Range<Int>, limit: Int = .max) -> Range<Int> {
        let most = range.count > limit ? range.lowerBound + limit : range.upperBound
        var end = range.lowerBound
        while end < most, arena[end] &- 0x0a >= 4 { end += 1 }
        while end < range.upperBound, end > range.lowerBound, arena[end] & 0xc0 == 0x80 { end -= 1 }
        return range.lowerBound..<end
    }

    /// `value`, a line break and `more`, as one text at the end of the arena.
    mutating func joined(_ value: Range<Int>, _ more: Range<Int>) -> Range<Int> {
        var start = value.lowerBound
        if value.upperBound != arena.count {
            start = arena.count
            append(copyOf: value)
        }
        arena.append(0x0a)
        append(copyOf: more)
        return start..<arena.count
    }

    mutating func append(copyOf range: Range<Int>) {
        arena.reserveCapacity(arena.count + range.count)
        for index in range { arena.append(arena[index]) }
    }
}
