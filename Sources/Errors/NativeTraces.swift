import Bytes

// `panic: …`, `goroutine 1 [running]:`, then a function and, indented, its place.
extension EventDraft {
    private static let foreignGo = ["/go/src/", "/pkg/mod/"].map(TraceWords.bytes)
    private static let runtime = TraceWords.bytes("runtime")
    private static let panicCall = TraceWords.bytes("panic")

    mutating func parseGo() {
        var value = EventDraft.none
        var type = EventDraft.panic
        var function: Range<Int>?
        var goroutines = 0
        for index in lines.indices {
            let line = lines[index]
            let text = trimmed(line)
            if starts(text, TraceWords.panic), value.isEmpty {
                value = (text.lowerBound + TraceWords.panic.count)..<text.upperBound
            } else if starts(text, TraceWords.fatalError), value.isEmpty {
                type = EventDraft.fatalErrorGo
                value = (text.lowerBound + TraceWords.fatalError.count)..<text.upperBound
            } else if starts(text, TraceWords.goroutine) {
                // The first one is the one that failed.
                goroutines += 1
                if goroutines > 1 { break }
            } else if isIndented(line), let name = function {
                let end = first(0x20, in: text) ?? text.upperBound
                frames.append(goFrame(name, place(text.lowerBound..<end)))
                function = nil
            } else if goroutines == 1, !text.isEmpty {
                function = text
                if starts(text, TraceWords.createdBy) {
                    function = (text.lowerBound + TraceWords.createdBy.count)..<text.upperBound
                }
            }
        }
        frames.reverse()
        exceptions.append(Exception(type: type, value: value, frames: 0..<frames.count))
    }

    private func isIndented(_ line: Range<Int>) -> Bool {
        !line.isEmpty && arena[line.lowerBound] == 0x09 || starts(line, TraceWords.fourBlanks)
    }

    private func goFrame(_ text: Range<Int>, _ place: (file: Range<Int>, line: Int)) -> Frame {
        var name = text
        if arena[name.upperBound - 1] == 0x29, let open = last(0x28, in: name) { name = name.lowerBound..<open }
        if let end = first(TraceWords.inGoroutine, in: name) { name = name.lowerBound..<end }
        let slash = last(0x2f, in: name) ?? name.lowerBound
        let dot = first(0x2e, in: slash..<name.upperBound) ?? name.lowerBound
        let module = name.lowerBound..<dot
        let isForeign =
            equals(module, EventDraft.runtime) || equals(name, EventDraft.panicCall)
            || EventDraft.foreignGo.contains { contains(place.file, $0) }
        return Frame(
            file: place.file, function: module.isEmpty ? name : (dot + 1)..<name.upperBound, module: module,
            line: place.line, isInApp: !isForeign)
    }
}

// `Fatal error: …`, or `0 0x… f() + 8 in program at /path/file.swift:3:5` of Swift's backtraces.
extension EventDraft {
    private static let twoBlanks = TraceWords.bytes("  ")
    private static let systemFolder = TraceWords.bytes("/usr/")
    private static let systemLibrary = TraceWords.bytes(" in libswift")

    mutating func parseSwift() {
        var value = EventDraft.none
        var type = EventDraft.fatalErrorSwift
        for index in lines.indices {
            let text = trimmed(lines[index])
            if let start = first(TraceWords.swiftFatalError, in: text) {
                if value.isEmpty { value = (start + TraceWords.swiftFatalError.count)..<text.upperBound }
            } else if starts(text, TraceWords.stars), value.isEmpty {
                type = EventDraft.crash
                let start = arena.count
                for at in text where arena[at] != 0x2a { arena.append(arena[at]) }
                value = trimmed(start..<arena.count)
            } else if let frame = swiftFrame(text) {
                frames.append(frame)
            }
        }
        frames.reverse()
        exceptions.append(Exception(type: type, value: value, frames: 0..<frames.count))
    }

    private mutating func swiftFrame(_ text: Range<Int>) -> Frame? {
        guard !text.isEmpty, arena[text.lowerBound] &- 0x30 < 10, let at = last(TraceWords.atSlash, in: text),
            let plus = first(TraceWords.plus, in: text),
            // Number, marks in brackets, address, then the function.
            let address = first(TraceWords.address, in: text.lowerBound..<plus)
        else { return nil }
        var name = trimmed((first(0x20, in: address..<plus) ?? plus)..<plus)
        if contains(name, EventDraft.twoBlanks) { name = withSingleBlanks(name) }
        let place = place((at + TraceWords.atSlash.count - 1)..<text.upperBound)
        let isForeign = starts(place.file, EventDraft.systemFolder) || contains(text, EventDraft.systemLibrary)
        return Frame(file: place.file, function: name, line: place.line, isInApp: !isForeign)
    }

    private mutating func withSingleBlanks(_ range: Range<Int>) -> Range<Int> {
        let start = arena.count
        for at in range where arena[at] != 0x20 || arena[at - 1] != 0x20 { arena.append(arena[at]) }
        return start..<arena.count
    }
}
