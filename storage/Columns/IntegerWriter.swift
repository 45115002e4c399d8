import Bytes

/// Facts about a sequence of integers that decide how it can be stored.
private struct IntegerFacts {
    let first: Int64
    var least: Int64
    var most: Int64
    /// All bits of all zigzag differences.
    var deltaBits: UInt64 = 0

    init(_ values: [Int64]) {
        first = values[0]
        least = first
        most = first
        var previous = first
        for value in values {
            least = min(least, value)
            most = max(most, value)
            deltaBits |= IntegerFacts.zigzag(value &- previous)
            previous = value
        }
    }

    @inline(__always)
    static func zigzag(_ delta: Int64) -> UInt64 { UInt64(bitPattern: (delta << 1) ^ (delta >> 63)) }

    var span: UInt64 { UInt64(bitPattern: most &- least) }
    var width: Int { 64 - span.leadingZeroBitCount }
    var deltaWidth: Int { max(1, 64 - deltaBits.leadingZeroBitCount) }
}

extension ColumnWriter {
    /// Values of a sample from which the mode is chosen: a run, because neighbours matter.
    private static let sampleCount = 8192

    /// Writes `values` in the smallest of the modes that are worth a try; their count is for the reader to know.
    mutating func integers(_ values: [Int64], key: UInt64, isFirstUseOrder: Bool = false) {
        guard !values.isEmpty else { return }
        let facts = IntegerFacts(values)
        guard facts.least != facts.most else {
            tree.append(IntegerMode.constant.rawValue)
            tree.appendZigzag(facts.first)
            return
        }
        let recency = isFirstUseOrder ? ColumnWriter.recency(values) : nil
        if let known = plan[key], let mode = IntegerMode(rawValue: known.method), mode != .constant,
            mode != .recency || recency != nil
        {
            let before = streams.count
            let mark = tree.count
            write(mode, values, facts, recency)
            let size = streams.count - before + tree.count - mark
            if known.covers(size, count: values.count) {
                return remember(key, mode.rawValue, count: known.count, sizeBytes: known.sizeBytes)
            }
            cut(tree: mark, streams: before)
        }
        let mode = chosen(values, facts, recency)
        let before = sizeBytes
        write(mode, values, facts, recency)
        remember(key, mode.rawValue, count: values.count, sizeBytes: sizeBytes - before)
    }

    /// The mode that makes a sample smallest; bit-packing, which needs no decompression, wins near ties.
    private func chosen(_ values: [Int64], _ facts: IntegerFacts, _ recency: [UInt64]?) -> IntegerMode {
        let count = min(values.count, ColumnWriter.sampleCount)
        let range = ((values.count - count) / 2)..<((values.count - count) / 2 + count)
        var best = IntegerMode.packed
        var bestSize = (count * facts.width + 7) / 8 * 97 / 100
        let isDeltaBetter = facts.deltaWidth < facts.width
        if isDeltaBetter, (count * facts.deltaWidth + 7) / 8 * 97 / 100 < bestSize {
            best = .deltaPacked
            bestSize = (count * facts.deltaWidth + 7) / 8 * 97 / 100
        }
        func attempt(_ mode: IntegerMode, _ source: [UInt64]) {
            let width = (64 - source.reduce(0, |).leadingZeroBitCount + 7) / 8
            let planes = Planes.split(source, width: max(1, width))
            let size = compressed(planes)?.count ?? planes.count
            if size < bestSize {
                best = mode
                bestSize = size
            }
        }
        if let recency { attempt(.recency, Array(recency[range])) }
        if facts.width > 1 || values.count > 512 {
            let part = Array(values[range])
            attempt(.planes, ColumnWriter.distances(part, from: facts.least))
            if isDeltaBetter { attempt(.deltaPlanes, ColumnWriter.deltas(part, after: part[0])) }
        }
        return best
    }

    private mutating func write(_ mode: IntegerMode, _ values: [Int64], _ facts: IntegerFacts, _ recency: [UInt64]?) {
        let isDelta = mode == .deltaPacked || mode == .deltaPlanes
        let source: [UInt64]
        switch mode {
        case .recency: source = recency ?? []
        case .deltaPacked, .deltaPlanes: source = ColumnWriter.deltas(values, after: facts.first)
        default: source = ColumnWriter.distances(values, from: facts.least)
        }
        let bits: Int
        switch mode {
        case .recency: bits = max(1, 64 - source.reduce(0, |).leadingZeroBitCount)
        case .deltaPacked, .deltaPlanes: bits = facts.deltaWidth
        default: bits = facts.width
        }
        let isPacked = mode == .packed || mode == .deltaPacked
        let width = isPacked ? bits : (bits + 7) / 8
        tree.append(mode.rawValue)
        tree.append(UInt8(width))
        tree.appendZigzag(facts.least)
        tree.appendVarint(facts.span)
        if isDelta { tree.appendZigzag(facts.first) }
        if isPacked {
            stream(BitPacking.pack(source, width: width), packed: nil)
        } else {
            stream(Planes.split(source, width: width))
        }
    }

    private static func distances(_ values: [Int64], from least: Int64) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: values.count)
        for index in values.indices { result[index] = UInt64(bitPattern: values[index] &- least) }
        return result
    }

    private static func deltas(_ values: [Int64], after first: Int64) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: values.count)
        var previous = first
        for index in values.indices {
            result[index] = IntegerFacts.zigzag(values[index] &- previous)
            previous = values[index]
        }
        return result
    }

    /// Distances back to the last use of each number; nil unless numbers first appear as 0, 1, 2 …
    private static func recency(_ values: [Int64]) -> [UInt64]? {
        var last: [Int] = []
        var result = [UInt64](repeating: 0, count: values.count)
        for index in values.indices {
            let value = values[index]
            guard value >= 0, value <= Int64(last.count) else { return nil }
            let number = Int(value)
            if number == last.count {
                last.append(index)
            } else {
                result[index] = UInt64(index - last[number])
                last[number] = index
            }
        }
        return result
    }
}
