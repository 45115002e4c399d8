import Bytes

// Numbers of shapes, templates, streams, traces and dictionary values: small, read often and kept long, so that they
// are never as wide as values are.
extension StreamReader {
    /// A sequence of integers that lie in `0 ..< limit`; `limit` is at most 2^32.
    mutating func numbers(_ entry: IntegerEntry, below limit: Int) throws(ColumnError) -> [UInt32] {
        let count = entry.count
        guard count > 0 else { return [] }
        guard limit > 0, entry.least >= 0, entry.least < Int64(limit) else { throw StreamReader.outOfRange(limit) }
        try charge(count.multipliedReportingOverflow(by: 4))
        let least = UInt32(truncatingIfNeeded: entry.least)
        guard let stream = entry.stream else { return [UInt32](repeating: least, count: count) }
        switch entry.mode {
        case .planes where entry.width <= 2:
            let numbers = try Planes.short(try bytes(stream), width: entry.width, count: count, least: least)
            try StreamReader.check(numbers, below: limit)
            return numbers
        case .recency where entry.width <= 2 && least == 0:
            var numbers = try Planes.short(try bytes(stream), width: entry.width, count: count, least: 0)
            try StreamReader.unrecency(&numbers)
            try StreamReader.check(numbers, below: limit)
            return numbers
        default:
            let wide = try integers(entry)
            let bound = Int64(limit)
            guard wide.allSatisfy({ $0 >= 0 && $0 < bound }) else { throw StreamReader.outOfRange(limit) }
            return wide.map { UInt32(truncatingIfNeeded: $0) }
        }
    }

    private static func check(_ numbers: [UInt32], below limit: Int) throws(ColumnError) {
        var most: UInt32 = 0
        for number in numbers { most = max(most, number) }
        guard Int(most) < limit else { throw outOfRange(limit) }
    }

    private static func outOfRange(_ limit: Int) -> ColumnError {
        ColumnError("number out of range, \(limit) are known")
    }

    /// Turns distances to the last use into numbers in order of first use.
    private static func unrecency(_ numbers: inout [UInt32]) throws(ColumnError) {
        var next: UInt32 = 0
        for index in numbers.indices {
            let distance = Int(numbers[index])
            if distance == 0 {
                numbers[index] = next
                next &+= 1
            } else {
                guard distance <= index else { throw ColumnError("recency beyond the start") }
                numbers[index] = numbers[index - distance]
            }
        }
    }
}

extension Planes {
    /// `count` values of one or two bytes, each with `least` added.
    static func short(_ bytes: [UInt8], width: Int, count: Int, least: UInt32) throws(ColumnError) -> [UInt32] {
        try checkSize(bytes, width: width, count: count)
        let planes = bytes.span
        return unsafe [UInt32](unsafeUninitializedCapacity: count) { out, size in
            // Invariant: plane * count + index < width * count == bytes.count.
            if width == 1 {
                for index in 0..<count { unsafe out[index] = least &+ UInt32(planes[unchecked: index]) }
            } else {
                for index in 0..<count {
                    let high = unsafe UInt32(planes[unchecked: count &+ index]) << 8
                    unsafe out[index] = least &+ (UInt32(planes[unchecked: index]) | high)
                }
            }
            size = count
        }
    }
}
