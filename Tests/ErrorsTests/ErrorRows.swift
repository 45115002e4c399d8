import Bytes
import Model
import Store

/// The time of the first row.
let start: Int64 = 1_795_460_400_000_000_000

/// Rows as observers get them, all of one stream.
func observed(
    _ lines: [(Int64, String)], level: String = "error", labels: [(String, String)] = [("app", "shop")]
) -> ObservedRows {
    let metadata = LabelSet([("detected_level", level), ("trace_id", "t1")]).encoded
    let size = lines.reduce(0) { $0 + $1.1.utf8.count + metadata.count }
    let entries = AppendOnly<RowEntry>(capacity: lines.count)
    let arena = AppendOnly<UInt8>(capacity: max(size, 1))
    for (time, line) in lines {
        let bytes = [UInt8](line.utf8)
        let offset = arena.writtenCount
        arena.append(bytes.span)
        arena.append(metadata.span)
        entries.append(
            RowEntry(
                time: time, stream: 0, lineOffset: offset, lineCount: bytes.count,
                metadataOffset: offset + bytes.count, metadataCount: metadata.count))
    }
    arena.release()
    entries.release()
    return ObservedRows(
        tenant: .standard, rows: Rows(entries: entries, arena: arena, count: lines.count), range: 0..<lines.count,
        streams: [LabelSet(labels.map { (name: $0.0, value: $0.1) })])
}
