public import Bytes
public import Model

/// Which groups of three neighbouring bytes, none a digit and letters of either case alike, occur in a block's lines:
/// a needle with another group is in no line, and the block need not be opened. Digits are left out, for with them
/// nearly every group would occur.
public struct TrigramSet: Sendable {
    /// Ascending; nil when there were too many to be worth keeping.
    private let members: [UInt32]?
    /// Size of the stored form, in bytes.
    public let encodedBytes: Int

    /// Memory held, about, in bytes.
    public var memoryBytes: Int { (members?.count ?? 0) * 4 + 64 }

    private static let limit = 1 << 16
    private static let bits = 1 << 18

    /// Groups in the lines of `rows`, as bytes to be stored.
    public static func encode(_ rows: [RowEntry], arena: borrowing ByteSpan) -> [UInt8] {
        var seen = [UInt64](repeating: 0, count: bits / 64)
        let classes = TrigramSet.classes
        for row in rows {
            let line = arena.extracting(row.line)
            var key = 0
            var run = 0
            for index in 0..<line.count {
                let kind = Int(classes[Int(line[index])])
                key = (key << 6 | kind) & (bits - 1)
                run = kind == 0 ? 0 : run &+ 1
                if run >= 3 { seen[key >> 6] |= 1 << UInt64(key & 63) }
            }
        }
        let count = seen.reduce(0) { $0 + $1.nonzeroBitCount }
        var out: [UInt8] = [count <= limit ? 1 : 0]
        if count <= limit {
            out.appendVarint(count)
            var previous = 0
            for index in seen.indices {
                var word = seen[index]
                while word != 0 {
                    let member = index << 6 | word.trailingZeroBitCount
                    out.appendVarint(member - previous)
                    previous = member
                    word &= word - 1
                }
            }
        }
        out.appendLittleEndian(Checksum.crc32c(out))
        return out
    }

    /// Reads what `encode` made.
    public init(_ encoded: [UInt8]) throws(ColumnError) {
        encodedBytes = encoded.count
        guard encoded.count >= 5 else { throw ColumnError("trigrams end early") }
        let body = encoded.count - 4
        var reader = ByteReader(encoded, 0..<body)
        var tail = ByteReader(encoded, body..<encoded.count)
        do throws(ReadError) {
            guard try tail.littleEndian(UInt32.self) == Checksum.crc32c(encoded, 0..<body) else {
                throw ReadError("checksum differs", at: body)
            }
            switch try reader.byte() {
            case 0: members = nil
            case 1: members = try TrigramSet.members(&reader)
            default: throw ReadError("unknown form", at: 0)
            }
            guard reader.isAtEnd else { throw ReadError("bytes left over", at: reader.offset) }
        } catch {
            throw ColumnError("trigrams: \(error)")
        }
    }

    /// Ascending, each a trigram: sums of what is read stay in range whatever that is.
    private static func members(_ reader: inout ByteReader) throws(ReadError) -> [UInt32] {
        var list: [UInt32] = []
        var member = 0
        for _ in 0..<(try reader.count(limit: TrigramSet.limit)) {
            let at = reader.offset
            let distance = try reader.count(limit: TrigramSet.bits - 1 - member)
            guard distance > 0 || list.isEmpty else { throw ReadError("trigrams out of order", at: at) }
            member += distance
            list.append(UInt32(truncatingIfNeeded: member))
        }
        return list
    }

    /// Whether a line can contain `needle`, ASCII letters in either case; false is certain.
    public func mayContain(_ needle: borrowing ByteSpan) -> Bool {
        guard let members else { return true }
        var key = 0
        var run = 0
        for index in 0..<needle.count {
            let kind = Int(TrigramSet.classes[Int(needle[index])])
            key = (key << 6 | kind) & (TrigramSet.bits - 1)
            run = kind == 0 ? 0 : run + 1
            if run >= 3, !TrigramSet.holds(members, UInt32(key)) { return false }
        }
        return true
    }

    private static func holds(_ members: [UInt32], _ key: UInt32) -> Bool {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            if members[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < members.count && members[low] == key
    }

    /// Per byte its class; 0 for digits.
    private static let classes: [UInt8] = {
        var classes = [UInt8](repeating: 0, count: 256)
        var sign: UInt8 = 29
        for byte in 0..<256 {
            switch UInt8(byte) {
            case 0x30...0x39: break
            case 0x41...0x5a, 0x61...0x7a: classes[byte] = UInt8(byte) & 0x1f
            case 0x80...: classes[byte] = 27
            case 0..<0x20, 0x7f: classes[byte] = 28
            default:
                classes[byte] = sign
                sign += 1
            }
        }
        return classes
    }()
}
