internal import Bytes
internal import Model

/// `fromJson`: strict JSON into template values; numbers are floats, as in Go.
struct TemplateJSON {
    private static let depthLimit = 64

    private let text: [UInt8]
    private var at = 0
    private var depth = 0

    static func parse(_ text: [UInt8]) throws(TemplateFault) -> TemplateValue {
        var parser = TemplateJSON(text: text)
        let value = try parser.value()
        parser.skipSpace()
        // Go's function gives nothing for a broken document.
        guard parser.at == text.count else { throw TemplateJSON.broken }
        return value
    }

    private static let broken = TemplateFault("error calling fromJson: invalid JSON")

    private init(text: [UInt8]) {
        self.text = text
    }

    private mutating func skipSpace() {
        at = JSONScan.skipSpace(text.span, at, text.count)
    }

    private mutating func value() throws(TemplateFault) -> TemplateValue {
        depth += 1
        defer { depth -= 1 }
        skipSpace()
        guard at < text.count, depth <= TemplateJSON.depthLimit else { throw TemplateJSON.broken }
        switch text[at] {
        case 0x7b: return try object()
        case 0x5b: return try array()
        case 0x22: return .text(try string())
        default: return try word()
        }
    }

    private mutating func object() throws(TemplateFault) -> TemplateValue {
        var pairs: [(key: [UInt8], value: TemplateValue)] = []
        at += 1
        skipSpace()
        if take(0x7d) { return .map([]) }
        while true {
            skipSpace()
            guard at < text.count, text[at] == 0x22 else { throw TemplateJSON.broken }
            let key = try string()
            skipSpace()
            guard take(0x3a) else { throw TemplateJSON.broken }
            pairs.append((key, try value()))
            skipSpace()
            if take(0x2c) { continue }
            guard take(0x7d) else { throw TemplateJSON.broken }
            return .map(TemplateJSON.sorted(pairs))
        }
    }

    /// The members in the order of their keys; of equal keys the last counts.
    private static func sorted(
        _ pairs: [(key: [UInt8], value: TemplateValue)]
    ) -> [(key: [UInt8], value: TemplateValue)] {
        var kept: [(key: [UInt8], value: TemplateValue)] = []
        kept.reserveCapacity(pairs.count)
        for pair in pairs.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            if kept.last?.key == pair.key { kept.removeLast() }
            kept.append(pair)
        }
        return kept
    }

    private mutating func array() throws(TemplateFault) -> TemplateValue {
        var items: [TemplateValue] = []
        at += 1
        skipSpace()
        if take(0x5d) { return .list([]) }
        while true {
            items.append(try value())
            skipSpace()
            if take(0x2c) { continue }
            guard take(0x5d) else { throw TemplateJSON.broken }
            return .list(items)
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func string() throws(TemplateFault) -> [UInt8] {
        guard let next = JSONScan.stringEnd(text.span, at + 1, text.count) else { throw TemplateJSON.broken }
        var out: [UInt8] = []
        JSONScan.unescape(text.span, (at + 1)..<(next - 1), into: &out)
        at = next
        return out
    }

    private mutating func word() throws(TemplateFault) -> TemplateValue {
        let start = at
        while at < text.count, LabelName.isNameByte(text[at]) || [0x2b, 0x2d, 0x2e].contains(text[at]) { at += 1 }
        switch String(decoding: text[start..<at], as: UTF8.self) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .none
        default:
            guard let number = ValueText.number([UInt8](text[start..<at]).span), number.isFinite else {
                throw TemplateJSON.broken
            }
            return .float(number)
        }
    }
}
