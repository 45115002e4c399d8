import Bytes

/// Fixed pieces of the file format: magics, versions, header and tail. See storage/FORMAT.md.
enum PartFormat {
    /// Version that is written, and the oldest reader that can read it: 1 for parts of row blocks alone, 4 for parts
    /// with column blocks; column blocks of version 2 have no counts, of version 3 no volume. Golden tests watch.
    static func version(hasColumns: Bool) -> UInt16 { hasColumns ? 4 : 1 }
    /// What this reader can read.
    static let readable: UInt16 = 4

    static let headerMagic: [UInt8] = [0x44, 0x4c, 0x50, 0x31]  // DLP1
    static let tailMagic: [UInt8] = [0x44, 0x4c, 0x50, 0x45]  // DLPE
    static let headerBytes = 40
    static let tailBytes = 32

    /// The header of part `id`.
    static func header(id: Hash128, hasColumns: Bool) -> [UInt8] {
        var out = headerMagic
        out.appendLittleEndian(version(hasColumns: hasColumns))
        out.appendLittleEndian(version(hasColumns: hasColumns))
        out.appendLittleEndian(UInt32(0))
        out.appendLittleEndian(id.high)
        out.appendLittleEndian(id.low)
        out.appendLittleEndian(UInt64(0))
        out.appendLittleEndian(Checksum.crc32c(out))
        return out
    }

    /// The id in the header `bytes`.
    static func checkHeader(_ bytes: [UInt8]) throws(RegionError) -> Hash128 {
        guard bytes.count == headerBytes, Array(bytes[0..<4]) == headerMagic else {
            throw RegionError("header", at: 0, "not a part file")
        }
        guard Checksum.crc32c(bytes, 0..<(headerBytes - 4)) == word(bytes, headerBytes - 4) else {
            throw RegionError("header", at: 0, "checksum differs")
        }
        try checkReader(bytes, at: 6, region: "header")
        return Hash128(
            high: UInt64(word(bytes, 12)) | UInt64(word(bytes, 16)) << 32,
            low: UInt64(word(bytes, 20)) | UInt64(word(bytes, 24)) << 32)
    }

    /// Refuses what is too new: the oldest reader that can read the file stands at `offset`.
    static func checkReader(_ bytes: [UInt8], at offset: Int, region: String) throws(RegionError) {
        let minimum = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
        guard minimum <= readable else {
            throw RegionError(
                region, at: offset, "needs a reader of format \(minimum), this one reads \(readable)",
                isUnsupported: true)
        }
    }

    /// The four little-endian bytes at `offset`, which must exist.
    static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]) << 16
            | UInt32(bytes[offset + 3]) << 24
    }
}

/// The last bytes of a part: how long the footer before it is, and that nothing is cut off.
struct PartTail {
    let footerBytes: Int
    let footerChecksum: UInt32
    let fileBytes: UInt64

    /// The bytes of the tail.
    func encoded(hasColumns: Bool) -> [UInt8] {
        var out: [UInt8] = []
        out.appendLittleEndian(UInt32(truncatingIfNeeded: footerBytes))
        out.appendLittleEndian(footerChecksum)
        out.appendLittleEndian(PartFormat.version(hasColumns: hasColumns))
        out.appendLittleEndian(PartFormat.version(hasColumns: hasColumns))
        out.appendLittleEndian(UInt32(0))
        out.appendLittleEndian(fileBytes)
        out.appendLittleEndian(Checksum.crc32c(out))
        out.append(contentsOf: PartFormat.tailMagic)
        return out
    }

    init(footerBytes: Int, footerChecksum: UInt32, fileBytes: UInt64) {
        self.footerBytes = footerBytes
        self.footerChecksum = footerChecksum
        self.fileBytes = fileBytes
    }

    /// Reads the last 32 bytes of a file of `fileBytes` bytes.
    init(_ bytes: [UInt8], fileBytes actual: Int) throws(RegionError) {
        guard bytes.count == PartFormat.tailBytes, Array(bytes[28..<32]) == PartFormat.tailMagic else {
            throw RegionError("tail", at: 0, "end mark is missing: cut off, or not a part file")
        }
        guard Checksum.crc32c(bytes, 0..<24) == PartFormat.word(bytes, 24) else {
            throw RegionError("tail", at: 0, "checksum differs")
        }
        try PartFormat.checkReader(bytes, at: 10, region: "tail")
        footerBytes = Int(PartFormat.word(bytes, 0))
        footerChecksum = PartFormat.word(bytes, 4)
        fileBytes = UInt64(PartFormat.word(bytes, 16)) | UInt64(PartFormat.word(bytes, 20)) << 32
        guard fileBytes == UInt64(max(actual, 0)) else {
            throw RegionError("tail", at: 16, "file has \(actual) bytes, \(fileBytes) were written")
        }
        let room = actual - PartFormat.tailBytes - PartFormat.headerBytes
        guard footerBytes <= min(room, PartLimits.footerBytes) else {
            throw RegionError("tail", at: 0, "footer of \(footerBytes) bytes does not fit")
        }
    }
}
