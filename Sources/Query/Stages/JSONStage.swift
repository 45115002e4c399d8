internal import Bytes
internal import LogQL

/// Which labels a query looks at: parsers stop once all are found, as the reference does (contract: logql 14.3).
struct NeededLabels: Sendable {
    /// Nil: every label.
    let names: [UInt32]?
    /// By number, whether a name is one of them: a query may ask for thousands.
    private let marks: [Bool]

    init(names: [UInt32]?) {
        self.names = names
        var marks: [Bool] = []
        if let last = names?.max() { marks = [Bool](repeating: false, count: Int(last) + 1) }
        for name in names ?? [] { marks[Int(name)] = true }
        self.marks = marks
    }

    static let all = NeededLabels(names: nil)

    var isNone: Bool { names?.isEmpty ?? false }

    @inline(__always)
    func contains(_ name: UInt32) -> Bool {
        if names == nil { return true }
        return Int(name) < marks.count && marks[Int(name)]
    }
}

/// `| json` without arguments: every member becomes a label, nested objects joined by underscores; arrays and nulls are
/// passed over.
struct JSONStage {
    private static let depthLimit = 64
    /// Bytes of names that are made of one line: one long key in front of many would be in each of their names.
    static let namesLimitBytes = 4 << 20

    private var prefix: [UInt8] = []
    private var found = 0
    private var namesBytes = 0

    mutating func run(_ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ needed: NeededLabels) {
        if needed.isNone { return }
        prefix.removeAll(keepingCapacity: true)
        found = 0
        namesBytes = 0
        let fault = members(line, 0..<line.count, &labels, needed, depth: 0)
        if fault != .none { labels.setFault(.json, fault.text) }
    }

    private func isComplete(_ needed: NeededLabels) -> Bool {
        guard let names = needed.names else { return false }
        return found >= names.count
    }

    private mutating func members(
        _ line: borrowing ByteSpan, _ range: Range<Int>, _ labels: inout EntryLabels, _ needed: NeededLabels, depth: Int
    ) -> JSONScan.Fault {
        if depth >= JSONStage.depthLimit { return .tooDeep }
        var members = JSONScan.Members(line, range)
        while let member = members.next(line) {
            switch member.value.kind {
            case .object:
                let length = prefix.count
                appendKey(line, member.key)
                let fault = self.members(line, member.value.range, &labels, needed, depth: depth + 1)
                truncate(length)
                if fault != .none { return fault }
            case .array, .null: break
            case .string, .number, .boolean: set(line, member.key, member.value, &labels, needed)
            }
            if isComplete(needed) { return .none }
            if namesBytes > JSONStage.namesLimitBytes { return .namesTooLong }
            members.advance(line)
        }
        return members.fault
    }

    private mutating func truncate(_ length: Int) {
        let excess = prefix.count - length
        prefix.removeLast(excess)
    }

    /// Appends a key to the prefix, with an underscore between.
    private mutating func appendKey(_ line: borrowing ByteSpan, _ key: Range<Int>) {
        let length = prefix.count
        if length > 0 { prefix.append(0x5f) }
        let behind = prefix.count
        if ByteSearch.find(byte: 0x5c, in: line.extracting(key)) == nil {
            LabelName.append(line.extracting(key), isFirst: length == 0, to: &prefix)
        } else {
            var plain: [UInt8] = []
            JSONScan.unescape(line, key, into: &plain)
            LabelName.append(plain.span, isFirst: length == 0, to: &prefix)
        }
        if prefix.count == behind { truncate(length) }
    }

    private mutating func set(
        _ line: borrowing ByteSpan, _ key: Range<Int>, _ value: JSONScan.Value, _ labels: inout EntryLabels,
        _ needed: NeededLabels
    ) {
        let name: UInt32
        if prefix.isEmpty, LabelName.isClean(line.extracting(key)) {
            name = labels.names.intern(line.extracting(key))
        } else {
            let length = prefix.count
            appendKey(line, key)
            namesBytes += prefix.count
            if prefix.isEmpty { return }
            name = labels.names.intern(prefix.span)
            truncate(length)
        }
        let final = labels.parsedName(name)
        guard needed.contains(final), !labels.isParsed(final) else { return }
        let start = labels.values.count
        JSONStage.append(line, value, to: &labels.values)
        labels.setParsed(final, from: start)
        found += 1
    }

    /// Appends a value as a label's text: strings unescaped, all else as written.
    static func append(_ line: borrowing ByteSpan, _ value: JSONScan.Value, to out: inout [UInt8]) {
        switch value.kind {
        case .string: JSONScan.unescape(line, value.range, into: &out)
        case .null: break
        default: out.append(span: line.extracting(value.range))
        }
    }
}

/// `| json a="b.c[0]"`: each name is set, empty where the path leads nowhere.
struct JSONPathStage: Sendable {
    private struct Item: Sendable {
        let name: UInt32
        let path: [JSONPath.Element]
    }

    private let items: [Item]

    init(_ extractions: [JSONExtraction], _ names: inout NameTable) {
        items = extractions.map { Item(name: names.intern($0.name), path: $0.path.elements) }
    }

