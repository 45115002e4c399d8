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
    private var crowds: [Crowd] = []

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

    /// Rows of a block that have this time and stream, and may hold what hashes to `content`.
    fileprivate mutating func candidates(
        _ part: Part, _ block: Int, time: Int64, stream: UInt32, content: UInt64
    ) throws(PartError) -> [Int] {
        let place = Crowd.Place(part: part.summary.id, block: block, time: time, stream: stream)
        if let crowd = crowds.first(where: { $0.place == place }) { return crowd.rows(content) }
        let all = try rows(part, block, .times).places(time: time, stream: stream)
        guard all.count >= Crowd.leastRows, makeRoomForCrowd(time) else { return all }
        let crowd = Crowd(place, all, of: try rows(part, block, .rows))
        crowds.append(crowd)
        return crowd.rows(content)
    }

    /// False when all that are kept are of the same moment: taking turns would make each anew for every row.
    private mutating func makeRoomForCrowd(_ time: Int64) -> Bool {
        guard crowds.count >= Crowd.mostKept else { return true }
        guard let index = crowds.firstIndex(where: { $0.place.time != time }) else { return false }
        crowds.remove(at: index)
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

/// Many rows of one moment and stream in a block, found by what they hold: comparing each of as many new ones with all
/// of them would take the square of their number.
private struct Crowd {
    struct Place: Hashable {
        let part: Hash128
        let block: Int
        let time: Int64
        let stream: UInt32
    }

    static let leastRows = 32
    /// A MiB each, at most.
    static let mostKept = 64

    let place: Place
    /// By hash.
    private let members: [(content: UInt64, row: UInt32)]

    init(_ place: Place, _ candidates: [Int], of rows: Rows) {
        self.place = place
        members = rows.read { entries, arena in
            candidates.map { row in
                let line = arena.extracting(entries[row].line)
                return (Crowd.content(line: line, metadata: arena.extracting(entries[row].metadata)), UInt32(row))
            }
        }
        .sorted { $0.content < $1.content }
    }

    /// The hash that equal rows of one moment and stream share.
    static func content(line: borrowing ByteSpan, metadata: borrowing ByteSpan) -> UInt64 {
        Hash.keyed64(metadata, seed: Hash.keyed64(line))
    }

    /// The rows that have this hash.
    func rows(_ content: UInt64) -> [Int] {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle].content < content { low = middle + 1 } else { high = middle }
        }
        return members[low...].prefix { $0.content == content }.map { Int($0.row) }
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
        let content = Crowd.content(line: line, metadata: metadata)
        for (index, entry) in directory.blocks.enumerated() where time >= entry.firstTime && time <= entry.lastTime {
            let isThere = directory.blockStreams[entry.streams].contains {
                $0.ordinal == ordinal && time >= $0.firstTime && time <= $0.lastTime
            }
            guard isThere else { continue }
            let candidates = try cache.candidates(self, index, time: time, stream: ordinal, content: content)
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
