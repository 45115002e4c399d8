import Bytes

/// Fixed-width integers packed without gaps, lowest bit first.
enum BitPacking {
    static func pack(_ values: [UInt64], width: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity((values.count * width + 7) / 8 + 8)
        var low: UInt64 = 0
        var filled = 0
        for value in values {
            low |= value << UInt64(filled)
            let total = filled + width
            if total >= 64 {
                out.appendLittleEndian(low)
                low = filled == 0 ? 0 : value >> UInt64(64 - filled)
                filled = total - 64
                if filled == 0 { low = 0 }
            } else {
                filled = total
            }
        }
        while filled > 0 {
            out.append(UInt8(truncatingIfNeeded: low))
            low >>= 8
            filled -= 8
        }
        return out
    }

    static func unpack(_ bytes: [UInt8], width: Int, count: Int) throws(ColumnError) -> [UInt64] {
        let (bits, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, bytes.count >= (bits + 7) / 8 else { throw ColumnError("packed integers end early") }
        let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
        var values = [UInt64](repeating: 0, count: count)
        let padded = bytes + [UInt8](repeating: 0, count: 16)
        let raw = unsafe padded.span.bytes
        // Invariant: every 8-byte load starts below (bits + 7) / 8, and 16 bytes of padding follow.
        for index in 0..<count {
            let bit = index * width
            let shift = UInt64(bit & 7)
            let at = bit >> 3
            var value = unsafe raw.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self) >> shift
            if Int(shift) + width > 64 {
                value |= UInt64(padded[at + 8]) << (64 - shift)
            }
            values[index] = value & mask
        }
        return values
    }
}

/// Integers as planes of their lowest, second, … bytes: bytes of like meaning stand together.
enum Planes {
    static func split(_ values: [UInt64], width: Int) -> [UInt8] {
        let count = values.count
        return unsafe [UInt8](unsafeUninitializedCapacity: count * width) { out, size in
            for plane in 0..<width {
                let shift = UInt64(8 * plane)
                let base = plane * count
                for index in 0..<count {
                    unsafe out[base + index] = UInt8(truncatingIfNeeded: values[index] >> shift)
                }
            }
            size = count * width
        }
    }

    static func join(_ bytes: [UInt8], width: Int, count: Int) throws(ColumnError) -> [UInt64] {
        let (size, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, bytes.count == size else { throw ColumnError("planes of \(bytes.count) bytes, not \(size)") }
        var values = [UInt64](repeating: 0, count: count)
        for plane in 0..<width {
            let shift = UInt64(8 * plane)
            let base = plane * count
            for index in 0..<count { values[index] |= UInt64(bytes[base + index]) << shift }
        }
        return values
    }
}
