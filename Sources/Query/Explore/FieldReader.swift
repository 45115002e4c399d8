internal import Bytes

/// Finds the fields in the text of one line: as JSON, and where that fails as logfmt, by the rules of the stages of
/// these names (contract: logql 8), but with the path of each JSON member kept.
struct FieldReader {
    /// A field of the line; ranges lie in `bytes`.
    struct Field {
        let name: [UInt8]
        let value: Range<Int>
        /// Where the member lies in the JSON document; empty for logfmt.
        let path: [String]
    }

    private(set) var fields: [Field] = []
    /// Values of the fields.
    private(set) var bytes: [UInt8] = []
    private(set) var isJSON = false
    private var path: [String] = []
    private var namesBytes = 0

    private static let depthLimit = 64
    /// Fields of one line beyond which none are kept: a line is no place for more.
    private static let fieldLimit = 4096

    mutating func read(_ line: borrowing ByteSpan) {
        clear()
        isJSON = true
        if members(line, 0..<line.count, prefix: [], depth: 0) == .none { return }
        clear()
        isJSON = false
        pairs(line)
    }

    private mutating func clear() {
        fields.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        path.removeAll(keepingCapacity: true)
        namesBytes = 0
    }

    private mutating func members(
        _ line: borrowing ByteSpan, _ range: Range<Int>, prefix: [UInt8], depth: Int
    ) -> JSONScan.Fault {
        if depth >= FieldReader.depthLimit { return .tooDeep }
        var members = JSONScan.Members(line, range)
        while let member = members.next(line) {
            var plain: [UInt8] = []
            JSONScan.unescape(line, member.key, into: &plain)
            var name = prefix
            if !prefix.isEmpty { name.append(0x5f) }
            LabelName.append(plain.span, isFirst: prefix.isEmpty, to: &name)
            namesBytes += name.count
            if namesBytes > JSONStage.namesLimitBytes { return .namesTooLong }
            path.append(plain.text)
            switch member.value.kind {
            case .object:
                let fault = self.members(line, member.value.range, prefix: name, depth: depth + 1)
                if fault != .none { return fault }
            case .array, .null: break
            case .string, .number, .boolean:
                let start = bytes.count
                JSONStage.append(line, member.value, to: &bytes)
                add(Field(name: name, value: start..<bytes.count, path: path))
            }
            path.removeLast()
            members.advance(line)
        }
        return members.fault
    }

    private mutating func pairs(_ line: borrowing ByteSpan) {
        var scan = LogfmtScan()
        while true {
            if !scan.next(line) {
                if scan.fault == nil { return }
                continue
            }
            if scan.value.isEmpty { continue }
            var name: [UInt8] = []
            LabelName.append(line.extracting(scan.key), isFirst: true, to: &name)
            let start = bytes.count
            if scan.hasEscapes {
                JSONScan.unescape(line, scan.value, into: &bytes)
            } else {
                ValidText.append(line.extracting(scan.value), to: &bytes)
            }
            add(Field(name: name, value: start..<bytes.count, path: []))
        }
    }

    private mutating func add(_ field: Field) {
        if !field.name.isEmpty, fields.count < FieldReader.fieldLimit { fields.append(field) }
    }
}
