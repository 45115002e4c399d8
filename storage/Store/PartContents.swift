import Bytes
import Chunks
import Model

/// An open part with its directory, and its stream ordinals translated to the process's stream numbers.
final class PartContents: Sendable {
    let part: Part
    let directory: PartDirectory
    /// Stream numbers by the part's ordinals.
    let numbers: [UInt32]

    init(part: Part, table: StreamTable) throws(PartError) {
        self.part = part
        directory = try part.directory()
        numbers = try part.streams().map { table.number(for: $0.labels, hash: $0.hash) }
    }

    /// Memory held, in bytes.
    var memoryBytes: Int { directory.memoryBytes + numbers.count * 4 + 512 }

    var blockCount: Int { directory.blocks.count }

    /// For each ordinal its stream, or none where `selected` excludes it.
    func streamMap(_ selected: [Bool]) -> [StreamID] {
        numbers.map { Int($0) < selected.count && selected[Int($0)] ? StreamID($0) : StreamID.none }
    }

    /// Whether block `index` has rows of a selected stream in the range, as far as its directory tells.
    func mayHold(block index: Int, _ range: TimeRange, _ streams: [StreamID]) -> Bool {
        let block = directory.blocks[index]
        guard range.overlaps(first: block.firstTime, last: block.lastTime) else { return false }
        for position in block.streams {
            let stream = directory.blockStreams[position]
            if streams[Int(stream.ordinal)] != .none, range.overlaps(first: stream.firstTime, last: stream.lastTime) {
                return true
            }
        }
        return false
    }

    /// Exact rows of each selected stream in block `index`.
    func counts(block index: Int, _ streams: [StreamID]) -> [StreamCount] {
        directory.streams(of: index).compactMap { stream in
            let id = streams[Int(stream.ordinal)]
            guard id != .none else { return nil }
            return StreamCount(
                stream: id, rows: Int(stream.rows), bytes: Int(clamping: stream.rawBytes),
                firstTime: stream.firstTime, lastTime: stream.lastTime)
        }
    }

    /// Marks the selected streams that have rows in the range.
    func markStreams(in range: TimeRange, selected: [Bool], present: inout [Bool]) {
        for block in directory.blocks where range.overlaps(first: block.firstTime, last: block.lastTime) {
            for position in block.streams {
                let stream = directory.blockStreams[position]
                let number = Int(numbers[Int(stream.ordinal)])
                if number < selected.count, selected[number], !present[number],
                    range.overlaps(first: stream.firstTime, last: stream.lastTime)
                {
                    present[number] = true
                }
            }
        }
    }

    /// The latest time of each stream, by stream number.
    func latestTimes() -> [UInt32: Int64] {
        var latest: [UInt32: Int64] = [:]
        for stream in directory.blockStreams {
            let number = numbers[Int(stream.ordinal)]
            latest[number] = max(latest[number] ?? .min, stream.lastTime)
        }
        return latest
    }
}
