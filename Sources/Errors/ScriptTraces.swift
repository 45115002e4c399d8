import Bytes

// `File "x.py", line 3, in f` below `Traceback (most recent call last):`, chained by "During handling …" and
// "The above exception …".
extension EventDraft {
    private static let valueLimit = 2048
    private static let foreignPython = ["site-packages", "dist-packages", "/lib/python"].map(TraceWords.bytes)
    private static let frozen = TraceWords.bytes("<frozen")

    mutating func parsePython() {
        var first = frames.count
        var isInTrace = false
        var index = 0
        while index < lines.count {
            let line = lines[index]
            var text = trimmed(line)
            // loguru marks the call that caught the exception.
            if starts(text, TraceWords.marked) { text = (text.lowerBound + 2)..<text.upperBound }
            if starts(text, TraceWords.traceback) || ends(text, TraceWords.tracebackLine) {
                frames.removeLast(frames.count - first)
                isInTrace = true
            } else if isInTrace, starts(text, TraceWords.file), let frame = pythonFrame(text, at: index) {
                frames.append(frame)
            } else if isInTrace, !text.isEmpty, text.lowerBound == line.lowerBound {
                var (type, value) = pythonRaised(text)
                // The value goes on until a blank line or the next trace.
                while index + 1 < lines.count, value.count < EventDraft.valueLimit {
                    let next = trimmed(lines[index + 1])
                    if next.isEmpty || starts(next, TraceWords.tracebackStart) { break }
                    value = joined(value, next)
                    index += 1
                }
                if type.isEmpty { type = EventDraft.none }
                exceptions.append(Exception(type: type, value: value, frames: first..<frames.count))
                first = frames.count
                isInTrace = false
            }
            index += 1
        }
        if isInTrace, frames.count > first {
            exceptions.append(Exception(frames: first..<frames.count))
        } else {
            frames.removeLast(frames.count - first)
        }
    }

    /// `module.Type: value`; whatever stands below the calls names what was raised.
    private func pythonRaised(_ text: Range<Int>) -> (type: Range<Int>, value: Range<Int>) {
        var name = word(text)
        if name.count > 200 { name = name.lowerBound..<(name.lowerBound + 200) }
        let hasColon = name.upperBound < text.upperBound && arena[name.upperBound] == 0x3a
        return (name, trimmed((name.upperBound + (hasColon ? 1 : 0))..<text.upperBound))
    }

    private func pythonFrame(_ text: Range<Int>, at index: Int) -> Frame? {
        let start = text.lowerBound + TraceWords.file.count
        guard let quote = first(0x22, in: start..<text.upperBound) else { return nil }
        var frame = Frame(file: start..<quote)
        var at = quote + 1
        while at < text.upperBound {
            let end = first(0x2c, in: at..<text.upperBound) ?? text.upperBound
            let part = trimmed(at..<end)
            if starts(part, TraceWords.line) { frame.line = digits(part.lowerBound + 5, part.upperBound) }
            if starts(part, TraceWords.within) { frame.function = (part.lowerBound + 3)..<part.upperBound }
            at = end + 1
        }
        if index + 1 < lines.count {
            let next = trimmed(lines[index + 1])
            if !starts(next, TraceWords.file) { frame.source = next }
        }
        frame.isInApp =
            !starts(frame.file, EventDraft.frozen) && !EventDraft.foreignPython.contains { contains(frame.file, $0) }
        return frame
    }

    /// The number that begins at `start`, or 0.
    private func digits(_ start: Int, _ limit: Int) -> Int {
        var end = start
        while end < limit, arena[end] &- 0x30 < 10 { end += 1 }
        return number(start..<end) ?? 0
    }
}

// `at …` lines below `Type: message`, with `Caused by:`: Java and its kin, and JavaScript.
extension EventDraft {
    private static let foreignClasses = [
        "java.", "javax.", "jakarta.", "sun.", "jdk.", "com.sun.", "kotlin.", "kotlinx.", "scala.",
        "org.springframework.", "org.apache.", "io.netty.", "com.fasterxml.", "org.hibernate.", "akka.", "reactor.",
        "org.junit.", "org.eclipse.",
    ].map(TraceWords.bytes)
    private static let foreignFolders = ["node_modules"].map(TraceWords.bytes)
    private static let internals = TraceWords.bytes("internal/")

