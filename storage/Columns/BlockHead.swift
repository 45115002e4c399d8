import Bytes

/// The front of a block: {"DCB1", u16 version, u8 codec, u8 0, u32 rows, u32 stored tree, u32 tree, u32 streams,
/// u32 crc32c of the 24 bytes before and the stored tree}, then the stored tree.
struct BlockHead {
    static let magic: [UInt8] = [0x44, 0x43, 0x42, 0x31]  // DCB1
    /// Raise with care: the golden test watches.
    static let version: UInt16 = 1
    static let prefixBytes = 28

    let rows: Int
    /// Bytes of the streams region.
    let streamBytes: Int
    let tree: [UInt8]

    static func encode(tree: [UInt8], rows: Int, streamBytes: Int, _ codec: Codec) throws(ColumnError) -> [UInt8] {
        guard tree.count <= ColumnLimits.treeBytes, streamBytes <= Int(UInt32.max) else {
            throw ColumnError("block too large: tree of \(tree.count), streams of \(streamBytes) bytes")
        }
        var used = codec
        var stored = (try? codec.compress(tree.span)) ?? tree
        if stored.count >= tree.count {
            used = .none
            stored = tree
        }
        var out = magic
        out.appendLittleEndian(version)
        out.append(used.rawValue)
        out.append(0)
        out.appendLittleEndian(UInt32(rows))
        out.appendLittleEndian(UInt32(stored.count))
        out.appendLittleEndian(UInt32(tree.count))
        out.appendLittleEndian(UInt32(streamBytes))
        out.appendLittleEndian(Checksum.crc32c(stored, seed: Checksum.crc32c(out)))
        out.append(contentsOf: stored)
        return out
    }

    init(_ bytes: [UInt8]) throws(ColumnError) {
        guard bytes.count >= BlockHead.prefixBytes, Array(bytes[0..<4]) == BlockHead.magic else {
            throw ColumnError("not a column block")
        }
        var reader = ByteReader(bytes, 4..<BlockHead.prefixBytes)
        let version: UInt16
        let flags: UInt16
        var sizes: [UInt32] = []
        do throws(ReadError) {
            version = try reader.littleEndian(UInt16.self)
            flags = try reader.littleEndian(UInt16.self)
            for _ in 0..<5 { sizes.append(try reader.littleEndian(UInt32.self)) }
        } catch {
            throw ColumnError("column block head: \(error)")
        }
        guard version == BlockHead.version else {
            throw ColumnError("column block of version \(version), this reader knows \(BlockHead.version)")
        }
        let stored = BlockHead.prefixBytes..<bytes.count
        guard Int(sizes[1]) == stored.count else { throw ColumnError("column tree ends early") }
        let seed = Checksum.crc32c(bytes, 0..<(BlockHead.prefixBytes - 4))
        guard Checksum.crc32c(bytes, stored, seed: seed) == sizes[4] else {
            throw ColumnError("column block head: checksum differs")
        }
        guard flags >> 8 == 0, let codec = Codec(rawValue: UInt8(truncatingIfNeeded: flags)) else {
            throw ColumnError("column block head: unknown codec")
        }
        guard sizes[0] <= UInt32(ColumnLimits.rows), sizes[2] <= UInt32(ColumnLimits.treeBytes) else {
            throw ColumnError("column block head: sizes beyond the limits")
        }
        rows = Int(sizes[0])
        streamBytes = Int(sizes[3])
        do throws(CodecError) {
            tree = try codec.decompress(bytes.span.extracting(stored), rawSize: Int(sizes[2]))
        } catch {
            throw ColumnError("column tree: \(error)")
        }
    }
}

/// The parsed head of a block: what columns there are and where their values lie. Costs some hundred microseconds to
/// make, so that readers of the same block share it.
public struct ColumnHead: Sendable {
    let tree: ColumnTree
    let rows: Int
    let streamBytes: Int

    /// Parses and checks the stored head.
    public init(_ stored: [UInt8]) throws(ColumnError) {
        let head = try BlockHead(stored)
        tree = try ColumnTree(head)
        rows = head.rows
        streamBytes = head.streamBytes
    }

    /// Memory held, about, in bytes.
    public var memoryBytes: Int { tree.memoryBytes }
}
