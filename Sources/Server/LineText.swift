import Bytes
import Model
import Query

/// Lines of an answer in the format asked for.
struct LineText: Sendable {
    private let format: QueryRequest.Format
    private let columns: [String]
    private var count = 0
    private var warnings: [String] = []

    init(_ format: QueryRequest.Format, columns: [String]) {
        self.format = format
        self.columns = columns
    }

    mutating func add(warning: String) {
        if warnings.count < 16, !warnings.contains(warning) { warnings.append(warning) }
    }

    func begin(to out: inout [UInt8]) {
        switch format {
        case .ndjson, .text: break
        case .json:
            out.append(contentsOf: "{\"status\":\"success\",\"data\":{\"resultType\":\"lines\",\"result\":[".utf8)
        case .csv:
            out.append(contentsOf: "timestamp,".utf8)
            for column in columns {
                LineText.append(cell: [UInt8](column.utf8), to: &out)
                out.append(0x2c)
            }
            out.append(contentsOf: (columns.isEmpty ? "labels,line\r\n" : "line\r\n").utf8)
        }
    }

    mutating func append(_ entry: PlainEntry, to out: inout [UInt8]) {
        defer { count += 1 }
        switch format {
        case .ndjson:
            object(entry, to: &out)
            out.append(0x0a)
        case .json:
            if count > 0 { out.append(0x2c) }
            object(entry, to: &out)
        case .text:
            out.append(contentsOf: RFC3339.format(entry.time).utf8)
            out.append(0x20)
            out += entry.line
            out.append(0x0a)
        case .csv:
            out.append(contentsOf: RFC3339.format(entry.time).utf8)
            out.append(0x2c)
            if columns.isEmpty {
                LineText.append(cell: [UInt8](entry.labels.description.utf8), to: &out)
                out.append(0x2c)
            }
            for column in columns {
                LineText.append(cell: [UInt8]((entry.labels.value(of: column) ?? "").utf8), to: &out)
                out.append(0x2c)
            }
            LineText.append(cell: entry.line, to: &out)
            out.append(contentsOf: "\r\n".utf8)
        }
    }

    private func object(_ entry: PlainEntry, to out: inout [UInt8]) {
        out.append(contentsOf: "{\"timestamp\":\"\(RFC3339.format(entry.time))\",\"line\":".utf8)
        JSONText.append(entry.line.span, to: &out)
        out.append(contentsOf: ",\"labels\":".utf8)
        LineText.append(labels: entry.labels, to: &out)
        out.append(0x7d)
    }

    /// The end: what is missing, why, and where to go on. CSV and plain text say the latter in a trailer only.
    func finish(cursor: String?, error: QueryError?, to out: inout [UInt8]) {
        switch format {
        case .csv, .text:
            if let error { out.append(contentsOf: "# error: \(error.message)\n".utf8) }
            for warning in warnings where format == .text { out.append(contentsOf: "# warning: \(warning)\n".utf8) }
        case .ndjson:
            guard cursor != nil || error != nil || !warnings.isEmpty else { return }
            out.append(0x7b)
            closing(cursor, error, to: &out)
            out.append(contentsOf: "}\n".utf8)
        case .json:
            out.append(contentsOf: "]},".utf8)
            closing(cursor, error, to: &out)
            out.append(contentsOf: "}\n".utf8)
        }
    }

    private func closing(_ cursor: String?, _ error: QueryError?, to out: inout [UInt8]) {
        out.append(contentsOf: "\"next\":".utf8)
        if let cursor { JSONText.append(cursor, to: &out) } else { out.append(contentsOf: "null".utf8) }
        if !warnings.isEmpty {
            out.append(contentsOf: ",\"warnings\":".utf8)
            LineText.append(list: warnings, to: &out)
        }
        guard let error else { return }
        out.append(contentsOf: ",\"error\":".utf8)
        JSONText.append(error.message, to: &out)
        out.append(contentsOf: ",\"code\":\"\(error.kind.rawValue)\"".utf8)
    }

    // MARK: Pieces

    static func append(labels: LabelSet, to out: inout [UInt8]) {
        out.append(0x7b)
        for (index, pair) in labels.pairs.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(pair.name, to: &out)
            out.append(0x3a)
            JSONText.append(pair.value, to: &out)
        }
        out.append(0x7d)
    }

    static func append(list: [String], to out: inout [UInt8]) {
        out.append(0x5b)
        for (index, text) in list.enumerated() {
            if index > 0 { out.append(0x2c) }
            JSONText.append(text, to: &out)
        }
        out.append(0x5d)
    }

    /// A cell of CSV (RFC 4180): quoted where a reader would take it apart.
    static func append(cell: [UInt8], to out: inout [UInt8]) {
        guard cell.contains(where: { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }) else {
            out += cell
            return
        }
        out.append(0x22)
        for byte in cell {
            if byte == 0x22 { out.append(0x22) }
            out.append(byte)
        }
        out.append(0x22)
    }
}
