// Loops over many bytes at once, in a form that compiles to vector instructions.

/// Bytes side by side, one per row, say: element by element operations on whole arrays.
public enum ByteLanes {
    /// Lowers each byte of `bytes` to that of `others` where that is lower; arrays of one length.
    public static func lower(_ bytes: inout [UInt8], to others: [UInt8]) {
        let count = min(bytes.count, others.count)
        bytes.withUnsafeMutableBufferPointer { own in
            others.withUnsafeBufferPointer { other in
                for index in 0..<count { own[index] = min(own[index], other[index]) }
            }
        }
    }

    /// Raises each byte of `bytes` to that of `others` where that is higher; arrays of one length.
    public static func raise(_ bytes: inout [UInt8], to others: [UInt8]) {
        let count = min(bytes.count, others.count)
        bytes.withUnsafeMutableBufferPointer { own in
            others.withUnsafeBufferPointer { other in
                for index in 0..<count { own[index] = max(own[index], other[index]) }
            }
        }
    }

    /// `table[number]` for each number; 0 for numbers beyond the table.
    @inlinable
    public static func lookUp<Number: FixedWidthInteger & UnsignedInteger>(
        _ numbers: [Number], in table: [UInt8]
    ) -> [UInt8] {
        let count = numbers.count
        return [UInt8](unsafeUninitializedCapacity: count) { out, size in
            numbers.withUnsafeBufferPointer { numbers in
                table.withUnsafeBufferPointer { table in
                    for index in 0..<count {
                        let at = Int(truncatingIfNeeded: numbers[index])
                        out[index] = at < table.count ? table[at] : 0
                    }
                }
            }
            size = count
        }
    }

    /// Places of `value` in `bytes`, ascending: runs without it are passed 8 bytes at a time.
    public static func places(of value: UInt8, in bytes: [UInt8]) -> [UInt32] {
        places(in: bytes) { ($0 ^ (0x0101_0101_0101_0101 &* UInt64(value))) }
    }

    /// Places of `value` in `numbers`, ascending: runs without it are passed four numbers at a time.
    public static func places(of value: UInt16, in numbers: [UInt16]) -> [UInt32] {
        let pattern = 0x0001_0001_0001_0001 &* UInt64(value)
        var found: [UInt32] = []
        let count = numbers.count
        numbers.withUnsafeBufferPointer { numbers in
            let raw = UnsafeRawBufferPointer(numbers)
            var at = 0
            while at + 4 <= count {
                // Long runs without any are common.
                while at + 16 <= count {
                    var others = UInt64.max
                    for lane in 0..<4 {
                        let word = raw.loadUnaligned(fromByteOffset: at * 2 + lane * 8, as: UInt64.self) ^ pattern
                        others &= ((word & 0x7fff_7fff_7fff_7fff) &+ 0x7fff_7fff_7fff_7fff) | word
                    }
                    if ~others & 0x8000_8000_8000_8000 != 0 { break }
                    at += 16
                }
                guard at + 4 <= count else { break }
                // Exact per number: the highest bit is set where it is the one that is looked for.
                let word = raw.loadUnaligned(fromByteOffset: at * 2, as: UInt64.self) ^ pattern
                let others = ((word & 0x7fff_7fff_7fff_7fff) &+ 0x7fff_7fff_7fff_7fff) | word
                var hits = ~others & 0x8000_8000_8000_8000
                while hits != 0 {
                    found.append(UInt32(truncatingIfNeeded: at + hits.trailingZeroBitCount >> 4))
                    hits &= hits &- 1
                }
                at += 4
            }
            for index in at..<count where numbers[index] == value { found.append(UInt32(truncatingIfNeeded: index)) }
        }
        return found
    }

    /// How many bytes are other than 0.
    public static func countOfOthers(in bytes: [UInt8]) -> Int {
        bytes.withUnsafeBufferPointer { bytes in
            var total = 0
            var at = 0
            // Short sums: more of them are added at once.
            while at < bytes.count {
                let end = min(at + 8160, bytes.count)
                var ones: UInt16 = 0
                for index in at..<end { ones &+= bytes[index] == 0 ? 0 : 1 }
                total += Int(ones)
                at = end
            }
            return total
        }
    }

    /// Places of bytes other than 0, ascending.
    public static func placesOfOthers(in bytes: [UInt8]) -> [UInt32] {
        // Low bits tell which bytes are zero: turned around, those that are not are.
        places(in: bytes) { word in
            let low = (word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7f7f_7f7f_7f7f_7f7f
            return ~(low | word) & 0x8080_8080_8080_8080
        }
    }

    /// Places whose byte `change` makes 0.
    @inline(__always)
    private static func places(in bytes: [UInt8], _ change: (UInt64) -> UInt64) -> [UInt32] {
        var found: [UInt32] = []
        let count = bytes.count
        bytes.withUnsafeBytes { raw in
            var at = 0
            while at < count {
                // Long runs without any are common.
                while at + 32 <= count {
                    var others = UInt64.max
                    for lane in 0..<4 {
                        let word = change(raw.loadUnaligned(fromByteOffset: at + lane * 8, as: UInt64.self))
                        others &= ((word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7f7f_7f7f_7f7f_7f7f) | word
                    }
                    if ~others & 0x8080_8080_8080_8080 != 0 { break }
                    at += 32
                }
                if at >= count { break }
                var word: UInt64 = 0
                if at + 8 <= count {
                    word = change(raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                } else {
                    for lane in 0..<(count - at) { word |= UInt64(raw[at + lane]) << UInt64(8 * lane) }
                    word = change(word) | ~((1 << UInt64(8 * (count - at))) - 1)
                }
                // Exact per byte: the highest bit is set where the byte is 0.
                var zeros = ~(((word & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7f7f_7f7f_7f7f_7f7f) | word) & 0x8080_8080_8080_8080
                while zeros != 0 {
                    found.append(UInt32(truncatingIfNeeded: at + zeros.trailingZeroBitCount >> 3))
                    zeros &= zeros &- 1
                }
                at += 8
            }
        }
        return found
    }
}
