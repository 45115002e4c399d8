import Bytes

/// Stack traces of Python, Java (and Kotlin, Scala), JavaScript, Go and Swift, as their runtimes write them, found
/// anywhere in a text. Bounded: what is longer is cut.
enum StackParser {
    static let textLimit = 64 << 10
    fileprivate static let framesLimit = 200
    fileprivate static let chainLimit = 10

    /// The exceptions of a text, oldest cause first; empty where there is no trace.
    static func parse(_ text: String) -> [ParsedException] {
        var draft = EventDraft()
        draft.parseTrace(draft.append([UInt8](text.utf8.prefix(textLimit)).span))
        return draft.parsedExceptions
    }
}

/// What traces are known by.
enum TraceWords {
    static let traceback = bytes("Traceback (most recent call last)")
    static let tracebackLine = bytes("Traceback (most recent call last):")
    static let tracebackStart = bytes("Traceback (")
    static let file = bytes("File \"")
    static let marked = bytes("> File \"")
    static let line = bytes("line ")
    static let within = bytes("in ")
    static let at = bytes("at ")
    static let causedBy = bytes("Caused by: ")
    static let cause = bytes("[cause]: ")
    static let suppressed = bytes("Suppressed: ")
    static let more = bytes("... ")
    static let inThread = bytes("Exception in thread \"")
    static let uncaught = bytes("Uncaught ")
    static let goroutine = bytes("goroutine ")
    static let inGoroutine = bytes(" in goroutine")
    static let panic = bytes("panic: ")
    static let fatalError = bytes("fatal error: ")
    static let createdBy = bytes("created by ")
    static let fourBlanks = bytes("    ")
    static let swiftFatalError = bytes("Fatal error: ")
    static let swiftFile = bytes(".swift:")
    static let plus = bytes(" + ")
    static let inside = bytes(" in ")
    static let stars = bytes("*** ")
    static let crash = bytes("Crash")
    static let atSlash = bytes(" at /")
    static let address = bytes("0x")
    static let async = bytes("async ")
    static let node = bytes("node:")
    static let anonymous = bytes("<anonymous>")
    static let error = bytes("Error")
    static let smallError = bytes("error")
    static let exception = bytes("Exception")

    static func bytes(_ text: String) -> [UInt8] { [UInt8](text.utf8) }
}

extension EventDraft {
    /// Finds the exceptions that a text of the arena shows, in place of those found before.
    mutating func parseTrace(_ range: Range<Int>) {
        frames.removeAll(keepingCapacity: true)
        exceptions.removeAll(keepingCapacity: true)
        guard !range.isEmpty else { return }
        let text = unfolded(range.lowerBound..<min(range.upperBound, range.lowerBound + StackParser.textLimit))
        if contains(text, TraceWords.traceback) {
            split(text)
            parsePython()
        } else if contains(text, TraceWords.goroutine), isGo(text) {
            parseGo()
        } else if mayBeSwift(text), isSwift(text) {
            parseSwift()
        } else if contains(text, TraceWords.at), hasCalls(text) {
            parseCalls()
        }
        if exceptions.count > StackParser.chainLimit {
            exceptions.removeFirst(exceptions.count - StackParser.chainLimit)
        }
        for index in exceptions.indices where exceptions[index].frames.count > StackParser.framesLimit {
            let end = exceptions[index].frames.upperBound
            exceptions[index].frames = (end - StackParser.framesLimit)..<end
        }
    }

    /// A trace in one line has its line breaks written as `\n`.
    private mutating func unfolded(_ range: Range<Int>) -> Range<Int> {
        guard first(0x0a, in: range) == nil, contains(range, [0x5c, 0x6e]) else { return range }
        let start = arena.count
        var at = range.lowerBound
        while at < range.upperBound {
            let next = at + 1 < range.upperBound ? arena[at + 1] : 0
            if arena[at] == 0x5c, next == 0x6e || next == 0x74 {
                arena.append(next == 0x6e ? 0x0a : 0x09)
                at += 2
            } else {
                arena.append(arena[at])
                at += 1
            }
        }
        return start..<arena.count
    }

