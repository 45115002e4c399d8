public import Bytes
import Model

/// A few decoded blocks, handed from one `Part.holds` to the next. For one thread.
public struct BlockCache {
    private struct Slot {
        let part: Hash128
        let block: Int
        let need: BlockNeed
        let rows: Rows
        let sizeBytes: Int
    }

    /// Questions to a column block that are answered by rebuilding single rows; beyond it the block is decoded.
    private static let rareQuestions = 8

    /// Memory that is kept at most, in bytes; one block is kept whatever its size.
    public let capacityBytes: Int
    private var slots: [Slot] = []
    private var sizeBytes = 0
    private var questions: [Hash128: [Int: Int]] = [:]

    public init(capacityBytes: Int = 16 << 20) {
        self.capacityBytes = capacityBytes
    }

    /// Whether block `block` was asked for rows only a few times so far; counts this time.
    mutating func isRare(_ part: Part, _ block: Int) -> Bool {
        let count = questions[part.summary.id, default: [:]][block, default: 0]
        guard count < BlockCache.rareQuestions else { return false }
        questions[part.summary.id, default: [:]][block] = count + 1
        return true
    }

    /// Rows of a block, decoded now or before.
    mutating func rows(_ part: Part, _ block: Int, _ need: BlockNeed) throws(PartError) -> Rows {
        let id = part.summary.id
        for slot in slots where slot.part == id && slot.block == block && (slot.need == need || slot.need == .rows) {
            return slot.rows
        }
        let rows = try part.readBlock(block, need: need).rows
        let size = rows.count * 32 + rows.arena.capacity
        while !slots.isEmpty && sizeBytes + size > capacityBytes {
            sizeBytes -= slots.removeFirst().sizeBytes
        }
        slots.append(Slot(part: id, block: block, need: need, rows: rows, sizeBytes: size))
        sizeBytes += size
        return rows
    }
}

extension Part {
    /// Whether the part has a row equal to this one (storage rule 8): by times and streams first, lines only where
    /// those are equal.
    public func holds(
        stream: Hash128, time: Int64, line: borrowing ByteSpan, metadata: borrowing ByteSpan, cache: inout BlockCache
    ) throws(PartError) -> Bool {
        guard time >= summary.firstTime, time <= summary.lastTime, let ordinal = try ordinal(of: stream) else {
            return false
        }
        let directory = try directory()
        for (index, entry) in directory.blocks.enumerated() where time >= entry.firstTime && time <= entry.lastTime {
            let isThere = directory.blockStreams[entry.streams].contains {
                $0.ordinal == ordinal && time >= $0.firstTime && time <= $0.lastTime
            }
            guard isThere else { continue }
            let candidates = try cache.rows(self, index, .times).places(time: time, stream: ordinal)
            guard !candidates.isEmpty else { continue }
            // Of columns only the candidates are rebuilt, unless the same block is asked over and over.
            let isColumns = entry.kind == .columns && cache.isRare(self, index)
            let rows = isColumns ? try columnRows(index, at: candidates) : try cache.rows(self, index, .rows)
            let places = isColumns ? Array(candidates.indices) : candidates
            let isHeld = rows.read { entries, arena in
                for row in places {
                    if arena.extracting(entries[row].line).equals(line),
                        arena.extracting(entries[row].metadata).equals(metadata)
                    {
                        return true
                    }
                }
                return false
            }
            if isHeld { return true }
        }
        return false
    }
}

extension Rows {
    /// Rows of sorted rows that have this time and stream.
    func places(time: Int64, stream: UInt32) -> [Int] {
        entries.withSpan(count: count) { entries in
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].time < time { low = middle + 1 } else { high = middle }
            }
            var found: [Int] = []
            while low < entries.count && entries[low].time == time {
                if entries[low].stream == stream { found.append(low) }
                low += 1
            }
            return found
        }
    }
}
