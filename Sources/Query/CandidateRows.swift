internal import Bytes
internal import Model
internal import Store

/// Finds the rows of a unit that are worth a closer look: in the time range, of a selected stream, not hidden, and
/// containing the pilot text.
struct CandidateRows {
    private(set) var rows: [Int32] = []
    private var found: [Int32] = []

    /// Below this many rows a search over the whole arena is not worth its set-up.
    private static let pilotRowCount = 32

    /// Fills `rows`, ascending.
    mutating func find(
        _ loaded: LoadedRows, _ entries: borrowing Span<RowEntry>, _ arena: borrowing ByteSpan, range: TimeRange,
        pilot: [UInt8]
    ) {
        rows.removeAll(keepingCapacity: true)
        var low = 0
        var high = entries.count
        if loaded.isSorted {
            low = CandidateRows.firstRow(entries, from: range.start)
            high = CandidateRows.firstRow(entries, from: range.end)
        }
        guard low < high else { return }
        var hidden = 0
        if pilot.count > 1, high - low >= CandidateRows.pilotRowCount,
            findPilot(entries, arena, low..<high, pilot)
        {
            for row in found {
                add(Int(row), entries[Int(row)], loaded, range, &hidden)
            }
        } else {
            for row in low..<high { add(row, entries[row], loaded, range, &hidden) }
        }
    }

    @inline(__always)
    private mutating func add(
        _ row: Int, _ entry: RowEntry, _ loaded: LoadedRows, _ range: TimeRange, _ hidden: inout Int
    ) {
        while hidden < loaded.hidden.count, loaded.hidden[hidden] < row { hidden += 1 }
        if hidden < loaded.hidden.count, loaded.hidden[hidden] == row { return }
        guard range.contains(entry.time), Int(entry.stream) < loaded.streams.count,
            loaded.streams[Int(entry.stream)] != .none
        else { return }
        rows.append(Int32(truncatingIfNeeded: row))
    }

    /// The first row whose time is `time` or later.
    private static func firstRow(_ entries: borrowing Span<RowEntry>, from time: Int64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].time < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Rows whose bytes contain `pilot`, into `found`; false if the rows do not lie one behind the other in the arena.
    private mutating func findPilot(
        _ entries: borrowing Span<RowEntry>, _ arena: borrowing ByteSpan, _ rows: Range<Int>, _ pilot: [UInt8]
    ) -> Bool {
        found.removeAll(keepingCapacity: true)
        var end: UInt32 = 0
        for row in rows {
            let entry = entries[row]
            guard entry.lineOffset >= end, entry.metadataOffset == entry.lineOffset &+ entry.lineCount else {
                return false
            }
            end = entry.metadataOffset &+ entry.metadataCount
        }
        guard Int(end) <= arena.count else { return false }
        let area = arena.extracting(0..<Int(end))
        var row = rows.lowerBound
        var at = Int(entries[row].lineOffset)
        while let hit = ByteSearch.find(pilot.span, in: area, from: at) {
            row = CandidateRows.row(holding: hit, entries, row..<rows.upperBound)
            let last = entries[row].metadata.upperBound
            if hit + pilot.count <= last {
                found.append(Int32(truncatingIfNeeded: row))
                at = last
            } else {
                at = hit + 1
            }
        }
        return true
    }

    /// The last row that begins at or before `offset`: near the first by steps that double, then by halving.
    private static func row(holding offset: Int, _ entries: borrowing Span<RowEntry>, _ rows: Range<Int>) -> Int {
        var low = rows.lowerBound
        var width = 1
        while low + width < rows.upperBound, Int(entries[low + width].lineOffset) <= offset {
            low += width
            width *= 2
        }
        var high = min(low + width, rows.upperBound)
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(entries[middle].lineOffset) <= offset { low = middle } else { high = middle }
        }
        return low
    }
}
