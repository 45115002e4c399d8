import Bytes
import Model

@testable import Columns

/// The input is the tree of a column block: everything is asked of it. What is wrong must be refused, never trapped on.
/// Checksums are made here, for no input could guess them.
@_cdecl("LLVMFuzzerTestOneInput")
public func readBlock(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
    // Streams of the tree lie in it, or have no bytes: their checksum would be wrong.
    guard let head = try? BlockHead.encode(tree: Array(input.dropFirst()), rows: Int(input[0]), streamBytes: 0, .none),
        var reader = try? ColumnBlockReader(head: head, streams: [], limitBytes: 1 << 16)
    else { return 0 }
    _ = try? reader.rows(at: Array(stride(from: 0, to: reader.rowCount, by: 5)))
    for needle in ["a", "1", "\":\"", "2026-11", "-0"] {
        let needle = [UInt8](needle.utf8)
        _ = try? reader.lineMarks(containing: needle)
        _ = try? reader.lineMarks(containing: needle, ignoringCase: true)
    }
    for column in Set(reader.lineShapes().flatMap(\.columns)) {
        check(try? reader.lineColumn(column), reader.rowCount)
        check(try? reader.lineColumn(column, asTexts: true), reader.rowCount)
    }
    for name in reader.metadataNames {
        check(try? reader.metadataColumn(name), reader.rowCount)
        _ = try? reader.metadata(name, at: Array(0..<min(reader.rowCount, 4)))
        _ = try? reader.rows(whereMetadata: name, equals: [0x61])
    }
    reader.shed(to: 0)
    reader.renew()
    _ = try? reader.rows()
    if let encoded = try? reader.encodedCounts(codec: .none) { check(try? RowCounts(encoded), reader.rowCount) }
    check(try? RowCounts(PackedSection.pack(input, .none)), .max)
    if let volume = try? VolumeHistogram(PackedSection.pack(input, .none)) {
        precondition(volume.rows.count == volume.bucketCount * volume.streamCount, "counts beyond the buckets")
        for bucket in 0..<volume.bucketCount { _ = volume.times(of: bucket) }
    }
    return 0
}

/// Counts add up, whatever made them.
private func check(_ counts: RowCounts?, _ rowCount: Int) {
    guard let counts else { return }
    let total = counts.groups.reduce(0) { $0 + Int($1.rows) }
    precondition(total <= rowCount, "more rows than the block has")
    for name in counts.names {
        guard let values = try? counts.values(of: name) else { continue }
        precondition(values.runs.reduce(0) { $0 + Int($1.rows) } == total, "values do not add up")
    }
}

/// Callers go by what comes back: it has to fit together.
private func check(_ content: ColumnContent?, _ rowCount: Int) {
    guard let content else { return }
    precondition(content.rows.allSatisfy { Int($0) < rowCount }, "a row beyond the block")
    switch content.values {
    case .numbers(let numbers): precondition(numbers.count == content.rows.count, "numbers without rows")
    case .texts(let bytes, let ends, let indexes):
        precondition((indexes?.count ?? ends.count) == content.rows.count, "texts without rows")
        precondition(indexes?.allSatisfy { Int($0) < ends.count } ?? true, "an index beyond the texts")
        precondition(Int(ends.last ?? 0) <= bytes.count, "a text beyond the bytes")
    }
}
