import Bytes

/// Stack traces of Python, Java (and Kotlin, Scala), JavaScript, Go and Swift, as their runtimes write them, found
/// anywhere in a text. Bounded: what is longer is cut.
enum StackParser {
    static let textLimit = 64 << 10
    private static let framesLimit = 200
    private static let chainLimit = 10

    /// The exceptions of a text, oldest cause first; empty where there is no trace.
    static func parse(_ text: String) -> [ParsedException] {
        var text = text
        if text.utf8.count > textLimit { text = String(decoding: text.utf8.prefix(textLimit), as: UTF8.self) }
        if !text.utf8.contains(0x0a), text.contains("\\n") {
            text = text.replacing("\\n", with: "\n").replacing("\\t", with: "\t")
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let found: [ParsedException]
        if lines.contains(where: { $0.contains("Traceback (most recent call last)") }) {
            found = PythonStack.parse(lines)
        } else if lines.contains(where: { $0.hasPrefix("goroutine ") && $0.contains("[") }) {
            found = GoStack.parse(lines)
        } else if lines.contains(where: SwiftStack.isStart) {
            found = SwiftStack.parse(lines)
        } else if lines.contains(where: { $0.trimmed.hasPrefix("at ") }) {
            found = CallStack.parse(lines)
        } else {
            found = []
        }
        return found.suffix(chainLimit).map { exception in
            var exception = exception
            if exception.frames.count > framesLimit {
                exception.frames.removeFirst(exception.frames.count - framesLimit)
            }
            return exception
        }
    }

    /// `Type: value`, where the type looks like the name of one.
    static func typed(_ line: some StringProtocol) -> (type: String, value: String)? {
        let text = line.trimmed
        let name = text.prefix { $0 != ":" && !$0.isWhitespace }
        guard !name.isEmpty, isTypeName(name) else { return nil }
        let rest = text[name.endIndex...]
        if rest.isEmpty { return (String(name), "") }
        guard rest.first == ":" else { return nil }
        return (String(name), String(rest.dropFirst().trimmed))
    }

    /// Dotted names whose last part is capitalised or ends in a word for errors.
    static func isTypeName(_ name: some StringProtocol) -> Bool {
        guard name.utf8.count <= 200,
            name.utf8.allSatisfy({
                ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39)
                    || [0x2e, 0x5f, 0x24, 0x2a].contains($0)
            }),
            let last = name.split(whereSeparator: { $0 == "." || $0 == "$" }).last, let first = last.first
        else { return false }
        if first.isUppercase { return last.hasSuffix("Error") || last.hasSuffix("Exception") || last.count > 2 }
        return last.hasSuffix("Error") || last.hasSuffix("error") || last.hasSuffix("Exception")
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: SubSequence {
        guard let start = firstIndex(where: { !$0.isWhitespace }) else { return self[endIndex...] }
        var end = endIndex
        while end > start, self[index(before: end)].isWhitespace { end = index(before: end) }
        return self[start..<end]
    }
}

/// `File "x.py", line 3, in f` below `Traceback (most recent call last):`, chained by "During handling …" and
/// "The above exception …".
enum PythonStack {
    static func parse(_ lines: [Substring]) -> [ParsedException] {
        var found: [ParsedException] = []
        var frames: [StackFrame] = []
        var isInTrace = false
        var index = 0
        while index < lines.count {
            let line = lines[index]
            let text = line.trimmed
            if text.hasSuffix("Traceback (most recent call last):")
                || text.hasPrefix("Traceback (most recent call last)")
            {
                (isInTrace, frames) = (true, [])
            } else if isInTrace, text.hasPrefix("File \""),
                let frame = frame(text, following: lines[(index + 1)...].first)
            {
                frames.append(frame)
            } else if isInTrace, let first = line.first, !first.isWhitespace, !text.isEmpty {
                let (type, value) = raised(text)
                var rest = value
                // The value goes on until a blank line or the next trace.
                while index + 1 < lines.count, rest.utf8.count < 2048 {
                    let next = lines[index + 1].trimmed
                    if next.isEmpty || next.hasPrefix("Traceback (") { break }
                    rest += "\n" + next
                    index += 1
                }
                found.append(ParsedException(type: type, value: rest, frames: frames))
                isInTrace = false
            }
            index += 1
        }
        if isInTrace, !frames.isEmpty { found.append(ParsedException(type: "", value: "", frames: frames)) }
        return found
    }

    /// `module.Type: value`; whatever stands below the calls names what was raised.
    private static func raised(_ text: Substring) -> (type: String, value: String) {
        let name = text.prefix { $0 != ":" && !$0.isWhitespace }.prefix(200)
        let rest = text[name.endIndex...]
        return (String(name), String(rest.first == ":" ? rest.dropFirst().trimmed : rest.trimmed))
    }

