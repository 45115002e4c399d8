import Bytes

/// The sections of a row block, in the order in which they lie; the raw value is the number on disk.
enum RowSection: UInt8, CaseIterable {
    /// Per row the difference to the time before, zigzag varint.
    case times = 1
    /// Per row the number of its stream within the block, varint.
    case streams = 2
    /// Line length of each row, then metadata length of each row, varints.
    case lengths = 3
    case metadata = 4
    case lines = 5

    var name: String { "\(self)" }
}

/// One section as the block's header describes it.
struct SectionEntry {
    let section: RowSection
    let codec: Codec
    let storedBytes: Int
    let rawBytes: Int
    let checksum: UInt32
    /// From the start of the block.
    var offset: Int
}

/// The front of a row block: {"DBK1", u8 kind, u8 layout, u16 sections, u32 rows}, per section {u8 section, u8 codec,
/// u16 0, u32 stored, u32 raw, u32 crc32c}, u32 crc32c of all before.
struct RowBlockHeader {
    static let magic: [UInt8] = [0x44, 0x42, 0x4b, 0x31]  // DBK1
    static let layout: UInt8 = 1
    static let sizeBytes = 12 + RowSection.allCases.count * 16 + 4

    let rows: Int
    let sections: [SectionEntry]
    let checksum: UInt32

    /// Bytes of the whole block.
    var blockBytes: Int { sections.last.map { $0.offset + $0.storedBytes } ?? RowBlockHeader.sizeBytes }
    /// Bytes up to the end of the streams section.
    var leadBytes: Int { sections[1].offset + sections[1].storedBytes }

    subscript(section: RowSection) -> SectionEntry { sections[Int(section.rawValue) - 1] }

    /// The front of a block of `rows` rows with `packed` sections in their order and raw sizes.
    static func encode(rows: Int, packed: [(packed: Packed, rawBytes: Int)]) -> [UInt8] {
        var out = magic
        out.append(contentsOf: [BlockKind.rows.rawValue, layout])
        out.appendLittleEndian(UInt16(packed.count))
        out.appendLittleEndian(UInt32(rows))
        for (section, piece) in zip(RowSection.allCases, packed) {
            out.append(contentsOf: [section.rawValue, piece.packed.codec.rawValue, 0, 0])
            out.appendLittleEndian(UInt32(piece.packed.bytes.count))
            out.appendLittleEndian(UInt32(piece.rawBytes))
            out.appendLittleEndian(Checksum.crc32c(piece.packed.bytes))
        }
        out.appendLittleEndian(Checksum.crc32c(out))
        return out
    }

    /// Reads the front of `bytes`, the start of a block.
    init(_ bytes: [UInt8]) throws(RegionError) {
        let size = RowBlockHeader.sizeBytes
        checksum = try RowBlockHeader.checked(bytes)
        guard bytes[4] == BlockKind.rows.rawValue, bytes[5] == RowBlockHeader.layout else {
            throw RegionError("header", at: 4, "kind \(bytes[4]) layout \(bytes[5]) is unknown", isUnsupported: true)
        }
        var reader = ByteReader(bytes, 6..<size)
        var sections: [SectionEntry] = []
        do throws(ReadError) {
            let count = Int(try reader.littleEndian(UInt16.self))
            rows = Int(try reader.littleEndian(UInt32.self))
            guard count == RowSection.allCases.count, rows <= PartLimits.blockRows else {
                throw ReadError("\(count) sections of \(rows) rows", at: 6)
            }
            var offset = size
            for expected in RowSection.allCases {
                let at = reader.offset
                let number = try reader.byte()
                let codec = try reader.byte()
                _ = try reader.littleEndian(UInt16.self)
                let stored = Int(try reader.littleEndian(UInt32.self))
                let raw = Int(try reader.littleEndian(UInt32.self))
                guard number == expected.rawValue, let codec = Codec(rawValue: codec) else {
                    throw ReadError("section \(number) with codec \(codec)", at: at)
                }
                guard raw <= RowBlockHeader.limit(expected, rows: rows), stored <= PartLimits.blockRawBytes else {
                    throw ReadError("section of \(raw) bytes for \(rows) rows", at: at)
                }
                sections.append(
                    SectionEntry(
                        section: expected, codec: codec, storedBytes: stored, rawBytes: raw,
                        checksum: try reader.littleEndian(UInt32.self), offset: offset))
                offset += stored
            }
        } catch {
            throw RegionError("header", at: error.offset, error.what)
        }
        self.sections = sections
    }

    /// The checksum of the header, of any kind of block, after it was found right.
    private static func checked(_ bytes: [UInt8]) throws(RegionError) -> UInt32 {
        guard bytes.count >= sizeBytes, Array(bytes[0..<4]) == magic else {
            throw RegionError("header", at: 0, "not a block")
        }
        let end = 12 + 16 * (Int(bytes[6]) | Int(bytes[7]) << 8)
        guard end + 4 <= bytes.count, Checksum.crc32c(bytes, 0..<end) == PartFormat.word(bytes, end) else {
            throw RegionError("header", at: 0, "checksum differs")
        }
        return PartFormat.word(bytes, end)
    }

    private static func limit(_ section: RowSection, rows: Int) -> Int {
        switch section {
        case .times: rows * 10
        case .streams: rows * 5
        case .lengths: rows * 10
        case .metadata, .lines: PartLimits.blockRawBytes
        }
    }
}