    /// Fills `lines`.
    private mutating func split(_ text: Range<Int>) {
        lines.removeAll(keepingCapacity: true)
        var start = text.lowerBound
        var at = start
        while at < text.upperBound {
            let byte = arena[at]
            at += 1
            guard byte &- 0x0a < 4 else { continue }
            lines.append(start..<(at - 1))
            if byte == 0x0d, at < text.upperBound, arena[at] == 0x0a { at += 1 }
            start = at
        }
        lines.append(start..<text.upperBound)
    }

    private mutating func isGo(_ text: Range<Int>) -> Bool {
        split(text)
        return lines.contains { starts($0, TraceWords.goroutine) && first(0x5b, in: $0) != nil }
    }

    private mutating func hasCalls(_ text: Range<Int>) -> Bool {
        split(text)
        return lines.contains { starts(trimmed($0), TraceWords.at) }
    }

    private func mayBeSwift(_ text: Range<Int>) -> Bool {
        contains(text, TraceWords.swiftFatalError) || contains(text, TraceWords.swiftFile)
            || contains(text, TraceWords.stars)
    }

    private mutating func isSwift(_ text: Range<Int>) -> Bool {
        split(text)
        return lines.contains { line in
            contains(line, TraceWords.swiftFatalError)
                || (contains(line, TraceWords.swiftFile) && contains(line, TraceWords.plus)
                    && contains(line, TraceWords.inside))
                || (starts(line, TraceWords.stars) && contains(line, TraceWords.crash))
        }
    }

    // MARK: parts of lines

    /// `Type: value`, where the type looks like the name of one.
    func typed(_ line: Range<Int>) -> (type: Range<Int>, value: Range<Int>)? {
        let text = trimmed(line)
        let name = word(text)
        guard !name.isEmpty, isTypeName(name) else { return nil }
        if name.upperBound == text.upperBound { return (name, EventDraft.none) }
        guard arena[name.upperBound] == 0x3a else { return nil }
        return (name, trimmed((name.upperBound + 1)..<text.upperBound))
    }

    /// Up to a colon or white space.
    func word(_ text: Range<Int>) -> Range<Int> {
        var end = text.lowerBound
        while end < text.upperBound, arena[end] != 0x3a, !EventDraft.isSpace(arena[end]) { end += 1 }
        return text.lowerBound..<end
    }

    /// Dotted names whose last part is capitalised or ends in a word for errors.
    private func isTypeName(_ name: Range<Int>) -> Bool {
        guard name.count <= 200 else { return false }
        var last = EventDraft.none
        var start = name.lowerBound
        for index in name {
            let byte = arena[index]
            if byte == 0x2e || byte == 0x24 {
                start = index + 1
            } else if byte | 0x20 &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x5f || byte == 0x2a {
                last = start..<(index + 1)
            } else {
                return false
            }
        }
        guard !last.isEmpty else { return false }
        if ends(last, TraceWords.error) || ends(last, TraceWords.exception) { return true }
        if arena[last.lowerBound] &- 0x41 < 26 { return last.count > 2 }
        return ends(last, TraceWords.smallError)
    }

    /// `file:line` or `file:line:column`.
    func place(_ text: Range<Int>) -> (file: Range<Int>, line: Int) {
        var end = text.upperBound
        var line = 0
        for count in 0..<2 {
            guard let colon = last(0x3a, in: text.lowerBound..<end), let number = number((colon + 1)..<end) else {
                return count == 0 ? (text, 0) : (text.lowerBound..<end, line)
            }
            (end, line) = (colon, number)
        }
        return (text.lowerBound..<end, line)
    }

    /// A whole number in decimal digits that fits.
    func number(_ text: Range<Int>) -> Int? {
        var at = text.lowerBound
        guard at < text.upperBound else { return nil }
        let isNegative = arena[at] == 0x2d
        if isNegative || arena[at] == 0x2b { at += 1 }
        guard at < text.upperBound, text.upperBound - at <= 18 else { return nil }
        var value = 0
        while at < text.upperBound {
            let digit = arena[at] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
            at += 1
        }
        return isNegative ? -value : value
    }
}
