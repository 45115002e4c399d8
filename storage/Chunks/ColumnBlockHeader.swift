import Bytes
import Columns

/// The sections of a column block, in the order in which they lie; the raw value is the number on disk.
enum ColumnSection: UInt8, CaseIterable {
    /// The column tree: what lies where. See COLUMNS-FORMAT.md.
    case head = 1
    /// The values.
    case streams = 2
    /// Which trigrams occur in the lines.
    case trigrams = 3
    /// How many rows are alike; since layout 2.
    case counts = 4
    /// How many rows of each stream lie in each span of time; since layout 3.
    case volume = 5

    var name: String { "\(self)" }
}

/// The front of a column block: {"DBK1", u8 kind 2, u8 layout, u16 sections, u32 rows}, per section {u8 section, u8 0,
/// u16 0, u32 stored, u32 0, u32 crc32c}, u32 crc32c of all before. Layout 1 has no counts, layout 2 no
/// volume.
struct ColumnBlockHeader {
    static let layout: UInt8 = 3
    /// The longest header.
    static let maximumBytes = sizeBytes(sections: ColumnSection.allCases.count)

    static func sizeBytes(sections: Int) -> Int { 12 + sections * 16 + 4 }

    let rows: Int
    let checksum: UInt32
    private let sizes: [Int]
    private let checksums: [UInt32]

    /// Where a section lies, from the start of the block; empty for one that the layout lacks.
    func range(_ section: ColumnSection) -> Range<Int> {
        let index = Int(section.rawValue) - 1
        let start = sizes[..<min(index, sizes.count)].reduce(ColumnBlockHeader.sizeBytes(sections: sizes.count), +)
        return start..<(index < sizes.count ? start + sizes[index] : start)
    }

    /// The sections that the block has.
    var sections: ArraySlice<ColumnSection> { ColumnSection.allCases.prefix(sizes.count) }

    /// Bytes of the whole block.
    var blockBytes: Int { sizes.reduce(ColumnBlockHeader.sizeBytes(sections: sizes.count), +) }

    static func encode(rows: Int, sections: [[UInt8]]) -> [UInt8] {
        var out = RowBlockHeader.magic
        out.append(contentsOf: [BlockKind.columns.rawValue, layout])
        out.appendLittleEndian(UInt16(sections.count))
        out.appendLittleEndian(UInt32(rows))
        for (section, bytes) in zip(ColumnSection.allCases, sections) {
            out.append(contentsOf: [section.rawValue, 0, 0, 0])
            out.appendLittleEndian(UInt32(bytes.count))
            out.appendLittleEndian(UInt32(0))
            out.appendLittleEndian(Checksum.crc32c(bytes))
        }
        out.appendLittleEndian(Checksum.crc32c(out))
        return out
    }

    /// Reads the front of `bytes`, the start of the block of `entry`.
    init(_ bytes: [UInt8], entry: BlockEntry) throws(RegionError) {
        guard bytes.count >= 12, Array(bytes[0..<4]) == RowBlockHeader.magic else {
            throw RegionError("header", at: 0, "not a block")
        }
        let count = Int(bytes[6]) | Int(bytes[7]) << 8
        let size = ColumnBlockHeader.sizeBytes(sections: count)
        guard bytes.count >= size, Checksum.crc32c(bytes, 0..<(size - 4)) == PartFormat.word(bytes, size - 4) else {
            throw RegionError("header", at: 0, "checksum differs")
        }
        checksum = PartFormat.word(bytes, size - 4)
        guard bytes[4] == BlockKind.columns.rawValue, (1...ColumnBlockHeader.layout).contains(bytes[5]),
            count == ColumnSection.allCases.count - Int(ColumnBlockHeader.layout - bytes[5])
        else {
            throw RegionError("header", at: 4, "kind \(bytes[4]) layout \(bytes[5]) is unknown", isUnsupported: true)
        }
        rows = Int(PartFormat.word(bytes, 8))
        var sizes: [Int] = []
        var checksums: [UInt32] = []
        for section in ColumnSection.allCases.prefix(count) {
            let at = 12 + 16 * (Int(section.rawValue) - 1)
            guard bytes[at] == section.rawValue else { throw RegionError("header", at: at, "section \(bytes[at])") }
            sizes.append(Int(PartFormat.word(bytes, at + 4)))
            checksums.append(PartFormat.word(bytes, at + 12))
        }
        self.sizes = sizes
        self.checksums = checksums
        guard checksum == entry.headerChecksum, rows == entry.rows, blockBytes == entry.storedBytes,
            size + sizes[0] == entry.leadBytes
        else { throw RegionError("header", at: 0, "not the block that the directory names") }
    }

    /// Compares the bytes of a section with their checksum.
    /// - Parameter at: where `bytes` begin within the block.
    func check(_ section: ColumnSection, _ bytes: [UInt8], at start: Int = 0) throws(RegionError) {
        let range = range(section)
        guard range.lowerBound >= start, range.upperBound - start <= bytes.count else {
            throw RegionError(section.name, at: range.lowerBound, "block ends early")
        }
        let part = (range.lowerBound - start)..<(range.upperBound - start)
        guard Checksum.crc32c(bytes, part) == checksums[Int(section.rawValue) - 1] else {
            throw RegionError(section.name, at: range.lowerBound, "checksum differs")
        }
    }
}

/// The streams of a column block in its file.
struct FileStreams: StreamSource {
    let source: PartSource
    /// Where the region lies in the file.
    let offset: Int

    func read(_ range: Range<Int>) throws(ColumnError) -> [UInt8] {
        do throws(PartError) {
            return try source.read(at: offset + range.lowerBound, count: range.count)
        } catch {
            throw ColumnError(error.description)
        }
    }
}
