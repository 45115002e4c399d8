import Bytes
import Model

/// A head's rows in the order in which a part stores them: by time, then by arrival.
public struct SealOrder: Sendable {
    /// A row of the head.
    public struct Position: Sendable, BitwiseCopyable {
        public let time: Int64
        public let chunk: UInt32
        public let row: UInt32
    }

    public let positions: [Position]
    public let chunks: [HeadChunk]

    /// All rows of a frozen `head`, but those that `isHidden` (chunk index, row index) names.
    public init(_ head: Head, isHidden: (Int, Int) -> Bool = { _, _ in false }) {
        let chunks = head.chunks
        var positions: [Position] = []
        positions.reserveCapacity(head.rowCount)
        var isSorted = true
        var last = Int64.min
        for (chunkIndex, chunk) in chunks.enumerated() {
            let rows = chunk.rows
            rows.entries.withSpan(count: rows.count) { entries in
                for row in 0..<entries.count where !isHidden(chunkIndex, row) {
                    let time = entries[row].time
                    if time < last { isSorted = false }
                    last = time
                    positions.append(Position(time: time, chunk: UInt32(chunkIndex), row: UInt32(row)))
                }
            }
        }
        if !isSorted {
            positions.sort { a, b in
                if a.time != b.time { return a.time < b.time }
                return a.chunk != b.chunk ? a.chunk < b.chunk : a.row < b.row
            }
        }
        self.positions = positions
        self.chunks = chunks
    }
}
