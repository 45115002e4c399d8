import Bytes
import Files

/// A segment file as replay sees it: blocks that may hold a header, and bytes that may be unreadable.
struct SegmentReader {
    let file: any File
    let sizeBytes: Int
    let id: UInt64
    let storeID: Hash128
    /// The first whole header of this segment, wherever it is: every header names the segment before.
    private(set) var first: GroupHeader?
    /// The header at the front, if it is whole and shows that the file is not what its name says.
    private(set) var stranger: GroupHeader?

    init(file: any File, sizeBytes: Int, id: UInt64, storeID: Hash128) {
        self.file = file
        self.sizeBytes = sizeBytes
        self.id = id
        self.storeID = storeID
        switch finding(at: 0) {
        case .header(let header): first = header
        case .stale(let header):
            // A recycled file that was not written since holds groups of an older segment of this store.
            if header.storeID != storeID || header.segmentID > id { stranger = header }
        case .broken, .other: break
        }
        if first == nil, stranger == nil { first = nextHeader(from: 0, end: sizeBytes)?.header }
    }

    /// What stands at the group boundary `offset`.
    func finding(at offset: Int) -> GroupHeader.Finding {
        guard offset < sizeBytes else { return .other }
        let block = bytes(offset..<min(offset + WALFormat.headerBytes, sizeBytes))
        return GroupHeader.find(in: block, at: 0, fileOffset: offset, storeID: storeID, segmentID: id)
    }

    /// The first whole header of this segment at a group boundary in `from..<end`.
    func nextHeader(from: Int, end: Int) -> (offset: Int, header: GroupHeader)? {
        let last = min(end, sizeBytes)
        var start = WALFormat.aligned(from)
        while start + WALFormat.headerBytes <= last {
            let piece = bytes(start..<min(start + 1 << 20, sizeBytes))
            var offset = 0
            while offset + WALFormat.headerBytes <= piece.count, start + offset < last {
                let finding = GroupHeader.find(
                    in: piece, at: offset, fileOffset: start + offset, storeID: storeID, segmentID: id)
                if case .header(let header) = finding { return (start + offset, header) }
                offset += WALFormat.alignmentBytes
            }
            start += 1 << 20
        }
        return nil
    }

    /// Bytes `range` of the file. What cannot be read, page by page, comes as zeros, which no checksum takes for data.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        if range.isEmpty { return [] }
        if let whole = try? file.read(at: range.lowerBound, count: range.count) { return whole }
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let end = min(WALFormat.aligned(offset + 1), range.upperBound)
            let page = try? file.read(at: offset, count: end - offset)
            result.append(contentsOf: page ?? [UInt8](repeating: 0, count: end - offset))
            offset = end
        }
        return result
    }
}
