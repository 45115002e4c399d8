public import Bytes

/// The levels that `detected_level` knows.
public enum LogLevel: UInt8, CaseIterable, Hashable, Sendable {
    case unknown, trace, debug, info, warn, error, critical, fatal

    /// The metadata name.
    public static let metadataName = "detected_level"

    /// Lower-case name, as stored.
    public var name: String {
        switch self {
        case .unknown: "unknown"
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warn: "warn"
        case .error: "error"
        case .critical: "critical"
        case .fatal: "fatal"
        }
    }

    /// The level that `text` names, in any case and in the usual short forms; nil when it names none.
    public init?(_ text: borrowing ByteSpan) {
        guard text.count >= 3, text.count <= 11 else { return nil }
        var first: UInt64 = 0
        var second: UInt64 = 0
        for index in 0..<text.count {
            let byte = text[index]
            let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
            if index < 8 { first = first << 8 | UInt64(folded) } else { second = second << 8 | UInt64(folded) }
        }
        switch (first, second) {
        case (0x7472616365, 0), (0x747263, 0): self = .trace
        case (0x6465627567, 0), (0x646267, 0): self = .debug
        case (0x696e666f, 0), (0x696e66, 0), (0x696e666f726d6174, 0x696f6e): self = .info
        case (0x7761726e, 0), (0x77726e, 0), (0x7761726e696e67, 0): self = .warn
        case (0x6572726f72, 0), (0x657272, 0): self = .error
        case (0x637269746963616c, 0): self = .critical
        case (0x666174616c, 0): self = .fatal
        default: return nil
        }
    }

    /// The level of an OTLP severity number in decimal digits.
    public init(severityNumber text: borrowing ByteSpan) {
        var number = 0
        for index in 0..<text.count {
            let digit = text[index] &- 0x30
            guard digit < 10, number < 100 else {
                self = .unknown
                return
            }
            number = number * 10 + Int(digit)
        }
        switch number {
        case 1...4: self = .trace
        case 5...8: self = .debug
        case 9...12: self = .info
        case 13...16: self = .warn
        case 17...20: self = .error
        case 21...24: self = .fatal
        default: self = .unknown
        }
    }
}

/// Names of fields, labels and metadata that hold a level, in the order in which they are looked for.
public enum LevelNames {
    /// The names in their order.
    public static let all = [
        "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText", "lvl", "LVL", "Lvl",
        "severity_text", "Severity_Text", "SEVERITY_TEXT",
    ]

    /// Position of `name` in `all`, or nil.
    public static func index(of name: borrowing ByteSpan) -> Int? {
        guard let first = foldedIndex(of: name) else { return nil }
        for index in first..<min(first + 4, all.count) where equals(name, all[index]) { return index }
        return nil
    }

    /// Position of the first name in `all` that equals `name` but for case, or nil.
    @inline(__always)
    public static func foldedIndex(of name: borrowing ByteSpan) -> Int? {
        let count = name.count
        guard count >= 3, count <= 13 else { return nil }
        let initial = name[0] | 0x20
        guard initial == 0x6c || initial == 0x73 else { return nil }
        return longIndex(of: name)
    }

    private static func longIndex(of name: borrowing ByteSpan) -> Int? {
        switch name.count {
        case 3: foldedEquals(name, "lvl") ? 8 : nil
        case 5: foldedEquals(name, "level") ? 0 : nil
        case 8: foldedEquals(name, "severity") ? 4 : nil
        case 9: foldedEquals(name, "log.level") ? 3 : nil
        case 12: foldedEquals(name, "severitytext") ? 7 : nil
        case 13: foldedEquals(name, "severity_text") ? 11 : nil
        default: nil
        }
    }

    private static func foldedEquals(_ name: borrowing ByteSpan, _ lower: String) -> Bool {
        var index = 0
        for byte in lower.utf8 {
            guard index < name.count, name[index] == byte || name[index] &- 0x41 < 26 && name[index] | 0x20 == byte
            else {
                return false
            }
            index += 1
        }
        return index == name.count
    }

    private static func equals(_ name: borrowing ByteSpan, _ text: String) -> Bool {
        var index = 0
        for byte in text.utf8 {
            guard index < name.count, name[index] == byte else { return false }
            index += 1
        }
        return index == name.count
    }
}