    private static func frame(_ text: Substring, following: Substring?) -> StackFrame? {
        let rest = text.dropFirst(6)
        guard let quote = rest.firstIndex(of: "\"") else { return nil }
        let file = String(rest[..<quote])
        var line = 0
        var function = ""
        for part in rest[rest.index(after: quote)...].split(separator: ",") {
            let part = part.trimmed
            if part.hasPrefix("line ") { line = Int(part.dropFirst(5).prefix { $0.isNumber }) ?? 0 }
            if part.hasPrefix("in ") { function = String(part.dropFirst(3)) }
        }
        let source = following.map { $0.trimmed }.flatMap { $0.hasPrefix("File \"") ? nil : String($0) } ?? ""
        let isForeign =
            file.contains("site-packages") || file.contains("dist-packages") || file.contains("/lib/python")
            || file.hasPrefix("<frozen")
        return StackFrame(file: file, function: function, line: line, isInApp: !isForeign, source: source)
    }
}

/// `at …` lines below `Type: message`, with `Caused by:`: Java and its kin, and JavaScript.
enum CallStack {
    private static let foreignClasses = [
        "java.", "javax.", "jakarta.", "sun.", "jdk.", "com.sun.", "kotlin.", "kotlinx.", "scala.",
        "org.springframework.",
        "org.apache.", "io.netty.", "com.fasterxml.", "org.hibernate.", "akka.", "reactor.", "org.junit.",
        "org.eclipse.",
    ]

    static func parse(_ lines: [Substring]) -> [ParsedException] {
        // Outermost first, as written.
        var found: [ParsedException] = []
        var header: (type: String, value: String)?
        var frames: [StackFrame] = []
        var isSuppressed = false

        func finish() {
            if header != nil || !frames.isEmpty, !isSuppressed {
                found.append(
                    ParsedException(type: header?.type ?? "", value: header?.value ?? "", frames: frames.reversed()))
            }
            (header, frames) = (nil, [])
        }
        for line in lines {
            let text = line.trimmed
            if text.hasPrefix("at "), header != nil || !frames.isEmpty || found.isEmpty {
                if let frame = frame(text.dropFirst(3)) { frames.append(frame) }
            } else if text.hasPrefix("Caused by: ") || text.hasPrefix("[cause]: ") || text.hasPrefix("Suppressed: ") {
                finish()
                isSuppressed = text.hasPrefix("Suppressed: ")
                let rest = text.drop { $0 != ":" }.dropFirst()
                header = StackParser.typed(rest) ?? ("", String(rest.trimmed))
            } else if text.isEmpty || text.hasPrefix("... ") {
                continue
            } else if frames.isEmpty {
                var rest = text
                if rest.hasPrefix("Exception in thread \""), let end = rest.dropFirst(21).firstIndex(of: "\"") {
                    rest = rest[rest.index(after: end)...].trimmed
                }
                if rest.hasPrefix("Uncaught ") { rest = rest.dropFirst(9) }
                if let typed = StackParser.typed(rest) {
                    header = typed
                } else if let known = header, known.value.utf8.count < 2048 {
                    header = (known.type, known.value + "\n" + text)
                }
            }
        }
        finish()
        return found.reversed().filter { !$0.frames.isEmpty || !$0.type.isEmpty }
    }

    /// `a.b.C.m(File.java:12)`, or `f (path:12:3)`, `async f (path:12:3)`, `path:12:3`.
    private static func frame(_ text: Substring) -> StackFrame? {
        let text = text.trimmed
        guard text.last == ")", let open = text.lastIndex(of: "(") else {
            let (file, line) = place(text)
            guard line > 0 else { return nil }
            return StackFrame(file: file, function: "<anonymous>", line: line, isInApp: isOwnFile(file))
        }
        var name = text[..<open].trimmed
        let inside = text[text.index(after: open)...].dropLast()
        if name.hasPrefix("async ") { name = name.dropFirst(6) }
        let (file, line) = place(inside)
        if inside.contains("/") || inside.contains("\\") || inside.hasPrefix("node:") || inside == "<anonymous>" {
            return StackFrame(file: file, function: String(name), line: line, isInApp: isOwnFile(file))
        }
        if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
        guard let dot = name.lastIndex(of: ".") else {
            return StackFrame(file: file, function: String(name), line: line, isInApp: true)
        }
        let module = String(name[..<dot])
        let isForeign = foreignClasses.contains { (module + ".").hasPrefix($0) }
        return StackFrame(
            file: file, function: String(name[name.index(after: dot)...]), module: module, line: line,
            isInApp: !isForeign)
    }

