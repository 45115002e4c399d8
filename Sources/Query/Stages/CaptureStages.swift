internal import Bytes
internal import LogQL

/// `| regexp "(?P<name>…)"`: named groups of the first match become labels.
struct RegexpStage: Sendable {
    private let regex: Regex
    /// Group number and label name.
    private let groups: [(group: Int, name: UInt32)]

    init(_ text: Text, _ names: inout NameTable) throws(QueryError) {
        do throws(RegexFault) {
            regex = try Regex(text.bytes)
        } catch {
            throw QueryError(.parse, "error parsing regexp: \(error.text)")
        }
        var found: [(group: Int, name: UInt32)] = []
        for (index, name) in regex.groupNames.enumerated() {
            if let name { found.append((index + 1, names.intern(name))) }
        }
        groups = found
    }

    func run(
        _ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ needed: NeededLabels, _ offsets: inout [Int64]
    ) {
        if needed.isNone { return }
        if Regex.isUTF8(line) { return capture(line, &labels, &offsets) }
        var valid: [UInt8] = []
        ValidText.append(line, to: &valid)
        capture(valid.span, &labels, &offsets)
    }

    private func capture(_ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ offsets: inout [Int64]) {
        guard regex.find(line, into: &offsets) else { return }
        for item in groups {
            let name = labels.parsedName(item.name)
            if labels.isParsed(name) { continue }
            let start = labels.values.count
            let from = Int(offsets[2 * item.group])
            let to = Int(offsets[2 * item.group + 1])
            if from >= 0, from <= to, to <= line.count { labels.values.append(span: line.extracting(from..<to)) }
            labels.setParsed(name, from: start)
        }
    }
}

/// `| pattern "<a> <_> <b>"`: the first literal stands at the line's start; a capture runs to the next literal.
struct PatternStage: Sendable {
    private enum Piece: Sendable {
        case literal([UInt8])
        /// Nil for `<_>`.
        case capture(UInt32?)
    }

    private let pieces: [Piece]

    init(_ pattern: Pattern, _ names: inout NameTable) {
        pieces = pattern.pieces.map { piece in
            switch piece {
            case .literal(let bytes): .literal(bytes)
            case .capture(let name): .capture(names.intern(name))
            case .placeholder: .capture(nil)
            }
        }
    }

    func run(_ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ needed: NeededLabels) {
        if needed.isNone || line.count == 0 { return }
        var at = 0
        var index = 0
        if case .literal(let first) = pieces[0] {
            guard line.count >= first.count, line.extracting(0..<first.count).equals(first.span) else { return }
            at = first.count
            index = 1
        }
        while index < pieces.count {
            guard case .capture(let name) = pieces[index] else { return }
            guard index + 1 < pieces.count, case .literal(let next) = pieces[index + 1] else {
                return set(name, line, at..<line.count, &labels)
            }
            guard let found = ByteSearch.find(next.span, in: line, from: at) else {
                return set(name, line, at..<line.count, &labels)
            }
            set(name, line, at..<found, &labels)
            at = found + next.count
            index += 2
        }
    }

    private func set(
        _ name: UInt32?, _ line: borrowing ByteSpan, _ range: Range<Int>, _ labels: inout EntryLabels
    ) {
        guard let name else { return }
        let final = labels.parsedName(name)
        if labels.isParsed(final) { return }
        let start = labels.values.count
        ValidText.append(line.extracting(range), to: &labels.values)
        labels.setParsed(final, from: start)
    }
}

/// `| drop a, b="x"` and `| keep a, b="x"`.
struct SelectionStage: Sendable {
    private struct Item: Sendable {
        let name: UInt32
        let test: TextTest?
    }

    private let items: [Item]

    init(_ selections: [LabelSelection], _ names: inout NameTable) throws(QueryError) {
        var made: [Item] = []
        for selection in selections {
            switch selection {
            case .name(let name): made.append(Item(name: names.intern(name), test: nil))
            case .matcher(let matcher):
                let test = try TextTest(matcher, dotMatchesNewline: false)
                made.append(Item(name: names.intern(matcher.name), test: test))
            }
        }
        items = made
    }

    func drop(_ labels: inout EntryLabels) {
        for item in items {
            if item.name == labels.errorName || item.name == labels.errorDetailsName {
                dropFault(item, &labels)
            } else if matches(item, labels) {
                labels.remove(item.name)
            }
        }
    }

    private func dropFault(_ item: Item, _ labels: inout EntryLabels) {
        let isError = item.name == labels.errorName
        if let test = item.test {
            let text = isError ? [UInt8](staticText: labels.fault.text) : labels.faultDetails
            guard test.matches(text.span) else { return }
        }
        isError ? labels.clearFault() : labels.clearFaultDetails()
    }

    func keep(_ labels: inout EntryLabels) {
        for item in items where matches(item, labels) {
            if let index = labels.find(item.name) { labels.markSlot(index) }
        }
        labels.removeUnmarked()
    }

    private func matches(_ item: Item, _ labels: EntryLabels) -> Bool {
        guard let test = item.test else { return true }
        return test.matches(labels.values.span.extracting(labels.valueRange(item.name)))
    }

    var names: [UInt32] { items.map(\.name) }
}

/// `| decolorize`: removes ANSI escape sequences.
enum Decolorize {
    /// Whether the line has an introducer at all.
    static func isNeeded(_ line: borrowing ByteSpan) -> Bool {
        ByteSearch.find(byte: 0x1b, in: line) != nil || ByteSearch.find(byte: 0x9b, in: line) != nil
    }

    /// Appends the line without its sequences, after the pattern of acarl005/stripansi:
    /// `[ESC CSI][[\]()#;?]*(…BEL | (\d{1,4}(;\d{0,4})*)?[\dA-PRZcf-ntqry=><~])`.
    static func run(_ line: borrowing ByteSpan, into out: inout [UInt8]) {
        out.removeAll(keepingCapacity: true)
        var at = 0
        while at < line.count {
            if let end = sequenceEnd(line, at) {
                at = end
            } else {
                out.append(line[at])
                at += 1
            }
        }
    }

    private static func sequenceEnd(_ line: borrowing ByteSpan, _ start: Int) -> Int? {
        let count = line.count
        var at = start
        if line[at] == 0x1b {
            at += 1
        } else if line[at] == 0xc2, at + 1 < count, line[at + 1] == 0x9b {
            at += 2
        } else {
            return nil
        }
        while at < count, "[]()#;?".utf8.contains(line[at]) { at += 1 }
        if let end = commandEnd(line, at) { return end }
        return colorEnd(line, at)
    }

    /// `((\w*(;[-\w/#&.:=?%@~]*)*)?BEL`.
    private static func commandEnd(_ line: borrowing ByteSpan, _ start: Int) -> Int? {
        var at = start
        while at < line.count {
            let byte = line[at]
            if byte == 0x07 { return at + 1 }
            guard LabelName.isNameByte(byte) || "-/#&.:=?%@~;".utf8.contains(byte) else { return nil }
            at += 1
        }
        return nil
    }

    private static func colorEnd(_ line: borrowing ByteSpan, _ start: Int) -> Int? {
        var at = start
        while at < line.count, line[at] &- 48 < 10 || line[at] == 0x3b { at += 1 }
        if at < line.count, isFinal(line[at]) { return at + 1 }
        // A digit may be the final byte itself.
        return at > start && line[at - 1] &- 48 < 10 ? at : nil
    }

    private static func isFinal(_ byte: UInt8) -> Bool {
        (0x41...0x50).contains(byte) || (0x66...0x6e).contains(byte) || "RZctqry=><~".utf8.contains(byte)
    }
}
