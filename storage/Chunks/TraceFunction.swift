import Bytes

/// A static function from 64-bit keys to small values: three-wise binary fuse construction (Graf and Lemire, "Binary
/// Fuse Filters: Fast and Smaller Than Xor Filters", 2022), storing values instead of fingerprints. Each key's value is
/// the XOR of three slots; keys that were not put in give arbitrary values.
struct TraceFunction {
    static let maximumSegmentLength = 1 << 18

    let parameters: MapletParameters
    private(set) var slots: [UInt32]

    /// The three slots of `key`.
    @inline(__always)
    static func positions(_ key: UInt64, _ parameters: MapletParameters) -> (Int, Int, Int) {
        let hash = mixed(key &+ parameters.seed)
        let length = UInt64(parameters.segmentLength)
        let base = hash.multipliedFullWidth(by: UInt64(parameters.segmentCount) &* length).high
        let mask = length &- 1
        let second = (base &+ length) ^ (hash >> 18 & mask)
        let third = (base &+ 2 &* length) ^ (hash & mask)
        return (Int(base), Int(second), Int(third))
    }

    /// The finaliser of MurmurHash3 (Austin Appleby, public domain). Part of the format.
    @inline(__always)
    static func mixed(_ value: UInt64) -> UInt64 {
        var hash = value
        hash ^= hash >> 33
        hash &*= 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 33
        hash &*= 0xc4ce_b9fe_1a85_ec53
        hash ^= hash >> 33
        return hash
    }

    /// Solves for distinct `keys` and their `values`; nil after `PartLimits.mapletSeeds` seeds that failed.
    init?(keys: [UInt64], values: [UInt32], valueSeed: UInt64) {
        precondition(keys.count == values.count && !keys.isEmpty, "BUG: \(keys.count) keys, \(values.count) values")
        var parameters = TraceFunction.shape(keys: keys.count)
        parameters.valueSeed = valueSeed
        for attempt in 0..<PartLimits.mapletSeeds {
            parameters.seed = TraceFunction.mixed(valueSeed &+ UInt64(attempt) &* 77_777 &+ 1)
            if let slots = TraceFunction.solve(keys, values, parameters) {
                self.parameters = parameters
                self.slots = slots
                return
            }
        }
        return nil
    }

    /// Segment length and count for `count` keys, as in the paper's reference code.
    static func shape(keys count: Int) -> MapletParameters {
        let size = Double(max(count, 2))
        // The greatest power of two up to 2^(log 3.33 of size + 2.25).
        var exponent = 0
        var power = 1.0  // 3.33^(exponent + 1)
        let reach = size * 14.97  // 3.33^2.25
        while power * 3.33 <= reach && exponent < 18 {
            power *= 3.33
            exponent += 1
        }
        var parameters = MapletParameters()
        parameters.keys = count
        parameters.segmentLength = 1 << exponent
        // ln(1e6) / ln(size), by the exponent of size in base 2: a little roomier than exact.
        let natural = max(Double(size.exponent), 1) * 0.693_147
        let factor = max(1.125, 0.875 + 0.25 * 13.815_511 / natural)
        let capacity = Int(size * factor)
        let segments = (capacity + parameters.segmentLength - 1) / parameters.segmentLength
        parameters.segmentCount = max(segments - 2, 1)
        return parameters
    }

    private static func solve(_ keys: [UInt64], _ values: [UInt32], _ parameters: MapletParameters) -> [UInt32]? {
        let slotCount = parameters.slots
        var degree = [UInt32](repeating: 0, count: slotCount)
        var members = [UInt32](repeating: 0, count: slotCount)
        for (index, key) in keys.enumerated() {
            let (a, b, c) = positions(key, parameters)
            for way in 0..<3 {
                let slot = way == 0 ? a : way == 1 ? b : c
                degree[slot] += 1
                members[slot] ^= UInt32(index)
            }
        }
        var single: [UInt32] = []
        for slot in 0..<slotCount where degree[slot] == 1 { single.append(UInt32(slot)) }
        // Slots in the order in which they took a key out.
        var order: [UInt32] = []
        order.reserveCapacity(keys.count)
        while let next = single.popLast() {
            let own = Int(next)
            guard degree[own] == 1 else { continue }
            order.append(next)
            let index = members[own]
            let (a, b, c) = positions(keys[Int(index)], parameters)
            for way in 0..<3 {
                let slot = way == 0 ? a : way == 1 ? b : c
                degree[slot] -= 1
                // The slot itself remembers its key.
                if slot == own { continue }
                members[slot] ^= index
                if degree[slot] == 1 { single.append(UInt32(slot)) }
            }
        }
        guard order.count == keys.count else { return nil }
        (degree, single) = ([], [])
        var slots = [UInt32](repeating: 0, count: slotCount)
        for slot in order.reversed() {
            let index = Int(members[Int(slot)])
            let (a, b, c) = positions(keys[index], parameters)
            slots[Int(slot)] = values[index] ^ slots[a] ^ slots[b] ^ slots[c]  // its own is still 0
        }
        return slots
    }
}
