import Bytes
import Model
import Query
import Receive

/// A log line as the observability routes show it.
struct ShownLine: Sendable {
    let time: Int64
    let labels: LabelSet
    let entry: LogEntry
    /// The group that the line is counted in, if it is an error.
    var errorID: String?

    /// Time and a hash of stream, line and metadata: the same for the same entry wherever it is stored.
    var id: String {
        let seed = Hash.hash64(labels.encoded, seed: Hash.hash64(entry.metadata.encoded))
        return String(time, radix: 16) + "-" + String(Hash.hash64(entry.line, seed: seed), radix: 16)
    }

    /// The time in an id, or nil if the text is none.
    static func time(ofID id: String) -> Int64? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        // Times before 1970 begin with a minus.
        guard parts.count == 2 || (parts.count == 3 && parts[0].isEmpty), let hash = parts.last,
            UInt64(hash, radix: 16) != nil
        else { return nil }
        return Int64(parts.dropLast().joined(separator: "-"), radix: 16)
    }

    /// All entries of streams in order of time. Entries of one instant are in the order of their streams.
    static func lines(_ streams: [LogStream], isAscending: Bool) -> [ShownLine] {
        var lines: [ShownLine] = []
        for stream in streams {
            for entry in stream.entries {
                lines.append(ShownLine(time: entry.time, labels: stream.labels, entry: entry))
            }
        }
        let order = lines.indices.sorted { a, b in
            let (first, second) = (lines[a].time, lines[b].time)
            if first != second { return isAscending ? first < second : first > second }
            return a < b
        }
        return order.map { lines[$0] }
    }

    var traceID: String? {
        ["trace_id", "traceID", "traceId"].lazy.compactMap { entry.metadata.value(of: $0) }.first
    }

    func level(_ fields: LineFields) -> String {
        fields.level ?? labels.value(of: "level") ?? entry.metadata.value(of: "detected_level") ?? "unknown"
    }

    /// The message field of a JSON line, else the line.
    var message: String { LineFields(entry.line).message ?? String(decoding: entry.line, as: UTF8.self) }

    /// The line as JSON.
    /// - Parameters:
    ///   - columns: fields to show; nil for all.
    ///   - members: further members, each with a comma before it.
    func append(to out: inout [UInt8], columns: [String]? = nil, members: [UInt8] = []) {
        let fields = LineFields(entry.line)
        out.append(contentsOf: "{\"timestamp\":\"\(RFC3339.format(time))\",\"level\":".utf8)
        JSONText.append(level(fields), to: &out)
        out.append(contentsOf: ",\"message\":".utf8)
        if let message = fields.message {
            JSONText.append(message, to: &out)
        } else {
            JSONText.append(entry.line.span, to: &out)
        }
        out.append(contentsOf: ",\"trace_id\":".utf8)
        append(traceID, to: &out)
        out.append(contentsOf: ",\"app\":".utf8)
        append(labels.value(of: "app"), to: &out)
        out.append(contentsOf: ",\"id\":\"\(id)\"".utf8)
        if let errorID {
            out.append(contentsOf: ",\"error_id\":".utf8)
            JSONText.append(errorID, to: &out)
        }
        out.append(contentsOf: ",\"fields\":{".utf8)
        appendFields(fields, columns, to: &out)
        out.append(contentsOf: "},\"labels\":{".utf8)
        for (index, pair) in labels.pairs.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(pair.name, to: &out)
            out.append(0x3a)
            JSONText.append(pair.value, to: &out)
        }
        out.append(0x7d)
        out += members
        out.append(0x7d)
    }

    private func appendFields(_ fields: LineFields, _ columns: [String]?, to out: inout [UInt8]) {
        var count = 0
        for field in fields.others {
            if let columns, !columns.contains(fields.source[field.name].dropFirst().dropLast().text) { continue }
            if count > 0 { out.append(0x2c) }
            out += fields.source[field.name]
            out.append(0x3a)
            // Line feeds between the parts of a value are blanks too.
            for byte in fields.source[field.value] { out.append(byte < 0x20 ? 0x20 : byte) }
            count += 1
        }
    }

    private func append(_ text: String?, to out: inout [UInt8]) {
        if let text { JSONText.append(text, to: &out) } else { out.append(contentsOf: "null".utf8) }
    }

    /// The text of one field, label or metadata, as a cell of a table; empty if there is none.
    func cell(_ name: String, _ fields: LineFields) -> [UInt8] {
        if let field = fields.others.first(where: { fields.source[$0.name].dropFirst().dropLast().text == name }) {
            let value = fields.source[field.value]
            return Array(value.first == 0x22 ? value.dropFirst().dropLast() : value)
        }
        return [UInt8]((entry.metadata.value(of: name) ?? labels.value(of: name) ?? "").utf8)
    }

    /// The line as JSON in a document.
    var json: JSONValue {
        var out: [UInt8] = []
        append(to: &out)
        return .raw(out)
    }
}

extension ArraySlice<UInt8> {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
