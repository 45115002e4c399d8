import Bytes
import Model
import Query

/// One page of log lines in the shapes of `/api/v1/observability/logs`.
struct LogsPage {
    private(set) var lines: [ShownLine]
    private(set) var next: String?
    var scannedBytes = 0
    var tookMilliseconds = 0
    var warnings: [String] = []
    /// Of all pages, where that was counted.
    var total: Int?
    /// What stands around each line, by its place in `lines`, as a member of it.
    var context: [[UInt8]] = []
    private let columns: [String]?

    /// Merges the first `limit` entries behind those that earlier pages showed of the first instant. Streams come with
    /// their entries in order, but without the order between them, so what was shown is told by `shown`, its ids.
    init(_ streams: [LogStream], _ request: LogsRequest, shown: Set<String> = []) {
        columns = request.columns
        lines = ShownLine.lines(streams, isAscending: request.isAscending)
        if !shown.isEmpty { lines.removeAll { shown.contains($0.id) } }
        guard lines.count >= request.limit, let last = lines.last else { return }
        let atLast = lines.reversed().prefix { $0.time == last.time }.count
        let before = last.time == request.resumedInstant ? request.skippedEntries : 0
        next = "c_\(last.time)_\(atLast + before)"
    }

    /// Ids of all entries, in the form in which lines show them.
    var ids: Set<String> { Set(lines.map(\.id)) }

    /// Says which groups the errors among the lines belong to.
    mutating func name(errors: (ShownLine) -> String?) {
        for index in lines.indices { lines[index].errorID = errors(lines[index]) }
    }

    func json(now: Int64) -> [UInt8] {
        var out = [UInt8]("{\"count\":\(lines.count),\"timestamp\":\"\(RFC3339.format(now))\",\"next\":".utf8)
        if let next { JSONText.append(next, to: &out) } else { out.append(contentsOf: "null".utf8) }
        let isEstimate = total == nil && next != nil
        out.append(contentsOf: ",\"total\":\(total ?? lines.count),\"total_is_estimate\":\(isEstimate)".utf8)
        out.append(contentsOf: ",\"logs\":[".utf8)
        for index in lines.indices {
            if index > 0 { out.append(0x2c) }
            append(index, to: &out)
        }
        out.append(
            contentsOf: "],\"stats\":{\"scanned_bytes\":\(scannedBytes),\"took_ms\":\(tookMilliseconds),\"partial\":"
                .utf8)
        out.append(contentsOf: "\(!warnings.isEmpty)}".utf8)
        if !warnings.isEmpty {
            out.append(contentsOf: ",\"warnings\":".utf8)
            LineText.append(list: warnings, to: &out)
        }
        out.append(contentsOf: "}\n".utf8)
        return out
    }

    func ndjson() -> [UInt8] {
        var out: [UInt8] = []
        for index in lines.indices {
            append(index, to: &out)
            out.append(0x0a)
        }
        return out
    }

    /// Time and line, as a terminal wants them.
    func text() -> [UInt8] {
        var out: [UInt8] = []
        for line in lines {
            out.append(contentsOf: RFC3339.format(line.time).utf8)
            out.append(0x20)
            out.append(contentsOf: line.entry.line)
            out.append(0x0a)
        }
        return out
    }

    /// A table with a header, and the fields asked for behind the columns that every line has.
    func csv() -> [UInt8] {
        let names = columns ?? []
        var out = [UInt8]("timestamp,level,app,trace_id,id,message".utf8)
        for name in names {
            out.append(0x2c)
            LineText.append(cell: [UInt8](name.utf8), to: &out)
        }
        out.append(contentsOf: "\r\n".utf8)
        for line in lines {
            let fields = LineFields(line.entry.line)
            let known =
                [RFC3339.format(line.time), line.level(fields), line.labels.value(of: "app") ?? ""]
                + [line.traceID ?? "", line.id]
            let cells = known.map { [UInt8]($0.utf8) } + [fields.message.map { [UInt8]($0.utf8) } ?? line.entry.line]
            for (index, cell) in (cells + names.map { line.cell($0, fields) }).enumerated() {
                if index > 0 { out.append(0x2c) }
                LineText.append(cell: cell, to: &out)
            }
            out.append(contentsOf: "\r\n".utf8)
        }
        return out
    }

    private func append(_ index: Int, to out: inout [UInt8]) {
        lines[index].append(
            to: &out, columns: columns, members: context.indices.contains(index) ? context[index] : [])
    }
}
