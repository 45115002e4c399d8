import Bytes
public import Files
public import Model

/// A finished part that is not a file yet: its bytes in memory, or in the files that it was merged from. Readable in
/// pieces, so that writing it out needs no more memory.
public struct PartImage: BlobSource, Sendable {
    /// A run of the image's bytes.
    enum Piece: Sendable {
        case bytes([UInt8])
        /// `count` bytes of an open part from `offset`.
        case copy(PartSource, offset: Int, count: Int)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .copy(_, _, let count): count
            }
        }
    }

    public let summary: PartSummary
    /// What the part holds of each stream; streams without rows are left out.
    public let streamStatistics: [StreamTotals]
    /// Whether the part has a trace maplet, and why not.
    public let mapletState: MapletState
    /// Pairs of an indexed value and a block that holds it: more than `mostTracePairs` make no maplet.
    public let tracePairs: Int
    /// What a maplet is built from at most.
    public static let mostTracePairs = PartLimits.maximumTracePairs
    private let pieces: [Piece]
    /// Where each piece begins.
    private let starts: [Int]
    public let sizeBytes: Int

    init(
        summary: PartSummary, streamStatistics: [StreamTotals], mapletState: MapletState, tracePairs: Int,
        pieces: [Piece]
    ) {
        self.summary = summary
        self.streamStatistics = streamStatistics
        self.mapletState = mapletState
        self.tracePairs = tracePairs
        self.pieces = pieces
        var offset = 0
        var starts: [Int] = []
        for piece in pieces {
            starts.append(offset)
            offset += piece.count
        }
        self.starts = starts
        sizeBytes = offset
    }

    /// Bytes `range` of the part file.
    public func read(_ range: Range<Int>) throws(FileError) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= sizeBytes, "BUG: \(range) of \(sizeBytes) bytes")
        var out: [UInt8] = []
        out.reserveCapacity(range.count)
        var index = piece(at: range.lowerBound)
        var at = range.lowerBound
        while at < range.upperBound {
            let start = at - starts[index]
            let end = min(range.upperBound - starts[index], pieces[index].count)
            switch pieces[index] {
            case .bytes(let bytes): out.append(bytes, start..<end)
            case .copy(let source, let offset, _):
                out.append(contentsOf: try source.file.read(at: offset + start, count: end - start))
            }
            at += end - start
            index += 1
        }
        return out
    }

    /// The piece that holds byte `offset`.
    private func piece(at offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return max(low - 1, 0)
    }
}
