import Bytes

/// Pages of the maplet: 18-bit slots, a 16-bit plane and a 2-bit plane, a zero byte and a CRC32C. A full page has 4,096
/// bytes; the last one is as long as its slots need.
enum MapletPage {
    static let slots = 1818
    static let fullBytes = 4096

    /// Bytes of a page with `count` slots.
    static func sizeBytes(slots count: Int) -> Int { 2 * count + (count + 3) / 4 + 1 + 4 }

    /// Bytes of all pages of `count` slots.
    static func regionBytes(slots count: Int) -> Int {
        let rest = count % slots
        return count / slots * fullBytes + (rest > 0 ? sizeBytes(slots: rest) : 0)
    }

    /// All pages.
    static func encode(_ values: [UInt32]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(regionBytes(slots: values.count))
        var start = 0
        while start < values.count {
            let end = min(start + slots, values.count)
            let from = out.count
            for index in start..<end { out.appendLittleEndian(UInt16(truncatingIfNeeded: values[index])) }
            var index = start
            while index < end {
                var byte: UInt8 = 0
                for lane in 0..<min(4, end - index) {
                    byte |= UInt8(truncatingIfNeeded: values[index + lane] >> 16 & 3) << UInt8(2 * lane)
                }
                out.append(byte)
                index += 4
            }
            out.append(0)
            out.appendLittleEndian(Checksum.crc32c(out, from..<out.count))
            start = end
        }
        return out
    }

    /// Slot `index` of the checked page `bytes` that has `count` slots.
    static func slot(_ index: Int, of bytes: [UInt8], count: Int) -> UInt32 {
        let low = UInt32(bytes[2 * index]) | UInt32(bytes[2 * index + 1]) << 8
        let high = UInt32(bytes[2 * count + index / 4]) >> UInt32(2 * (index % 4)) & 3
        return low | high << 16
    }

    /// Whether the page's checksum is right.
    static func isSound(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 4 else { return false }
        let end = bytes.count - 4
        return Checksum.crc32c(bytes, 0..<end) == PartFormat.word(bytes, end)
    }
}

/// A maplet value: 8-bit fingerprint, 8-bit first block, 2-bit span.
struct MapletValue {
    /// One block, two, three, or see the exceptions.
    enum Span: UInt32 {
        case one = 0
        case two = 1
        case three = 2
        case exception = 3
    }

    let fingerprint: UInt32
    let firstBlock: Int
    let span: Span

    init(fingerprint: UInt32, firstBlock: Int, span: Span) {
        self.fingerprint = fingerprint
        self.firstBlock = firstBlock
        self.span = span
    }

    init(_ bits: UInt32) {
        fingerprint = bits & 0xff
        firstBlock = Int(bits >> 8 & 0xff)
        span = Span(rawValue: bits >> 16 & 3) ?? .exception
    }

    var bits: UInt32 { fingerprint | UInt32(firstBlock) << 8 | span.rawValue << 16 }

    /// The fingerprint of a 56-bit key.
    @inline(__always)
    static func fingerprint(of key: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: TraceFunction.mixed(key ^ 0xabcdef) >> 40) & 0xff
    }
}