    /// The same for stages that set the same names to the same values.
    func key(_ names: NameTable) -> [UInt8] {
        var key: [UInt8] = []
        key.appendVarint(items.count)
        for item in items {
            key.appendPrefixed(Array(names.bytes[names.range(item.name)]))
            key.appendVarint(item.path.count)
            for element in item.path {
                switch element {
                case .key(let text):
                    key.append(0)
                    key.appendPrefixed(text)
                case .index(let index):
                    key.append(1)
                    key.appendVarint(index)
                }
            }
        }
        return key
    }

    func run(_ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ needed: NeededLabels) {
        if line.count == 0 || needed.isNone { return }
        guard line[0] == 0x7b || line[0] == 0x5b || line[0] == 0x22 else { return labels.setFault(.json) }
        for item in items {
            let name = labels.parsedName(item.name)
            var fault = JSONScan.Fault.none
            if let value = JSONPathStage.find(item.path, line, 0..<line.count, &fault) {
                let start = labels.values.count
                JSONStage.append(line, value, to: &labels.values)
                labels.setParsed(name, from: start)
            } else {
                if fault != .none { labels.setFault(.json, fault.text) }
                if labels.find(item.name) == nil { labels.setParsed(item.name, from: labels.values.count) }
            }
        }
    }

    private static func find(
        _ path: [JSONPath.Element], _ line: borrowing ByteSpan, _ whole: Range<Int>, _ fault: inout JSONScan.Fault
    ) -> JSONScan.Value? {
        var range = whole
        var value: JSONScan.Value?
        for element in path {
            switch element {
            case .key(let key): value = member(key, line, range, &fault)
            case .index(let index): value = item(index, line, range)
            }
            guard let found = value else { return nil }
            range = found.range
        }
        return value
    }

    /// The member's value; a fault only if it is there and cannot be read.
    private static func member(
        _ key: [UInt8], _ line: borrowing ByteSpan, _ range: Range<Int>, _ fault: inout JSONScan.Fault
    ) -> JSONScan.Value? {
        var members = JSONScan.Members(line, range)
        while let member = members.next(line) {
            let text = line.extracting(member.key)
            if ByteSearch.find(byte: 0x5c, in: text) == nil {
                if text.equals(key.span) { return member.value }
            } else {
                var plain: [UInt8] = []
                JSONScan.unescape(line, member.key, into: &plain)
                if plain == key { return member.value }
            }
            members.advance(line)
        }
        if let faulty = members.faultyKey, line.extracting(faulty).equals(key.span) { fault = members.fault }
        return nil
    }

    private static func item(_ index: Int, _ line: borrowing ByteSpan, _ range: Range<Int>) -> JSONScan.Value? {
        var at = JSONScan.skipSpace(line, range.lowerBound, range.upperBound)
        guard at < range.upperBound, line[at] == 0x5b else { return nil }
        at += 1
        var number = 0
        var fault = JSONScan.Fault.none
        while let value = JSONScan.value(line, at, range.upperBound, &fault) {
            if number == index { return value }
            number += 1
            at = JSONScan.skipSpace(line, value.next, range.upperBound)
            guard at < range.upperBound, line[at] == 0x2c else { return nil }
            at += 1
        }
        return nil
    }
}

/// `| unpack`: string members of an object that has `_entry` become labels, `_entry` the line.
struct UnpackStage {
    private static let entryKey = [UInt8](text: "_entry")

    private var key: [UInt8] = []

    /// True if the line is now what `rewritten` holds.
    mutating func run(
        _ line: borrowing ByteSpan, _ labels: inout EntryLabels, _ rewritten: inout [UInt8]
    ) -> Bool {
        if line.count == 0 { return false }
        guard line[0] == 0x7b else {
            labels.setFault(.json, "expecting json object(6), but it is not")
            return false
        }
        var isPacked = false
        var members = JSONScan.Members(line, 0..<line.count)
        while let member = members.next(line) {
            if member.value.kind == .string, line.extracting(member.key).equals(UnpackStage.entryKey.span) {
                isPacked = true
                rewritten.removeAll(keepingCapacity: true)
                JSONScan.unescape(line, member.value.range, into: &rewritten)
            }
            members.advance(line)
        }
        if members.fault != .none {
            labels.setFault(.json, members.fault.text)
            return false
        }
        guard isPacked else { return false }
        members = JSONScan.Members(line, 0..<line.count)
        while let member = members.next(line) {
            if member.value.kind == .string, !line.extracting(member.key).equals(UnpackStage.entryKey.span) {
                set(line, member.key, member.value, &labels)
            }
            members.advance(line)
        }
        return true
    }

    private mutating func set(
        _ line: borrowing ByteSpan, _ range: Range<Int>, _ value: JSONScan.Value, _ labels: inout EntryLabels
    ) {
        key.removeAll(keepingCapacity: true)
        LabelName.append(line.extracting(range), isFirst: true, to: &key)
        if key.isEmpty { return }
        let name = labels.parsedName(labels.names.intern(key.span))
        if labels.isParsed(name) { return }
        let start = labels.values.count
        JSONScan.unescape(line, value.range, into: &labels.values)
        labels.setParsed(name, from: start)
    }
}
