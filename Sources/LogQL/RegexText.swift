/// What can be said of a regex by its text alone.
public enum RegexText {
    /// The regex with `(?<name>` written `(?P<name>`, which every RE2 understands.
    ///
    /// Escapes, `\Q…\E` and classes are left alone, and so are `(?<=` and `(?<!`, which RE2 refuses.
    public static func forRE2(_ regex: [UInt8]) -> [UInt8] {
        var rewritten: [UInt8] = []
        var copied = 0
        for group in groups(of: regex) where !group.hasP {
            rewritten.append(contentsOf: regex[copied..<group.nameStart &- 1])
            rewritten.append(UInt8(ascii: "P"))
            copied = group.nameStart &- 1
        }
        rewritten.append(contentsOf: regex[copied...])
        return rewritten
    }

    /// The names of the named groups, in the order of their opening parentheses.
    public static func captureNames(of regex: [UInt8]) -> [String] {
        groups(of: regex).map { group in
            let name = regex[group.nameStart...].prefix { $0 != UInt8(ascii: ">") }
            return String(decoding: name, as: UTF8.self)
        }
    }

    private struct Group {
        /// Whether it is written `(?P<`.
        var hasP: Bool
        /// The index behind `<`.
        var nameStart: Int
    }

    private static func groups(of regex: [UInt8]) -> [Group] {
        var groups: [Group] = []
        var index = 0
        while index < regex.count {
            switch regex[index] {
            case UInt8(ascii: "\\"): index = afterEscape(regex, index)
            case UInt8(ascii: "["): index = afterClass(regex, index)
            case UInt8(ascii: "("):
                if let group = group(regex, index) { groups.append(group) }
                index &+= 1
            default: index &+= 1
            }
        }
        return groups
    }

    private static func group(_ regex: [UInt8], _ open: Int) -> Group? {
        guard open &+ 3 < regex.count, regex[open &+ 1] == UInt8(ascii: "?") else { return nil }
        let hasP = regex[open &+ 2] == UInt8(ascii: "P")
        let bracket = open &+ (hasP ? 3 : 2)
        guard regex[bracket] == UInt8(ascii: "<"), bracket &+ 1 < regex.count else { return nil }
        let first = regex[bracket &+ 1]
        if first == UInt8(ascii: "=") || first == UInt8(ascii: "!") { return nil }
        return Group(hasP: hasP, nameStart: bracket &+ 1)
    }

    private static func afterEscape(_ regex: [UInt8], _ backslash: Int) -> Int {
        guard backslash &+ 1 < regex.count, regex[backslash &+ 1] == UInt8(ascii: "Q") else { return backslash &+ 2 }
        var index = backslash &+ 2
        while index &+ 1 < regex.count {
            if regex[index] == UInt8(ascii: "\\"), regex[index &+ 1] == UInt8(ascii: "E") { return index &+ 2 }
            index &+= 1
        }
        return regex.count
    }

    private static func afterClass(_ regex: [UInt8], _ bracket: Int) -> Int {
        var index = bracket &+ 1
        if index < regex.count, regex[index] == UInt8(ascii: "^") { index &+= 1 }
        if index < regex.count, regex[index] == UInt8(ascii: "]") { index &+= 1 }
        while index < regex.count {
            let byte = regex[index]
            if byte == UInt8(ascii: "]") { return index &+ 1 }
            if byte == UInt8(ascii: "\\") {
                index &+= 2
            } else if byte == UInt8(ascii: "["), index &+ 1 < regex.count, regex[index &+ 1] == UInt8(ascii: ":") {
                index = afterPosixClass(regex, index)
            } else {
                index &+= 1
            }
        }
        return regex.count
    }

    /// `[:alpha:]`; the index behind it, or behind its `[` if it is none.
    private static func afterPosixClass(_ regex: [UInt8], _ bracket: Int) -> Int {
        var index = bracket &+ 2
        while index &+ 1 < regex.count, index &- bracket < 16 {
            if regex[index] == UInt8(ascii: ":"), regex[index &+ 1] == UInt8(ascii: "]") { return index &+ 2 }
            index &+= 1
        }
        return bracket &+ 1
    }
}
