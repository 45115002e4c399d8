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

    /// `count` values of `width` bits, each with `least` added.
    static func unpack(_ bytes: [UInt8], width: Int, count: Int, least: Int64) throws(ColumnError) -> [Int64] {
        try checkSize(bytes, width: width, count: count)
        let mask: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
        let base = UInt64(bitPattern: least)
        // Values whose eight bytes lie within the run are read at once, the last few byte by byte.
        let fast = width <= 56 ? max(min(count, (bytes.count * 8 - 64) / width), 0) : 0
        let raw = unsafe bytes.span.bytes
        return unsafe [Int64](unsafeUninitializedCapacity: count) { out, size in
            // Invariant: index * width / 8 + 8 <= bytes.count for every index below `fast`.
            for index in 0..<fast {
                let bit = index &* width
                let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self)
                unsafe out[index] = Int64(bitPattern: base &+ (word >> UInt64(bit & 7) & mask))
            }
            for index in fast..<count {
                unsafe out[index] = Int64(bitPattern: base &+ slowly(bytes, index: index, width: width))
            }
            size = count
        }
    }

    /// Value `index`, `width` bits wide; the run must have been checked to hold it.
    @inline(__always)
    static func slowly(_ bytes: [UInt8], index: Int, width: Int) -> UInt64 {
        let bit = index &* width
        var value: UInt64 = 0
        var filled = 0
        var at = bit >> 3
        var shift = bit & 7
        while filled < width {
            value |= UInt64(bytes[at] >> UInt8(shift)) << UInt64(filled)
            filled += 8 - shift
            shift = 0
            at += 1
        }
        return width == 64 ? value : value & ((1 << UInt64(width)) - 1)
    }

    static func checkSize(_ bytes: [UInt8], width: Int, count: Int) throws(ColumnError) {
        let (bits, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, width > 0, bytes.count >= (bits + 7) / 8 else {
            throw ColumnError("packed integers end early")
        }
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

    /// `count` values of `width` bytes, each with `least` added.
    static func join(_ bytes: [UInt8], width: Int, count: Int, least: Int64) throws(ColumnError) -> [Int64] {
        try checkSize(bytes, width: width, count: count)
        let base = UInt64(bitPattern: least)
        let planes = bytes.span
        return unsafe [Int64](unsafeUninitializedCapacity: count) { out, size in
            // Invariant: plane * count + index < width * count == bytes.count.
            for index in 0..<count {
                unsafe out[index] = Int64(bitPattern: base &+ UInt64(planes[unchecked: index]))
            }
            for plane in 1..<max(width, 1) {
                let shift = UInt64(8 * plane)
                let start = plane * count
                for index in 0..<count {
                    unsafe out[index] =
                        out[index] &+ Int64(bitPattern: UInt64(planes[unchecked: start &+ index]) << shift)
                }
            }
            size = count
        }
    }

    /// Value `index` of `count`; the planes must have been checked.
    @inline(__always)
    static func value(_ bytes: [UInt8], index: Int, width: Int, count: Int) -> UInt64 {
        var value: UInt64 = 0
        for plane in 0..<width { value |= UInt64(bytes[plane * count + index]) << UInt64(8 * plane) }
        return value
    }

    static func checkSize(_ bytes: [UInt8], width: Int, count: Int) throws(ColumnError) {
        let (size, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, bytes.count == size, width > 0 else {
            throw ColumnError("planes of \(bytes.count) bytes, not \(size)")
        }
    }
}