    /// An exception whose calls are being read: outermost first, newest call first, as written.
    private struct OpenException {
        var header: (type: Range<Int>, value: Range<Int>)?
        var firstFrame: Int
        var isSuppressed = false
    }

    mutating func parseCalls() {
        var open = OpenException(firstFrame: frames.count)
        for index in lines.indices {
            let text = trimmed(lines[index])
            let hasFrames = frames.count > open.firstFrame
            if starts(text, TraceWords.at), open.header != nil || hasFrames || exceptions.isEmpty {
                if let frame = call(trimmed((text.lowerBound + 3)..<text.upperBound)) { frames.append(frame) }
            } else if starts(text, TraceWords.causedBy) || starts(text, TraceWords.cause)
                || starts(text, TraceWords.suppressed)
            {
                finish(&open)
                open.isSuppressed = starts(text, TraceWords.suppressed)
                let colon = first(0x3a, in: text) ?? text.upperBound - 1
                let rest = (colon + 1)..<text.upperBound
                open.header = typed(rest) ?? (EventDraft.none, trimmed(rest))
            } else if text.isEmpty || starts(text, TraceWords.more) {
                continue
            } else if !hasFrames {
                takeHeader(text, &open)
            }
        }
        finish(&open)
        exceptions.reverse()
        exceptions.removeAll { $0.frames.isEmpty && $0.type.isEmpty }
    }

    private mutating func finish(_ open: inout OpenException) {
        let range = open.firstFrame..<frames.count
        if open.isSuppressed {
            frames.removeLast(range.count)
        } else if open.header != nil || !range.isEmpty {
            frames[range].reverse()
            exceptions.append(
                Exception(
                    type: open.header?.type ?? EventDraft.none, value: open.header?.value ?? EventDraft.none,
                    frames: range))
        }
        open = OpenException(firstFrame: frames.count, isSuppressed: open.isSuppressed)
    }

    /// A line above the calls: type and message, or more of the message.
    private mutating func takeHeader(_ text: Range<Int>, _ open: inout OpenException) {
        var rest = text
        if starts(rest, TraceWords.inThread),
            let end = first(0x22, in: (rest.lowerBound + TraceWords.inThread.count)..<rest.upperBound)
        {
            rest = trimmed((end + 1)..<rest.upperBound)
        }
        if starts(rest, TraceWords.uncaught) {
            rest = (rest.lowerBound + TraceWords.uncaught.count)..<rest.upperBound
        }
        if let typed = typed(rest) {
            open.header = typed
        } else if let known = open.header, known.value.count < EventDraft.valueLimit {
            open.header = (known.type, joined(known.value, text))
        }
    }

    /// `a.b.C.m(File.java:12)`, or `f (path:12:3)`, `async f (path:12:3)`, `path:12:3`.
    private func call(_ text: Range<Int>) -> Frame? {
        guard !text.isEmpty, arena[text.upperBound - 1] == 0x29, let open = last(0x28, in: text) else {
            let (file, line) = place(text)
            guard line > 0 else { return nil }
            return Frame(file: file, function: EventDraft.anonymous, line: line, isInApp: isOwnFile(file))
        }
        var name = trimmed(text.lowerBound..<open)
        let inside = (open + 1)..<(text.upperBound - 1)
        if starts(name, TraceWords.async) {
            name = (name.lowerBound + TraceWords.async.count)..<name.upperBound
        }
        let (file, line) = place(inside)
        if first(0x2f, in: inside) != nil || first(0x5c, in: inside) != nil || starts(inside, TraceWords.node)
            || equals(inside, TraceWords.anonymous)
        {
            return Frame(file: file, function: name, line: line, isInApp: isOwnFile(file))
        }
        if let slash = last(0x2f, in: name) { name = (slash + 1)..<name.upperBound }
        guard let dot = last(0x2e, in: name) else { return Frame(file: file, function: name, line: line) }
        let prefix = name.lowerBound..<(dot + 1)
        return Frame(
            file: file, function: (dot + 1)..<name.upperBound, module: name.lowerBound..<dot, line: line,
            isInApp: !EventDraft.foreignClasses.contains { starts(prefix, $0) })
    }

    private func isOwnFile(_ file: Range<Int>) -> Bool {
        !(EventDraft.foreignFolders.contains { contains(file, $0) } || starts(file, TraceWords.node)
            || starts(file, EventDraft.internals) || equals(file, TraceWords.anonymous))
    }
}
