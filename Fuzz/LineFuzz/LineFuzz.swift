import Bytes
import Columns
import Model

/// Lines become columns (through the JSON scanner and the typing of values) and have to come back byte for byte; a
/// search for a piece of them has to find what a plain look finds. A line's first byte is its stream.
@_cdecl("LLVMFuzzerTestOneInput")
public func roundTrip(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let arena = [UInt8](UnsafeBufferPointer(start: start, count: count))
    var rows: [RowEntry] = []
    var at = 0
    while at < arena.count, rows.count < 512 {
        let end = arena[at...].firstIndex(of: 0x0a) ?? arena.count
        let stream = at < end ? UInt32(arena[at] & 3) : 0
        let line = min(at + 1, end)
        rows.append(
            RowEntry(
                time: Int64(rows.count) * 1_000_003, stream: stream, lineOffset: line, lineCount: end - line,
                metadataOffset: end, metadataCount: 0))
        at = end + 1
    }
    guard !rows.isEmpty else { return 0 }
    var plan = ColumnPlan()
    // Twice: the second block is made after the plan of the first.
    for _ in 0..<2 {
        guard
            let block = try? ColumnBlock.encode(rows, arena: arena.span, tracedNames: [], codec: .none, plan: &plan),
            var reader = try? ColumnBlockReader(
                head: block.head, streams: block.streams, limitBytes: arena.count + 4096),
            let decoded = try? reader.rows()
        else { preconditionFailure("rows did not become a block, or did not come back") }
        precondition(decoded.count == rows.count, "rows are missing")
        decoded.read { entries, text in
            for index in 0..<entries.count {
                precondition(entries[index].time == rows[index].time && entries[index].stream == rows[index].stream)
                precondition(
                    text.extracting(entries[index].line).equals(arena.span.extracting(rows[index].line)),
                    "a line came back different")
            }
        }
        search(&reader, rows, arena)
    }
    return 0
}

private func search(_ reader: inout ColumnBlockReader, _ rows: [RowEntry], _ arena: [UInt8]) {
    let middle = rows[rows.count / 2].line
    for (from, size) in [(0, 3), (middle.count / 3, 2), (middle.count / 2, 5), (middle.count - 4, 4)] {
        guard from >= 0, from + size <= middle.count else { continue }
        let needle = [UInt8](arena[(middle.lowerBound + from)..<(middle.lowerBound + from + size)])
        let wanted = rows.indices.filter { ByteSearch.contains(needle.span, in: arena.span.extracting(rows[$0].line)) }
        precondition((try? reader.rows(containing: needle)) == wanted, "a search found other rows")
    }
}
