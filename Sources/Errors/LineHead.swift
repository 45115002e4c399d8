import Bytes

/// What stands before the message in a line of text, as loguru, Python's logging, Logback, Log4j, Spring and nginx
/// write it: a time, a level, the thread, the logger. A group is named by the message, and two lines are alike
/// whatever time and line number stand before it.
struct LineHead {
    var logger = EventDraft.none
    var message: Range<Int>

    private static let tokensLimit = 5
    private static let levels = [
        "error", "err", "critical", "crit", "fatal", "severe", "panic", "emerg", "alert", "warning", "warn", "info",
        "notice", "debug", "trace",
    ]
    .map { [UInt8]($0.utf8) }

    /// Nil where the line does not begin with a time and a level, or with a level and a colon.
    init?(_ line: Range<Int>, _ arena: [UInt8]) {
        message = line
        if LineHead.skipTime(&message, arena) {
            guard takeLevel(arena) else { return nil }
            takeLogger(arena)
        } else {
            // `ERROR:shop.pay:charge failed`
            let level = LineHead.word(message, arena)
            guard LineHead.isLevel(level, arena), level.upperBound < line.upperBound,
                arena[level.upperBound] == 0x3a
            else { return nil }
            message = (level.upperBound + 1)..<line.upperBound
            let name = LineHead.word(message, arena)
            if !name.isEmpty, name.upperBound < line.upperBound, arena[name.upperBound] == 0x3a {
                logger = name
                message = (name.upperBound + 1)..<line.upperBound
            }
        }
        LineHead.skipSpace(&message, arena)
        if message.isEmpty { return nil }
    }

    /// Tokens up to a level; the last word before it is the logger, as Python's own format has it.
    private mutating func takeLevel(_ arena: [UInt8]) -> Bool {
        for _ in 0..<LineHead.tokensLimit {
            LineHead.skipSeparators(&message, arena)
            let token = LineHead.token(&message, arena)
            if token.isEmpty { return false }
            if LineHead.isLevel(token, arena) { return true }
            logger = token
        }
        return false
    }

    /// `[thread] logger - `, `module:function:line - ` or `4711 --- [thread] logger : ` after the level.
    private mutating func takeLogger(_ arena: [UInt8]) {
        LineHead.skipSeparators(&message, arena)
        var rest = message
        for _ in 0..<LineHead.tokensLimit {
            let isBracket = !rest.isEmpty && arena[rest.lowerBound] == 0x5b
            let token = LineHead.token(&rest, arena)
            if token.isEmpty { return }
            let blanks = rest.lowerBound
            LineHead.skipSpace(&rest, arena)
            let isEnd =
                rest.lowerBound > blanks && rest.count > 1 && arena[rest.lowerBound + 1] == 0x20
                && (arena[rest.lowerBound] == 0x2d || arena[rest.lowerBound] == 0x3a)
            if isEnd, !isBracket {
                logger = LineHead.word(token, arena)
                message = (rest.lowerBound + 2)..<rest.upperBound
                return
            }
            // Anything else before the logger is a thread or a process.
            guard isBracket || LineHead.isNumber(token, arena) else { return }
            LineHead.skipSeparators(&rest, arena)
        }
    }

    // MARK: parts

    /// A date and a time of day, or the latter alone; either may stand in brackets.
    private static func skipTime(_ rest: inout Range<Int>, _ arena: [UInt8]) -> Bool {
        var colons = 0
        var end = rest.lowerBound
        for _ in 0..<3 {
            var at = end
            while at < rest.upperBound, arena[at] == 0x20 || arena[at] == 0x5b { at += 1 }
            let start = at
            while at < rest.upperBound, isTimeByte(arena[at]) {
                if arena[at] == 0x3a { colons += 1 }
                at += 1
            }
            let isWhole = at == rest.upperBound || arena[at] == 0x20 || arena[at] == 0x5d || arena[at] == 0x09
            guard at > start, isWhole, arena[start] &- 0x30 < 10 || arena[start] == 0x2b || arena[start] == 0x2d,
                at - start > 1
            else { break }
            end = at
            if colons >= 2, at < rest.upperBound, arena[at] == 0x5d { end += 1 }
        }
        guard colons >= 2 else { return false }
        rest = end..<rest.upperBound
        return true
    }

    private static func isTimeByte(_ byte: UInt8) -> Bool {
        byte &- 0x2b < 16 || byte == 0x54 || byte == 0x5a  // + , - . / digits : T Z
    }

    private static func isLevel(_ range: Range<Int>, _ arena: [UInt8]) -> Bool {
        levels.contains { name in
            guard name.count == range.count else { return false }
            for index in name.indices where arena[range.lowerBound + index] | 0x20 != name[index] { return false }
            return true
        }
    }

    private static func isNumber(_ range: Range<Int>, _ arena: [UInt8]) -> Bool {
        for index in range where arena[index] &- 0x30 >= 10 { return false }
        return true
    }

    private static func skipSpace(_ rest: inout Range<Int>, _ arena: [UInt8]) {
        var at = rest.lowerBound
        while at < rest.upperBound, arena[at] == 0x20 || arena[at] == 0x09 { at += 1 }
        rest = at..<rest.upperBound
    }

    /// White space, bars, and hyphens or colons that stand alone.
    private static func skipSeparators(_ rest: inout Range<Int>, _ arena: [UInt8]) {
        var at = rest.lowerBound
        while at < rest.upperBound {
            let byte = arena[at]
            var end = at
            while end < rest.upperBound, arena[end] == 0x2d || arena[end] == 0x3a { end += 1 }
            if byte == 0x20 || byte == 0x09 || byte == 0x7c {
                at += 1
            } else if end > at, end < rest.upperBound, arena[end] == 0x20 {
                at = end
            } else {
                break
            }
        }
        rest = at..<rest.upperBound
    }

    /// What is in brackets, or up to white space or a bar.
    private static func token(_ rest: inout Range<Int>, _ arena: [UInt8]) -> Range<Int> {
        var at = rest.lowerBound
        guard at < rest.upperBound else { return EventDraft.none }
        if arena[at] == 0x5b {
            while at < rest.upperBound, arena[at] != 0x5d { at += 1 }
            guard at < rest.upperBound else { return EventDraft.none }
            let found = (rest.lowerBound + 1)..<at
            rest = (at + 1)..<rest.upperBound
            return found
        }
        while at < rest.upperBound, arena[at] != 0x20, arena[at] != 0x09, arena[at] != 0x7c { at += 1 }
        let found = rest.lowerBound..<at
        rest = at..<rest.upperBound
        return found
    }

    /// Up to a colon or white space.
    private static func word(_ range: Range<Int>, _ arena: [UInt8]) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, arena[end] != 0x3a, !EventDraft.isSpace(arena[end]) { end += 1 }
        return range.lowerBound..<end
    }
}