    private static func isOwnFile(_ file: String) -> Bool {
        !(file.contains("node_modules") || file.hasPrefix("node:") || file.hasPrefix("internal/")
            || file == "<anonymous>")
    }

    /// `file:line` or `file:line:column`.
    static func place(_ text: some StringProtocol) -> (file: String, line: Int) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var numbers = 0
        while numbers < 2, numbers < parts.count - 1, Int(parts[parts.count - 1 - numbers]) != nil { numbers += 1 }
        guard numbers > 0 else { return (String(text), 0) }
        let kept = parts[..<(parts.count - numbers)]
        return (kept.joined(separator: ":"), Int(parts[parts.count - numbers]) ?? 0)
    }
}

/// `panic: …`, `goroutine 1 [running]:`, then a function and, indented, its place.
enum GoStack {
    static func parse(_ lines: [Substring]) -> [ParsedException] {
        var value = ""
        var type = "panic"
        var frames: [StackFrame] = []
        var function: Substring?
        var goroutines = 0
        for line in lines {
            let text = line.trimmed
            if text.hasPrefix("panic: "), value.isEmpty {
                value = String(text.dropFirst(7))
            } else if text.hasPrefix("fatal error: "), value.isEmpty {
                (type, value) = ("fatal error", String(text.dropFirst(13)))
            } else if text.hasPrefix("goroutine ") {
                // The first one is the one that failed.
                goroutines += 1
                if goroutines > 1 { break }
            } else if line.first == "\t" || line.hasPrefix("    "), let name = function {
                let place = CallStack.place(text.split(separator: " ").first ?? "")
                frames.append(frame(String(name), place.file, place.line))
                function = nil
            } else if goroutines == 1, !text.isEmpty {
                function = text.hasPrefix("created by ") ? text.dropFirst(11) : text
            }
        }
        return [ParsedException(type: type, value: value, frames: frames.reversed())]
    }

    private static func frame(_ text: String, _ file: String, _ line: Int) -> StackFrame {
        var name = text
        if name.hasSuffix(")"), let open = name.lastIndex(of: "(") { name = String(name[..<open]) }
        if let place = name.firstRange(of: " in goroutine") { name = String(name[..<place.lowerBound]) }
        let slash = name.lastIndex(of: "/") ?? name.startIndex
        let dot = name[slash...].firstIndex(of: ".") ?? name.startIndex
        let module = String(name[..<dot])
        let isForeign =
            module == "runtime" || file.contains("/go/src/") || file.contains("/pkg/mod/") || name == "panic"
        return StackFrame(
            file: file, function: module.isEmpty ? name : String(name[name.index(after: dot)...]), module: module,
            line: line, isInApp: !isForeign)
    }
}

/// `Fatal error: …`, or `0 0x… f() + 8 in program at /path/file.swift:3:5` of Swift's backtraces.
enum SwiftStack {
    static func isStart(_ line: Substring) -> Bool {
        line.contains("Fatal error: ") || (line.contains(" + ") && line.contains(" in ") && line.contains(".swift:"))
            || line.hasPrefix("*** ") && line.contains("Crash")
    }

    static func parse(_ lines: [Substring]) -> [ParsedException] {
        var value = ""
        var type = "Fatal error"
        var frames: [StackFrame] = []
        for line in lines {
            let text = line.trimmed
            if let start = text.firstRange(of: "Fatal error: ") {
                if value.isEmpty { value = String(text[start.upperBound...]) }
            } else if text.hasPrefix("*** "), value.isEmpty {
                (type, value) = ("Crash", String(text.filter { $0 != "*" }.trimmed))
            } else if let frame = frame(text) {
                frames.append(frame)
            }
        }
        return [ParsedException(type: type, value: value, frames: frames.reversed())]
    }

    private static func frame(_ text: Substring) -> StackFrame? {
        guard text.first?.isNumber == true, let at = text.lastRange(of: " at /"), let plus = text.firstRange(of: " + ")
        else { return nil }
        let words = text[..<plus.lowerBound].split(separator: " ")
        // Number, marks in brackets, address, then the function.
        guard let address = words.firstIndex(where: { $0.hasPrefix("0x") }) else { return nil }
        let name = words[(address + 1)...].joined(separator: " ")
        let place = CallStack.place(text[text.index(before: at.upperBound)...])
        let isForeign = place.file.hasPrefix("/usr/") || text.contains(" in libswift")
        return StackFrame(file: place.file, function: name, line: place.line, isInApp: !isForeign)
    }
}

extension StringProtocol {
    func firstRange(of needle: String) -> Range<Index>? { ranges(of: needle).first }
    func lastRange(of needle: String) -> Range<Index>? { ranges(of: needle).last }
}
