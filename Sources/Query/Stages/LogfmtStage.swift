internal import Bytes
internal import LogQL

/// Reads `key=value` pairs by the rules of go-logfmt; after a bad token it goes on behind the next space.
struct LogfmtScan {
    enum Fault: Hashable {
        case unexpected(byte: UInt8, position: Int)
        case message(String, position: Int)

        var text: String {
            switch self {
            case .unexpected(let byte, let position):
                "logfmt syntax error at pos \(position) : unexpected '\(Character(Unicode.Scalar(byte)))'"
            case .message(let message, let position): "logfmt syntax error at pos \(position) : \(message)"
            }
        }
    }

    private var at = 0
    private(set) var fault: Fault?
    private(set) var key = 0..<0
    private(set) var value = 0..<0
    /// Whether the value stood in quotes with escapes in it.
    private(set) var hasEscapes = false

    /// The next pair; false at the end and at a bad token (then `fault` is set, and the scan may go on).
    mutating func next(_ line: borrowing ByteSpan) -> Bool {
        fault = nil
        key = 0..<0
        value = 0..<0
        hasEscapes = false
        let count = line.count
        while at < count, line[at] <= 0x20 { at += 1 }
        guard at < count else { return false }
        let start = at
        while at < count, line[at] > 0x20, line[at] != 0x3d {
            if line[at] == 0x22 { return stop(.unexpected(byte: 0x22, position: at + 1), line) }
            at += 1
        }
        key = start..<at
        guard at < count, line[at] == 0x3d else { return true }
        if key.isEmpty { return stop(.unexpected(byte: 0x3d, position: at + 1), line) }
        at += 1
        guard at < count, line[at] > 0x20 else { return true }
        return line[at] == 0x22 ? quoted(line) : plain(line)
    }

    private mutating func plain(_ line: borrowing ByteSpan) -> Bool {
        let start = at
        while at < line.count, line[at] > 0x20 {
            if line[at] == 0x3d || line[at] == 0x22 {
                return stop(.unexpected(byte: line[at], position: at + 1), line)
            }
            at += 1
        }
        value = start..<at
        return true
    }

    private mutating func quoted(_ line: borrowing ByteSpan) -> Bool {
        let start = at + 1
        at += 1
        while at < line.count, line[at] != 0x22 {
            if line[at] == 0x5c {
                hasEscapes = true
                at += 1
            }
            at += 1
        }
        guard at < line.count else {
            at = line.count
            fault = .message("unterminated quoted value", position: at + 1)
            return false
        }
        value = start..<at
        at += 1
        return true
    }

    private mutating func stop(_ what: Fault, _ line: borrowing ByteSpan) -> Bool {
        fault = what
        while at < line.count, line[at] > 0x20 { at += 1 }
        return false
    }
}

/// `| logfmt` with its flags and arguments.
struct LogfmtStage: Sendable {
    private struct Item: Sendable {
        let name: UInt32
        let key: [UInt8]
    }

    private let isStrict: Bool
    private let keepsEmpty: Bool
    private let items: [Item]

    init(_ parser: LogfmtParser, _ names: inout NameTable) {
        isStrict = parser.isStrict
        keepsEmpty = parser.keepsEmpty
        items = parser.extractions.map { Item(name: names.intern($0.name), key: $0.key.bytes) }
    }

    func run(
        _ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ needed: NeededLabels, _ buffer: inout [UInt8]
    ) {
        if needed.isNone { return }
        var scan = LogfmtScan()
        var found = 0
        if !items.isEmpty { setEmpty(&labels) }
        while true {
            if !scan.next(line) {
                guard let fault = scan.fault else { break }
                guard isStrict else { continue }
                return labels.setFault(.logfmt, details: [UInt8](text: fault.text).span)
            }
            if items.isEmpty {
                guard setPlain(line, scan, &labels, needed, &buffer) else { continue }
                found += 1
                if let names = needed.names, found >= names.count { return }
            } else {
                setNamed(line, scan, &labels)
            }
        }
    }

    /// True if a label was set.
    private func setPlain(
        _ line: borrowing ByteSpan, _ scan: LogfmtScan, _ labels: inout EntryLabels, _ needed: NeededLabels,
        _ buffer: inout [UInt8]
    ) -> Bool {
        if scan.value.isEmpty, !keepsEmpty { return false }
        let key = line.extracting(scan.key)
        let name: UInt32
        if LabelName.isClean(key) {
            name = labels.names.intern(key)
        } else {
            buffer.removeAll(keepingCapacity: true)
            LabelName.append(key, isFirst: true, to: &buffer)
            if buffer.isEmpty { return false }
            name = labels.names.intern(buffer.span)
        }
        let final = labels.parsedName(name)
        guard needed.contains(final), !labels.isParsed(final) else { return false }
        let start = labels.values.count
        append(line, scan, to: &labels.values)
        labels.setParsed(final, from: start)
        return true
    }

    private func setEmpty(_ labels: inout EntryLabels) {
        for item in items {
            let name = labels.parsedName(item.name)
            if !labels.isParsed(name) { labels.setParsed(name, from: labels.values.count) }
        }
    }

    /// The last occurrence in the line wins.
    private func setNamed(_ line: borrowing ByteSpan, _ scan: LogfmtScan, _ labels: inout EntryLabels) {
        for item in items where line.extracting(scan.key).equals(item.key.span) {
            let start = labels.values.count
            append(line, scan, to: &labels.values)
            labels.setParsed(labels.parsedName(item.name), from: start)
        }
    }

    private func append(_ line: borrowing ByteSpan, _ scan: LogfmtScan, to out: inout [UInt8]) {
        if scan.hasEscapes {
            JSONScan.unescape(line, scan.value, into: &out)
        } else {
            ValidText.append(line.extracting(scan.value), to: &out)
        }
    }
}

/// Text with a space for each byte that is not UTF-8 (contract: logql 8).
enum ValidText {
    static func append(_ text: borrowing ByteSpan, to out: inout [UInt8]) {
        if Regex.isUTF8(text) { return out.append(span: text) }
        for index in 0..<text.count where text[index] >= 0x80 {
            return appendRepaired(text, to: &out)
        }
    }

    private static func appendRepaired(_ text: borrowing ByteSpan, to out: inout [UInt8]) {
        var at = 0
        while at < text.count {
            let size = text[at] < 0x80 ? 1 : JSONScan.sequence(text, at)
            if size == 0 {
                out.append(0x20)
                at += 1
            } else {
                out.append(span: text.extracting(at..<(at + size)))
                at += size
            }
        }
    }
}
