import Bytes
public import Columns
import Model

/// A block of a part that is being made of others, its streams by ordinal of the new part.
struct PackedBlock {
    let bytes: [UInt8]
    let entry: BlockEntry
    let streams: [BlockStream]
    let traceHashes: [UInt64]
}

/// A block of an input of a merge.
struct MergePlace {
    let input: Int
    let block: Int
    let entry: BlockEntry
}

/// Encodes blocks of a merge anew that are worth it: row blocks, and column blocks less than half full. For one thread.
public final class BlockPacker {
    /// What won in earlier column blocks: set it before the merge, take it after.
    public var plan: ColumnPlan
    /// Why blocks stay as they are though columns were wanted: one sentence each.
    public private(set) var refusals: [String] = []
    /// Rows that were encoded anew.
    public private(set) var packedRows = 0

    /// Encoded blocks wait in memory until the part is written: the rest is for the next merge.
    static let maximumGroups = 16

    private var builder = ColumnBlockBuilder()

    public init(plan: ColumnPlan = ColumnPlan()) {
        self.plan = plan
    }

    /// Groups of `places`, which are in order: each becomes one block. What is in no group is copied.
    static func groups(_ places: [MergePlace], blockRows: Int) -> [[MergePlace]] {
        let loose = places.filter { isLoose($0.entry, blockRows: blockRows) }
        let rows = loose.reduce(0) { $0 + $1.entry.rows }
        // Blocks of like size rather than full ones and a rest.
        let fewest = split(loose, blockRows: blockRows, targetRows: blockRows).count
        let groups = split(loose, blockRows: blockRows, targetRows: (rows + fewest - 1) / max(fewest, 1))
        // A column block alone would only be itself again.
        return Array(groups.filter { $0.count > 1 || $0[0].entry.kind == .rows }.prefix(maximumGroups))
    }

    /// Runs of `places` of about `targetRows` rows each, within the bounds of a block.
    private static func split(_ places: [MergePlace], blockRows: Int, targetRows: Int) -> [[MergePlace]] {
        var groups: [[MergePlace]] = []
        var group: [MergePlace] = []
        var rows = 0
        var raw: UInt64 = 0
        var total = 0
        for place in places {
            let entry = place.entry
            let isFull =
                rows + entry.rows > blockRows || raw &+ entry.rawBytes > UInt64(PartLimits.columnBlockRawBytes)
            // Measured from the start, so that what one group has too much the next has less.
            if !group.isEmpty, isFull || total + entry.rows / 2 > targetRows * (groups.count + 1) {
                groups.append(group)
                (group, rows, raw) = ([], 0, 0)
            }
            group.append(place)
            rows += entry.rows
            total += entry.rows
            raw &+= entry.rawBytes
        }
        if !group.isEmpty { groups.append(group) }
        return groups
    }

    private static func isLoose(_ entry: BlockEntry, blockRows: Int) -> Bool {
        if entry.kind == .rows { return true }
        return entry.rows < blockRows / 2 && entry.rawBytes < UInt64(PartLimits.columnBlockRawBytes / 2)
    }

    /// One block of all rows of `group`, by time, then by sequence of their blocks; nil when columns do not give them
    /// back byte for byte.
    func pack(
        _ group: [MergePlace], of inputs: [Part], ordinals: [[UInt32]], configuration: PartConfiguration,
        traces: TraceNames
    ) throws(PartError) -> PackedBlock? {
        builder.reset()
        defer { builder.reset() }
        try append(group, of: inputs, ordinals: ordinals, traces: traces)
        do throws(ColumnError) {
            let made = try builder.encoded(
                codec: configuration.codec, tracedNames: traces.names, plan: &plan, offset: 0,
                trial: configuration.trial)
            var entry = made.entry
            // Sequences of single rows are not known: the bounds are those of their blocks.
            entry.lowestSequence = group.reduce(UInt64.max) { min($0, $1.entry.lowestSequence) }
            entry.highestSequence = group.reduce(0) { max($0, $1.entry.highestSequence) }
            packedRows += entry.rows
            return PackedBlock(
                bytes: made.bytes, entry: entry, streams: builder.tally.streams,
                traceHashes: builder.tally.traceHashes)
        } catch {
            refusals.append("\(group.count) blocks stay as they are: \(error)")
            return nil
        }
    }

    private func append(
        _ group: [MergePlace], of inputs: [Part], ordinals: [[UInt32]], traces: TraceNames
    ) throws(PartError) {
        let rawBytes = group.reduce(UInt64(0)) { $0 &+ $1.entry.rawBytes }
        let most = UInt64(PartLimits.columnBlockRawBytes)
        builder.reserve(rows: group.reduce(0) { $0 + $1.entry.rows }, bytes: Int(min(rawBytes, most)))
        let sequences = group.map(\.entry.lowestSequence)
        var held = [Rows?](repeating: nil, count: group.count)
        var left = [Int](repeating: 0, count: group.count)
        var waiting: [RowPlace] = []
        for (index, place) in group.enumerated() {
            let rows = try inputs[place.input].readBlock(place.block, need: .rows).rows
            (held[index], left[index]) = (rows, rows.count)
            for row in 0..<rows.count {
                waiting.append(RowPlace(time: rows.entries[row].time, block: UInt32(index), row: UInt32(row)))
            }
            // Blocks come by their first time: what lies before the next one's can go, and with its last row a block.
            // Not for a few rows, though, where all blocks begin at about the same time: each sorting costs.
            let next = index + 1 < group.count ? group[index + 1].entry.firstTime : nil
            let ready = next.map { next in waiting.count { $0.time < next } } ?? waiting.count
            guard ready > 0, next == nil || ready >= waiting.count / 4 else { continue }
            BlockPacker.sort(&waiting, sequences)
            for position in waiting[..<ready] {
                let block = Int(position.block)
                held[block]?.read { entries, arena in
                    let at = entries[Int(position.row)]
                    builder.append(
                        time: at.time, stream: ordinals[group[block].input][Int(at.stream)], sequence: sequences[block],
                        line: arena.extracting(at.line), metadata: arena.extracting(at.metadata), traces: traces)
                }
                left[block] -= 1
                if left[block] == 0 { held[block] = nil }
            }
            waiting.removeFirst(ready)
        }
    }

    /// By time; rows of one time by the sequence of their blocks, so that they stay in the order of arrival.
    private static func sort(_ rows: inout [RowPlace], _ sequences: [UInt64]) {
        if zip(rows, rows.dropFirst()).allSatisfy({ $0.time <= $1.time }) { return }
        rows.sort { a, b in
            if a.time != b.time { return a.time < b.time }
            let (first, second) = (sequences[Int(a.block)], sequences[Int(b.block)])
            if first != second { return first < second }
            return a.block != b.block ? a.block < b.block : a.row < b.row
        }
    }
}

/// Where a row stands in a group of blocks.
private struct RowPlace: BitwiseCopyable {
    let time: Int64
    let block: UInt32
    let row: UInt32
}
